//! The tools: one file each.

#[cfg(test)]
mod bad_input_tests;
#[cfg(test)]
mod change_tests;
mod deployments;
mod describe_database;
mod error_rates;
mod list_objects;
mod list_stages;
#[cfg(test)]
mod own_tests;
mod query;
#[cfg(test)]
mod read_tests;
mod rollback;
mod rollout;
mod send_message;
mod shares;
mod stage_change;
mod stats;
mod status;
mod trigger_workflow;
mod workflow_run;

use catalogue::{CallOutcome, ShortCircuit};
use mcp_server::cold::cold;

use crate::{call::Call, operations::Behaviour};

/// What a call would change, in lines for the person who is asked.
pub(crate) async fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    match call.operation.behaviour {
        Behaviour::Rollback => cold(rollback::plan(call)).await,
        Behaviour::Rollout => cold(rollout::plan(call)).await,
        Behaviour::SendMessage => send_message::plan(call),
        Behaviour::TriggerWorkflow => trigger_workflow::plan(call),
        _ => Ok(String::new()),
    }
}

/// Runs a call.
pub(crate) async fn run(call: &Call<'_>) -> CallOutcome {
    let tool = match call.operation.behaviour {
        Behaviour::Deploy | Behaviour::Destroy => cold(stage_change::run(call)),
        Behaviour::Deployments => cold(deployments::run(call)),
        Behaviour::DescribeDatabase => cold(describe_database::run(call)),
        Behaviour::ErrorRates => cold(error_rates::run(call)),
        Behaviour::ListObjects => cold(list_objects::run(call)),
        Behaviour::ListStages => cold(list_stages::run(call)),
        Behaviour::Query => cold(query::run(call)),
        Behaviour::Rollback => cold(rollback::run(call)),
        Behaviour::Rollout => cold(rollout::run(call)),
        Behaviour::SendMessage => cold(send_message::run(call)),
        Behaviour::Stats => cold(stats::run(call)),
        Behaviour::Status => cold(status::run(call)),
        Behaviour::TriggerWorkflow => cold(trigger_workflow::run(call)),
        Behaviour::WorkflowRun => cold(workflow_run::run(call)),
    };
    tool.await
}
