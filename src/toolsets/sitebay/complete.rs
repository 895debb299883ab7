//! Completing what a person begins to type: sites from live data, and the logs there are.
//!
//! Invariant: names of sites are kept for a short time and for the subject that asked; a list that
//! cannot be read completes nothing.

use std::cell::RefCell;

use serde_json::Value;

use super::prompts;
use crate::{
    access::principal::Subject,
    server::{context::Context, registry::Reference},
    sitebay::Client,
};

/// The logs that the service is known to have; it may have others.
const LOGS: [&str; 6] = ["wordpress", "php", "error", "access", "mysql", "git-sync"];
/// How long names are kept, in milliseconds.
const KEEP_MS: u64 = 30_000;
/// Subjects whose names are kept.
const MAX_SUBJECTS: usize = 64;

/// When they were read, whose they are, and the names.
type Kept = (u64, Subject, Vec<String>);

thread_local! {
    static SITES: RefCell<Vec<Kept>> = const { RefCell::new(Vec::new()) };
}

/// Values for an argument, best first. None: there is no such prompt or template.
pub async fn complete(
    ctx: &Context,
    reference: &Reference<'_>,
    argument: &str,
    so_far: &str,
) -> Option<Vec<String>> {
    let known = match reference {
        Reference::Prompt(name) => prompts::has_argument(name, argument)?,
        Reference::Resource(uri) => uri.contains(&format!("{{{argument}}}")),
    };
    let values = match argument {
        _ if !known => Vec::new(),
        "fqdn" | "site_fqdn" => sites(ctx).await,
        "log_type" => LOGS.map(str::to_owned).to_vec(),
        _ => Vec::new(),
    };
    let wanted = so_far.to_lowercase();
    let (begin, contain): (Vec<String>, Vec<String>) = values
        .into_iter()
        .filter(|value| value.to_lowercase().contains(&wanted))
        .partition(|value| value.to_lowercase().starts_with(&wanted));
    Some(begin.into_iter().chain(contain).collect())
}

async fn sites(ctx: &Context) -> Vec<String> {
    let (now, subject) = (ctx.platform.now_ms(), ctx.principal.subject);
    let kept = SITES.with_borrow(|kept| {
        let mut fresh = kept.iter().filter(|(at, ..)| now.saturating_sub(*at) < KEEP_MS);
        fresh.find(|(_, whose, _)| *whose == subject).map(|(_, _, names)| names.clone())
    });
    if let Some(names) = kept {
        return names;
    }
    let names = read(ctx).await.unwrap_or_default();
    SITES.with_borrow_mut(|kept| {
        kept.retain(|(at, whose, _)| *whose != subject && now.saturating_sub(*at) < KEEP_MS);
        if kept.len() < MAX_SUBJECTS {
            kept.push((now, subject, names.clone()));
        }
    });
    names
}

async fn read(ctx: &Context) -> Option<Vec<String>> {
    let client = Client::new(ctx).ok()?;
    let listing = client.list(client.address("/site/", &[]).ok()?, None).await.ok()?;
    let name = |site: &Value| site.get("fqdn").and_then(Value::as_str).map(str::to_owned);
    Some(listing.items.iter().filter_map(name).collect())
}

#[cfg(test)]
mod tests {
    use pollster::block_on;
    use serde_json::json;

    use super::*;
    use crate::sitebay::fake::{Fake, json, text};

    #[test]
    fn names_of_sites_are_completed_and_read_once() {
        let sites = json!({"results": [{"fqdn": "shop.a.org"}, {"fqdn": "a.org"}], "count": 2});
        let fake = Fake::new([json(200, sites)]);
        let ctx = fake.context();
        let of = Reference::Prompt("manage-site");
        for _ in 0..2 {
            let found = block_on(complete(&ctx, &of, "fqdn", "A.")).unwrap();
            assert_eq!(found, ["a.org", "shop.a.org"]);
        }
        let of = Reference::Resource("sitebay://site/{site_fqdn}/config");
        assert_eq!(block_on(complete(&ctx, &of, "site_fqdn", "shop")).unwrap(), ["shop.a.org"]);
        assert_eq!(fake.requests().len(), 1);
    }

    #[test]
    fn what_cannot_be_read_or_is_not_there_completes_nothing() {
        let mut fake = Fake::new([text(500, "")]);
        let ctx = Context {
            principal: std::rc::Rc::new(crate::access::principal::Principal {
                subject: Subject([9; 16]),
                ..(*fake.context().principal).clone()
            }),
            ..fake.context()
        };
        let of = Reference::Prompt("manage-site");
        assert_eq!(block_on(complete(&ctx, &of, "fqdn", "")), Some(Vec::new()));
        fake = Fake::new([]);
        let ctx = fake.context();
        assert_eq!(block_on(complete(&ctx, &of, "moon", "")), Some(Vec::new()));
        assert_eq!(block_on(complete(&ctx, &Reference::Prompt("no"), "fqdn", "")), None);
    }

    #[test]
    fn log_types_are_completed() {
        let fake = Fake::new([]);
        let of = Reference::Resource("sitebay://site/{site_fqdn}/logs/{log_type}");
        let found = block_on(complete(&fake.context(), &of, "log_type", "")).unwrap();
        assert!(found.iter().any(|log| log == "wordpress"), "{found:?}");
    }
}
