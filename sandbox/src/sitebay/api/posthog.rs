//! The proxy to PostHog.

use serde_json::json;

use super::proxy::Proxied;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::data::World;
use crate::sitebay::route::{Outcome, Route, post};

pub(super) const ROUTES: &[Route] = &[post("/posthog-proxy", proxy).looks_itself()];

/// Passes a request on: lists below `/api/` have one entry, and writes are echoed.
fn proxy(_: &mut World, ask: &Ask<'_>) -> Outcome {
    let request = Proxied::read(ask.call, None, None)?;
    let segments = request.segments();
    let ["api", rest @ ..] = segments.as_slice() else {
        return Err(Reply::detail(404, "Not found."));
    };
    if rest.first().is_some_and(|name| name.starts_with("unknown")) {
        return Err(Reply::detail(404, "Not found."));
    }
    let body = if request.reads() {
        let entry = json!({ "id": 1, "name": "Pageview count" });
        json!({ "count": 1, "next": null, "previous": null, "results": [entry] })
    } else {
        request.echoed(json!({ "id": 2 }))
    };
    Ok(Reply::ok(&body))
}
