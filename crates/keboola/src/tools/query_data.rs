//! One SQL query in the read-only workspace.
//!
//! Invariant: in a task the query is a step, sent once: one that is run again looks at the job that was
//! written down, and submits no other. Where a restart falls between the request and its record, the
//! answer says that the query may run. A query that takes too long is cancelled, and so is one whose call is
//! taken back: here, and that of a task by [`take_back`](super::take_back).

use std::time::Duration;

use mcp_server::{
    client_request::Stop,
    context::{Pace, WaitReport},
    execution::{Recorded, Step},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    query_job::{self, End, QUERY_END, Unread},
    workspace::{self, Workspace},
};
use crate::{
    call::{Call, Outcome, ShortCircuit, failed, id_of},
    configuration::reading_sql,
    resumed::{self, QUERY},
};

/// Within a call.
const PACE: Pace = Pace { every: Duration::from_secs(1), at_most: Duration::from_secs(300) };
/// In a task.
const LONG_PACE: Pace =
    Pace { every: Duration::from_secs(2), at_most: Duration::from_secs(2 * 3_600) };
/// Rows within a call: each request is repeated anyway.
const ROWS: Pace = Pace { every: Duration::from_secs(1), at_most: Duration::ZERO };
/// Rows in a task.
const LONG_ROWS: Pace =
    Pace { every: Duration::from_secs(5), at_most: Duration::from_secs(30 * 60) };
/// After it was cancelled.
const CANCELLING: Pace = Pace { every: Duration::from_secs(1), at_most: Duration::from_secs(30) };

/// The key under which a task writes down where its query runs.
const PLACE: &str = "place";

/// Where the query runs.
#[derive(Serialize, Deserialize)]
struct Place {
    workspace: Workspace,
    branch: String,
    /// Says that the workspace was made by this call.
    #[serde(default)]
    made: Option<String>,
}

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let sql = call.required("sql_query");
    if let Err(why) = reading_sql::check(sql) {
        return failed(format!("{why}. Nothing was sent."));
    }
    let is_long = call.flag("long_running");
    if call.ctx.execution.recorded(PLACE) == Recorded::Nothing {
        // Before the work goes on elsewhere, so that the caller hears it at once.
        workspace::require(call).await?;
    }
    if is_long {
        call.ctx.begin_idempotent().await?;
    }
    let place = call.ctx.once(PLACE, place(call)).await?;
    match queried(call, &place, sql).await {
        Err(ShortCircuit::Failed(why)) => {
            failed([Some(why), place.made].into_iter().flatten().collect::<Vec<_>>().join(" "))
        }
        outcome => outcome,
    }
}

/// Submits the query and waits for its rows; the answer of the tool.
async fn queried(call: &Call<'_>, place: &Place, sql: &str) -> Outcome {
    let is_long = call.flag("long_running");
    let job = submitted(call, place, sql).await?;
    let pace = if is_long { LONG_PACE } else { PACE };
    let statement = match waited(call, &job, pace).await? {
        End::Statement(statement) => statement,
        End::Cancelled => return failed("Query was cancelled"),
        End::Lost(why) => return failed(format!("The query's job {job} is lost. {why}")),
        End::Empty(status) => {
            return failed(format!(
                "Failed to run SQL query, error: its job {job} ended as {status}, without a statement."
            ));
        }
    };
    let (csv, message) = rows(call, &job, &statement, place, is_long).await?;
    let said = [Some(message), place.made.clone()].into_iter().flatten();
    let said: Vec<String> = said.filter(|text| !text.is_empty()).collect();
    Ok(json!({
        "query_name": call.required("query_name"),
        "csv_data": csv,
        "message": if said.is_empty() { Value::Null } else { Value::from(said.join(" ")) },
        "query_ref": call.text("query_ref"),
    }))
}

async fn place(call: &Call<'_>) -> Result<Place, ShortCircuit> {
    let branch = branch_id(call).await?;
    let (workspace, made) = workspace::found_or_made(call).await?;
    Ok(Place { workspace, branch, made })
}

