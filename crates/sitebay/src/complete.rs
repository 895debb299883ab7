//! Completing what a person begins to type: sites and teams from live data, containers and logs of a
//! site.
//!
//! Invariant: what was read is kept for a short time and for the subject that asked; a list that
//! cannot be read completes nothing.

use std::cell::RefCell;

use serde_json::Value;

use super::prompts;
use crate::api::{Client, Request, encode_part};
use catalogue::fqdn;
use mcp_auth::subject::Subject;
use mcp_server::{
    context::Context,
    registry::{Completion, Reference},
};

/// The logs that the service is known to have; it may have others.
const LOGS: [&str; 6] = ["wordpress", "php", "error", "access", "mysql", "git-sync"];
/// The containers that a site is known to have, where the service does not say.
const CONTAINERS: [&str; 5] = ["wordpress", "mysql", "nginx", "redis", "git-sync"];
/// How long names are kept, in milliseconds.
const KEEP_MS: u64 = 30_000;
/// Lists that are kept.
const MAX_KEPT: usize = 64;

/// A value, and what else a person may call it.
type Name = (String, String);
/// When they were read, whose they are, from where, and the names.
type Kept = (u64, Subject, String, Vec<Name>);

thread_local! {
    static NAMES: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// Values for an argument, best first. None: there is no such prompt or template.
pub(crate) async fn complete(ctx: &Context, asked: &Completion<'_>) -> Option<Vec<String>> {
    let known = match asked.reference {
        Reference::Prompt(name) => prompts::has_argument(name, asked.argument)?,
        Reference::Resource(uri) => uri.contains(&format!("{{{}}}", asked.argument)),
    };
    let names = match asked.argument {
        _ if !known => Vec::new(),
        "fqdn" | "site_fqdn" => names(ctx, "/site/", ["fqdn", "fqdn"]).await,
        "team" | "team_id" => names(ctx, "/team", ["id", "name"]).await,
        "container_name" => containers(ctx, asked.site.as_deref()).await,
        "log_type" => same(&LOGS),
        _ => Vec::new(),
    };
    let wanted = asked.so_far.to_lowercase();
    let fits = |name: &Name, how: fn(&str, &str) -> bool| {
        how(&name.0.to_lowercase(), &wanted) || how(&name.1.to_lowercase(), &wanted)
    };
    let (begin, contain): (Vec<Name>, Vec<Name>) = names
        .into_iter()
        .filter(|name| fits(name, |text, wanted| text.contains(wanted)))
        .partition(|name| fits(name, |text, wanted| text.starts_with(wanted)));
    Some(begin.into_iter().chain(contain).map(|(value, _)| value).collect())
}

fn same(values: &[&str]) -> Vec<Name> {
    values.iter().map(|value| ((*value).to_owned(), String::new())).collect()
}

async fn containers(ctx: &Context, site: Option<&str>) -> Vec<Name> {
    let part = site.and_then(fqdn::normalise).and_then(|site| encode_part(&site));
    let Some(part) = part else {
        return same(&CONTAINERS);
    };
    let found = names(ctx, &format!("/site/{part}/logs/containers"), ["name", "name"]).await;
    if found.is_empty() { same(&CONTAINERS) } else { found }
}

/// The names in a list of the service, by the fields for the value and for what else it is called.
async fn names(ctx: &Context, path: &str, fields: [&str; 2]) -> Vec<Name> {
    let (now, subject) = (ctx.platform.now_ms(), ctx.principal.subject);
    let is_fresh = |at: u64| now.abs_diff(at) < KEEP_MS;
    let kept = NAMES.with_borrow(|kept| {
        let mut fresh = kept.iter().filter(|(at, ..)| is_fresh(*at));
        let found = fresh.find(|(_, whose, from, _)| *whose == subject && from == path);
        found.map(|(.., names)| names.clone())
    });
    if let Some(names) = kept {
        return names;
    }
    let names = read(ctx, path, fields).await.unwrap_or_default();
    NAMES.with_borrow_mut(|kept| {
        kept.retain(|(at, whose, from, _)| is_fresh(*at) && (*whose != subject || from != path));
        if kept.len() >= MAX_KEPT {
            kept.remove(0);
        }
        kept.push((now, subject, path.to_owned(), names.clone()));
    });
    names
}

async fn read(ctx: &Context, path: &str, fields: [&str; 2]) -> Option<Vec<Name>> {
    let client = Client::new(ctx).ok()?;
    let address = client.address(path, &[]).ok()?;
    let items = match path.ends_with("/containers") {
        // Not a list like the others: names, or objects, perhaps below a key.
        true => match client.send(&Request::get(address)).await.ok()?.json {
            Value::Object(mut map) => map.remove("containers")?.as_array()?.clone(),
            other => other.as_array()?.clone(),
        },
        false => client.list(address, None).await.ok()?.items,
    };
    let text = |item: &Value, field: &str| {
        item.as_str().or_else(|| item.get(field)?.as_str()).map(str::to_owned)
    };
    let [value, label] = fields;
    let name = |item: &Value| Some((text(item, value)?, text(item, label).unwrap_or_default()));
    Some(items.iter().filter_map(name).collect())
}

#[cfg(test)]
mod tests {
    use pollster::block_on;
    use serde_json::json;

    use super::*;
    use mcp_server::testing::{FakePlatform, json, text};

    fn whose(fake: &std::rc::Rc<FakePlatform>, subject: u8) -> Context {
        let subject = Subject([subject; 16]);
        let principal =
            mcp_auth::principal::Principal { subject, ..(*fake.context().principal).clone() };
        Context { principal: std::rc::Rc::new(principal), ..fake.context() }
    }

    fn asked<'a>(reference: Reference<'a>, argument: &'a str, so_far: &'a str) -> Completion<'a> {
        Completion { reference, argument, so_far, site: None }
    }

    #[test]
    fn names_of_sites_are_completed_and_read_once() {
        let sites = json!({"results": [{"fqdn": "shop.a.org"}, {"fqdn": "a.org"}], "count": 2});
        let fake = FakePlatform::new([json(200, sites)]);
        let ctx = fake.context();
        let of = Reference::Prompt("manage-site");
        for _ in 0..2 {
            let found = block_on(complete(&ctx, &asked(of, "fqdn", "A."))).unwrap();
            assert_eq!(found, ["a.org", "shop.a.org"]);
        }
        let of = Reference::Resource("sitebay://site/{site_fqdn}/config");
        let shop = block_on(complete(&ctx, &asked(of, "site_fqdn", "shop")));
        assert_eq!(shop.unwrap(), ["shop.a.org"]);
        assert_eq!(fake.requests().len(), 1);
    }

    #[test]
    fn names_are_kept_for_the_last_who_asked_however_many_came_before() {
        for subject in 100..=100 + u8::try_from(MAX_KEPT).unwrap() {
            let fake = FakePlatform::new([json(200, json!({"results": [{"fqdn": "a.org"}]}))]);
            let ctx = whose(&fake, subject);
            for _ in 0..2 {
                let of = Reference::Prompt("manage-site");
                assert_eq!(block_on(complete(&ctx, &asked(of, "fqdn", ""))).unwrap(), ["a.org"]);
            }
            assert_eq!(fake.requests().len(), 1, "{subject}");
        }
        assert_eq!(NAMES.with_borrow(Vec::len), MAX_KEPT);
    }

    #[test]
    fn what_cannot_be_read_or_is_not_there_completes_nothing() {
        let mut fake = FakePlatform::new([text(500, "")]);
        let ctx = whose(&fake, 9);
        let of = Reference::Prompt("manage-site");
        assert_eq!(block_on(complete(&ctx, &asked(of, "fqdn", ""))), Some(Vec::new()));
        fake = FakePlatform::new([]);
        let ctx = fake.context();
        assert_eq!(block_on(complete(&ctx, &asked(of, "moon", ""))), Some(Vec::new()));
        let no_prompt = asked(Reference::Prompt("no"), "fqdn", "");
        assert_eq!(block_on(complete(&ctx, &no_prompt)), None);
    }

    #[test]
    fn log_types_are_completed() {
        let fake = FakePlatform::new([]);
        let of = Reference::Resource("sitebay://site/{site_fqdn}/logs/{log_type}");
        let found = block_on(complete(&fake.context(), &asked(of, "log_type", ""))).unwrap();
        assert!(found.iter().any(|log| log == "wordpress"), "{found:?}");
    }

    #[test]
    fn a_team_is_found_by_its_name() {
        let teams =
            json!({"results": [{"id": "t-1", "name": "Design"}, {"id": "t-2", "name": "Ops"}]});
        let fake = FakePlatform::new([json(200, teams)]);
        let of = Reference::Resource("sitebay://team/{team_id}/sites");
        let ctx = whose(&fake, 11);
        assert_eq!(block_on(complete(&ctx, &asked(of, "team_id", "op"))).unwrap(), ["t-2"]);
        assert_eq!(block_on(complete(&ctx, &asked(of, "team_id", "t-"))).unwrap().len(), 2);
        assert_eq!(fake.lines(), ["Get /team"]);
    }

    #[test]
    fn containers_are_those_of_the_site_or_else_the_known_ones() {
        let fake =
            FakePlatform::new([json(200, json!({"containers": ["cache", "web"]})), text(404, "")]);
        let of = Reference::Resource("sitebay://site/{site_fqdn}/containers/{container_name}/logs");
        let ctx = whose(&fake, 12);
        let mut completion = asked(of, "container_name", "");
        assert!(block_on(complete(&ctx, &completion)).unwrap().contains(&"nginx".to_owned()));
        completion.site = Some("a.org".to_owned());
        assert_eq!(block_on(complete(&ctx, &completion)).unwrap(), ["cache", "web"]);
        completion.site = Some("b.org".to_owned());
        assert!(block_on(complete(&ctx, &completion)).unwrap().contains(&"nginx".to_owned()));
        assert_eq!(fake.lines()[0], "Get /site/a.org/logs/containers");
    }
}
