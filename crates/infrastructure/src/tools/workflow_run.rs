//! Reads a run of a Workflow.

use catalogue::{CallOutcome, ShortCircuit, call::data};
use mcp_protocol::content::CallToolResult;
use mcp_server::arguments::Problems;
use serde_json::{Value, json};

use crate::{
    api::{Purpose, WorkflowRun, is_run_id},
    bound::{self, First, Way},
    call::{Call, error, told},
    manifest::{Kind, Resource},
};

/// The end of a run.
const OVER: [&str; 3] = ["complete", "errored", "terminated"];

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let workflow = workflow(call)?;
    let id = call.arguments.text("run_id").unwrap_or_default();
    check_id(call, id)?;
    let run = match call.state.way(workflow, First::Binding, &[Purpose::Read])? {
        Way::Api => {
            let run = call.state.client(call.ctx).workflow_run(&workflow.name, id).await;
            run.map_err(|why| if why.is_gone() { gone(workflow) } else { told(&why) })
        }
        Way::Binding(binding) => {
            let run = bound::workflow_run(call.state.host, binding, id).await;
            run.map_err(|why| match bound::is_gone(&why) {
                true => gone(workflow),
                false => error(format!("The run cannot be read: {}.", call.state.hidden(&why))),
            })
        }
    };
    shown(call, workflow, &run?, None)
}

fn gone(workflow: &Resource) -> ShortCircuit {
    error(format!(
        "The Workflow `{}` has no run with this id, or none any more: Cloudflare keeps ended ones for some days.",
        word(workflow)
    ))
}

/// The Workflow that the call names, where callers may start it.
pub(super) fn workflow<'a>(call: &'a Call<'_>) -> Result<&'a Resource, ShortCircuit> {
    let named = ("workflowName", call.arguments.text("workflowName"));
    let what = "Workflows that may be started";
    call.state.resource(Kind::Workflow, named, what, |resource| resource.may_trigger)
}

/// Its class, by which callers know it.
pub(super) fn word(workflow: &Resource) -> &str {
    workflow.class.as_deref().unwrap_or(&workflow.id)
}

/// Refuses an id that no run has.
pub(super) fn check_id(call: &Call<'_>, id: &str) -> Result<(), CallToolResult> {
    if is_run_id(id) {
        return Ok(());
    }
    let why = "expected 1 to 100 letters, digits, - and _, with no - at the beginning, and not cf_ with 64 digits";
    Err(Problems::one("run_id", why).into_result(call.operation.name))
}

/// The answer with a run.
pub(super) fn shown(
    call: &Call<'_>,
    workflow: &Resource,
    run: &WorkflowRun,
    note: Option<String>,
) -> CallOutcome {
    let fields = vec![
        ("stage", json!(call.state.stage()?.name)),
        ("workflow", json!(word(workflow))),
        ("run_id", json!(run.id)),
        ("status", json!(run.status)),
        ("is_over", json!(OVER.contains(&run.status.as_str()))),
        ("output", run.output.clone()),
        ("error", run.error.clone()),
        ("steps", steps(&run.steps)),
        ("note", json!(note)),
    ];
    Ok(call.shown(data(fields), Vec::new()))
}

/// Steps of a run that are shown.
const MOST_STEPS: usize = 100;

fn steps(steps: &Value) -> Value {
    match steps.as_array() {
        Some(steps) => json!(steps.iter().take(MOST_STEPS).collect::<Vec<_>>()),
        None => steps.clone(),
    }
}
