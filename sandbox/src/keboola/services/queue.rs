//! The queue: starting jobs, asking how they are, killing them.
//!
//! Chosen: a job of a configuration or component that there is not is a 400, and so is killing
//! one that is over; killing one that is being killed changes nothing.

use std::time::Duration;

use serde_json::json;

use crate::engine::clock::later;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::body::Body;
use crate::keboola::data::{JobEnd, JobPlan, QueueJob, Wanted, World, component};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, get, post};
use crate::keboola::services::job_search;

pub(crate) const ROUTES: &[Route] = &[
    post("jobs", create),
    get("jobs/{job}", one),
    post("jobs/{job}/kill", kill),
    get("search/jobs", search),
];

const MODES: [&str; 3] = ["run", "debug", "forceRun"];
/// Fields that are shown as they came.
const SHOWN: [&str; 5] =
    ["variableValuesId", "variableValuesData", "backend", "parallelism", "behavior"];

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let wanted = wanted(world, ask, &ask.body()?)?;
    let plan = take_plan(world, &wanted);
    let starts = later(ask.now, world.options.job_waits);
    let runs = plan.runs_ms.map_or(world.options.job_runs, Duration::from_millis);
    let job = QueueJob {
        id: world.next_id(),
        wanted,
        created: ask.now,
        starts,
        ends: (plan.end != JobEnd::Never).then(|| later(starts, runs)),
        plan,
        killed: None,
        token: ask.token()?.named(),
        told: 0,
    };
    let view = show(world, ask, &job)?;
    world.project_mut(ask.project)?.queue_jobs.push(job);
    Ok(Reply::json(201, &view))
}

fn show(world: &World, ask: &Ask<'_>, job: &QueueJob) -> Result<serde_json::Value, Problem> {
    let project = world.project(ask.project)?;
    let named = (project.id, project.name.as_str());
    Ok(job.view(named, &ask.place.url("queue"), ask.now))
}

fn wanted(world: &World, ask: &Ask<'_>, body: &Body) -> Result<Wanted, Problem> {
    let id = body.required("component")?;
    if component(&id).is_none() {
        return Err(Problem::invalid(format!("Component \"{id}\" does not exist")));
    }
    ask.may_use(&id)?;
    let mode = body.text("mode")?.unwrap_or("run".to_owned());
    if !MODES.contains(&mode.as_str()) {
        return Err(Problem::invalid(format!("Unknown mode \"{mode}\"")));
    }
    let project = world.project(ask.project)?;
    let branch = match body.text("branchId")? {
        Some(name) => Some(project.branch(&name)?.id),
        None => None,
    };
    let (config, data) = (body.text("config")?, body.object("configData")?);
    let rows = body.texts("configRowIds")?;
    match &config {
        Some(config) => {
            let seen = branch.unwrap_or_else(|| project.default_branch());
            let found = project.config(seen, &id, config);
            let found = found.map_err(|problem| Problem::invalid(problem.text))?;
            if let Some(row) = rows.iter().find(|row| found.row(row).is_none()) {
                return Err(Problem::invalid(format!("Row \"{row}\" not found")));
            }
        }
        None if data.is_none() => {
            return Err(Problem::invalid("Either \"config\" or \"configData\" must be set"));
        }
        None => {}
    }
    let others = SHOWN.iter().filter_map(|name| Some((*name, body.get(name)?.clone())));
    Ok(Wanted {
        component: id,
        config,
        mode,
        rows,
        data,
        branch,
        tag: body.text("tag")?,
        parent: ask.call.header("x-kbc-runid").map(str::to_owned),
        others: others.collect(),
    })
}

/// The plan for a job: the last that fits, used up by one.
fn take_plan(world: &mut World, wanted: &Wanted) -> JobPlan {
    let fits = |plan: &JobPlan| {
        plan.component.as_ref().is_none_or(|component| *component == wanted.component)
            && plan.config.as_ref().is_none_or(|config| Some(config) == wanted.config.as_ref())
            && plan.times != Some(0)
    };
    let Some(plan) = world.plans.iter_mut().rev().find(|plan| fits(plan)) else {
        return JobPlan::default();
    };
    if let Some(times) = &mut plan.times {
        *times = times.saturating_sub(1);
    }
    plan.clone()
}

fn no_job(ask: &Ask<'_>) -> Problem {
    Problem::missing(format!("Job \"{}\" not found", ask.argument("job")))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("job");
    let mut jobs = world.project(ask.project)?.queue_jobs.iter();
    let job = jobs.find(|job| job.id.to_string() == id).ok_or_else(|| no_job(ask))?;
    Ok(Reply::ok(&show(world, ask, job)?))
}

fn kill(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("job");
    let mut jobs = world.project_mut(ask.project)?.queue_jobs.iter_mut();
    let job = jobs.find(|job| job.id.to_string() == id).ok_or_else(|| no_job(ask))?;
    if job.is_finished(ask.now) {
        let status = job.status(ask.now);
        let text = format!("Job \"{id}\" with status \"{status}\" cannot be terminated");
        return Err(Problem::invalid(text));
    }
    job.killed = job.killed.or(Some(ask.now));
    let job = job.clone();
    Ok(Reply::ok(&show(world, ask, &job)?))
}

fn search(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let params = ask.params();
    let project = world.project(ask.project)?;
    let found = job_search::search(&project.queue_jobs, &params, ask.now)?;
    let views: Result<Vec<_>, _> = found.into_iter().map(|job| show(world, ask, job)).collect();
    Ok(Reply::ok(&json!(views?)))
}
