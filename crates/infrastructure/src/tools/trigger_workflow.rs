//! Starts a run of a Workflow.
//!
//! Invariant: a start is sent once, under an id of its own. Where its answer is lost the run is looked up by that id; it is never
//! sent again.

use catalogue::{CallOutcome, ShortCircuit};
use mcp_server::arguments::Problems;
use serde_json::{Value, json};

use super::workflow_run::{check_id, shown, word, workflow};
use crate::{
    api::{ApiError, RunError},
    call::{Call, foreign, in_doubt, unchanged},
};

/// Bytes that the parameters of a run may have.
const MOST_BYTES: usize = 1024 * 1024;

/// What would be started.
pub(super) fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let workflow = workflow(call)?;
    let params = params(call)?;
    let mut lines = format!(
        "- Workflow: {} (`{}`)\n- Parameters: {}",
        word(workflow),
        workflow.name,
        foreign(&params.to_string())
    );
    if let Some(id) = call.arguments.text("run_id") {
        check_id(call, id)?;
        lines.push_str(&format!("\n- Id of the run: {}", foreign(id)));
    }
    Ok(lines)
}

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let workflow = workflow(call)?;
    let params = params(call)?;
    let id = match call.arguments.text("run_id") {
        Some(id) => {
            check_id(call, id)?;
            id.to_owned()
        }
        None => call.ctx.platform.uuid(),
    };
    let begun = call.ctx.begin().await?;
    let client = call.state.client(call.ctx);
    match client.start_run(&begun, &workflow.name, &id, &params).await {
        Ok(run) => {
            let was_there = "A run with this id was there already: nothing was started.".to_owned();
            shown(call, workflow, &run, run.was_there.then_some(was_there))
        }
        Err(RunError::Api(error)) if error.leaves_doubt() => {
            client.start_over();
            let found = client.workflow_run(&workflow.name, &id).await;
            lost(call, workflow, &id, &error, found)
        }
        Err(RunError::Api(error)) => Err(unchanged(call, &error)),
        Err(error @ (RunError::Id | RunError::TooLarge(_))) => {
            Err(crate::call::error(format!("Nothing was started: {error}.")))
        }
    }
}

/// A start whose answer was lost, and what was found.
fn lost(
    call: &Call<'_>,
    workflow: &crate::manifest::Resource,
    id: &str,
    error: &ApiError,
    found: Result<crate::api::WorkflowRun, ApiError>,
) -> CallOutcome {
    match found {
        Ok(run) => {
            let note = "The answer to the start was lost; the run was found by its id.".to_owned();
            shown(call, workflow, &run, Some(note))
        }
        Err(why) => {
            let seen = match why.is_gone() {
                true => "There is no such run so far.".to_owned(),
                false => format!("It could not be looked up: {why}."),
            };
            Err(in_doubt(call, &format!("{error}. The run_id is {id}. {seen}")))
        }
    }
}

fn params(call: &Call<'_>) -> Result<Value, ShortCircuit> {
    let params = call.arguments.get("params").cloned().unwrap_or_else(|| json!({}));
    let bytes = params.to_string().len();
    if bytes <= MOST_BYTES {
        return Ok(params);
    }
    let why = format!("it has {bytes} bytes; expected at most {MOST_BYTES}");
    Err(Problems::one("params", &why).into_result(call.operation.name).into())
}
