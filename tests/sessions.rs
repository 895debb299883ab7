use serde_json::json;
use xtask::server::Server;

use crate::support::{Client, options, server, start};

#[tokio::test]
async fn a_request_without_a_session_is_told_to_initialize() {
    let server = server().await;
    let answer = Client::new(&server.url()).request("tools/list", json!({})).await;
    answer.refused(400, -32000);
    assert!(answer.text.contains("initialize"), "{answer:?}");
}

#[tokio::test]
async fn a_client_may_forget_its_session_where_it_says_that_it_is_initialized() {
    let server = server().await;
    let told = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(Client::new(&server.url()).post(told).await.status, 202);
}

#[tokio::test]
async fn each_token_has_sessions_of_its_own() {
    let server = start(options().var("MCP_API_KEY", "key")).await;
    let with = |token: &str| {
        Client::new(&server.url())
            .with("authorization", "Bearer key")
            .with("x-sitebay-token", token)
    };
    let alice = with("alice's token").connect().await;
    let bob = with("bob's token").connect().await;
    let crossed = with("bob's token").with("mcp-session-id", &alice.session());
    crossed.request("ping", json!({})).await.refused(404, -32001);
    let crossed = with("alice's token").with("mcp-session-id", &bob.session());
    crossed.request("ping", json!({})).await.refused(404, -32001);
    let none = Client::new(&server.url()).with("authorization", "Bearer key");
    none.with("mcp-session-id", &bob.session())
        .request("ping", json!({}))
        .await
        .refused(404, -32001);
    assert_eq!(alice.request("ping", json!({})).await.status, 200);
    assert_eq!(bob.request("ping", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_token_is_no_part_of_an_id() {
    let server = server().await;
    let token = "a-token-that-must-not-show";
    let client = Client::new(&server.url()).with("x-sitebay-token", token).connect().await;
    let whoami = client.call("whoami", json!({})).await;
    assert_eq!(whoami.result()["structuredContent"]["ownCredential"], true);
    assert!(!whoami.text.contains(token));
    assert!(!client.session().contains(token));
}

#[tokio::test]
async fn internal_headers_of_a_client_have_no_effect() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let before = client.call("whoami", json!({})).await.text;
    let forging = client.with("x-internal-seal", "forged").with("x-internal-subject", "admin");
    assert_eq!(forging.call("whoami", json!({})).await.text, before);
    assert_eq!(forging.get().await.status(), 200);
    assert_eq!(forging.delete().await.status, 204);
}

#[tokio::test]
async fn a_version_that_is_not_served_is_refused_with_what_is() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let wrong = client.with("mcp-protocol-version", "1999-01-01");
    let answer = wrong.request("ping", json!({})).await;
    answer.refused(400, -32000);
    assert!(answer.json()["error"]["data"]["supported"].is_array(), "{answer:?}");
    let without = wrong.without("mcp-protocol-version");
    assert_eq!(without.request("ping", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_generated_key_is_kept() {
    let mut server = start(options().var("SESSION_KEY", "")).await;
    let client = Client::new(&server.url()).connect().await;
    assert_eq!(client.request("ping", json!({})).await.status, 200);
    server.restart().await.unwrap();
    assert_eq!(client.request("ping", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_generated_subject_key_goes_on_when_a_session_key_is_set() {
    let name = async |server: &Server| {
        let client = Client::new(&server.url()).connect().await;
        client.call("whoami", json!({})).await.result()["structuredContent"]["subject"].clone()
    };
    let keys = |session: &str, subject: &str| {
        options().var("SESSION_KEY", session).var("SUBJECT_KEY", subject)
    };
    let own = "own-own-own-own-own-own-own-own-own-own-";
    let mut server = start(keys("", "")).await;
    let generated = name(&server).await;
    server.restart_with(&keys(own, "generated")).await.unwrap();
    assert_eq!(name(&server).await, generated);
    server.restart_with(&keys(own, "")).await.unwrap();
    assert_ne!(name(&server).await, generated);
    server.restart_with(&keys("", "")).await.unwrap();
    assert_eq!(name(&server).await, generated);
    server.restart_with(&keys("", own)).await.unwrap();
    assert_ne!(name(&server).await, generated);
}

#[tokio::test]
async fn sessions_survive_a_new_key_in_front() {
    let old = "old-old-old-old-old-old-old-old-old-old-";
    let new = format!("new-new-new-new-new-new-new-new-new-new-,{old}");
    let before = start(options().var("SESSION_KEY", old)).await;
    let client = Client::new(&before.url()).connect().await;
    let after = start(options().var("SESSION_KEY", &new)).await;
    let moved = Client::new(&after.url()).with("mcp-session-id", &client.session());
    assert_eq!(moved.request("ping", json!({})).await.status, 200);
}
