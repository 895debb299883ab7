//! The point about notifications of Cloudflare.

use anyhow::{Result, bail};
use serde_json::Value;

use super::Scene;
use crate::operations::alerts::{load, policies, policy_name, webhook};

/// The policies of `operations.toml` are there, on, and lead somewhere.
pub(super) fn notifications(scene: &Scene<'_>) -> Result<String> {
    let known = policies(scene.api)?;
    let wanted = load()?;
    let Some(webhook) = webhook(scene.api, &scene.stage.worker)? else {
        bail!(
            "there is no webhook {}: alerts apply --env {}",
            scene.stage.worker,
            scene.stage.name
        );
    };
    for alert in &wanted {
        let name = policy_name(scene.stage, alert);
        let Some(policy) = known.iter().find(|policy| policy["name"] == *name) else {
            bail!("there is no notification {name}: alerts apply --env {}", scene.stage.name);
        };
        if policy["enabled"] != true {
            bail!("the notification {name} is off");
        }
        if policy["alert_type"] != *alert.kind {
            bail!(
                "the notification {name} is of the type {}, and not {}",
                policy["alert_type"],
                alert.kind
            );
        }
        let mut targets = policy["mechanisms"]["webhooks"].as_array().into_iter().flatten();
        if !targets.any(|target| target["id"] == webhook["id"]) {
            bail!("the notification {name} does not lead to the webhook {}", scene.stage.worker);
        }
    }
    if failed_last(&webhook) {
        bail!("the webhook {} failed when it was last used", scene.stage.worker);
    }
    Ok(format!("{} as described", wanted.len()))
}

/// Both moments are RFC 3339 in UTC, which texts are in the order of. One that was never used has none.
fn failed_last(webhook: &Value) -> bool {
    let moment = |name: &str| webhook[name].as_str();
    moment("last_failure") > moment("last_success")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_webhook_is_as_it_was_when_it_was_last_used() {
        let of = |failure: Value, success: Value| {
            failed_last(&json!({ "last_failure": failure, "last_success": success }))
        };
        let (earlier, later) = (json!("2026-11-20T08:00:00Z"), json!("2026-11-21T08:00:00Z"));
        assert!(of(later.clone(), earlier.clone()) && of(earlier.clone(), Value::Null));
        assert!(!of(earlier, later.clone()) && !of(Value::Null, later));
        assert!(!of(Value::Null, Value::Null));
    }
}
