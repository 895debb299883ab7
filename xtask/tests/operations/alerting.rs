//! `cargo xtask alerts apply`.

use sandbox::cloudflare::token;

use crate::lab::{KEY, Lab};

const APPLY: [&str; 4] = ["alerts", "apply", "--env", "staging"];
const DESTINATION: [(&str, &str); 2] =
    [("ALERT_WEBHOOK_URL", "https://hooks.example.com/x"), ("ALERT_WEBHOOK_SECRET", KEY)];

#[tokio::test]
async fn notifications_are_made_once_and_changed_back() {
    let lab = Lab::start().await;
    let first = lab.run_with(&APPLY, &DESTINATION).await.good();
    assert!(first.out.contains("sitebay-mcp-staging: certificates: made"), "{first:?}");
    let again = lab.run_with(&APPLY, &DESTINATION).await.good();
    assert!(!again.out.contains("made") && again.out.contains("as it was"), "{again:?}");
    let policies = lab.api("GET", "alerting/v3/policies", None).await;
    let policies = policies.as_array().unwrap().clone();
    assert_eq!(policies.len(), first.out.lines().count());
    let id = policies[0]["id"].as_str().unwrap();
    let off = serde_json::json!({ "enabled": false });
    lab.api("PUT", &format!("alerting/v3/policies/{id}"), Some(off)).await;
    let third = lab.run_with(&APPLY, &DESTINATION).await.good();
    assert_eq!(third.out.matches("changed").count(), 1, "{third:?}");
    let webhooks = lab.api("GET", "alerting/v3/destinations/webhooks", None).await;
    assert_eq!(webhooks.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn without_the_permission_the_refusal_is_shown_and_nothing_is_changed() {
    let lab = Lab::start().await;
    let token = token("read");
    let more = [DESTINATION[0], DESTINATION[1], ("CLOUDFLARE_API_TOKEN", &*token)];
    lab.run_with(&APPLY, &more).await.refused("Cloudflare answered 403");
    assert!(!lab.has_changed());
    let http = [("ALERT_WEBHOOK_URL", "http://hooks.example.com/x"), DESTINATION[1]];
    lab.run_with(&APPLY, &http).await.refused("expected an https URL");
}
