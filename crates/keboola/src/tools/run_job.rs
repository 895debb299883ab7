//! Starts a job, and waits for its end where that is wanted.
//!
//! Invariant: the request that starts it is a step of the call, sent once. Where its answer is lost
//! the job is looked up by its configuration, rows, branch, the token and the time; it is never started again.

use std::time::Duration;

use mcp_platform::{Method, time::rfc3339};
use mcp_server::{
    client_request::Stop,
    context::{Pace, WaitReport},
    execution::{Begun, Recorded, Step},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{config_write, job_view};
use crate::{
    api::{ApiError, Path, Service, plain},
    call::{Call, Outcome, ShortCircuit, failed, id_of, items, sentence},
    configuration::printable::{foreign, foreign_list},
    resumed::{self, FOUND, START, look_at},
};

/// Jobs take from seconds to hours.
const PACE: Pace = Pace { every: Duration::from_secs(3), at_most: Duration::from_secs(6 * 3_600) };
/// The clocks of two machines may differ by so much, in milliseconds.
const SKEW_MS: u64 = 5_000;
/// A start that is sent makes its job within this time, in milliseconds: the request has a minute.
const WINDOW_MS: u64 = 90_000;
/// A job whose start has no answer may be a while on its way into the queue's list.
const LOOKUP: Pace = Pace { every: Duration::from_secs(2), at_most: Duration::from_secs(20) };
/// How there is a job whose start has no answer.
const FOUND_LATER: &str = "was found in the queue after the answer to its start was lost";

/// How the request ended.
#[derive(Serialize, Deserialize)]
enum Sent {
    Job(Value),
    /// Keboola refused it.
    Refused(String),
    /// Its answer was lost.
    Lost(String),
}

/// The configuration that would run.
pub(super) async fn plan(call: &Call<'_>) -> Result<String, ShortCircuit> {
    let (component, id) = (call.required("component_id"), call.required("configuration_id"));
    let record = call.storage(call.configs(component).part(id), &[]).await?;
    let name = record.get("name").and_then(Value::as_str).unwrap_or_default();
    let rows = call.texts("configuration_row_ids");
    let rows = if rows.is_empty() { "all".to_owned() } else { foreign_list(&rows) };
    Ok(format!(
        "- Component: {}\n- Configuration: {} ({}), version {}\n- Rows: {rows}",
        foreign(component),
        foreign(name),
        foreign(id),
        config_write::version(&record)
    ))
}

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let begun = call.ctx.begin().await?;
    let since = since(call).await?;
    let (job, how) = match call.ctx.step(&begun, START, sent(call, &begun)).await? {
        Step::Done(Sent::Job(job)) => (job, "was started"),
        Step::Done(Sent::Refused(why)) => return failed(format!("Nothing was started. {why}")),
        Step::Done(Sent::Lost(why)) => (looked_up(call, since, &why).await?, FOUND_LATER),
        Step::Unknown => {
            let why = "The answer was lost when this server restarted.";
            (looked_up(call, since, why).await?, FOUND_LATER)
        }
    };
    if !call.flag("wait") {
        return Ok(job_view::detail(call, &job));
    }
    let id = id_of(&job);
    let message = format!("job {id} is running");
    let report = WaitReport { from: 1.0, total: Some(2.0), message: &message };
    call.ctx.progress(report.from, report.total, Some(report.message));
    let look = async || look(call, &id).await;
    match call.ctx.poll_reporting("ended", PACE, Some(&report), look).await? {
        Some(Ok(job)) => Ok(job_view::detail(call, &job)),
        Some(Err(why)) => {
            let read = look_at(&id);
            failed(format!("Job {id} {how}, but cannot be read any more. {why} {read}"))
        }
        None => failed(format!(
            "Job {id} {how}, and still runs after {} hours. {}",
            PACE.at_most.as_secs() / 3_600,
            look_at(&id)
        )),
    }
}

/// When the start is sent; in later runs of a task, when it was. Project and branch are kept with it.
async fn since(call: &Call<'_>) -> Result<u64, Stop> {
    let now = call.client.now_ms();
    if call.ctx.execution.recorded(START) == Recorded::Nothing {
        resumed::remember(call.ctx, call).await?;
        call.ctx.execution.record("since", Some(now.to_string())).await?;
        return Ok(now);
    }
    call.ctx.once("since", async { Ok::<_, Stop>(now) }).await
}

