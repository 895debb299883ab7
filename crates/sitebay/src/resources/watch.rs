//! Looking at a resource again and again, to tell those who watch it when it is another one.
//!
//! Invariant: what moves by itself all the time (visits, storage, the latest restore point) is no
//! change.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::digest::Digest as _;
use serde_json::Value;
use sha2::Sha256;

use super::{ResourceError, read, site_of, views};
use mcp_protocol::raw;
use mcp_server::{context::Context, toolset::ResourceState};

/// Fields that move by themselves.
const VOLATILE_FIELDS: [&str; 10] = [
    "current_cycle_visits",
    "current_cycle_bandwidth",
    "current_storage",
    "storage_usage",
    "storage_usage_percentage",
    "visits_usage_percentage",
    "max_restore_point",
    "min_restore_point",
    "download_count",
    "last_used_at",
];

/// Whether there is something to look at.
pub(crate) fn is_watchable(uri: &str) -> bool {
    let path = uri.strip_prefix("sitebay://").unwrap_or_default();
    path == "account/summary" || site_of(path).is_some() || views::is_view(path)
}

/// Looks at a resource. None: it could not be read just now.
pub(crate) async fn look(ctx: &Context, uri: &str) -> Option<ResourceState> {
    match read(ctx, uri).await {
        Ok(resource) => Some(seen(&resource.text)),
        Err(ResourceError::NotFound) => Some(ResourceState { digest: String::new(), busy: false }),
        Err(ResourceError::Failed(_)) => None,
    }
}

fn seen(text: &str) -> ResourceState {
    let Ok(mut json) = raw::value(text) else {
        return ResourceState { digest: digest(text), busy: false };
    };
    let busy = strip_volatile(&mut json);
    ResourceState { digest: digest(&json.to_string()), busy }
}

/// Takes out what moves by itself; true where a site is at work.
fn strip_volatile(json: &mut Value) -> bool {
    match json {
        // Each of them, also after the first that is at work.
        Value::Array(items) => {
            items.iter_mut().filter_map(|item| strip_volatile(item).then_some(())).count() > 0
        }
        Value::Object(map) => {
            map.retain(|name, _| !VOLATILE_FIELDS.contains(&name.as_str()));
            let status = map.get("status").and_then(Value::as_str);
            let busy = status.is_some_and(|status| {
                !matches!(status, "idle" | "sleeping" | "active" | "completed" | "failed")
            });
            let inner =
                map.values_mut().filter_map(|item| strip_volatile(item).then_some(())).count();
            busy || inner > 0
        }
        _ => false,
    }
}

fn digest(text: &str) -> String {
    let whole = Sha256::digest(text);
    URL_SAFE_NO_PAD.encode(whole.get(..12).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_by_itself_is_no_change() {
        let site = |status: &str, visits: u32| {
            seen(&format!(r#"{{"status": "{status}", "current_cycle_visits": {visits}}}"#))
        };
        assert_eq!(site("idle", 1), site("idle", 2));
        assert_ne!(site("idle", 1).digest, site("creating", 1).digest);
        assert!(site("creating", 1).busy && !site("idle", 1).busy && !site("sleeping", 1).busy);
        let list = seen(r#"{"sites": [{"status": "idle"}, {"status": "restoring"}]}"#);
        assert!(list.busy);
        assert_ne!(seen("plain text"), seen("another"));
    }

    #[test]
    fn only_what_can_be_read_is_looked_at() {
        for uri in [
            "sitebay://sites",
            "sitebay://account/summary",
            "sitebay://site/a.org",
            "sitebay://site/a.org/config",
            "sitebay://site/a.org/logs/php",
        ] {
            assert!(is_watchable(uri), "{uri}");
        }
        for uri in ["test://a", "sitebay://operation/x", "sitebay://site/..", "sitebay://", ""] {
            assert!(!is_watchable(uri), "{uri}");
        }
    }
}
