//! Starts a job, and waits for its end where that is wanted.
//!
//! Invariant: the request that starts it is a step of the call, sent once. Where its answer is lost
//! the job is looked up by its configuration, the token and the time; it is never started again.

use std::time::Duration;

use mcp_platform::{Method, time::rfc3339};
use mcp_server::{
    client_request::Stop,
    context::Pace,
    execution::{Begun, Step},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{config_write, job_view};
use crate::{
    api::{ApiError, Path, Service},
    call::{Call, Outcome, ShortCircuit, failed, id_of, items, sentence},
    configuration::printable::{foreign, foreign_list},
};

/// Jobs take from seconds to hours.
const PACE: Pace = Pace { every: Duration::from_secs(3), at_most: Duration::from_secs(6 * 3_600) };
/// The clocks of two machines may differ by so much, in milliseconds.
const SKEW_MS: u64 = 5_000;

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
    let since = async { Ok::<_, Stop>(call.client.now_ms()) };
    let since = call.ctx.once("since", since).await?;
    let job = match call.ctx.step(&begun, "start", sent(call, &begun)).await? {
        Step::Done(Sent::Job(job)) => job,
        Step::Done(Sent::Refused(why)) => return failed(format!("Nothing was started. {why}")),
        Step::Done(Sent::Lost(why)) => looked_up(call, since, &why).await?,
        Step::Unknown => {
            looked_up(call, since, "The answer was lost when this server restarted.").await?
        }
    };
    if !call.flag("wait") {
        return Ok(job_view::detail(call, &job));
    }
    let id = id_of(&job);
    call.ctx.progress(1.0, Some(2.0), Some(&format!("job {id} is running")));
    match call.ctx.poll("ended", PACE, async || look(call, &id).await).await? {
        Some(Ok(job)) => Ok(job_view::detail(call, &job)),
        Some(Err(why)) => {
            failed(format!("Job {id} was started, but cannot be read any more. {why}"))
        }
        None => failed(format!(
            "Job {id} was started, and still runs after {} hours. Read it with keboola_get_jobs; do not \
             start it again.",
            PACE.at_most.as_secs() / 3_600
        )),
    }
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
        Err(error) if error.leaves_doubt() => Sent::Lost(sentence(&error)),
        Err(error) => Sent::Refused(sentence(&error)),
    }
}

/// The job that was started by a request whose answer was lost.
async fn looked_up(call: &Call<'_>, since: u64, why: &str) -> Outcome {
    call.client.start_over();
    let mut query = vec![
        ("componentId", call.required("component_id").to_owned()),
        ("configId", call.required("configuration_id").to_owned()),
        ("createdTimeFrom", rfc3339(since.saturating_sub(SKEW_MS))),
        ("limit", "10".to_owned()),
        ("sortBy", "id".to_owned()),
        ("sortOrder", "desc".to_owned()),
    ];
    if !call.project.token_id.is_empty() {
        query.push(("tokenId", call.project.token_id.clone()));
    }
    query.extend(call.branch.id().map(|id| ("branchId", id.to_owned())));
    let found = call.client.get(Service::Queue, Path::new("search/jobs"), &query).await;
    let jobs = found.and_then(items).map_err(|_| ShortCircuit::Failed(call.in_doubt(why)))?;
    match jobs.as_slice() {
        [job] => Ok(job.clone()),
        [] => failed(call.in_doubt(&format!("{why} The queue shows no such job so far."))),
        several => {
            let ids: Vec<String> = several.iter().map(id_of).collect();
            failed(call.in_doubt(&format!("{why} It may be one of the jobs {}.", ids.join(", "))))
        }
    }
}

/// The job once it is over, or why it cannot be read.
async fn look(call: &Call<'_>, id: &str) -> Option<Result<Value, String>> {
    call.client.start_over();
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
