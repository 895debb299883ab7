//! Custom domains of Workers.
//!
//! Known: the host must be in an active zone of the account, without wildcard or path, and have no DNS
//! record of its own. Inferred: 100117 with a 409 for such a record; a host that another Worker has is
//! a 409 with 100116; putting the same again changes nothing.

use serde_json::Value;

use crate::cloudflare::access::Product::Scripts;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{Domain, World};
use crate::cloudflare::paging::{Totals, numbered};
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, delete, get, put};

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/workers/domains", Scripts, list),
    put("accounts/{account}/workers/domains", Scripts, attach),
    get("accounts/{account}/workers/domains/{domain}", Scripts, one),
    delete("accounts/{account}/workers/domains/{domain}", Scripts, detach),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let fits = |name: &str, value: &str| ask.param(name).is_none_or(|wanted| wanted == value);
    let domains = world.account(&ask.account)?.domains.iter().filter(|domain| {
        fits("service", &domain.service)
            && fits("hostname", &domain.hostname)
            && fits("zone_id", &domain.zone_id)
            && fits("zone_name", &domain.zone_name)
    });
    let views = domains.map(Domain::view).collect();
    numbered(ask, views, (100, 1000), Totals::Pages)
}

fn no_domain() -> Problem {
    Problem::new(404, 100_114, "This domain does not exist.")
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("domain");
    let domain = world.account(&ask.account)?.domains.iter().find(|domain| domain.id == id);
    Ok(success(&domain.ok_or_else(no_domain)?.view()))
}

fn attach(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let (hostname, service) = (body.required("hostname")?, body.required("service")?);
    let (zone_id, zone_name) = (body.text("zone_id")?, body.text("zone_name")?);
    let (id, cert_id) = (world.ids.hex(), world.ids.uuid());
    let account = world.account_mut(&ask.account)?;
    account.worker(&service)?;
    let zone = account.zones.iter().find(|zone| {
        zone_id.as_ref().is_none_or(|id| *id == zone.id)
            && zone_name.as_ref().is_none_or(|name| *name == zone.name)
            && zone.has(&hostname)
    });
    let text = "The hostname is not in a zone of this account.";
    let zone = zone.ok_or_else(|| Problem::new(400, 100_112, text))?;
    if hostname.contains(['*', '/']) {
        return Err(Problem::new(400, 100_113, "A hostname has no wildcard and no path."));
    }
    if zone.hosts.contains(&hostname) {
        let text = "Hostname already has externally managed DNS records.";
        return Err(Problem::new(409, 100_117, text));
    }
    let (zone_id, zone_name) = (zone.id.clone(), zone.name.clone());
    match account.domains.iter().find(|known| known.hostname == hostname) {
        Some(known) if known.service == service => return Ok(success(&known.view())),
        Some(_) => {
            let text = "Hostname is already in use by another Worker.";
            return Err(Problem::new(409, 100_116, text));
        }
        None => {}
    }
    let domain = Domain { id, cert_id, hostname, service, zone_id, zone_name };
    let view = domain.view();
    account.domains.push(domain);
    Ok(success(&view))
}

fn detach(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("domain");
    let domains = &mut world.account_mut(&ask.account)?.domains;
    let at = domains.iter().position(|domain| domain.id == id).ok_or_else(no_domain)?;
    domains.remove(at);
    Ok(success(&Value::Null))
}
