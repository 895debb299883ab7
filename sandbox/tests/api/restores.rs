//! Backups and restores.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{Api, detail};

const RESTORES: &str = "/site/site-2.example.com/pit_restore";

#[tokio::test]
async fn backups_are_the_latest_before_a_moment() {
    let api = Api::start().await;
    let (_, site) = api.get("/site/site-2.example.com").await;
    let moment = site["max_restore_point"].as_str().unwrap();
    let path = format!("{RESTORES}/commits?restore_point={moment}");
    let (status, one) = api.get(&path).await;
    assert_eq!(status, 200);
    assert_eq!(one.as_array().unwrap().len(), 1);
    let (_, three) = api.get(&format!("{path}&number_to_fetch=3")).await;
    let three = three.as_array().unwrap();
    assert_eq!(three.len(), 3);
    assert_eq!(three[0]["id"], one[0]["id"]);
    assert!(three[0]["created_at"].as_str() > three[2]["created_at"].as_str());
    assert_eq!(three[0]["site_live_id"], site["id"]);
    assert!(three[0]["commit_hash"].is_string());
    let (_, none) = api.get(&format!("{RESTORES}/commits?restore_point=2001-01-01")).await;
    assert_eq!(none, json!([]));
}

#[tokio::test]
async fn a_restore_keeps_the_site_busy_for_a_second() {
    let api = Api::start().await;
    let (status, started) = api.post(RESTORES, json!({})).await;
    assert_eq!(status, 200);
    assert_eq!(started["finished_at"], Value::Null);
    assert_eq!(started["passed_dry_run"], Value::Null);
    assert_eq!(started["restore_db"], true);
    let (_, site) = api.get("/site/site-2.example.com").await;
    assert_eq!(site["status"], "restoring");
    let busy = "Site is currently busy (Restoring). Please wait.";
    assert_eq!(api.post(RESTORES, json!({})).await, (400, detail(busy)));

    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let (_, site) = api.get("/site/site-2.example.com").await;
    assert_eq!(site["status"], "idle");
    let id = started["id"].as_str().unwrap();
    let (status, done) = api.get(&format!("{RESTORES}/{id}")).await;
    assert_eq!(status, 200);
    assert!(done["finished_at"].is_string() && done["num_tables_restored"].is_number());
}

#[tokio::test]
async fn a_dry_run_is_over_at_once() {
    let api = Api::start().await;
    let plan = json!({
        "is_dry_run": true,
        "restore_db": false,
        "restore_point": "2026-01-02T03:04:05+01:00",
        "dolt_restore_hash": "abc",
    });
    let (_, tried) = api.post(RESTORES, plan).await;
    assert_eq!(tried["passed_dry_run"], true);
    assert_eq!(tried["restore_point"], "2026-01-02T02:04:05.000000Z");
    assert_eq!(tried["git_restore_hash"], "abc");
    assert_eq!(tried["num_tables_restored"], Value::Null);
    assert!(tried["finished_at"].is_string());
    let (_, site) = api.get("/site/site-2.example.com").await;
    assert_eq!(site["status"], "idle");
}

#[tokio::test]
async fn restores_are_listed_newest_first() {
    let api = Api::start().await;
    let (_, first) = api.post(RESTORES, json!({ "is_dry_run": true })).await;
    let (_, second) = api.post(RESTORES, json!({ "is_dry_run": true })).await;
    let (_, list) = api.get(RESTORES).await;
    assert_eq!(list["count"], 2);
    assert_eq!(list["results"][0]["id"], second["id"]);
    assert_eq!(list["results"][1]["id"], first["id"]);
    let unknown = format!("{RESTORES}/00000000-0000-4000-8000-000000000000");
    assert_eq!(api.get(&unknown).await, (404, detail("Restore not found")));
}

#[tokio::test]
async fn only_the_first_site_has_a_stage() {
    let api = Api::start().await;
    let (status, stage) = api.get("/site/site-1.example.com/stage").await;
    assert_eq!((status, &stage["fqdn"]), (200, &json!("stage.site-1.example.com")));
    let none = (404, detail("Stage site not found"));
    assert_eq!(api.get("/site/site-2.example.com/stage").await, none);
    let for_stage = json!({ "for_stage_site": true });
    assert_eq!(api.post(RESTORES, for_stage).await, none);
}
