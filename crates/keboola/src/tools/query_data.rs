//! One SQL query in the read-only workspace.
//!
//! Invariant: the query's job is written down before it is waited for, so a task that is run again
//! looks at that job and submits no other. A call that ends before its query cancels the query.

use std::time::Duration;

use mcp_server::context::Pace;
use serde_json::{Value, json};

use super::{
    query_job::{self, End},
    workspace,
};
use crate::call::{Call, Outcome, ShortCircuit, failed, id_of};

/// Within a call.
const PACE: Pace = Pace { every: Duration::from_secs(1), at_most: Duration::from_secs(300) };
/// In a task.
const LONG_PACE: Pace =
    Pace { every: Duration::from_secs(2), at_most: Duration::from_secs(2 * 3_600) };
/// After it was cancelled.
const CANCELLING: Pace = Pace { every: Duration::from_secs(1), at_most: Duration::from_secs(30) };

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let sql = call.required("sql_query");
    if sql.trim().is_empty() {
        return failed("sql_query is empty: nothing was sent.");
    }
    let is_long = call.flag("long_running");
    if is_long {
        call.ctx.begin_idempotent().await?;
    }
    let workspace = workspace::found_or_made(call).await?;
    let branch = branch_id(call).await?;
    call.client.start_over();
    let submitted = query_job::submit(call, &branch, &workspace, sql);
    let job: String = match call.ctx.once("query", submitted).await {
        Err(ShortCircuit::Failed(why)) => {
            workspace::forget(call);
            return failed(why);
        }
        submitted => submitted?,
    };
    call.ctx.progress(1.0, None, Some(&format!("the query runs as job {job}")));
    let pace = if is_long { LONG_PACE } else { PACE };
    let statement = match waited(call, &job, pace).await? {
        End::Statement(statement) => statement,
        End::Cancelled => return failed("Query was cancelled"),
        End::Lost(why) => return failed(format!("The query's job {job} is lost. {why}")),
    };
    let (csv, message) = query_job::results(call, &job, &statement, workspace.is_bigquery).await?;
    Ok(json!({
        "query_name": call.required("query_name"),
        "csv_data": csv,
        "message": if message.is_empty() { Value::Null } else { Value::from(message) },
        "query_ref": call.text("query_ref"),
    }))
}

/// The query service takes the number of the default branch only.
async fn branch_id(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let segment = workspace::segment(call);
    if segment != "default" {
        return Ok(segment.to_owned());
    }
    let branches = call.branches().await?;
    let main = branches.iter().find(|branch| branch.get("isDefault") == Some(&Value::Bool(true)));
    match main.map(id_of).filter(|id| !id.is_empty()) {
        Some(id) => Ok(id),
        None => failed("Keboola does not say which branch of the project is the default one."),
    }
}

/// Waits for a job; one that takes too long, or that nobody waits for any more, is cancelled.
async fn waited(call: &Call<'_>, job: &str, pace: Pace) -> Result<End, ShortCircuit> {
    let ended = call
        .ctx
        .poll("query-end", pace, async || match call.ctx.is_cancelled() {
            true => Some(End::Cancelled),
            false => query_job::look(call, job).await,
        })
        .await?;
    if call.ctx.is_cancelled() {
        query_job::cancel(call, job, "the client took its request back").await;
    }
    if let Some(ended) = ended {
        return Ok(ended);
    }
    let seconds = pace.at_most.as_secs();
    query_job::cancel(call, job, &format!("it took more than {seconds} s")).await;
    let looked =
        call.ctx.poll("query-cancelled", CANCELLING, async || query_job::look(call, job).await);
    match looked.await? {
        Some(End::Statement(statement)) => Ok(End::Statement(statement)),
        Some(_) => failed(format!(
            "Query execution timed out after {seconds} seconds. The query has been cancelled: \
             job_id={job}. With long_running: true it may take up to two hours."
        )),
        None => failed(format!(
            "Query execution timed out after {seconds} seconds. Cancellation was attempted but could \
             not be confirmed. The query may still be running: job_id={job}"
        )),
    }
}

#[cfg(test)]
#[path = "query_data_tests.rs"]
mod tests;
