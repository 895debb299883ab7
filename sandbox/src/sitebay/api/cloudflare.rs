//! The cache in front of a site and what goes with it.

use serde_json::json;

use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{boolean, flag};
use crate::sitebay::data::{SWITCHES, Site, World};
use crate::sitebay::route::{Outcome, Route, get, patch, post};

pub(super) const ROUTES: &[Route] = &[
    get("/site/{fqdn}/tools", tools),
    patch("/site/{fqdn}/cf_settings", settings),
    post("/site/{fqdn}/clear_cache", clear),
    post("/site/{fqdn}/waf_login_protection", guard),
    patch("/site/{fqdn}/change_dev_mode", dev_mode).since_october(),
];

fn tools(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    let edge = &site.cloudflare;
    Ok(Reply::ok(&json!({
        "zone": { "name": site.fqdn, "status": "active", "plan": "free" },
        "settings": edge.view(),
        "waf_login_protection": edge.guards_login,
        "cache_purged_at": edge.purged_at.map(clock::text),
    })))
}

/// Switches the settings given; null leaves one as it is.
fn settings(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let given = SWITCHES.map(|name| (name, form.optional(name, boolean)));
    form.finish()?;
    if given.iter().all(|(_, on)| on.is_none()) {
        return Err(Reply::detail(400, "No settings given"));
    }
    let site = world.site_mut(ask.fqdn())?;
    for (name, on) in given {
        if let Some(on) = on {
            switch(site, name, on);
        }
    }
    Ok(Reply::ok(&json!({ "settings": site.cloudflare.view() })))
}

fn clear(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site_mut(ask.fqdn())?;
    site.cloudflare.purged_at = Some(clock::now());
    site.events.note("wordpress", "info", "Cache cleared".to_owned());
    Ok(Reply::ok(&json!({ "message": "Cache cleared" })))
}

fn guard(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let enabled = form.required("enabled", boolean);
    form.finish()?;
    let site = world.site_mut(ask.fqdn())?;
    site.cloudflare.guards_login = enabled;
    let text = if enabled { "on" } else { "off" };
    site.events.note("wordpress", "info", format!("Login protection is {text}"));
    Ok(Reply::ok(&json!({ "enabled": enabled, "message": format!("Login protection is {text}") })))
}

fn dev_mode(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let enable = form.required("enable", flag);
    form.finish()?;
    let site = world.site_mut(ask.fqdn())?;
    switch(site, "dev_mode", enable);
    Ok(Reply::ok(&json!({ "dev_mode": enable })))
}

fn switch(site: &mut Site, name: &'static str, on: bool) {
    site.cloudflare.switch(name, on);
    let text = if on { "on" } else { "off" };
    site.events.note("wordpress", "info", format!("Cloudflare: {name} is {text}"));
}
