use serde_json::json;

use crate::support::{Client, options, start};

#[tokio::test]
async fn a_key_is_needed_where_one_is_set() {
    let server = start(options().var("MCP_API_KEY", "k3y-of-this-test")).await;
    let client = Client::new(&server.url());
    for authorization in
        [None, Some("Bearer wrong"), Some("k3y-of-this-test"), Some("Basic k3y-of-this-test")]
    {
        let client = match authorization {
            Some(value) => client.clone().with("authorization", value),
            None => client.clone(),
        };
        let answer = client.initialize("2025-11-25").await;
        answer.refused(401, -32000);
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert_eq!(client.get().await.status(), 401);
        assert_eq!(client.delete().await.status, 401);
        assert!(!answer.text.contains("k3y-of-this-test"), "{answer:?}");
    }
    let client = client.with("authorization", "Bearer k3y-of-this-test").connect().await;
    assert_eq!(client.request("ping", json!({})).await.status, 200);
    let keyless = client.without("authorization");
    keyless.request("ping", json!({})).await.refused(401, -32000);
}

#[tokio::test]
async fn nothing_configured_is_closed_outside_development() {
    let server = start(options().var("ENVIRONMENT", "production")).await;
    let answer = Client::new(&server.url()).initialize("2025-11-25").await;
    answer.refused(503, -32000);
    assert!(answer.text.contains("MCP_API_KEY"), "{answer:?}");
    let health = reqwest::get(format!("{}/health", server.url())).await.unwrap();
    assert_eq!(health.status(), 503);
}

#[tokio::test]
async fn a_weak_session_key_is_refused_with_a_reason() {
    let server = start(options().var("SESSION_KEY", "short")).await;
    let answer = Client::new(&server.url()).initialize("2025-11-25").await;
    answer.refused(503, -32000);
    assert!(answer.text.contains("SESSION_KEY"), "{answer:?}");
}
