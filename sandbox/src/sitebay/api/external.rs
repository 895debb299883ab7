//! Paths of a site that another server answers.

use serde_json::json;
use uuid::Uuid;

use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::string;
use crate::sitebay::data::{External, Site, World};
use crate::sitebay::paging::page;
use crate::sitebay::route::{Outcome, Route, delete, get, patch, post};

pub(super) const ROUTES: &[Route] = &[
    get("/site/{fqdn}/external_path", list),
    post("/site/{fqdn}/external_path", create),
    get("/site/{fqdn}/external_path/{id}", one).since_october(),
    patch("/site/{fqdn}/external_path/{id}", update).since_october(),
    delete("/site/{fqdn}/external_path/{id}", remove).since_october(),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    let path = format!("/site/{}/external_path", site.fqdn);
    page(ask, &path, &site.externals, External::view)
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let name = form.required("external_name", string);
    let path = form.required("path", string);
    form.finish()?;
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    let external = External { id: Uuid::new_v4(), name, path, created_at: clock::now() };
    require_sound(site, &external)?;
    let view = external.view();
    site.externals.push(external);
    Ok(Reply::ok(&view))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("id")?;
    let externals = &world.site(ask.fqdn())?.externals;
    let found = externals.iter().find(|external| external.id == id);
    found.map(|external| Reply::ok(&external.view())).ok_or_else(not_found)
}

fn update(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("id")?;
    let mut form = ask.body()?;
    let name = form.optional("external_name", string);
    let path = form.optional("path", string);
    form.finish()?;
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    let at = site.externals.iter().position(|external| external.id == id);
    let old = site.externals.remove(at.ok_or_else(not_found)?);
    let new = External {
        name: name.unwrap_or_else(|| old.name.clone()),
        path: path.unwrap_or_else(|| old.path.clone()),
        ..old
    };
    let sound = require_sound(site, &new);
    let kept = if sound.is_ok() { new } else { old };
    let view = kept.view();
    site.externals.push(kept);
    sound.map(|()| Reply::ok(&view))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("id")?;
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    if !site.externals.iter().any(|external| external.id == id) {
        return Err(not_found());
    }
    site.externals.retain(|external| external.id != id);
    Ok(Reply::ok(&json!({ "message": "External path deleted" })))
}

fn require_sound(site: &Site, new: &External) -> Result<(), Reply> {
    if !new.path.starts_with('/') || new.path == "/" {
        return Err(Reply::detail(400, "path must start with / and name a path"));
    }
    if !new.name.contains('.') || new.name.contains(['/', ' ']) {
        return Err(Reply::detail(400, "external_name must be a host name"));
    }
    if site.externals.iter().any(|external| external.path == new.path) {
        return Err(Reply::detail(400, "An external path with this path already exists"));
    }
    Ok(())
}

fn not_found() -> Reply {
    Reply::detail(404, "External path not found")
}
