//! The later generation's view of what a site is doing.

use sandbox::{Generation, Options};
use serde_json::json;

use crate::client::{Api, SITE, detail, october, swift};

#[tokio::test]
async fn a_site_sleeps_and_wakes() {
    let api = Api::with(Options { generation: Generation::October, ..swift() }).await;
    assert_eq!(api.post(&format!("{SITE}/sleep"), json!({})).await.1["status"], "entering_sleep");
    api.sandbox.finish();
    let (_, site) = api.get(SITE).await;
    assert_eq!((&site["status"], &site["is_sleeping"]), (&json!("sleeping"), &json!(true)));
    let busy = "Site is currently busy (Sleeping). Please wait.";
    assert_eq!(api.patch(SITE, json!({ "is_free": true })).await, (400, detail(busy)));
    let (_, actions) = api.get(&format!("{SITE}/legal_actions")).await;
    assert_eq!(actions["legal_actions"], json!(["wake"]));
    assert_eq!(api.post(&format!("{SITE}/wake"), json!({})).await.1["status"], "idle");
    assert_eq!(api.post(&format!("{SITE}/wake"), json!({})).await.0, 400);
}

#[tokio::test]
async fn a_known_state_is_said_to_be_the_same_until_something_happens() {
    let api = Api::with(october()).await;
    let (_, state) = api.get(&format!("{SITE}/read_state")).await;
    let path =
        format!("{SITE}/read_state?known_state_rev={}", state["state_rev"].as_str().unwrap());
    assert_eq!(api.get(&path).await.1["changed"], false);
    api.patch(SITE, json!({ "is_free": true })).await;
    assert_eq!(api.get(&path).await.1["changed"], true);
}

#[tokio::test]
async fn what_may_be_done_depends_on_the_stage() {
    let api = Api::with(october()).await;
    let has = async |site: &str, action: &str| {
        let (_, body) = api.get(&format!("/site/{site}/legal_actions")).await;
        body["legal_actions"].as_array().unwrap().contains(&json!(action))
    };
    assert!(has("site-1.example.com", "commit_stage").await);
    assert!(has("site-2.example.com", "create_stage").await);
    assert!(!has("site-2.example.com", "commit_stage").await);
}

#[tokio::test]
async fn events_are_listed_newest_first_for_a_site_a_team_and_all() {
    let api = Api::with(october()).await;
    api.post(&format!("{SITE}/clear_cache"), json!({})).await;
    api.post("/site/site-2.example.com/clear_cache", json!({})).await;
    let (_, all) = api.get("/event?size=1").await;
    assert_eq!(all["count"], 2);
    assert_eq!(all["results"][0]["fqdn"], "site-2.example.com");
    assert!(all["next"].as_str().unwrap().ends_with("/event?page=2&size=1"));
    assert_eq!(api.get("/event?fqdn=site-1.example.com").await.1["count"], 1);
    assert_eq!(api.get(&format!("{SITE}/event")).await.1["count"], 1);
    assert_eq!(api.get("/event?fqdn=no.example.com").await.0, 404);
}

#[tokio::test]
async fn a_job_keeps_its_site_busy_until_it_is_done() {
    let api = Api::with(Options { generation: Generation::October, ..swift() }).await;
    let path = format!("{SITE}/migrate");
    assert_eq!(api.post(&path, json!({})).await.0, 422);
    assert_eq!(api.post(&path, json!({ "source_url": "elsewhere" })).await.0, 400);
    let (_, job) = api.post(&path, json!({ "source_url": "https://old.example.net" })).await;
    assert_eq!(job["status"], "running");
    assert_eq!(api.get(SITE).await.1["status"], "updating");
    api.sandbox.finish();
    let one = format!("{path}/{}", job["job_id"].as_str().unwrap());
    assert_eq!(api.get(&one).await.1["status"], "completed");
    assert_eq!(api.get(SITE).await.1["status"], "idle");
}
