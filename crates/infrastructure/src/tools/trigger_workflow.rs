//! Starts a run of a Workflow.
//!
//! Invariant: a start is sent once, under an id of its own. Where its answer is lost the run is looked up by that id; it is never
//! sent again.

use catalogue::{CallOutcome, ShortCircuit};
use mcp_server::arguments::Problems;
use serde_json::{Value, json};

use super::workflow_run::{check_id, shown, word, workflow};
use crate::{
    api::{Purpose, RunError, WorkflowRun},
    bound::{self, First, Way},
    call::{Call, error, foreign, in_doubt, unchanged},
    host::BindingError,
    manifest::Resource,
};

/// Bytes that the parameters of a run may have.
const MOST_BYTES: usize = 1024 * 1024;
/// What is said where the id of a start was used before.
const WAS_THERE: &str = "A run with this id was there already: nothing was started.";

/// What would be started.
pub(super) fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let workflow = workflow(call)?;
    way(call, workflow)?;
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
    let way = way(call, workflow)?;
    let begun = call.ctx.begin().await?;
    let client = match way {
        Way::Api => call.state.client(call.ctx),
        Way::Binding(binding) => return by_binding(call, (workflow, binding), &id, &params).await,
    };
    match client.start_run(&begun, &workflow.name, &id, &params).await {
        Ok(run) => shown(call, workflow, &run, run.was_there.then(|| WAS_THERE.to_owned())),
        Err(RunError::Api(error)) if error.leaves_doubt() => {
            client.start_over();
            let found = client.workflow_run(&workflow.name, &id).await;
            let found = found.map_err(|why| (!why.is_gone()).then(|| why.to_string()));
            lost(call, workflow, &id, &error.to_string(), found)
        }
        Err(RunError::Api(error)) => Err(unchanged(call, &error)),
        Err(error @ (RunError::Id | RunError::TooLarge(_))) => {
            Err(self::error(format!("Nothing was started: {error}.")))
        }
    }
}

fn way<'a>(call: &Call<'_>, workflow: &'a Resource) -> Result<Way<'a>, ShortCircuit> {
    call.state.way(workflow, First::Binding, &[Purpose::Workflows, Purpose::Read])
}

/// Starts a run of a Workflow that is bound.
async fn by_binding(
    call: &Call<'_>,
    (workflow, binding): (&Resource, &str),
    id: &str,
    params: &Value,
) -> CallOutcome {
    let host = call.state.host;
    let started = bound::start_run(host, binding, id, params).await;
    if let Err(why @ BindingError::NoBinding(_)) = started {
        return Err(error(format!("Nothing was started: {why}.")));
    }
    let found = bound::workflow_run(host, binding, id).await;
    match (started, found) {
        (Ok(()), Ok(run)) => shown(call, workflow, &run, None),
        (Ok(()), Err(why)) => {
            let run = WorkflowRun::unread(id);
            let why = call.state.hidden(&why);
            shown(
                call,
                workflow,
                &run,
                Some(format!("It was started. Its status cannot be read: {why}.")),
            )
        }
        (Err(why), Ok(run)) if bound::already_exists(&why) => {
            shown(call, workflow, &run, Some(WAS_THERE.to_owned()))
        }
        (Err(why), Err(unread)) if bound::already_exists(&why) => {
            let unread = call.state.hidden(&unread);
            Err(error(format!("{WAS_THERE} Its status cannot be read: {unread}.")))
        }
        (Err(why), found) => {
            let why = format!("The Workflow did not answer: {}", call.state.hidden(&why));
            let found = found.map_err(|why| match bound::is_gone(&why) {
                true => None,
                false => Some(call.state.hidden(&why)),
            });
            lost(call, workflow, id, &why, found)
        }
    }
}

/// A start whose answer was lost, and what was found: a run; none; or why it could not be looked up.
fn lost(
    call: &Call<'_>,
    workflow: &Resource,
    id: &str,
    why: &str,
    found: Result<WorkflowRun, Option<String>>,
) -> CallOutcome {
    match found {
        Ok(run) => {
            let note = "The answer to the start was lost; the run was found by its id.".to_owned();
            shown(call, workflow, &run, Some(note))
        }
        Err(unseen) => {
            let seen = match unseen {
                None => "There is no such run so far.".to_owned(),
                Some(unseen) => format!("It could not be looked up: {unseen}."),
            };
            Err(in_doubt(call, &format!("{why}. The run_id is {id}. {seen}")))
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
