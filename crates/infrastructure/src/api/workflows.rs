//! Runs of Workflows.

use mcp_platform::Method;
use mcp_server::execution::Begun;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use thiserror::Error;

use super::{client::Client, error::ApiError, settings::Purpose};

/// Bytes that the parameters of a run may have.
const MOST_BYTES: usize = 1024 * 1024;
/// Characters that the id of a run may have.
const LONGEST_ID: usize = 100;

/// A run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkflowRun {
    /// Its id.
    #[serde(default)]
    pub id: String,
    /// `queued`, `running`, `paused`, `errored`, `terminated`, `complete`, `waiting`, or a later word.
    pub status: String,
    /// What it returned.
    #[serde(default)]
    pub output: Value,
    /// Why it failed.
    #[serde(default)]
    pub error: Value,
    /// Its steps.
    #[serde(default)]
    pub steps: Value,
    /// Whether a start found it there already.
    #[serde(skip)]
    pub was_there: bool,
}

impl WorkflowRun {
    /// A run of which the id alone is known.
    pub(crate) fn unread(id: &str) -> Self {
        let (id, status) = (id.to_owned(), "unknown".to_owned());
        let (output, error, steps) = (Value::Null, Value::Null, Value::Null);
        Self { id, status, output, error, steps, was_there: false }
    }
}

/// A run that is not started.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RunError {
    /// The id has another form.
    #[error(
        "the id of a run has 1 to {LONGEST_ID} letters, digits, `-` and `_`, does not begin with `-`, and is not `cf_` with 64 digits"
    )]
    Id,
    /// The parameters are too large.
    #[error("`params` has {0} bytes; a run takes at most {MOST_BYTES}")]
    TooLarge(usize),
    /// Cloudflare did not start it, or may have.
    #[error(transparent)]
    Api(#[from] ApiError),
}

/// Whether a text can be the id of a run.
pub fn is_run_id(id: &str) -> bool {
    let is_wordy = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_reserved = id
        .strip_prefix("cf_")
        .is_some_and(|rest| rest.len() == 64 && rest.bytes().all(|it| it.is_ascii_hexdigit()));
    let is_long = id.is_empty() || id.len() > LONGEST_ID;
    !is_long && !id.starts_with('-') && id.bytes().all(is_wordy) && !is_reserved
}

impl Client<'_> {
    /// Starts a run with an id of its own. One that has this id already is read, not started again: the id is the key
    /// under which a lost answer is asked for.
    ///
    /// # Errors
    /// Why it was not started, or may have been.
    pub async fn start_run(
        &self,
        begun: &Begun,
        workflow: &str,
        id: &str,
        params: &Value,
    ) -> Result<WorkflowRun, RunError> {
        if !is_run_id(id) {
            return Err(RunError::Id);
        }
        let bytes = params.to_string().len();
        if bytes > MOST_BYTES {
            return Err(RunError::TooLarge(bytes));
        }
        let path = self.account("workflows")?.part(workflow).then("instances");
        let body = json!({ "instance_id": id, "params": params });
        let purpose = Purpose::Workflows;
        let started = self.change(begun, purpose, Method::Post, &path, Some(&body)).await;
        match started {
            Ok(envelope) => read(envelope.result, id).map_err(RunError::Api),
            Err(error) if error.is_refused_as("already_exists") => {
                let found = self.workflow_run(workflow, id).await?;
                Ok(WorkflowRun { was_there: true, ..found })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads a run.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub async fn workflow_run(&self, workflow: &str, id: &str) -> Result<WorkflowRun, ApiError> {
        let path = self.account("workflows")?.part(workflow).then("instances").part(id);
        read(self.get(&path, &[]).await?.result, id)
    }
}

fn read(result: Value, id: &str) -> Result<WorkflowRun, ApiError> {
    let run: Option<WorkflowRun> = serde_json::from_value(result).ok();
    let run = run.ok_or(ApiError::Incomplete("status"))?;
    Ok(WorkflowRun { id: id.to_owned(), ..run })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_a_run_has_its_form() {
        let reserved = format!("cf_{}", "a".repeat(64));
        for right in ["a", "user-1", "_x", "cf_1", &"a".repeat(100)] {
            assert!(is_run_id(right), "{right}");
        }
        for wrong in ["", "-a", "a b", "a/b", "ü", &"a".repeat(101), &reserved] {
            assert!(!is_run_id(wrong), "{wrong}");
        }
    }
}
