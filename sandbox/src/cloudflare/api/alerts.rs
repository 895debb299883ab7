//! Notification policies and their destinations. Nothing is ever sent.
//!
//! Known: the paths, the fields of a policy, that no alert type is about errors of Workers. Inferred:
//! 17103 for a body that does not fit and 17104 for a thing that there is not; two policies may have
//! one name; the body of a custom SQL alert is unknown, so its alert type is refused like any other
//! that is not in the list.

use serde_json::{Map, Value, json};

use crate::cloudflare::access::Product::Notifications;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{ALERT_TYPES, Account, Policy, Webhook, World};
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, delete, get, post, put};

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/alerting/v3/available_alerts", Notifications, available),
    get("accounts/{account}/alerting/v3/policies", Notifications, list),
    post("accounts/{account}/alerting/v3/policies", Notifications, create),
    get("accounts/{account}/alerting/v3/policies/{policy}", Notifications, one),
    put("accounts/{account}/alerting/v3/policies/{policy}", Notifications, change),
    delete("accounts/{account}/alerting/v3/policies/{policy}", Notifications, remove),
    get("accounts/{account}/alerting/v3/history", Notifications, history),
    get("accounts/{account}/alerting/v3/destinations/eligible", Notifications, eligible),
    get("accounts/{account}/alerting/v3/destinations/pagerduty", Notifications, history),
    get("accounts/{account}/alerting/v3/destinations/webhooks", Notifications, webhooks),
    post("accounts/{account}/alerting/v3/destinations/webhooks", Notifications, add_webhook),
    get("accounts/{account}/alerting/v3/destinations/webhooks/{webhook}", Notifications, webhook),
    put(
        "accounts/{account}/alerting/v3/destinations/webhooks/{webhook}",
        Notifications,
        set_webhook,
    ),
    delete(
        "accounts/{account}/alerting/v3/destinations/webhooks/{webhook}",
        Notifications,
        end_webhook,
    ),
];

fn available(_: &mut World, _: &Ask<'_>) -> Outcome {
    let mut groups = Map::new();
    for (name, group) in ALERT_TYPES {
        let item = json!({ "type": name, "display_name": name, "filter_options": [] });
        if let Value::Array(items) = groups.entry((*group).to_owned()).or_insert(json!([])) {
            items.push(item);
        }
    }
    Ok(success(&Value::Object(groups)))
}

fn eligible(_: &mut World, _: &Ask<'_>) -> Outcome {
    let kind = |kind: &str| json!({ "eligible": true, "ready": true, "type": kind });
    Ok(success(&json!({ "email": kind("email"), "webhooks": kind("webhooks") })))
}

/// An empty list: of what was sent, and of PagerDuty's services.
fn history(_: &mut World, _: &Ask<'_>) -> Outcome {
    Ok(success(&json!([])))
}

fn missing() -> Problem {
    Problem::new(404, 17104, "not found")
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(success(&world.account(&ask.account)?.policies.iter().map(Policy::view).collect()))
}

fn policy<'a>(world: &'a mut World, ask: &Ask<'_>) -> Result<&'a mut Policy, Problem> {
    let id = ask.argument("policy");
    let mut all = world.account_mut(&ask.account)?.policies.iter_mut();
    all.find(|policy| policy.id == id).ok_or_else(missing)
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(success(&policy(world, ask)?.view()))
}

/// The fields of a policy in a body, checked. For a change, only those that are there.
fn fields(account: &Account, ask: &Ask<'_>, is_new: bool) -> Result<Map<String, Value>, Problem> {
    let body = ask.body()?;
    if is_new {
        body.required("name")?;
        body.required("alert_type")?;
        body.flag("enabled")?.ok_or_else(|| body.wrong("enabled", "is required"))?;
        body.object("mechanisms")?.ok_or_else(|| body.wrong("mechanisms", "is required"))?;
    }
    if let Some(kind) = body.text("alert_type")?
        && !ALERT_TYPES.iter().any(|(known, _)| *known == kind)
    {
        return Err(body.wrong("alert_type", "is not an alert type of this account"));
    }
    let mechanisms = body.object("mechanisms")?.unwrap_or_default();
    let targets = mechanisms.get("webhooks").and_then(Value::as_array).into_iter().flatten();
    for target in targets {
        let id = target.get("id").and_then(Value::as_str).unwrap_or_default();
        if !account.webhooks.iter().any(|webhook| webhook.id == id) {
            return Err(body.wrong("mechanisms.webhooks", "names a webhook that there is not"));
        }
    }
    let sent: Value = serde_json::from_slice(&ask.call.body).unwrap_or_default();
    let known =
        ["name", "description", "enabled", "alert_type", "mechanisms", "filters", "alert_interval"];
    let fields = sent.as_object().cloned().unwrap_or_default().into_iter();
    Ok(fields.filter(|(name, _)| known.contains(&name.as_str())).collect())
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let fields = fields(world.account(&ask.account)?, ask, true)?;
    let id = world.ids.hex();
    let policy = Policy { id: id.clone(), created: ask.now, modified: ask.now, fields };
    world.account_mut(&ask.account)?.policies.push(policy);
    Ok(success(&json!({ "id": id })))
}

fn change(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let fields = fields(world.account(&ask.account)?, ask, false)?;
    let policy = policy(world, ask)?;
    policy.fields.extend(fields);
    policy.modified = ask.now;
    Ok(success(&json!({ "id": policy.id })))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = policy(world, ask)?.id.clone();
    world.account_mut(&ask.account)?.policies.retain(|policy| policy.id != id);
    Ok(success(&json!([])))
}

fn webhooks(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(success(&world.account(&ask.account)?.webhooks.iter().map(Webhook::view).collect()))
}

fn find<'a>(world: &'a mut World, ask: &Ask<'_>) -> Result<&'a mut Webhook, Problem> {
    let id = ask.argument("webhook");
    let mut all = world.account_mut(&ask.account)?.webhooks.iter_mut();
    all.find(|webhook| webhook.id == id).ok_or_else(missing)
}

fn webhook(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(success(&find(world, ask)?.view()))
}

/// The name and the address.
fn wanted(ask: &Ask<'_>) -> Result<(String, String), Problem> {
    let body = ask.body()?;
    let url = body.required("url")?;
    if !url.starts_with("https://") {
        return Err(body.wrong("url", "must begin with https://"));
    }
    body.text("secret")?;
    Ok((body.required("name")?, url))
}

fn add_webhook(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (name, url) = wanted(ask)?;
    let id = world.ids.hex();
    let webhook = Webhook { id: id.clone(), name, url, created: ask.now };
    world.account_mut(&ask.account)?.webhooks.push(webhook);
    Ok(success(&json!({ "id": id })))
}

fn set_webhook(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (name, url) = wanted(ask)?;
    let webhook = find(world, ask)?;
    (webhook.name, webhook.url) = (name, url);
    Ok(success(&json!({ "id": webhook.id })))
}

fn end_webhook(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = find(world, ask)?.id.clone();
    world.account_mut(&ask.account)?.webhooks.retain(|webhook| webhook.id != id);
    Ok(success(&json!([])))
}
