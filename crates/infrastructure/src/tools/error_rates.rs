//! How many requests of a Worker ended in an error.

use catalogue::{CallOutcome, call::data};
use mcp_platform::time::rfc3339;
use serde_json::{Value, json};

use crate::call::{Call, told};

/// Milliseconds of an hour.
const HOUR_MS: u64 = 3_600_000;
/// What is often asked for and is not counted here.
const NOT_AVAILABLE: [&str; 1] = [
    "statuses of HTTP answers, such as 429 or 500 that the Worker itself gives: they count as success",
];

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let (stage, worker) = (call.state.stage()?, call.state.worker()?);
    let hours = call.arguments.get("hours").and_then(Value::as_u64).unwrap_or(1);
    let now = call.ctx.platform.now_ms();
    let (from, to) = (rfc3339(now.saturating_sub(hours.saturating_mul(HOUR_MS))), rfc3339(now));
    let client = call.state.client(call.ctx);
    let numbers =
        client.worker_numbers(worker, (&from, &to)).await.map_err(|error| told(&error))?;
    let share = (numbers.requests > 0).then(|| numbers.errors as f64 / numbers.requests as f64);
    let statuses = numbers.statuses.iter();
    let statuses: Vec<Value> = statuses
        .map(|(status, requests)| json!({ "status": status, "requests": requests }))
        .collect();
    let ms = |micros: Option<f64>| micros.map(|micros| micros / 1_000.0);
    let fields = vec![
        ("stage", json!(stage.name)),
        ("worker", json!(worker)),
        ("source", json!("Cloudflare's analytics of Workers, which lag some minutes")),
        ("from", json!(from)),
        ("to", json!(to)),
        ("requests", json!(numbers.requests)),
        ("errors", json!(numbers.errors)),
        ("error_share", json!(share)),
        ("by_status", json!(statuses)),
        ("cpu_ms_p50", json!(ms(numbers.cpu_p50))),
        ("cpu_ms_p99", json!(ms(numbers.cpu_p99))),
        ("not_available", json!(NOT_AVAILABLE)),
    ];
    Ok(call.shown(data(fields), Vec::new()))
}
