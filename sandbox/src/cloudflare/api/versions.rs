//! Versions of a Worker.
//!
//! Known: `deployable=true` leaves only those that can be deployed, the newest hundred. Inferred: the
//! list without it is in pages of ten.

use serde_json::json;

use crate::cloudflare::access::Product::Scripts;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::World;
use crate::cloudflare::problem::{Problem, success, success_page};
use crate::cloudflare::route::{Outcome, Route, get};
use crate::engine::paging;

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/workers/scripts/{script}/versions", Scripts, list),
    get("accounts/{account}/workers/scripts/{script}/versions/{version}", Scripts, one),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let worker = world.account(&ask.account)?.worker(&ask.argument("script"))?;
    if ask.flag("deployable") {
        let items: Vec<_> = worker.deployable().map(|one| one.view(&worker.author)).collect();
        return Ok(success(&json!({ "items": items })));
    }
    let (page, per_page) =
        (ask.whole("page", 1, (1, 1_000_000))?, ask.whole("per_page", 10, (1, 100))?);
    let views = worker.versions.iter().rev().map(|one| one.view(&worker.author));
    let skipped = page.saturating_sub(1).saturating_mul(per_page);
    let items = paging::page(views, per_page, skipped);
    let total = worker.versions.len();
    let info = json!({
        "page": page,
        "per_page": per_page,
        "count": items.len(),
        "total_count": total,
        "total_pages": total.div_ceil(per_page.max(1)),
    });
    Ok(success_page(json!({ "items": items }), info))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let worker = world.account(&ask.account)?.worker(&ask.argument("script"))?;
    let version = worker.version(&ask.argument("version"));
    let none = || Problem::new(404, 100_146, "The requested version does not exist.");
    Ok(success(&version.ok_or_else(none)?.detail(&worker.author)))
}
