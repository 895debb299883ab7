//! The proxy to a site's own WordPress API.

use serde_json::{Value, json};

use super::Outcome;
use super::proxy::Proxied;
use crate::call::Call;
use crate::data::World;
use crate::reply::Reply;

/// Passes a request on to a site that has two posts, two pages and its settings. Writes are
/// echoed, not kept; a site that is busy does not take them.
pub(super) fn proxy(world: &World, call: &Call) -> Outcome {
    let request = Proxied::read(call, Some("fqdn"), Some("/wp-json/wp/v2/"))?;
    let site = world.site(&request.target)?;
    if !request.reads() {
        site.require_idle()?;
    }
    let fqdn = site.fqdn.as_str();
    let segments = request.segments();
    let ["wp-json", "wp", "v2", rest @ ..] = segments.as_slice() else {
        return Err(no_route());
    };
    let body = match (request.method.as_str(), rest) {
        ("options" | "head", _) => json!({}),
        ("get", []) => json!({ "namespace": "wp/v2", "routes": {} }),
        ("get", ["settings"]) => settings(fqdn),
        ("get", [kind @ ("posts" | "pages")]) => {
            json!([entry(fqdn, kind, 1), entry(fqdn, kind, 2)])
        }
        ("get", [kind @ ("posts" | "pages"), id]) => match id.parse() {
            Ok(id @ 1..=2) => entry(fqdn, kind, id),
            _ => return Err(wordpress(404, "rest_post_invalid_id", "Invalid post ID.")),
        },
        ("get", _) | (_, []) => return Err(no_route()),
        ("delete", [.., id]) => json!({ "deleted": true, "previous": { "id": number(id) } }),
        (_, ["settings"]) => request.echoed(settings(fqdn)),
        (_, [kind]) => request.echoed(entry(fqdn, kind, 101)),
        (_, [kind, id, ..]) => request.echoed(entry(fqdn, kind, number(id))),
    };
    Ok(Reply::ok(&body))
}

fn number(id: &str) -> u64 {
    id.parse().unwrap_or_default()
}

fn entry(fqdn: &str, kind: &str, id: u64) -> Value {
    let kind = kind.trim_end_matches('s');
    json!({
        "id": id,
        "type": kind,
        "status": "publish",
        "slug": format!("{kind}-{id}"),
        "link": format!("https://{fqdn}/{kind}-{id}/"),
        "title": { "rendered": format!("A {kind} numbered {id}") },
        "content": { "rendered": "<p>Some text.</p>\n", "protected": false },
    })
}

fn settings(fqdn: &str) -> Value {
    json!({
        "title": fqdn,
        "description": "Just another WordPress site",
        "url": format!("https://{fqdn}"),
        "timezone": "UTC",
        "posts_per_page": 10,
    })
}

fn no_route() -> Reply {
    let message = "No route was found matching the URL and request method.";
    wordpress(404, "rest_no_route", message)
}

/// An error as WordPress words it.
fn wordpress(status: u16, code: &str, message: &str) -> Reply {
    let body = json!({ "code": code, "message": message, "data": { "status": status } });
    Reply::json(status, &body)
}
