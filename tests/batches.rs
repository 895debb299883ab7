use serde_json::{Value, json};

use crate::support::{Client, server};

#[tokio::test]
async fn a_batch_is_answered_in_the_version_that_has_them() {
    let server = server().await;
    let client = Client::new(&server.url()).connect_as("2025-03-26").await;
    let batch = json!([
        { "jsonrpc": "2.0", "id": "a", "method": "ping" },
        { "jsonrpc": "2.0", "method": "notifications/initialized" },
        { "jsonrpc": "2.0", "id": 2, "method": "tools/call",
          "params": { "name": "echo", "arguments": { "text": "two" } } },
    ]);
    let answer = client.post(batch.to_string()).await;
    let answers: Vec<Value> = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(answers.len(), 2, "{answers:?}");
    assert_eq!(answers[0]["id"], "a");
    assert_eq!(answers[1]["result"]["content"][0]["text"], "two");
    let silent = json!([{ "jsonrpc": "2.0", "method": "notifications/initialized" }]);
    assert_eq!(client.post(silent.to_string()).await.status, 202);
}

#[tokio::test]
async fn later_versions_refuse_batches() {
    let server = server().await;
    let batch = json!([{ "jsonrpc": "2.0", "id": 1, "method": "ping" }]).to_string();
    for version in ["2025-06-18", "2025-11-25"] {
        let client = Client::new(&server.url()).connect_as(version).await;
        client.post(batch.clone()).await.refused(400, -32600);
    }
}

#[tokio::test]
async fn initialize_stands_alone() {
    let server = server().await;
    let params = json!({ "protocolVersion": "2025-03-26", "capabilities": {} });
    let batch = json!([{ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }]);
    Client::new(&server.url()).post(batch.to_string()).await.refused(400, -32600);
}
