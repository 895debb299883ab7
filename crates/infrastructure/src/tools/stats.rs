//! Numbers of a KV namespace.

use catalogue::{CallOutcome, call::data};
use mcp_platform::time::rfc3339;
use serde_json::{Value, json};

use crate::{
    api::CacheOperation,
    call::{Call, error, told},
    manifest::Kind,
};

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// What is often asked for and does not exist.
const NOT_AVAILABLE: [&str; 2] =
    ["hit rate: KV does not count hits and misses", "last access of a key: KV does not record it"];

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let stage = call.state.stage()?;
    let named = ("cache", call.arguments.text("cache"));
    let cache = call.state.resource(Kind::Kv, named, "KV namespaces", |_| true)?;
    let client = call.state.client(call.ctx);
    let id = client.namespace_id(&cache.name).await.map_err(|error| told(&error))?;
    let Some(id) = id else {
        return Err(error(format!(
            "The KV namespace `{}` of the stage `{}` (`{}`) does not exist at Cloudflare. get_resource_status shows what does.",
            cache.id, stage.name, cache.name
        )));
    };
    let days = call.arguments.get("days").and_then(Value::as_u64).unwrap_or(1);
    let now = call.ctx.platform.now_ms();
    let before = days.saturating_sub(1).saturating_mul(DAY_MS);
    let (from, to) = (day(now.saturating_sub(before)), day(now));
    let numbers = client.cache_numbers(&id, (&from, &to)).await.map_err(|error| told(&error))?;
    let (counted_on, keys, bytes) = match numbers.storage {
        Some((day, keys, bytes)) => (Some(day), Some(keys), Some(bytes)),
        None => (None, None, None),
    };
    let operations: Vec<Value> = numbers.operations.iter().map(operation).collect();
    let fields = vec![
        ("stage", json!(stage.name)),
        ("cache", json!(cache.id)),
        ("source", json!("Cloudflare's analytics of KV, which lag some minutes")),
        ("from", json!(from)),
        ("to", json!(to)),
        ("complete", json!(counted_on.is_some() && !operations.is_empty())),
        ("keys", json!(keys)),
        ("bytes", json!(bytes)),
        ("counted_on", json!(counted_on)),
        ("operations", json!(operations)),
        ("not_available", json!(NOT_AVAILABLE)),
    ];
    Ok(call.shown(data(fields), Vec::new()))
}

fn operation(operation: &CacheOperation) -> Value {
    json!({
        "action": operation.action,
        "requests": operation.requests,
        "latency_ms_p50": operation.latency_p50,
        "latency_ms_p99": operation.latency_p99,
    })
}

/// The date of a time.
fn day(ms: u64) -> String {
    rfc3339(ms).chars().take(10).collect()
}
