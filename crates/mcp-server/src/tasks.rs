//! Long work as the rest of the server sees it: started, looked at, answered, cancelled, followed.
//!
//! Invariant: an id that is not the caller's names nothing, and no object hears of it.

use std::{borrow::Cow, rc::Rc};

use futures_util::future::LocalBoxFuture;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};
use serde_json::value::RawValue;

use crate::{changes::Hold, notifier::Notifier, tool_selection::ToolSelection};
use mcp_auth::request_state::AnsweredInput;
use mcp_platform::record::Record;
use mcp_protocol::{base64url, bytes::cut_text, capabilities::ClientCapabilities};

/// The URI of a task as a resource, before its id.
pub const OPERATION: &str = "sitebay://operation/";

/// When a tool's work becomes a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskPolicy {
    /// Never: it is quick.
    Never,
    /// As soon as it is called, where the client can follow tasks; else when it begins to change
    /// something.
    AtOnce,
    /// When it begins to change something.
    AtBegin,
}

/// How a caller follows its tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Follows {
    /// It is given the task and looks at it when it wants to.
    Handle,
    /// The call waits; where it is lost, the task goes on.
    Waits,
    /// The call waits; where it is lost, the task is taken back.
    Owns,
}

/// The specification of a task.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TaskCall {
    /// The tool.
    pub tool: String,
    /// Its arguments.
    #[serde(default)]
    pub arguments: Option<Box<RawValue>>,
    /// The client's responses so far.
    #[serde(default)]
    pub answers: Vec<AnsweredInput>,
    /// The client's capabilities.
    #[serde(default)]
    pub capabilities: ClientCapabilities,
    /// Whether it can be asked while the task runs.
    #[serde(default)]
    pub can_ask: bool,
    /// The trace that it belongs to, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// What the call was for when it was made, as its tool recorded it under [`BOUND`](crate::execution::BOUND).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<String>,
    /// Names the request, so that sending it again does not do it again. None: it has no name.
    #[serde(default, with = "base64url::option", skip_serializing_if = "Option::is_none")]
    pub nonce: Option<[u8; 16]>,
    /// The caller chose tools that read alone, which holds for its work wherever that is done.
    #[serde(default, skip_serializing_if = "is_false")]
    pub read_only: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(flag: &bool) -> bool {
    !flag
}

impl TaskCall {
    /// What the tool may do, of what this server usually allows.
    pub fn choice(&self, usual: ToolSelection) -> ToolSelection {
        ToolSelection { read_only: usual.read_only || self.read_only, ..usual }
    }
}

/// A task and what it looks like.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskSnapshot {
    /// Its id.
    pub id: String,
    /// The JSON text of the task, an object.
    pub task: String,
}

/// Why a task did not do what was asked of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskError {
    /// There is no such task, or it belongs to another subject, or was deleted.
    Unknown,
    /// It was refused before it did anything; the text says why.
    Refused(String),
    /// Its object did not answer: it may have done what was asked of it.
    Failed(String),
}

/// What the caller of a task is told that is unknown: the same whatever the reason.
pub fn unknown(task: &str) -> String {
    let task = cut_text(task, 128);
    format!(
        "no task `{task}`: it does not exist, was deleted at the end of its time, or belongs to another caller"
    )
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TaskOutcome {
    /// With the text of a result.
    Completed(String),
    /// With an error of the protocol: code and message.
    Failed(i32, String),
    /// The client took it back.
    Cancelled,
}

impl TaskOutcome {
    /// The same, where it failed with what became of the work that it had elsewhere.
    #[must_use]
    pub fn and_said(self, said: &str) -> Self {
        match self {
            Self::Failed(code, why) if !said.is_empty() => {
                Self::Failed(code, format!("{why}. {said}"))
            }
            ended => ended,
        }
    }
}

/// The fields of an [`TaskOutcome`]; one that was cancelled has none.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct TaskOutcomeFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    completed: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failed: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<i32>,
}

impl Serialize for TaskOutcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = TaskOutcomeFields::default();
        match self {
            Self::Completed(result) => fields.completed = Some(result.into()),
            Self::Failed(code, why) => {
                fields.failed = Some(why.into());
                fields.code = Some(*code);
            }
            Self::Cancelled => {}
        }
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TaskOutcome {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let TaskOutcomeFields { completed, failed, code } =
            TaskOutcomeFields::deserialize(deserializer)?;
        Ok(match (completed, failed) {
            (Some(result), _) => Self::Completed(result.into_owned()),
            (None, Some(why)) => {
                let code = code.ok_or_else(|| D::Error::missing_field("code"))?;
                Self::Failed(code, why.into_owned())
            }
            (None, None) => Self::Cancelled,
        })
    }
}

impl Record for TaskCall {}
impl Record for TaskOutcome {}

/// The future of an operation on a task.
pub type TaskFuture<T> = LocalBoxFuture<'static, Result<T, TaskError>>;

/// The tasks of one caller.
pub trait Tasks {
    /// Signs the id of a task that is to be started. The same nonce names the same task.
    fn name(&self, nonce: Option<[u8; 16]>) -> String;

    /// Starts the task with this id; it is kept when this is ready. Starting it again gives the task
    /// that there is. [`TaskError::Failed`]: it may have begun.
    fn start(&self, id: &str, start: TaskCall) -> TaskFuture<TaskSnapshot>;

    /// Looks at a task: its JSON text.
    fn look(&self, id: &str) -> TaskFuture<String>;

    /// Answers questions of a task: the text of `inputResponses`.
    fn update(&self, id: &str, responses: String) -> TaskFuture<()>;

    /// Cancels a task.
    fn cancel(&self, id: &str) -> TaskFuture<()>;

    /// Waits for the end of a task; its notifications and requests go through `notifier`. `owner`: it is
    /// cancelled when no follower waits for it any more. `held` is let go once the task has this follower.
    fn follow(
        &self,
        id: &str,
        owner: bool,
        notifier: Rc<dyn Notifier>,
        held: Option<Hold>,
    ) -> TaskFuture<TaskOutcome>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_reads_alone_where_its_caller_chose_so_or_the_server_allows_no_more() {
        let call = |read_only: bool| {
            let text = format!(r#"{{"tool":"t","read_only":{read_only}}}"#);
            TaskCall::from_json(&text).unwrap()
        };
        let usual = |read_only| ToolSelection { sets: 4, read_only, legacy: true };
        for (asked, allowed, reads_only) in
            [(false, false, false), (true, false, true), (false, true, true), (true, true, true)]
        {
            let again = TaskCall::from_json(&call(asked).to_json()).unwrap();
            assert_eq!(again.choice(usual(allowed)), usual(reads_only));
        }
        // One that an earlier version started says nothing of it.
        let earlier = TaskCall::from_json(r#"{"tool":"t"}"#).unwrap();
        assert!(!earlier.read_only && !earlier.to_json().contains("read_only"));
    }

    #[test]
    fn a_task_that_failed_says_what_became_of_its_work_elsewhere() {
        let failed = |why: &str| TaskOutcome::Failed(-32603, why.to_owned());
        assert_eq!(failed("no access").and_said("Job 7 ended."), failed("no access. Job 7 ended."));
        assert_eq!(failed("no access").and_said(""), failed("no access"));
        assert_eq!(TaskOutcome::Cancelled.and_said("Job 7 ended."), TaskOutcome::Cancelled);
    }
}
