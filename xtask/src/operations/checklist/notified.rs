//! The point about notifications of Cloudflare.

use anyhow::{Result, bail};

use super::Scene;
use crate::operations::alerts::{load, policies, policy_name, webhook};

/// The policies of `operations.toml` are there, on, and lead somewhere.
pub(super) fn notifications(scene: &Scene<'_>) -> Result<String> {
    let known = policies(scene.api)?;
    let wanted = load()?;
    for alert in &wanted {
        let name = policy_name(scene.stage, alert);
        let Some(policy) = known.iter().find(|policy| policy["name"] == *name) else {
            bail!("there is no notification {name}: alerts apply --env {}", scene.stage.name);
        };
        if policy["enabled"] != true {
            bail!("the notification {name} is off");
        }
    }
    let Some(webhook) = webhook(scene.api, &scene.stage.worker)? else {
        bail!("there is no webhook {}", scene.stage.worker);
    };
    if !webhook["last_failure"].is_null() && webhook["last_success"].is_null() {
        bail!("the webhook {} has never answered", scene.stage.worker);
    }
    Ok(format!("{} as described", wanted.len()))
}
