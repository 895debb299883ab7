//! Changes to a site's settings.

use serde_json::{Value, json};

use crate::client::{Api, OTHER_TEAM, detail};

const SITE: &str = "/site/site-1.example.com";

#[tokio::test]
async fn given_settings_change_and_others_stay() {
    let api = Api::start().await;
    let (_, before) = api.get(SITE).await;
    let change = json!({
        "http_auth_enabled": true,
        "is_free": true,
        "team_id": OTHER_TEAM,
        "cf_dev_mode_enabled": true,
        "git_url": "https://git.example.com/a.git",
    });
    let (status, after) = api.patch(SITE, change).await;
    assert_eq!(status, 200);
    assert_eq!(after["http_auth_enabled"], true);
    assert_eq!(after["is_free"], true);
    assert_eq!(after["team"]["id"], OTHER_TEAM);
    assert_eq!(after["properties"]["cf_dev_mode_enabled"], true);
    assert_eq!(after["git_url"], "https://git.example.com/a.git");
    assert_eq!(after["id"], before["id"]);
    let (_, same) = api.patch(SITE, json!({})).await;
    assert_eq!(same["git_url"], after["git_url"]);
}

#[tokio::test]
async fn null_disconnects_the_repository_and_changes_nothing_else() {
    let api = Api::start().await;
    let connect = json!({ "git_url": "https://git.example.com/a.git", "is_free": true });
    api.patch(SITE, connect).await;
    let change = json!({ "git_url": null, "is_free": null, "new_fqdn": null, "team_id": null });
    let (status, site) = api.patch(SITE, change).await;
    assert_eq!(status, 200);
    assert_eq!((&site["git_url"], &site["is_free"]), (&Value::Null, &json!(true)));
}

#[tokio::test]
async fn a_site_can_be_renamed_to_a_free_name() {
    let api = Api::start().await;
    let (status, _) = api.patch(SITE, json!({ "new_fqdn": "site-2.example.com" })).await;
    assert_eq!(status, 400);
    let (status, site) = api.patch(SITE, json!({ "new_fqdn": "renamed.example.com" })).await;
    assert_eq!((status, &site["fqdn"]), (200, &json!("renamed.example.com")));
    assert_eq!(api.get(SITE).await.0, 404);
    assert_eq!(api.get("/site/renamed.example.com").await.1["id"], site["id"]);
}

#[tokio::test]
async fn a_refused_change_changes_nothing() {
    let api = Api::start().await;
    let nobody = "00000000-0000-4000-8000-000000000000";
    let change = json!({ "new_fqdn": "renamed.example.com", "team_id": nobody });
    assert_eq!(api.patch(SITE, change).await, (404, detail("Team not found")));
    assert_eq!(api.get(SITE).await.0, 200);
}