/// Submits the query; the id of its job. A call without a session goes on without its client from here on, to cancel
/// the query if that client leaves.
async fn submitted(call: &Call<'_>, place: &Place, sql: &str) -> Result<String, ShortCircuit> {
    if call.ctx.is_cancelled() {
        return Err(Stop::taken_back(true).into());
    }
    call.ctx.outlive_client();
    call.client.start_over();
    if call.ctx.execution.recorded(QUERY) == Recorded::Nothing {
        resumed::remember(call.ctx, call).await?;
    }
    let submit = query_job::submit(call, &place.branch, &place.workspace, sql);
    let step = call.ctx.read_step(QUERY, submit).await?;
    match step {
        Step::Done(Ok(job)) => Ok(job),
        Step::Done(Err(why)) => {
            workspace::forget(call);
            failed(why)
        }
        Step::Unknown => failed(
            "This server restarted while it submitted the query. The query MAY run at Keboola; it only \
             reads, and its rows are lost. Call again.",
        ),
    }
}

/// The rows of a query that ended. In a task they are asked for again while the service has a fault.
async fn rows(
    call: &Call<'_>,
    job: &str,
    statement: &str,
    place: &Place,
    is_long: bool,
) -> Result<(String, String), ShortCircuit> {
    let pace = if is_long { LONG_ROWS } else { ROWS };
    let read = async || query_job::results(call, job, statement, place.workspace.is_bigquery).await;
    let mut outcome = None;
    // The rows themselves are not written down: they are there to be read again.
    let look = async || {
        let seen = read().await;
        let is_over = !matches!(seen, Err(Unread::Passing(_)));
        outcome = Some(seen);
        is_over.then_some(())
    };
    call.ctx.poll("rows", pace, look).await?;
    let outcome = match outcome {
        Some(outcome) => outcome,
        None => read().await,
    };
    outcome.or_else(|unread| match unread {
        Unread::Final(why) => failed(why),
        Unread::Passing(why) => failed(format!(
            "The query's job {job} has ended, but its rows could not be read. {why}"
        )),
    })
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

/// Waits for a job; one that takes too long, or whose call is taken back, is cancelled.
async fn waited(call: &Call<'_>, job: &str, pace: Pace) -> Result<End, ShortCircuit> {
    let message = format!("the query runs as job {job}");
    let report = WaitReport { from: 1.0, total: None, message: &message };
    call.ctx.progress(report.from, report.total, Some(report.message));
    let look = async || match call.ctx.is_cancelled() {
        true => Some(End::Cancelled),
        false => match query_job::look(call, job).await {
            // A client that left meanwhile: the pause before the next look is time that cancelling needs.
            None if call.ctx.is_cancelled() => Some(End::Cancelled),
            seen => seen,
        },
    };
    let ended = call.ctx.poll_reporting(QUERY_END, pace, Some(&report), look).await?;
    if call.ctx.is_cancelled() {
        let reason = "the client took its request back";
        let cancelled = query_job::cancel(&call.client, job, reason).await;
        return Err(Stop::taken_back(cancelled.is_ok()).into());
    }
    if let Some(ended) = ended {
        return Ok(ended);
    }
    let seconds = pace.at_most.as_secs();
    // Whether that was heard is seen below.
    let _ = query_job::cancel(&call.client, job, &format!("it took more than {seconds} s")).await;
    let looked =
        call.ctx.poll("query-cancelled", CANCELLING, async || query_job::look(call, job).await);
    match looked.await? {
        Some(ended @ (End::Statement(_) | End::Empty(_))) => Ok(ended),
        Some(End::Cancelled) => failed(format!(
            "Query execution timed out after {seconds} seconds. The query has been cancelled: \
             job_id={job}. With long_running: true it may take up to two hours."
        )),
        Some(End::Lost(_)) | None => failed(format!(
            "Query execution timed out after {seconds} seconds. Cancellation was attempted but could \
             not be confirmed. The query may still be running: job_id={job}"
        )),
    }
}

#[cfg(test)]
#[path = "query_data_tests.rs"]
mod tests;
