//! Sites: the list, one of them, and its end.

use serde_json::json;

use super::{create, update};
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::uuid4;
use crate::sitebay::data::World;
use crate::sitebay::paging::page;
use crate::sitebay::route::{Outcome, Route, delete, get, patch, post};

pub(super) const ROUTES: &[Route] = &[
    get("/site/", list),
    post("/site/", create::create),
    get("/site/{fqdn}", one),
    patch("/site/{fqdn}", update::update),
    delete("/site/{fqdn}", remove),
];

/// All sites, or those of one team; none for a team that does not exist.
fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let team = form.given("team_id", uuid4);
    form.finish()?;
    let sites = world.sites.iter();
    let sites: Vec<_> = sites.filter(|site| team.is_none_or(|team| site.team_id == team)).collect();
    page(ask, "/site/", &sites, |site| world.show(site))
}

/// One site.
fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&world.show(world.site(ask.fqdn())?)))
}

/// Removes a site at once, and its stage with it.
fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    site.require_idle()?;
    let id = site.id;
    world.sites.retain(|site| site.id != id);
    Ok(Reply::ok(&json!({ "message": "Site deleted" })))
}
