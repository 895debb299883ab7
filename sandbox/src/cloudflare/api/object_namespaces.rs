//! Namespaces of Durable Objects and the ids of their objects. There is no way to send one a message,
//! and none to delete a namespace but a deployment that deletes its class.
//!
//! Known: `limit` 10 to 10,000 and a cursor. Inferred: the cursor is given in both places that clients
//! look at, `cursor` and `cursors.after`; 10066 for a namespace that there is not.

use serde_json::{Value, json};

use crate::cloudflare::access::Product::Scripts;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{ObjectNamespace, World};
use crate::cloudflare::paging::{Totals, cut, numbered};
use crate::cloudflare::problem::{Problem, success_page};
use crate::cloudflare::route::{Outcome, Route, get};

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/workers/durable_objects/namespaces", Scripts, list),
    get(
        "accounts/{account}/workers/durable_objects/namespaces/{namespace}/objects",
        Scripts,
        objects,
    ),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let all = world.account(&ask.account)?.objects.iter();
    numbered(ask, all.map(ObjectNamespace::view).collect(), (20, 1000), Totals::Pages)
}

fn objects(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("namespace");
    let most = ask.whole("limit", 1000, (10, 10_000))?;
    let all = &world.account(&ask.account)?.objects;
    let none = || Problem::new(404, 10066, "This namespace does not exist.");
    let namespace = all.iter().find(|known| known.id == id).ok_or_else(none)?;
    let mut views: Vec<_> =
        namespace.objects.iter().map(|one| (one.id.clone(), one.view())).collect();
    views.sort_by(|a, b| a.0.cmp(&b.0));
    let page = cut(ask, &id, views.into_iter(), most)?;
    let cursor = page.cursor.unwrap_or_default();
    let info = json!({
        "count": page.items.len(), "cursor": cursor, "cursors": { "after": cursor },
    });
    Ok(success_page(Value::Array(page.items), info))
}
