//! Runs of a Workflow that is bound.

use serde_json::Value;

use super::Ask;
use crate::{
    api::WorkflowRun,
    host::{BindingError, Host},
};

/// Starts a run with an id of its own, once.
///
/// # Errors
/// Why it was not started, or may have been.
pub(crate) async fn start_run(
    host: &dyn Host,
    binding: &str,
    id: &str,
    params: &Value,
) -> Result<(), BindingError> {
    host.ask(binding, Ask::Start { id, params }).await.map(drop)
}

/// Reads a run. The binding tells nothing of its steps.
///
/// # Errors
/// Why it cannot be had.
pub(crate) async fn workflow_run(
    host: &dyn Host,
    binding: &str,
    id: &str,
) -> Result<WorkflowRun, BindingError> {
    let run = host.ask(binding, Ask::Run { id }).await?;
    let run: Option<WorkflowRun> = serde_json::from_value(run).ok();
    let run = run.ok_or_else(|| BindingError::Failed("its answer has no status".to_owned()))?;
    Ok(WorkflowRun { id: id.to_owned(), ..run })
}

/// Whether there is a run with this id already: the word is that of the REST API.
pub(crate) fn already_exists(error: &BindingError) -> bool {
    matches!(error, BindingError::Failed(text) if text.contains("already_exists"))
}

/// Whether there is no such run, in the word of the runtime.
pub(crate) fn is_gone(error: &BindingError) -> bool {
    matches!(error, BindingError::Failed(text) if text.contains("not_found"))
}
