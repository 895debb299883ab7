//! The proxy to Grafana.

use serde_json::json;

use super::proxy::Proxied;
use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::uuid4;
use crate::sitebay::data::World;
use crate::sitebay::route::{Outcome, Route, post};

pub(super) const ROUTES: &[Route] = &[post("/grafana-proxy", proxy).looks_itself()];

/// Passes a request on for a team: one data source, one dashboard, a few log lines; writes are
/// echoed.
fn proxy(world: &mut World, ask: &Ask<'_>) -> Outcome {
    // Read twice, so that a wrong team and a wrong path are not complained of together.
    let mut form = ask.body()?;
    let team = form.required("team_id", uuid4);
    form.finish()?;
    let request = Proxied::read(ask.call, None, None)?;
    world.require_team(team)?;
    let segments = request.segments();
    let body = match (request.reads(), segments.as_slice()) {
        (true, ["api", "datasources"]) => {
            json!([{ "id": 1, "uid": "loki", "name": "Loki", "type": "loki" }])
        }
        (true, ["api", "search"]) => {
            json!([{ "id": 1, "uid": "sites", "title": "Sites", "type": "dash-db" }])
        }
        (true, ["api", "dashboards", "uid", "sites"]) => {
            json!({ "dashboard": { "uid": "sites", "title": "Sites", "panels": [] }, "meta": {} })
        }
        (true, [.., "loki", "api", "v1", "query_range" | "query"]) => {
            let now = clock::now().timestamp().saturating_mul(1_000_000_000).to_string();
            let values = json!([[now, "GET / 200"]]);
            let stream = json!({ "stream": { "app": "wordpress" }, "values": values });
            json!({ "status": "success", "data": { "resultType": "streams", "result": [stream] } })
        }
        (false, ["api", ..]) => request.echoed(json!({ "id": 2 })),
        _ => return Err(Reply::json(404, &json!({ "message": "Not found" }))),
    };
    Ok(Reply::ok(&body))
}
