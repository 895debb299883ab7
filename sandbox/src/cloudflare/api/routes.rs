//! Routes of a zone.
//!
//! Inferred: 10020 for a pattern that there is already, 10021 for one outside the zone.

use serde_json::json;

use crate::cloudflare::access::Product::Routes;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{Account, World, Zone, ZoneRoute};
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, delete, get, post, put};

pub(super) const ROUTES: &[Route] = &[
    get("zones/{zone}/workers/routes", Routes, list),
    post("zones/{zone}/workers/routes", Routes, create),
    get("zones/{zone}/workers/routes/{route}", Routes, one),
    put("zones/{zone}/workers/routes/{route}", Routes, change),
    delete("zones/{zone}/workers/routes/{route}", Routes, remove),
];

fn no_route() -> Problem {
    Problem::new(404, 10007, "This route does not exist.")
}

fn zone<'a>(world: &'a mut World, ask: &Ask<'_>) -> Result<&'a mut Zone, Problem> {
    let id = ask.argument("zone");
    let zones = &mut world.account_mut(&ask.account)?.zones;
    zones.iter_mut().find(|zone| zone.id == id).ok_or_else(Problem::denied)
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(success(&zone(world, ask)?.routes.iter().map(ZoneRoute::view).collect()))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("route");
    let route = zone(world, ask)?.routes.iter().find(|route| route.id == id);
    Ok(success(&route.ok_or_else(no_route)?.view()))
}

/// What a body asks for: a pattern of the zone that no other route has, and a Worker that there is.
fn wanted(
    account: &Account,
    ask: &Ask<'_>,
    but: &str,
) -> Result<(String, Option<String>), Problem> {
    let body = ask.body()?;
    let (pattern, script) = (body.required("pattern")?, body.text("script")?);
    if let Some(script) = &script {
        account.worker(script)?;
    }
    let id = ask.argument("zone");
    let zone = account.zones.iter().find(|zone| zone.id == id).ok_or_else(Problem::denied)?;
    let host = pattern.split('/').next().unwrap_or_default();
    if !zone.has(host.trim_start_matches("*.").trim_start_matches('*')) {
        return Err(body.wrong("pattern", "must be of a host of the zone"));
    }
    if zone.routes.iter().any(|route| route.pattern == pattern && route.id != but) {
        let text = "A route with the same pattern already exists.";
        return Err(Problem::new(409, 10020, text));
    }
    Ok((pattern, script))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (pattern, script) = wanted(world.account(&ask.account)?, ask, "")?;
    let route = ZoneRoute { id: world.ids.hex(), pattern, script };
    let view = route.view();
    zone(world, ask)?.routes.push(route);
    Ok(success(&view))
}

fn change(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("route");
    let (pattern, script) = wanted(world.account(&ask.account)?, ask, &id)?;
    let mut routes = zone(world, ask)?.routes.iter_mut();
    let route = routes.find(|route| route.id == id).ok_or_else(no_route)?;
    (route.pattern, route.script) = (pattern, script);
    Ok(success(&route.view()))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("route");
    let routes = &mut zone(world, ask)?.routes;
    let at = routes.iter().position(|route| route.id == id).ok_or_else(no_route)?;
    routes.remove(at);
    Ok(success(&json!({ "id": id })))
}
