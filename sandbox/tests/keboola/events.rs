//! Events.

use serde_json::json;

use crate::client::{Lab, assert_refused};

fn event(message: &str) -> serde_json::Value {
    json!({ "message": message, "component": "keboola.mcp-server-tool" })
}

#[tokio::test]
async fn an_event_is_written_and_found_again() {
    let lab = Lab::start().await;
    let mut body = event("Tool called");
    body["type"] = json!("success");
    body["params"] = json!({ "tool": "get_jobs" });
    body["duration"] = json!(2);
    body["runId"] = json!("55");
    body["configurationId"] = json!("c");
    let (status, made) = lab.post("branch/1012/events", body).await;
    assert_eq!(status, 201);
    assert!(made["uuid"].is_string());
    let (_, found) = lab.get("events?runId=55&component=keboola.mcp-server-tool").await;
    let one = &found[0];
    assert_eq!((&one["id"], &one["type"]), (&made["id"], &json!("success")));
    assert_eq!((&one["idBranch"], &one["performance"]), (&json!(1012), &json!({ "duration": 2 })));
    assert_eq!(one["token"], json!({ "id": 10101, "name": "master" }));
    assert_eq!(lab.get(&format!("events/{}", made["id"])).await.1, *one);
    let (_, by_uuid) = lab.get("events?runId=55&forceUuid=true").await;
    assert_eq!(by_uuid[0]["id"], made["uuid"]);
    assert_eq!(lab.get("events?configurationId=c&q=Tool").await.1.as_array().unwrap().len(), 1);
    assert_eq!(lab.get("events?runId=5").await.1, json!([]));
}

#[tokio::test]
async fn events_come_newest_first_in_pages_and_by_id() {
    let lab = Lab::start().await;
    let mut ids = Vec::new();
    for number in 0..3 {
        ids.push(lab.post("events", event(&number.to_string())).await.1["id"].as_u64().unwrap());
        lab.advance(1000);
    }
    let component = "component=keboola.mcp-server-tool";
    let messages = async |query: String| {
        let (_, events) = lab.get(&format!("events?{component}&{query}")).await;
        let list = events.as_array().unwrap().iter();
        list.map(|event| event["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(messages("limit=2".to_owned()).await, ["2", "1"]);
    assert_eq!(messages("limit=2&offset=2".to_owned()).await, ["0"]);
    assert_eq!(messages(format!("sinceId={}", ids[1])).await, ["2"]);
    assert_eq!(messages(format!("maxId={}", ids[1])).await, ["0"]);
    assert_eq!(lab.get("events?limit=10001").await.0, 400);
}

#[tokio::test]
async fn an_event_that_is_incomplete_or_too_large_is_refused() {
    let lab = Lab::start().await;
    assert_eq!(lab.post("events", json!({ "message": "m" })).await.0, 400);
    assert_eq!(lab.post("events", json!({ "component": "c" })).await.0, 400);
    let mut wrong = event("m");
    wrong["type"] = json!("loud");
    assert_eq!(lab.post("events", wrong).await.0, 400);
    let mut wrong = event("m");
    wrong["duration"] = json!(1.5);
    assert_eq!(lab.post("events", wrong).await.0, 400);
    let large = lab.post("events", event(&"x".repeat(200 * 1024))).await;
    assert_refused(&large, 400, "storage.events.validation");
}
