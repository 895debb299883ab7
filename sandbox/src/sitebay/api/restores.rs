//! Restores, and trying them out.
//!
//! A dry run is over at once; a preview takes as long as the real thing and shows the site as
//! `previewing_restore` meanwhile. The later generation can be asked for a stage's.

use super::backups::of_stage;
use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{boolean, date_time, string};
use crate::sitebay::data::{Plan, Restore, Status, Work, World};
use crate::sitebay::paging::page;
use crate::sitebay::route::{Outcome, Route, get, post};

pub(super) const ROUTES: &[Route] = &[
    get("/site/{fqdn}/pit_restore", list),
    post("/site/{fqdn}/pit_restore", start),
    post("/site/{fqdn}/pit_restore/preview", preview),
    get("/site/{fqdn}/pit_restore/{pit_restore_id}", one),
];

/// A site's restores, newest first.
fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    let path = format!("/site/{}/pit_restore", site.fqdn);
    page(ask, &path, &site.restores, Restore::view)
}

/// One restore. Of its formats only JSON is played.
fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("pit_restore_id")?;
    let mut restores = world.site(ask.fqdn())?.restores.iter();
    match restores.find(|restore| restore.id == id) {
        Some(restore) => Ok(Reply::ok(&restore.view())),
        None => Err(Reply::detail(404, "Restore not found")),
    }
}

fn start(world: &mut World, ask: &Ask<'_>) -> Outcome {
    begin(world, ask, false)
}

fn preview(world: &mut World, ask: &Ask<'_>) -> Outcome {
    begin(world, ask, true)
}

fn begin(world: &mut World, ask: &Ask<'_>, preview: bool) -> Outcome {
    let (mut plan, for_stage_site) = read(ask)?;
    plan.is_dry_run |= preview;
    let stage = for_stage_site || of_stage(world, ask)?;
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    let place = site.place(stage)?;
    let Some(content) = plan.outcome(place) else {
        return Err(Reply::detail(400, "dolt_restore_hash is not a commit of this site"));
    };
    let dry = plan.is_dry_run;
    let takes = if dry && !preview { std::time::Duration::ZERO } else { ask.options.working_for };
    let message = format!("Restore to {}", clock::text(plan.restore_point));
    let restore = Restore::start(site.id, plan, takes, (place.content(), &content));
    let view = restore.view();
    site.restores.insert(0, restore);
    match (preview, dry) {
        (true, _) => site.start(Status::PreviewingRestore, takes, Work::Wait),
        (false, true) => {}
        (false, false) => {
            site.start(Status::Restoring, takes, Work::Fill { stage, content, message });
        }
    }
    Ok(Reply::ok(&view))
}

fn read(ask: &Ask<'_>) -> Result<(Plan, bool), Reply> {
    let mut form = ask.body()?;
    let restore_point = form.optional("restore_point", date_time);
    let for_stage_site = form.given("for_stage_site", boolean).unwrap_or(false);
    let plan = Plan {
        restore_point: restore_point.unwrap_or_else(clock::now),
        git_restore_hash: form.optional("dolt_restore_hash", string),
        restore_db: form.given("restore_db", boolean).unwrap_or(true),
        restore_wp_content: form.given("restore_wp_content", boolean).unwrap_or(true),
        delete_extra_files: form.given("delete_extra_files", boolean).unwrap_or(false),
        is_dry_run: form.given("is_dry_run", boolean).unwrap_or(false),
    };
    form.finish()?;
    Ok((plan, for_stage_site))
}
