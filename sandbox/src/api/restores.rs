//! Backups and restores.

use serde_json::Value;

use super::Outcome;
use crate::call::Call;
use crate::check::{boolean, date_time, string, uuid4, whole};
use crate::clock;
use crate::data::{Plan, Restore, Status, World, backups};
use crate::form::Form;
use crate::paging::page;
use crate::reply::Reply;

/// The backups closest before a moment.
pub(super) fn commits(world: &World, call: &Call, fqdn: &str) -> Outcome {
    let mut form = Form::query(call);
    let restore_point = form.required("restore_point", date_time);
    let count = form.given("number_to_fetch", whole).unwrap_or(1);
    form.finish()?;
    let count = u64::try_from(count).unwrap_or_default();
    let found = backups(world.site(fqdn)?, restore_point, count);
    Ok(Reply::ok(&Value::from(found)))
}

/// A site's restores, newest first.
pub(super) fn list(world: &World, call: &Call, fqdn: &str) -> Outcome {
    let site = world.site(fqdn)?;
    let path = format!("/site/{}/pit_restore", site.fqdn);
    page(call, &path, &site.restores, Restore::view)
}

/// One restore.
pub(super) fn get(world: &World, fqdn: &str, id: &str) -> Outcome {
    let mut form = Form::path("pit_restore_id", id);
    let id = form.required("pit_restore_id", uuid4);
    form.finish()?;
    let mut restores = world.site(fqdn)?.restores.iter();
    match restores.find(|restore| restore.id == id) {
        Some(restore) => Ok(Reply::ok(&restore.view())),
        None => Err(Reply::detail(404, "Restore not found")),
    }
}

/// Starts a restore. Only a real one keeps the site busy.
pub(super) fn start(world: &mut World, call: &Call, fqdn: &str) -> Outcome {
    let mut form = Form::body(call)?;
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

    let site = world.site_mut(fqdn)?;
    site.require_idle()?;
    if for_stage_site && site.stage().is_none() {
        return Err(Reply::detail(404, "Stage site not found"));
    }
    let restore = Restore::start(site.id, plan);
    let view = restore.view();
    if !restore.takes().is_zero() {
        site.keep_busy(Status::Restoring, restore.takes());
    }
    site.restores.insert(0, restore);
    Ok(Reply::ok(&view))
}
