use serde_json::json;

use crate::support::{Client, server};

#[tokio::test]
async fn the_version_asked_for_is_spoken_where_it_is_served() {
    let server = server().await;
    let client = Client::new(&server.url());
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let answer = client.initialize(version).await;
        assert_eq!(answer.result()["protocolVersion"], version);
    }
    let answer = client.initialize("2031-01-01").await;
    assert_eq!(answer.result()["protocolVersion"], "2025-11-25");
}

#[tokio::test]
async fn a_session_id_is_visible_ascii_of_at_most_512_characters() {
    let server = server().await;
    let long = "ä".repeat(3_000);
    let params = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": { "elicitation": {}, "sampling": {}, "roots": {} },
        "clientInfo": { "name": long, "version": long },
    });
    let answer = Client::new(&server.url()).request("initialize", params).await;
    let id = answer.header("mcp-session-id");
    assert!((32..=512).contains(&id.len()), "{}", id.len());
    assert!(id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)));
}

#[tokio::test]
async fn what_initialize_lacks_is_named() {
    let server = server().await;
    let client = Client::new(&server.url());
    let answer = client.request("initialize", json!({ "capabilities": {} })).await;
    answer.refused(400, -32602);
    assert!(answer.text.contains("protocolVersion"), "{answer:?}");
    client.request("initialize", json!([1])).await.refused(400, -32602);
}

#[tokio::test]
async fn a_session_is_initialized_once() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let again = client.initialize("2025-11-25").await;
    assert_eq!(again.json()["error"]["code"], -32600, "{again:?}");
}
