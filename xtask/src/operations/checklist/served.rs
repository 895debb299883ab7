//! Points about what callers see.

use anyhow::{Context as _, Result, bail};

use super::Scene;
use crate::operations::{served::Served, worker::short};

/// Where the Worker answers.
fn all(scene: &Scene<'_>) -> Result<Vec<Served>> {
    if scene.addresses.is_empty() {
        bail!("it has no address: set a custom domain, or --url");
    }
    Ok(scene.addresses.iter().map(|address| Served::at(address)).collect())
}

/// It is well at each address, and the version that is deployed answers: its name is resolved, and its certificate
/// is good.
pub(super) fn health(scene: &Scene<'_>) -> Result<String> {
    let version = scene.worker.only().context("two versions answer")?;
    let expected = scene.stage.vars().remove("ENVIRONMENT").unwrap_or_default();
    for served in all(scene)? {
        let at = served.address().to_owned();
        let (status, health) = served.health(None)?;
        if status != 200 || health["status"] != "ok" {
            bail!("{at}: {status}, status {}", health["status"]);
        }
        if health["environment"] != *expected {
            bail!("{at}: environment {}, and not {expected}", health["environment"]);
        }
        if health["versionId"] != *version {
            bail!("{at}: the version {} answers, and not {}", health["versionId"], short(version));
        }
    }
    Ok(scene.addresses.join(", "))
}

/// The share of subjects that is let in is the one that was asked for.
pub(super) fn rollout(scene: &Scene<'_>) -> Result<String> {
    let served = all(scene)?;
    let (_, health) = served.first().context("no address")?.health(None)?;
    let found = health["rollout"]["percentage"].as_u64();
    match (scene.rollout, found) {
        (Some(wanted), Some(found)) if u64::from(wanted) == found => Ok(format!("{found}%")),
        (Some(wanted), found) => {
            bail!("{} of the subjects are let in, and not {wanted}%", shown(found))
        }
        (None, found) => Ok(format!("{} of the subjects are let in", shown(found))),
    }
}

fn shown(percentage: Option<u64>) -> String {
    percentage.map_or_else(|| "all".to_owned(), |percentage| format!("{percentage}%"))
}

/// A wrong key, and none, are refused.
pub(super) fn closed_door(scene: &Scene<'_>) -> Result<String> {
    let headers = |key: Option<&str>| {
        let mut headers = vec![
            ("content-type", "application/json".to_owned()),
            ("accept", "application/json, text/event-stream".to_owned()),
        ];
        headers.extend(key.map(|key| ("authorization", format!("Bearer {key}"))));
        headers
    };
    for served in all(scene)? {
        for key in [None, Some("a-wrong-key-of-the-checklist")] {
            let status = served.mcp("POST", &headers(key))?;
            if status != 401 {
                let which = if key.is_some() { "a wrong key" } else { "no key" };
                bail!("{}: {which} is answered with {status}, and not 401", served.address());
            }
        }
    }
    Ok("401 without a key and with a wrong one".to_owned())
}

/// A page of another origin gets the answer to its preflight.
pub(super) fn preflight(scene: &Scene<'_>) -> Result<String> {
    for served in all(scene)? {
        let headers = [
            ("origin", served.address().to_owned()),
            ("access-control-request-method", "POST".to_owned()),
        ];
        let status = served.mcp("OPTIONS", &headers)?;
        if !(200..300).contains(&status) {
            bail!("{}: the preflight is answered with {status}", served.address());
        }
    }
    Ok("the preflight is answered".to_owned())
}
