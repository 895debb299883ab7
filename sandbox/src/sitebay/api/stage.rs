//! Stages: a second copy of a site, its way back into the site, and its end.
//!
//! The contract names no state for a refresh; the sandbox shows `merging_stage`.

use serde_json::json;
use uuid::Uuid;

use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{date_time, string, uuid4};
use crate::sitebay::data::{Place, Stage, Status, Work, World};
use crate::sitebay::route::{Outcome, Route, delete, get, post};

pub(super) const ROUTES: &[Route] = &[
    get("/site/{fqdn}/stage", one),
    post("/site/{fqdn}/stage", create),
    delete("/site/{fqdn}/stage", remove),
    post("/site/{fqdn}/stage/commit", commit).since_october(),
    get("/site/{fqdn}/stage/commit-progress", progress).since_october(),
    post("/site/{fqdn}/stage/refresh", refresh).since_october(),
    get("/site/{fqdn}/stage/archives", archives).since_october(),
    post("/site/{fqdn}/stage/archives/{archive_id}/recover", recover).since_october(),
];

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    Ok(Reply::ok(&site.require_stage()?.view(&site.fqdn)))
}

/// Makes a stage from what the site holds, or held at a moment. It can be seen at once.
fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let subdomain = form.required("subdomain", string).to_lowercase();
    let restore_point = form.optional("restore_point", date_time);
    let branch = form.optional("git_staging_branch", string);
    form.finish()?;

    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    if subdomain.is_empty() || !subdomain.chars().all(plain) {
        return Err(Reply::detail(400, "Invalid subdomain"));
    }
    if site.stage.is_some() {
        return Err(Reply::detail(400, "Site already has a stage site"));
    }
    if branch.is_some() && site.git_url.is_none() {
        return Err(Reply::detail(400, "Site has no linked git repository"));
    }
    let content = restore_point.map_or_else(|| site.live.content(), |time| site.live.at(time));
    let (id, now) = (Uuid::new_v4(), clock::now());
    let place = Place::with(id, now, content.clone());
    let stage = Stage { id, subdomain, branch, created_at: now, place };
    let view = stage.view(&site.fqdn);
    site.stage = Some(Box::new(stage));
    site.start(Status::CreatingStage, ask.options.working_for, Work::Wait);
    Ok(Reply::ok(&view))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    site.require_stage()?;
    site.start(Status::DeletingStage, ask.options.working_for, Work::DropStage);
    Ok(Reply::ok(&json!({ "message": "Stage site is being deleted" })))
}

/// Makes the site what its stage is.
fn commit(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    site.require_stage()?;
    site.start(Status::CommittingStage, ask.options.working_for, Work::Commit);
    Ok(Reply::ok(&json!({ "message": "Stage commit started", "status": site.status().name() })))
}

fn progress(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    site.require_stage()?;
    let running = site.status() == Status::CommittingStage;
    Ok(Reply::ok(&json!({
        "status": if running { "committing" } else { "idle" },
        "progress": if running { site.progress() } else { 100 },
    })))
}

/// Makes the stage what its site is.
fn refresh(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body_if_any()?;
    let in_body = form.given("site_stage_id", uuid4);
    form.finish()?;
    let mut form = ask.query();
    // Whether the required id goes into the query or the body is not said.
    let id = if in_body.is_some() { in_body } else { Some(form.required("site_stage_id", uuid4)) };
    form.finish()?;

    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    if Some(site.require_stage()?.id) != id {
        return Err(Reply::detail(404, "Stage site not found"));
    }
    site.start(Status::MergingStage, ask.options.working_for, Work::Refresh);
    let body = json!({ "message": "Stage refresh started", "status": site.status().name() });
    Ok(Reply::json(202, &body))
}

fn archives(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    let archives: Vec<_> = site.archives.iter().map(|stage| stage.view(&site.fqdn)).collect();
    Ok(Reply::ok(&json!(archives)))
}

/// Brings a stage back that was removed.
fn recover(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("archive_id")?;
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    let at = site.archives.iter().position(|stage| stage.id == id);
    let at = at.ok_or_else(|| Reply::detail(404, "Archive not found"))?;
    if site.stage.is_some() {
        return Err(Reply::detail(400, "Site already has a stage site"));
    }
    let stage = site.archives.remove(at);
    let view = stage.view(&site.fqdn);
    site.stage = Some(Box::new(stage));
    site.start(Status::CreatingStage, ask.options.working_for, Work::Wait);
    Ok(Reply::json(202, &view))
}
