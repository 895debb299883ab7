//! Notifications of Cloudflare for a stage, as `operations.toml` has them.
//!
//! Invariant: a policy is known by its name, so that applying twice makes it once; only alert types that the account
//! offers are used. Alerts over SQL are not made: their body is not documented.

use std::fs;

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    api::{Api, setting},
    stage::Stage,
};
use crate::paths;

/// Where the notifications are described, below the repository's root.
pub const FILE: &str = "operations.toml";
/// The alert type that custom alerts over SQL may have.
const CUSTOM: &str = "custom_analytics";
/// Where policies are.
const POLICIES: &str = "alerting/v3/policies";
/// Where webhooks are.
const WEBHOOKS: &str = "alerting/v3/destinations/webhooks";

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    alert: Vec<Alert>,
}

/// A notification.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alert {
    /// Its name, without the Worker's.
    pub name: String,
    /// Cloudflare's alert type.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is for.
    pub description: String,
    /// Cloudflare's filters of that type.
    #[serde(default)]
    pub filters: Map<String, Value>,
}

/// What became of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It was made.
    Made,
    /// It was another one.
    Changed,
    /// It is as it should be.
    Kept,
}

/// The notifications of the repository.
///
/// # Errors
/// Where the file cannot be used.
pub fn load() -> Result<Vec<Alert>> {
    let text = fs::read_to_string(paths::root().join(FILE)).context(FILE)?;
    read(&text)
}

fn read(text: &str) -> Result<Vec<Alert>> {
    let File { alert: alerts } = toml::from_str(text).context(FILE)?;
    for (at, alert) in alerts.iter().enumerate() {
        if alerts.iter().take(at).any(|other| other.name == alert.name) {
            bail!("{FILE}: there are two alerts with the name {}", alert.name);
        }
    }
    Ok(alerts)
}

/// The name that a stage's policy has.
pub fn policy_name(stage: &Stage, alert: &Alert) -> String {
    format!("{}: {}", stage.worker, alert.name)
}

/// The policies of the account.
///
/// # Errors
/// Where they cannot be read.
pub fn policies(api: &Api) -> Result<Vec<Value>> {
    let list = api.get(POLICIES).context("the notifications of the account")?;
    Ok(list.as_array().cloned().unwrap_or_default())
}

/// The webhook of this name.
///
/// # Errors
/// Where they cannot be read.
pub fn webhook(api: &Api, name: &str) -> Result<Option<Value>> {
    let list = api.get(WEBHOOKS).context("the webhooks of the account")?;
    let mut all = list.as_array().cloned().unwrap_or_default().into_iter();
    Ok(all.find(|one| one["name"] == name))
}

/// Has the stage's policies be as described.
///
/// # Errors
/// Where an alert type is not offered, a setting is missing, or Cloudflare refuses.
pub fn apply(api: &Api, stage: &Stage, alerts: &[Alert]) -> Result<Vec<(String, Applied)>> {
    let url = setting("ALERT_WEBHOOK_URL", "where Cloudflare sends notifications")?;
    let secret = setting("ALERT_WEBHOOK_SECRET", "what it sends as cf-webhook-auth")?;
    if !url.starts_with("https://") {
        bail!("ALERT_WEBHOOK_URL: expected an https URL");
    }
    check_types(api, alerts)?;
    let webhook = destination(api, &stage.worker, &url, &secret)?;
    let known = policies(api)?;
    let mut applied = Vec::new();
    for alert in alerts {
        let name = policy_name(stage, alert);
        let wanted = json!({
            "name": name,
            "description": alert.description,
            "enabled": true,
            "alert_type": alert.kind,
            "mechanisms": { "webhooks": [{ "id": webhook }] },
            "filters": alert.filters,
        });
        let found = known.iter().find(|policy| policy["name"] == *name);
        applied.push((name, put(api, found, &wanted)?));
    }
    Ok(applied)
}

/// Before anything is changed: are all types there?
fn check_types(api: &Api, alerts: &[Alert]) -> Result<()> {
    let groups =
        api.get("alerting/v3/available_alerts").context("the alert types of the account")?;
    let groups = groups.as_object().cloned().unwrap_or_default();
    let types: Vec<&str> = groups
        .values()
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|one| one.get("type").and_then(Value::as_str))
        .collect();
    for Alert { name, kind, .. } in alerts {
        if kind == CUSTOM {
            bail!(
                "{FILE}: {name}: custom alerts over SQL are not documented; make them in the dashboard"
            );
        }
        if !types.contains(&kind.as_str()) {
            bail!("{FILE}: {name}: Cloudflare offers this account no alert type {kind}");
        }
    }
    Ok(())
}

/// The id of the webhook of this name, which leads to this address.
fn destination(api: &Api, name: &str, url: &str, secret: &str) -> Result<String> {
    let wanted = json!({ "name": name, "url": url, "secret": secret });
    let id = match webhook(api, name)? {
        Some(known) => {
            let id = known["id"].as_str().context("a webhook without an id")?.to_owned();
            // The secret cannot be read back, so it is always sent.
            api.change("PUT", &format!("{WEBHOOKS}/{id}"), &wanted)?;
            id
        }
        None => {
            let made = api.change("POST", WEBHOOKS, &wanted)?;
            made["id"].as_str().context("a webhook without an id")?.to_owned()
        }
    };
    Ok(id)
}

fn put(api: &Api, found: Option<&Value>, wanted: &Value) -> Result<Applied> {
    let Some(found) = found else {
        api.change("POST", POLICIES, wanted)?;
        return Ok(Applied::Made);
    };
    let fields = wanted.as_object().context("a policy")?;
    let differs = |(name, value): (&String, &Value)| !is_as(found.get(name), value);
    if !fields.iter().any(differs) {
        return Ok(Applied::Kept);
    }
    let id = found["id"].as_str().context("a policy without an id")?;
    api.change("PUT", &format!("{POLICIES}/{id}"), wanted)?;
    Ok(Applied::Changed)
}

/// Whether what is there has all that is wanted: Cloudflare fills in more.
fn is_as(found: Option<&Value>, wanted: &Value) -> bool {
    match (found, wanted) {
        (Some(Value::Object(found)), Value::Object(wanted)) => {
            wanted.iter().all(|(name, value)| is_as(found.get(name), value))
        }
        (Some(Value::Array(found)), Value::Array(wanted)) => {
            found.len() == wanted.len()
                && found.iter().zip(wanted).all(|(found, wanted)| is_as(Some(found), wanted))
        }
        (found, Value::Object(wanted)) if found.is_none_or(Value::is_null) => wanted.is_empty(),
        (found, wanted) => found == Some(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_notifications_of_this_repository_have_names_of_their_own() {
        let alerts = load().unwrap();
        assert!(!alerts.is_empty());
        let twice = "[[alert]]\nname = \"a\"\ntype = \"t\"\ndescription = \"d\"\n".repeat(2);
        assert!(read(&twice).unwrap_err().to_string().contains("two alerts"));
        assert!(read("[[alert]]\nname = \"a\"\ntyp = \"t\"").is_err());
    }

    #[test]
    fn what_cloudflare_fills_in_is_no_difference() {
        let wanted = json!({ "a": 1, "filters": {}, "list": [{ "id": "x" }] });
        let found =
            json!({ "a": 1, "b": 2, "filters": null, "list": [{ "id": "x", "type": "webhook" }] });
        assert!(is_as(Some(&found), &wanted));
        assert!(!is_as(Some(&json!({ "a": 2 })), &wanted));
        assert!(!is_as(Some(&json!({ "a": 1, "list": [] })), &wanted));
    }
}
