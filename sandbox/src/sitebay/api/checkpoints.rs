//! Checkpoints: states of a site that have a name.

use serde_json::{Value, json};
use uuid::Uuid;

use super::backups::of_stage;
use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{object, string};
use crate::sitebay::data::{Checkpoint, Plan, Restore, Site, Status, Work, World};
use crate::sitebay::route::{Outcome, Route, delete, get, post};

pub(super) const ROUTES: &[Route] = &[
    get("/site/{fqdn}/checkpoints", list),
    post("/site/{fqdn}/checkpoints", create),
    get("/site/{fqdn}/checkpoints/{checkpoint_id}", one),
    delete("/site/{fqdn}/checkpoints/{checkpoint_id}", remove),
    post("/site/{fqdn}/checkpoints/{checkpoint_id}/restore", restore).until_march(),
];

/// All of them in one list, newest first.
fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let stage = of_stage(world, ask)?;
    let checkpoints = world.site(ask.fqdn())?.checkpoints.iter();
    let views = checkpoints.filter(|one| one.of_stage == stage).map(Checkpoint::view);
    Ok(Reply::ok(&views.collect()))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let name = form.required("name", string);
    let description = form.optional("description", string);
    let page_path = form.given("page_path", string);
    let metadata = form.given("metadata_json", object);
    let conversation = form.optional("conversation", object);
    form.finish()?;

    let stage = of_stage(world, ask)?;
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    let place = site.place(stage)?;
    let now = clock::now();
    let checkpoint = Checkpoint {
        id: Uuid::new_v4(),
        name,
        description,
        page_path: page_path.unwrap_or_else(|| "/".to_owned()),
        metadata: metadata.unwrap_or_else(|| json!({})),
        has_conversation: conversation.is_some(),
        team_id: site.team_id,
        site_id: site.id,
        at: now,
        commit: place.commit_at(now).map(|commit| commit.hash),
        content: place.content().clone(),
        of_stage: stage,
    };
    let view = checkpoint.view();
    site.events.note("wordpress", "info", format!("Checkpoint: {}", checkpoint.name));
    site.checkpoints.insert(0, checkpoint);
    Ok(Reply::ok(&view))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("checkpoint_id")?;
    Ok(Reply::ok(&find(world.site(ask.fqdn())?, id)?.view()))
}

/// Forgets a checkpoint. The backups it stands for stay.
fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("checkpoint_id")?;
    let site = world.site_mut(ask.fqdn())?;
    find(site, id)?;
    site.checkpoints.retain(|checkpoint| checkpoint.id != id);
    Ok(Reply::ok(&json!({ "message": "Checkpoint deleted", "id": id })))
}

/// Puts the site back, which is a restore among its others.
fn restore(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("checkpoint_id")?;
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    let checkpoint = find(site, id)?;
    let (stage, content) = (checkpoint.of_stage, checkpoint.content.clone());
    let message = format!("Restore checkpoint {}", checkpoint.name);
    let plan = Plan {
        restore_point: checkpoint.at,
        git_restore_hash: checkpoint.commit.clone(),
        restore_db: true,
        restore_wp_content: true,
        delete_extra_files: true,
        is_dry_run: false,
    };
    let takes = ask.options.working_for;
    let now = site.place(stage)?.content();
    let restore = Restore::start(site.id, plan, takes, (now, &content));
    let restore_id = restore.id;
    site.restores.insert(0, restore);
    site.start(Status::Restoring, takes, Work::Fill { stage, content, message });
    Ok(Reply::ok(&json!({
        "message": "Restore started",
        "checkpoint_id": id,
        "pit_restore_id": restore_id,
        "status": Value::from(site.status().name()),
    })))
}

fn find(site: &Site, id: Uuid) -> Result<&Checkpoint, Reply> {
    let found = site.checkpoints.iter().find(|checkpoint| checkpoint.id == id);
    found.ok_or_else(|| Reply::detail(404, "Checkpoint not found"))
}