async fn sent(call: &Call<'_>, begun: &Begun) -> Sent {
    let mut body = json!({
        "component": call.required("component_id"),
        "config": call.required("configuration_id"),
        "mode": "run",
    });
    let rows = call.texts("configuration_row_ids");
    if let Some(body) = body.as_object_mut() {
        if !rows.is_empty() {
            body.insert("configRowIds".to_owned(), json!(rows));
        }
        if let Some(branch) = call.branch.id() {
            body.insert("branchId".to_owned(), branch.into());
        }
    }
    let path = Path::new("jobs");
    match call.client.change(begun, Method::Post, Service::Queue, path, &[], Some(&body)).await {
        Ok(job) if !id_of(&job).is_empty() => Sent::Job(job),
        Ok(_) => Sent::Lost("Keboola's job queue answered without a job.".to_owned()),
        Err(error) if error.leaves_doubt() => Sent::Lost(error.reason()),
        Err(error) => Sent::Refused(error.reason()),
    }
}

/// The job that was started by a request whose answer was lost, as far as the queue can tell. It is written
/// down, so that jobs which start later put it in no doubt.
async fn looked_up(call: &Call<'_>, since: u64, why: &str) -> Outcome {
    let mut seen = "The queue shows no such job so far.".to_owned();
    let look = async || match candidates(call, since).await {
        Ok(jobs) => match jobs.as_slice() {
            [job] => {
                let text = format!("job {} was found in the queue", id_of(job));
                call.ctx.progress(0.5, Some(2.0), Some(&text));
                Some(Ok(job.clone()))
            }
            [] => None,
            several => {
                let ids: Vec<String> = several.iter().map(id_of).collect();
                Some(Err(format!("It may be one of the jobs {}.", ids.join(", "))))
            }
        },
        Err(error) => {
            seen = format!("The queue could not be asked: {error}.");
            None
        }
    };
    let found: Option<Result<Value, String>> = call.ctx.poll(FOUND, LOOKUP, look).await?;
    match found {
        Some(Ok(job)) => Ok(job),
        Some(Err(several)) => failed(call.in_doubt(&format!("{why} {several}"))),
        None => failed(call.in_doubt(&format!("{why} {seen}"))),
    }
}

/// The jobs that the request may have started.
async fn candidates(call: &Call<'_>, since: u64) -> Result<Vec<Value>, ApiError> {
    call.client.start_look();
    let mut query = vec![
        ("componentId", call.required("component_id").to_owned()),
        ("configId", call.required("configuration_id").to_owned()),
        ("createdTimeFrom", rfc3339(since.saturating_sub(SKEW_MS))),
        ("createdTimeTo", rfc3339(since.saturating_add(WINDOW_MS))),
        ("limit", "10".to_owned()),
        ("sortBy", "id".to_owned()),
        ("sortOrder", "desc".to_owned()),
    ];
    if !call.project.token_id.is_empty() {
        query.push(("tokenId", call.project.token_id.clone()));
    }
    query.extend(call.branch.id().map(|id| ("branchId", id.to_owned())));
    let found = call.client.get(Service::Queue, Path::new("search/jobs"), &query).await?;
    let mut jobs = items(found)?;
    jobs.retain(|job| has_rows(job, call.texts("configuration_row_ids")));
    if call.branch.id().is_none() && jobs.iter().any(|job| !branch_of(job).is_empty()) {
        // Jobs of main have no branch, or the number of the default one.
        let main = call.branch_record().await?.as_ref().map(id_of).unwrap_or_default();
        jobs.retain(|job| branch_of(job).is_empty() || branch_of(job) == main);
    }
    Ok(jobs)
}

fn branch_of(job: &Value) -> String {
    job.get("branchId").map(plain).unwrap_or_default()
}

/// Whether a job runs these rows; no rows are all of them.
fn has_rows(job: &Value, mut asked: Vec<String>) -> bool {
    let Some(rows) = job.get("configRowIds").and_then(Value::as_array) else {
        return asked.is_empty();
    };
    let mut rows: Vec<String> = rows.iter().map(plain).collect();
    rows.sort();
    asked.sort();
    rows == asked
}

/// The job once it is over, or why it cannot be read.
async fn look(call: &Call<'_>, id: &str) -> Option<Result<Value, String>> {
    call.client.start_look();
    match job_view::read(call, id).await {
        Ok(job) => job_view::is_over(&job).then_some(Ok(job)),
        Err(error @ ApiError::Refused { status: 401 | 403 | 404 | 410, .. }) => {
            Some(Err(sentence(&error)))
        }
        Err(_) => None,
    }
}

#[cfg(test)]
#[path = "run_job_tests.rs"]
mod tests;
