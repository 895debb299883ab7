//! Queues.

use serde_json::json;

use crate::client::{Lab, WORKER, assert_refused};

#[tokio::test]
async fn a_queue_shows_who_sends_and_who_takes() {
    let lab = Lab::start().await;
    let id = lab.id("queues", "queue_name", "sitebay-mcp-staging-jobs", "queue_id").await;
    let queue = Lab::result(lab.get(&format!("queues/{id}")).await);
    assert_eq!(queue["producers"][0]["script"], WORKER);
    assert_eq!(queue["consumers"][0]["script"], WORKER);
    let consumers = format!("queues/{id}/consumers");
    let again = json!({ "type": "worker", "script_name": WORKER });
    assert_refused(&lab.post(&consumers, again).await, 409, 11004);
    let listed = Lab::result(lab.get(&consumers).await);
    let path = format!("{consumers}/{}", listed[0]["consumer_id"].as_str().unwrap());
    Lab::result(lab.delete(&path).await);
    assert_refused(&lab.delete(&path).await, 404, 11005);
}

#[tokio::test]
async fn a_queue_is_made_once_changed_and_deleted() {
    let lab = Lab::start().await;
    let made = Lab::result(lab.post("queues", json!({ "queue_name": "fresh" })).await);
    assert_refused(&lab.post("queues", json!({ "queue_name": "fresh" })).await, 409, 11009);
    assert_refused(&lab.post("queues", json!({ "queue_name": "Not So" })).await, 400, 10026);
    let path = format!("queues/{}", made["queue_id"].as_str().unwrap());
    let paused = json!({ "settings": { "delivery_paused": true } });
    let changed = Lab::result(lab.patch(&path, paused).await);
    assert_eq!(changed["settings"]["delivery_paused"], true);
    assert_eq!(changed["settings"]["message_retention_period"], 345_600);
    Lab::result(lab.delete(&path).await);
    assert_refused(&lab.get(&path).await, 404, 11003);
}

#[tokio::test]
async fn the_backlog_is_counted_and_purged() {
    let lab = Lab::start().await;
    let id = lab.id("queues", "queue_name", "sitebay-mcp-staging-jobs", "queue_id").await;
    let at = |what: &str| format!("queues/{id}/{what}");
    Lab::result(lab.post(&at("messages"), json!({ "body": "job" })).await);
    let metrics = Lab::result(lab.get(&at("metrics")).await);
    assert_eq!((&metrics["backlog_count"], &metrics["backlog_bytes"]), (&json!(1), &json!(14)));
    assert_refused(&lab.post(&at("purge"), json!({})).await, 400, 10026);
    let yes = json!({ "delete_messages_permanently": true });
    Lab::result(lab.post(&at("purge"), yes).await);
    assert_eq!(Lab::result(lab.get(&at("metrics")).await)["backlog_count"], 0);
}
