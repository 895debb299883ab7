//! Storage's jobs: asking how they are, and starting them.

use serde_json::Value;

use crate::engine::clock::later;
use crate::engine::paging::page;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Effect, StorageJob, World};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, get};

pub(super) const ROUTES: &[Route] = &[get("jobs", list), get("jobs/{job}", one)];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (limit, offset) = ask.params().page(100, 1000)?;
    let jobs = page(world.project(ask.project)?.storage_jobs.iter().rev(), limit, offset);
    let storage = ask.place.url("connection");
    Ok(Reply::ok(&jobs.into_iter().map(|job| job.view(&storage, ask.now)).collect()))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("job");
    let mut jobs = world.project(ask.project)?.storage_jobs.iter();
    let job = jobs.find(|job| job.id.to_string() == id);
    let job = job.ok_or_else(|| {
        Problem::new(404, "storage.jobs.notFound", format!("Job \"{id}\" not found"))
    })?;
    Ok(Reply::ok(&job.view(&ask.place.url("connection"), ask.now)))
}

/// Starts a job and answers with it.
pub(super) fn enqueue(
    world: &mut World,
    ask: &Ask<'_>,
    operation: &'static str,
    params: Value,
    effect: Effect,
) -> Outcome {
    let job = StorageJob {
        id: world.next_id(),
        operation,
        params,
        created: ask.now,
        due: later(ask.now, world.options.storage_job_takes),
        effect: Some(effect),
        results: Value::Null,
        creator: ask.token()?.named(),
    };
    let view = job.view(&ask.place.url("connection"), ask.now);
    world.project_mut(ask.project)?.storage_jobs.push(job);
    Ok(Reply::json(202, &view))
}
