//! Scopes: lists show the allowed tools, other calls are refused with the scopes they need.

use serde_json::json;

use crate::support::{
    Answer, Client,
    issuer::{claims, hs256},
    options, start,
    stateless::ask,
};

const SECRET: &str = "a-secret-of-this-test-with-enough-characters";

fn with_scope(url: &str, scope: &str) -> Client {
    let token = hs256(SECRET, claims(json!({ "scope": scope })));
    Client::new(url)
        .with("authorization", &format!("Bearer {token}"))
        .with("x-sitebay-token", "a-token-of-ada")
}

fn names(list: &Answer) -> Vec<String> {
    let tools = list.result()["tools"].as_array().unwrap().clone();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

fn needs_write(answer: &Answer) {
    answer.refused(403, -32000);
    assert_eq!(answer.json()["id"], 1);
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"read write\"";
    assert_eq!(answer.header("www-authenticate"), challenge);
}

#[tokio::test]
async fn who_may_only_read_sees_and_calls_only_what_reads() {
    let server = start(options().var("MCP_JWT_SECRET", SECRET)).await;
    let reader = with_scope(&server.url(), "read").connect().await;
    let listed = names(&reader.request("tools/list", json!({})).await);
    assert!(listed.iter().any(|name| name == "sitebay_list_sites"));
    assert!(!listed.iter().any(|name| name == "sitebay_create_site"));
    assert_eq!(reader.call("sitebay_list_sites", json!({})).await.status, 200);
    let before = server.sandbox().unwrap().requests().len();
    needs_write(&reader.call("sitebay_create_site", json!({})).await);
    needs_write(
        &reader.call("sitebay_delete_site", json!({ "fqdn": "a.org", "confirm": true })).await,
    );
    assert_eq!(server.sandbox().unwrap().requests().len(), before);
    // The same session with a token that may do more: the step-up that clients make.
    let wider = with_scope(&server.url(), "write").with("mcp-session-id", &reader.session());
    let listed = names(&wider.request("tools/list", json!({})).await);
    assert!(listed.iter().any(|name| name == "sitebay_create_site"));
}

#[tokio::test]
async fn without_a_session_it_is_the_same() {
    let server = start(options().var("MCP_JWT_SECRET", SECRET)).await;
    let reader = with_scope(&server.url(), "read");
    let list = ask(&reader, "tools/list", json!({}), json!({})).await;
    assert!(!names(&list).iter().any(|name| name == "sitebay_create_site"));
    assert_eq!(list.result()["cacheScope"], "private");
    let writer = with_scope(&server.url(), "read write");
    let list = ask(&writer, "tools/list", json!({}), json!({})).await;
    assert_eq!(list.result()["cacheScope"], "public");
    let create = json!({ "name": "sitebay_create_site" });
    needs_write(&ask(&reader, "tools/call", create, json!({})).await);
    let cancel = json!({ "taskId": "x" });
    let tasks = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    needs_write(&ask(&reader, "tasks/cancel", cancel, tasks).await);
}

#[tokio::test]
async fn in_a_batch_and_on_a_stream_the_error_says_it() {
    let server = start(options().var("MCP_JWT_SECRET", SECRET)).await;
    let reader = with_scope(&server.url(), "read").connect_as("2025-03-26").await;
    let call = json!({ "name": "sitebay_create_site", "arguments": {} });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call });
    let ping = json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" });
    let answer = reader.post(json!([call, ping]).to_string()).await;
    assert_eq!(answer.status, 200);
    let message = answer.json()[0]["error"]["message"].to_string();
    assert!(message.contains("insufficient scope"), "{answer:?}");
    assert_eq!(answer.json()[1]["result"], json!({}));
}

#[tokio::test]
async fn a_token_without_any_of_our_scopes_is_refused_at_the_door() {
    let server = start(options().var("MCP_JWT_SECRET", SECRET)).await;
    let answer = with_scope(&server.url(), "openid profile").initialize("2025-11-25").await;
    answer.refused(403, -32000);
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"read\"";
    assert_eq!(answer.header("www-authenticate"), challenge);
}
