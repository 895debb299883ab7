//! The AI service and sync actions, which both take only Storage tokens.

use serde_json::{Value, json};

use crate::client::{Lab, answer};

#[tokio::test]
async fn a_component_is_documented() {
    let lab = Lab::start().await;
    let (status, found) = lab.ask("GET", "ai", "docs/components/keboola.ex-db-mysql").await;
    assert_eq!((status, &found["componentName"]), (200, &json!("MySQL")));
    assert!(found["rowConfigurationExamples"][0].is_object());
    assert_eq!(found["synchronousActions"], json!(["testConnection", "getTables"]));
    assert_eq!(lab.ask("GET", "ai", "docs/components/nope").await.0, 404);
}

#[tokio::test]
async fn answers_are_events_unless_json_is_asked_for() {
    let lab = Lab::start().await;
    let ask = || lab.request("POST", "ai", "docs/question").json(&json!({ "query": "How?" }));
    let (status, body) = answer(ask().header("Accept", "application/json")).await;
    assert_eq!(status, 200);
    assert!(body["text"].as_str().unwrap().contains("How?"));
    assert_eq!(body["sourceUrls"].as_array().unwrap().len(), 1);
    let response = ask().send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await.unwrap();
    let data = text.strip_prefix("data: ").unwrap().trim();
    assert_eq!(serde_json::from_str::<Value>(data).unwrap(), body);
}

#[tokio::test]
async fn suggestions_are_scored_and_an_empty_question_is_refused() {
    let lab = Lab::start().await;
    let request =
        lab.request("POST", "ai", "suggest/component").header("Accept", "application/json");
    let (_, found) = answer(request.json(&json!({ "prompt": "read tables from MySQL" }))).await;
    assert_eq!(found["components"][0]["componentId"], "keboola.ex-db-mysql");
    assert!(found["components"][0]["score"].as_f64().unwrap() > 0.0);
    for (path, body) in [
        ("docs/question", json!({ "query": " " })),
        ("docs/question", json!({})),
        ("suggest/component", json!({ "prompt": "" })),
    ] {
        assert_eq!(lab.send("POST", "ai", path, body).await.0, 422);
    }
}

#[tokio::test]
async fn bearers_are_refused() {
    let lab = Lab::start().await;
    for (service, path) in [("ai", "docs/question"), ("sync-actions", "actions")] {
        let request = lab.bare("POST", service, path).bearer_auth("anything").json(&json!({}));
        assert_eq!(answer(request).await.0, 401);
    }
}

#[tokio::test]
async fn a_sync_action_answers_or_says_what_failed() {
    let lab = Lab::start().await;
    let act = |action: &str, host: &str| {
        let body = json!({
            "componentId": "keboola.ex-db-mysql", "action": action, "branchId": "default",
            "configData": { "parameters": { "db": { "host": host } } },
        });
        answer(lab.request("POST", "sync-actions", "actions").json(&body))
    };
    assert_eq!(act("testConnection", "db").await, (200, json!({ "status": "success" })));
    assert_eq!(act("getTables", "db").await.1[0]["name"], "orders");
    let (status, body) = act("testConnection", "unreachable").await;
    assert_eq!(status, 400);
    assert_eq!(body["error"], "Could not connect to host \"unreachable\"");
    assert_eq!(act("fly", "db").await.0, 400);
}
