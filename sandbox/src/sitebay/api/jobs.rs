//! Jobs that fill a site from elsewhere; the later generation's.

use serde_json::json;
use uuid::Uuid;

use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::string;
use crate::sitebay::data::{Job, Pending, Status, Work, World};
use crate::sitebay::route::{Outcome, Route, get, post};

pub(super) const ROUTES: &[Route] = &[
    post("/site/{fqdn}/clone_jobs", clone).since_october(),
    get("/site/{fqdn}/clone_jobs/{job_id}", one).since_october(),
    post("/site/{fqdn}/migrate", migrate).since_october(),
    get("/site/{fqdn}/migrate/{job_id}", one).since_october(),
    get("/site/{fqdn}/recovery-jobs", recoveries).since_october(),
    get("/site/{fqdn}/recovery-jobs/{job_id}", recovery).since_october(),
];

fn clone(world: &mut World, ask: &Ask<'_>) -> Outcome {
    start(world, ask, "clone", "url")
}

fn migrate(world: &mut World, ask: &Ask<'_>) -> Outcome {
    start(world, ask, "migrate", "source_url")
}

/// Starts a job, which keeps the site busy and then leaves it as it was.
fn start(world: &mut World, ask: &Ask<'_>, kind: &'static str, field: &str) -> Outcome {
    let mut form = ask.body()?;
    let source = form.required(field, string);
    form.finish()?;
    if !source.starts_with("https://") && !source.starts_with("http://") {
        return Err(Reply::detail(400, &format!("{field} must be a web address")));
    }
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    let time = ask.options.working_for;
    let id = Uuid::new_v4();
    let done = Pending::after(time);
    let job = Job { id, kind, source, done, created_at: clock::now() };
    let view = job.view();
    site.extras.jobs.insert(0, job);
    site.start(Status::Updating, time, Work::Wait);
    Ok(Reply::ok(&view))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("job_id")?;
    let found = world.site(ask.fqdn())?.extras.jobs.iter().find(|job| job.id == id);
    found.map(|job| Reply::ok(&job.view())).ok_or_else(not_found)
}

/// The restores, seen as jobs.
fn recoveries(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    let views: Vec<_> = site.restores.iter().map(crate::sitebay::data::Restore::view).collect();
    Ok(Reply::ok(&json!({ "jobs": views })))
}

fn recovery(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("job_id")?;
    let mut restores = world.site(ask.fqdn())?.restores.iter();
    let found = restores.find(|restore| restore.id == id);
    found.map(|restore| Reply::ok(&restore.view())).ok_or_else(not_found)
}

fn not_found() -> Reply {
    Reply::detail(404, "Job not found")
}
