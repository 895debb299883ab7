//! Notification policies and webhooks.

use serde_json::{Value, json};

use crate::client::{Lab, assert_refused, each};

const POLICIES: &str = "alerting/v3/policies";
const WEBHOOKS: &str = "alerting/v3/destinations/webhooks";

async fn webhook(lab: &Lab) -> String {
    let body = json!({ "name": "on call", "url": "https://hooks.example/x", "secret": "hidden" });
    let made = Lab::result(lab.post(WEBHOOKS, body).await);
    made["id"].as_str().unwrap().to_owned()
}

fn policy(kind: &str, webhook: &str) -> Value {
    json!({
        "name": "incidents",
        "alert_type": kind,
        "enabled": true,
        "mechanisms": { "webhooks": [{ "id": webhook }] },
        "filters": { "incident_impact": ["INCIDENT_IMPACT_MAJOR"] },
    })
}

#[tokio::test]
async fn a_policy_names_an_alert_type_and_a_webhook_that_there_are() {
    let lab = Lab::start().await;
    let id = webhook(&lab).await;
    let made = Lab::result(lab.post(POLICIES, policy("incident_alert", &id)).await);
    let path = format!("{POLICIES}/{}", made["id"].as_str().unwrap());
    let shown = Lab::result(lab.get(&path).await);
    assert_eq!(shown["mechanisms"]["webhooks"][0]["id"], json!(id));
    Lab::result(lab.put(&path, json!({ "enabled": false })).await);
    let shown = Lab::result(lab.get(POLICIES).await);
    assert_eq!((&shown[0]["enabled"], &shown[0]["name"]), (&json!(false), &json!("incidents")));
    for wrong in [
        policy("workers_errors", &id),
        policy("incident_alert", "none"),
        json!({ "name": "x", "alert_type": "incident_alert", "enabled": true }),
    ] {
        assert_refused(&lab.post(POLICIES, wrong).await, 400, 17103);
    }
    Lab::result(lab.delete(&path).await);
    assert_refused(&lab.delete(&path).await, 404, 17104);
}

#[tokio::test]
async fn a_webhook_is_changed_and_its_secret_is_not_shown() {
    let lab = Lab::start().await;
    let id = webhook(&lab).await;
    let path = format!("{WEBHOOKS}/{id}");
    let changed = json!({ "name": "nights", "url": "https://hooks.example/y" });
    Lab::result(lab.put(&path, changed).await);
    let list = lab.get(WEBHOOKS).await;
    assert!(!list.1.to_string().contains("hidden"));
    assert_eq!(each(&Lab::result(list), "name"), ["nights"]);
    let plain = json!({ "name": "x", "url": "http://hooks.example" });
    assert_refused(&lab.post(WEBHOOKS, plain).await, 400, 17103);
    Lab::result(lab.delete(&path).await);
    assert_refused(&lab.get(&path).await, 404, 17104);
}

#[tokio::test]
async fn no_alert_type_is_about_errors_of_workers() {
    let lab = Lab::start().await;
    let types = Lab::result(lab.get("alerting/v3/available_alerts").await);
    assert_eq!(each(&types["Billing"], "type"), ["billing_usage_alert"]);
    assert!(!types.to_string().contains("workers"));
    let eligible = Lab::result(lab.get("alerting/v3/destinations/eligible").await);
    assert_eq!(eligible["webhooks"]["eligible"], true);
    assert_eq!(Lab::result(lab.get("alerting/v3/history").await), json!([]));
}
