//! Access to a site, and where visitors are sent: redirects, addresses, security.
//!
//! All of it is the later generation's. Of its bodies only the paths are documented; the field
//! names are the sandbox's own.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{one_of, string};
use crate::sitebay::data::World;
use crate::sitebay::form::Form;
use crate::sitebay::route::{Outcome, Route, delete, get, patch, post};

pub(super) const ROUTES: &[Route] = &[
    get("/site/{fqdn}/redirects", redirects).since_october(),
    post("/site/{fqdn}/redirects", add_redirect).since_october(),
    delete("/site/{fqdn}/redirects", remove_redirect).since_october(),
    get("/site/{fqdn}/ip_access", addresses).since_october(),
    post("/site/{fqdn}/ip_access", add_address).since_october(),
    delete("/site/{fqdn}/ip_access", remove_address).since_october(),
    get("/site/{fqdn}/security", security).since_october(),
    patch("/site/{fqdn}/security", set_security).since_october(),
];

fn redirects(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(listed(&world.site(ask.fqdn())?.extras.redirects, ["source", "target"]))
}

fn add_redirect(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let source = form.required("source", string);
    let target = form.required("target", string);
    form.finish()?;
    if !source.starts_with('/') {
        return Err(Reply::detail(400, "source must start with /"));
    }
    let view = json!({ "source": source, "target": target });
    world.site_mut(ask.fqdn())?.extras.redirects.insert(source, target);
    Ok(Reply::ok(&view))
}

fn remove_redirect(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let source = named(ask, "source")?;
    removed(world.site_mut(ask.fqdn())?.extras.redirects.remove(&source), "Redirect")
}

fn addresses(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(listed(&world.site(ask.fqdn())?.extras.addresses, ["ip", "mode"]))
}

fn add_address(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let ip = form.required("ip", string);
    let mode = form.given("mode", one_of(&["allow", "block"]));
    form.finish()?;
    let mode = mode.unwrap_or_else(|| "block".to_owned());
    let view = json!({ "ip": ip, "mode": mode });
    world.site_mut(ask.fqdn())?.extras.addresses.insert(ip, mode);
    Ok(Reply::ok(&view))
}

fn remove_address(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let ip = named(ask, "ip")?;
    removed(world.site_mut(ask.fqdn())?.extras.addresses.remove(&ip), "Address")
}

fn security(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    let mut view = json!({
        "http_auth_enabled": site.http_auth_enabled,
        "waf_login_protection": site.cloudflare.guards_login,
    });
    for (name, value) in &site.extras.security {
        view.set(name, value.clone());
    }
    Ok(Reply::ok(&view))
}

/// Stores the whole body, as its fields are not documented.
fn set_security(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let fields = ask.body()?.all();
    world.site_mut(ask.fqdn())?.extras.security.extend(fields);
    security(world, ask)
}

fn listed(pairs: &BTreeMap<String, String>, [key, value]: [&str; 2]) -> Reply {
    let entries = pairs.iter().map(|(k, v)| json!({ key: k, value: v }));
    Reply::ok(&entries.collect::<Value>())
}

/// The target of a removal: in the query, or else in the body.
fn named(ask: &Ask<'_>, name: &str) -> Result<String, Reply> {
    let query = ask.query();
    let mut form: Form = if query.has(name) { query } else { ask.body_if_any()? };
    let value = form.required(name, string);
    form.finish()?;
    Ok(value)
}

fn removed(before: Option<String>, what: &str) -> Outcome {
    match before {
        Some(_) => Ok(Reply::ok(&json!({ "message": format!("{what} removed") }))),
        None => Err(Reply::detail(404, &format!("{what} not found"))),
    }
}
