//! Queries of Analytics Engine. Answers have no envelope; errors are plain text.
//!
//! Inferred: the status of an error, 422 for a query that fails.

use serde_json::json;

use crate::cloudflare::access::Product::Analytics;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::World;
use crate::cloudflare::problem::Problem;
use crate::cloudflare::route::{Outcome, Route, get, post};
use crate::engine::reply::Reply;

pub(super) const ROUTES: &[Route] = &[
    post("accounts/{account}/analytics_engine/sql", Analytics, query).reads(),
    get("accounts/{account}/analytics_engine/sql", Analytics, query),
];

fn query(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let text = match ask.call.method.as_str() {
        "GET" => ask.param("query").unwrap_or_default(),
        _ => String::from_utf8_lossy(&ask.call.body).into_owned(),
    };
    let account = world.account(&ask.account)?;
    let points = account.points.as_ref().ok_or_else(|| Problem::broken("no points"))?;
    Ok(match points.query(&text, ask.now) {
        Ok(answer) if answer.in_lines => {
            let lines: String = answer.data.iter().map(|row| format!("{row}\n")).collect();
            plain(200, "application/x-ndjson", lines)
        }
        Ok(answer) => {
            let rows = answer.data.len();
            Reply::ok(&json!({
                "meta": answer.meta,
                "data": answer.data,
                "rows": rows,
                "rows_before_limit_at_least": rows,
            }))
        }
        Err(error) => plain(422, "text/plain", format!("Error running query: {error}")),
    })
}

fn plain(status: u16, content_type: &str, body: String) -> Reply {
    Reply::of(status, content_type, body)
}
