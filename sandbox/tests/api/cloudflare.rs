//! The cache in front of a site.

use serde_json::{Value, json};

use crate::client::{Api, SITE, detail, october};

#[tokio::test]
async fn settings_given_are_switched_and_null_leaves_one_alone() {
    let api = Api::start().await;
    let path = format!("{SITE}/cf_settings");
    let (_, view) = api.patch(&path, json!({ "dev_mode": true, "rocket_loader": true })).await;
    assert_eq!(view["settings"]["dev_mode"], true);
    let (_, view) = api.patch(&path, json!({ "dev_mode": null, "rocket_loader": false })).await;
    assert_eq!(
        (&view["settings"]["dev_mode"], &view["settings"]["rocket_loader"]),
        (&json!(true), &json!(false))
    );
    let (_, tools) = api.get(&format!("{SITE}/tools")).await;
    assert_eq!(tools["settings"], view["settings"]);
    assert_eq!(tools["settings"].as_object().map(serde_json::Map::len), Some(9));
    assert_eq!(api.get(SITE).await.1["properties"]["cf_dev_mode_enabled"], true);
    assert_eq!(api.patch(&path, json!({})).await, (400, detail("No settings given")));
    assert_eq!(api.patch(&path, json!({ "dev_mode": "on" })).await.0, 422);
}

#[tokio::test]
async fn clearing_and_guarding_are_remembered() {
    let api = Api::start().await;
    let tools = format!("{SITE}/tools");
    assert_eq!(api.get(&tools).await.1["cache_purged_at"], Value::Null);
    assert_eq!(api.post(&format!("{SITE}/clear_cache"), json!({})).await.0, 200);
    let guard = format!("{SITE}/waf_login_protection");
    assert_eq!(api.post(&guard, json!({ "enabled": true })).await.1["enabled"], true);
    let (_, view) = api.get(&tools).await;
    assert!(view["cache_purged_at"].is_string());
    assert_eq!(view["waf_login_protection"], true);
    assert_eq!(api.post(&guard, json!({})).await.0, 422);
}

#[tokio::test]
async fn the_later_generation_switches_the_development_mode_by_itself() {
    let api = Api::with(october()).await;
    let path = format!("{SITE}/change_dev_mode");
    assert_eq!(api.patch(&path, json!({})).await.0, 422);
    assert_eq!(api.patch(&format!("{path}?enable=true"), json!({})).await.0, 200);
    assert_eq!(api.get(&format!("{SITE}/tools")).await.1["settings"]["dev_mode"], true);
}
