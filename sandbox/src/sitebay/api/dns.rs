//! DNS records, of sites whose domain uses the service's name servers.
//!
//! The earlier generation takes a new record from the query, the later one from the body.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::json;

use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{boolean, flag, string};
use crate::sitebay::data::{Record, Site, World};
use crate::sitebay::options::Generation;
use crate::sitebay::route::{Outcome, Route, delete, get, patch, post};

pub(super) const ROUTES: &[Route] = &[
    get("/site/{fqdn}/dns", list),
    post("/site/{fqdn}/dns", create),
    delete("/site/{fqdn}/dns/{dns_id}", remove),
    patch("/site/{fqdn}/dns/{dns_id}", update).since_october(),
    patch("/site/{fqdn}/dns/{dns_id}/proxy", proxy).since_october(),
];

const KINDS: &[&str] = &["A", "AAAA", "CAA", "CNAME", "MX", "NS", "SRV", "TXT"];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    require_ours(site)?;
    Ok(Reply::ok(&site.records().iter().map(Record::view).collect()))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (kind, name, content, proxied) = match world.generation {
        Generation::March => {
            let mut form = ask.query();
            let name = form.required("dns_name", string);
            let content = form.required("dns_content", string);
            let kind = form.required("dns_type", string);
            let proxied = form.given("proxied", flag);
            form.finish()?;
            (kind, name, content, proxied)
        }
        Generation::October => {
            let mut form = ask.body()?;
            let name = form.required("name", string);
            let kind = form.required("type", string);
            let content = form.required("content", string);
            let proxied = form.optional("proxied", boolean);
            form.finish()?;
            (kind, name, content, proxied)
        }
    };
    let site = world.site_mut(ask.fqdn())?;
    require_ours(site)?;
    let name = whole(&name, &site.fqdn);
    let record = Record::new(kind.to_uppercase(), name, content, proxied.unwrap_or(false));
    require_sound(&record, &site.records())?;
    let view = record.view();
    site.events.note("wordpress", "info", format!("DNS record added: {}", record.name));
    site.records_mut().push(record);
    Ok(Reply::ok(&view))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site_mut(ask.fqdn())?;
    require_ours(site)?;
    let id = ask.argument("dns_id");
    find(site, id)?;
    site.records_mut().retain(|record| record.id != id);
    Ok(Reply::ok(&json!({ "message": "DNS record deleted", "id": id })))
}

fn update(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let name = form.optional("name", string);
    let kind = form.optional("type", string);
    let content = form.optional("content", string);
    let proxied = form.optional("proxied", boolean);
    form.finish()?;
    let site = world.site_mut(ask.fqdn())?;
    require_ours(site)?;
    let mut record = find(site, ask.argument("dns_id"))?;
    record.name = name.map_or(record.name, |name| whole(&name, &site.fqdn));
    record.kind = kind.map_or(record.kind, |kind| kind.to_uppercase());
    record.content = content.unwrap_or(record.content);
    record.proxied = proxied.unwrap_or(record.proxied);
    let mut others = site.records();
    others.retain(|other| other.id != record.id);
    require_sound(&record, &others)?;
    Ok(replace(site, record))
}

/// Whether the required flag goes into the query or the body is not said; both are taken.
fn proxy(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut query = ask.query();
    let proxied = if query.has("proxied") {
        let proxied = query.required("proxied", flag);
        query.finish()?;
        proxied
    } else {
        let mut form = ask.body()?;
        let proxied = form.required("proxied", boolean);
        form.finish()?;
        proxied
    };
    let site = world.site_mut(ask.fqdn())?;
    require_ours(site)?;
    let record = find(site, ask.argument("dns_id"))?;
    Ok(replace(site, Record { proxied, ..record }))
}

fn replace(site: &mut Site, record: Record) -> Reply {
    let view = record.view();
    let places = site.records_mut().iter_mut();
    places.filter(|old| old.id == record.id).for_each(|old| *old = record.clone());
    Reply::ok(&view)
}

fn find(site: &Site, id: &str) -> Result<Record, Reply> {
    let found = site.records().into_iter().find(|record| record.id == id);
    found.ok_or_else(|| Reply::detail(404, "DNS record not found"))
}

fn require_ours(site: &Site) -> Result<(), Reply> {
    if site.name_servers.is_done() {
        return Ok(());
    }
    Err(Reply::detail(400, "The domain does not use SiteBay's name servers yet"))
}

/// A name below the site's: `@` and names without the site's are completed.
fn whole(name: &str, fqdn: &str) -> String {
    let name = name.trim_end_matches('.').to_lowercase();
    match name.as_str() {
        "" | "@" => fqdn.to_owned(),
        _ if name == fqdn || name.ends_with(&format!(".{fqdn}")) => name,
        _ => format!("{name}.{fqdn}"),
    }
}

fn require_sound(record: &Record, others: &[Record]) -> Result<(), Reply> {
    let Record { kind, name, content, .. } = record;
    let refused = |text: &str| Err(Reply::detail(400, text));
    if !KINDS.contains(&kind.as_str()) {
        return refused(&format!("Unsupported DNS record type: {kind}"));
    }
    if kind == "A" && content.parse::<Ipv4Addr>().is_err() {
        return refused("Content for A record must be a valid IPv4 address.");
    }
    if kind == "AAAA" && content.parse::<Ipv6Addr>().is_err() {
        return refused("Content for AAAA record must be a valid IPv6 address.");
    }
    if content.is_empty() {
        return refused("Content must not be empty.");
    }
    let same = |other: &&Record| other.name == *name;
    if others.iter().filter(same).any(|other| other.kind == *kind && other.content == *content) {
        return refused("An identical record already exists.");
    }
    let alone = |kind: &str| kind == "CNAME";
    if others.iter().filter(same).any(|other| alone(kind) || alone(&other.kind)) {
        return refused("A CNAME record cannot share its name with another record.");
    }
    Ok(())
}
