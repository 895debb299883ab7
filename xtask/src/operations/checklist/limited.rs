//! The point about the limit of requests: it sends requests until one is refused.

use std::{
    env,
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    thread,
};

use anyhow::{Context as _, Result, bail};

use super::Scene;
use crate::operations::served::Served;

/// Keys that a caller may have, as the environment of this process names them, and where they are sent.
const KEYS: [(&str, &str, &str); 2] =
    [("MCP_API_KEY", "authorization", "Bearer "), ("MCP_SHARED_SECRET", "x-mcp-secret", "")];
/// Requests at once: a few hundred are to be sent within a minute.
const AT_ONCE: u64 = 8;

/// A caller with a key is refused after the requests of a minute.
pub(super) fn limit(scene: &Scene<'_>) -> Result<String> {
    let mut keys = KEYS.into_iter().filter_map(|(name, header, before)| {
        let list = env::var(name).ok()?;
        let first = list.split([',', '\n']).map(str::trim).find(|key| !key.is_empty())?;
        Some((header, format!("{before}{first}")))
    });
    let key = keys.next();
    let key =
        key.context("neither MCP_API_KEY nor MCP_SHARED_SECRET is set: a caller needs one")?;
    let most = most(scene)?;
    let address =
        scene.addresses.first().context("it has no address: set a custom domain, or --url")?;
    let served = Served::at(address);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("accept", "application/json, text/event-stream".to_owned()),
        key,
    ];
    if served.mcp("POST", &headers)? == 401 {
        bail!("{address}: the key of this environment is refused");
    }
    // A minute may end in between, and with it what was counted.
    let (left, is_refused) = (AtomicU64::new(most.saturating_mul(2)), AtomicBool::new(false));
    let send = || -> Result<()> {
        let takes = |left: u64| left.checked_sub(1);
        while !is_refused.load(Relaxed) && left.fetch_update(Relaxed, Relaxed, takes).is_ok() {
            if served.mcp("POST", &headers)? == 429 {
                is_refused.store(true, Relaxed);
            }
        }
        Ok(())
    };
    let outcomes = thread::scope(|scope| {
        let running: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(send)).collect();
        running.into_iter().map(|one| one.join()).collect::<Vec<_>>()
    });
    if is_refused.into_inner() {
        return Ok(format!("429 within {} requests", most.saturating_mul(2)));
    }
    for outcome in outcomes {
        outcome.ok().context("a request ended abnormally")??;
    }
    bail!("{address}: {} requests were not answered with 429", most.saturating_mul(2))
}

/// The requests of a minute that are configured.
fn most(scene: &Scene<'_>) -> Result<u64> {
    let usual = match scene.variable("ENVIRONMENT") {
        Some("staging") => 500,
        _ => 100,
    };
    match scene.variable("RATE_LIMIT") {
        None => Ok(usual),
        Some("off" | "0") => bail!("RATE_LIMIT is off"),
        Some(text) => text.parse().context("RATE_LIMIT"),
    }
}
