//! The invocations of versions as Cloudflare counts them: also those that the runtime ends, which write no data point.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use mcp_platform::time::rfc3339;
use serde_json::{Value, json};

use super::{api::Api, gate::Counts};

/// Invocations of versions of a Worker.
const QUERY: &str = "query ($account: string!, $worker: string!, $versions: [string!]!, $from: Time!) { \
    viewer { accounts(filter: { accountTag: $account }) { \
    invocations: workersInvocationsAdaptive(limit: 1000, filter: \
    { scriptName: $worker, scriptVersion_in: $versions, datetime_geq: $from }) \
    { sum { requests errors } dimensions { scriptVersion } } } } }";

/// The invocations of two versions in the last seconds: those of the first, those of the second.
///
/// # Errors
/// Where they cannot be counted.
pub fn counts(api: &Api, worker: &str, versions: [&str; 2], seconds: u64) -> Result<[Counts; 2]> {
    let from = SystemTime::now() - Duration::from_secs(seconds);
    let from = from.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let from = rfc3339(u64::try_from(from).unwrap_or_default());
    let variables = json!({ "worker": worker, "versions": versions, "from": from });
    let found = api.graph(QUERY, variables).context("the invocations")?;
    let rows = found["invocations"].as_array().context("the invocations")?;
    let [one, other] = versions.map(|version| of_version(rows, version));
    one.zip(other).map(<[Counts; 2]>::from).context("the numbers of the invocations")
}

/// None: a number is missing.
fn of_version(rows: &[Value], version: &str) -> Option<Counts> {
    let mut own = rows.iter().filter(|row| row["dimensions"]["scriptVersion"] == version);
    own.try_fold(Counts::default(), |sum, row| {
        let number = |name: &str| row["sum"][name].as_f64();
        let (requests, failed) = (number("requests")?, number("errors")?);
        Some(Counts { requests: sum.requests + requests, failed: sum.failed + failed })
    })
}
