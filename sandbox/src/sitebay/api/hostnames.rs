//! Further names of a site, and whether its domain uses the right name servers.
//!
//! Both are checked for a while and then found to be right.

use serde_json::json;
use uuid::Uuid;

use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::string;
use crate::sitebay::data::{Hostname, Pending, World};
use crate::sitebay::route::{Outcome, Route, delete, get, post};

pub(super) const ROUTES: &[Route] = &[
    get("/site/{fqdn}/custom_hostname", list),
    post("/site/{fqdn}/custom_hostname", add),
    delete("/site/{fqdn}/custom_hostname/{hostname_id}", remove),
    get("/site/{fqdn}/ns_status", ns_status),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    Ok(Reply::ok(&site.hostnames.iter().map(|hostname| hostname.view(&site.fqdn)).collect()))
}

fn add(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let name = form.required("hostname", string).to_lowercase();
    form.finish()?;
    let taken = |name: &str| {
        let mut sites = world.sites.iter();
        sites.any(|site| site.hostnames.iter().any(|hostname| hostname.name == name))
    };
    if taken(&name) {
        return Err(Reply::detail(400, "This hostname is already attached to a site"));
    }
    world.require_free(&name)?;
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    let checked = Pending::after(ask.options.working_for);
    let hostname = Hostname { id: Uuid::new_v4(), name, checked, created_at: clock::now() };
    let view = hostname.view(&site.fqdn);
    site.hostnames.push(hostname);
    Ok(Reply::ok(&view))
}

/// The contract has a text here, not a UUID: what is none is a name that does not exist.
fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = Uuid::parse_str(ask.argument("hostname_id")).unwrap_or_default();
    let site = world.site_mut(ask.fqdn())?;
    if !site.hostnames.iter().any(|hostname| hostname.id == id) {
        return Err(Reply::detail(404, "Custom hostname not found"));
    }
    site.hostnames.retain(|hostname| hostname.id != id);
    Ok(Reply::ok(&json!({ "message": "Custom hostname removed" })))
}

fn ns_status(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    let ours = ["ns1.example.net", "ns2.example.net"];
    let done = site.name_servers.is_done();
    let found = if done { ours } else { ["ns1.registrar.example", "ns2.registrar.example"] };
    Ok(Reply::ok(&json!({
        "fqdn": site.fqdn,
        "status": if done { "active" } else { "pending" },
        "verified": done,
        "expected_nameservers": ours,
        "current_nameservers": found,
    })))
}
