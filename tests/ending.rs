//! `DELETE /sessions`: the end of all sessions of a caller.

use std::fs;

use reqwest::Method;
use serde_json::json;
use xtask::{clock::Clock, server::Options, skips::skip};

use crate::{
    sse,
    support::{
        Answer, Client, events::Live, options, server, start, stateless::call, stateless::listen,
    },
};

/// Ends the sessions of this client's subject.
async fn end_all(url: &str, token: Option<&str>) -> Answer {
    let client = Client::at(url, "/sessions");
    match token {
        Some(token) => client.with("x-sitebay-token", token).delete().await,
        None => client.delete().await,
    }
}

#[tokio::test]
async fn all_sessions_and_streams_of_a_subject_end_and_nobody_else_s() {
    let mut server = server().await;
    let url = server.url();
    let client = Client::new(&url).connect().await;
    let live = Live::new(client.get().await);
    let idle = Client::new(&url).connect().await;
    idle.request("resources/subscribe", json!({ "uri": "test://a" })).await.result();
    let (old, old_client) = sse::open(&url, "/sse").await;
    let mut listener = listen(&url, json!({ "toolsListChanged": true })).await;
    listener.until("acknowledged").await;
    let other = Client::new(&url).with("x-sitebay-token", "another").connect().await;
    let mut of_other = Live::new(other.get().await);
    of_other.until(": connected").await;

    let ended = end_all(&url, None).await;
    assert_eq!((ended.status.as_u16(), ended.text.as_str()), (204, ""));
    for session in [&client, &idle] {
        session.request("ping", json!({})).await.refused(404, -32001);
        assert_eq!(session.get().await.status(), 404);
        assert_eq!(session.delete().await.status, 404);
    }
    let message = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    old_client.post(message).await.refused(404, -32001);
    for stream in [live, old, listener] {
        let text = stream.rest().await;
        assert!(text.contains("closed: the session was ended"), "{text}");
    }
    assert_eq!(other.request("ping", json!({})).await.status, 200);
    other.call("notify", json!({})).await.result();
    of_other.until("list_changed").await;
    server.restart().await.unwrap();
    client.request("ping", json!({})).await.refused(404, -32001);
    assert_eq!(other.request("ping", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_session_started_after_the_end_of_all_lives() {
    let server = start(Options { isolates: 2, ..options() }).await;
    let [here, there] = server.urls().try_into().unwrap();
    let mut before = Client::new(&here).connect().await;
    for url in [&here, &there, &here] {
        assert_eq!(end_all(&here, None).await.status, 204);
        let client = Client::new(url).connect().await;
        assert_eq!(client.request("ping", json!({})).await.status, 200);
        let mut live = Live::new(client.get().await);
        live.until(": connected").await;
        before.request("ping", json!({})).await.refused(404, -32001);
        before = client;
    }
}

#[tokio::test]
async fn the_end_of_all_is_known_in_every_isolate_within_30_s() {
    let Some(clock) = Clock::new().expect("the compiler works") else {
        return skip("the_end_of_all_is_known_in_every_isolate_within_30_s", "no C compiler");
    };
    let server = start(clock.of(Options { isolates: 2, ..options() })).await;
    let [here, there] = server.urls().try_into().unwrap();
    let client = Client::new(&there).connect().await;
    let live = Live::new(client.get().await);
    assert_eq!(end_all(&here, None).await.status, 204);
    // The stream ends at once, because its object is notified.
    let text = live.rest().await;
    assert!(text.contains("the session was ended"), "{text}");
    // So does the session whose object was notified.
    client.request("ping", json!({})).await.refused(404, -32001);
    let idle = Client::new(&there).connect().await;
    let quiet = Client::new(&there).connect().await;
    assert_eq!(quiet.request("ping", json!({})).await.status, 200);
    assert_eq!(end_all(&here, None).await.status, 204);
    clock.set(31).unwrap();
    quiet.request("ping", json!({})).await.refused(404, -32001);
    idle.request("ping", json!({})).await.refused(404, -32001);
}

#[tokio::test]
async fn ending_all_needs_what_every_request_needs() {
    let server = start(options().var("MCP_API_KEY", "k")).await;
    end_all(&server.url(), None).await.refused(401, -32000);
    let client = Client::at(&server.url(), "/sessions").with("authorization", "Bearer k");
    let get = Answer::of(client.get().await).await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, "DELETE, OPTIONS"));
    let foreign = client.clone().with("origin", "https://page.example");
    assert_eq!(foreign.delete().await.status, 403);
    let page = client.with("origin", "http://localhost:3000");
    let preflight = page.send(Method::OPTIONS).header("access-control-request-method", "DELETE");
    let preflight = Answer::of(preflight.send().await.unwrap()).await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-methods").contains("DELETE"));
    let ended = page.delete().await;
    assert_eq!(ended.status, 204);
    assert_eq!(ended.header("access-control-allow-origin"), "http://localhost:3000");
}

#[tokio::test]
async fn no_session_is_let_in_where_nobody_knows_whether_it_was_ended() {
    let server = server().await;
    let known = Client::new(&server.url()).with("x-sitebay-token", "another").connect().await;
    // Without their folder, no other hub can be opened.
    fs::remove_dir_all(server.storage().join("sitebay-mcp-HubAgent")).unwrap();
    let client = Client::new(&server.url());
    let session = client.initialize("2025-11-25").await.header("mcp-session-id").to_owned();
    let answer = client.clone().with("mcp-session-id", &session).request("ping", json!({})).await;
    answer.refused(503, -32000);
    assert_eq!(answer.header("retry-after"), "1");
    end_all(&server.url(), None).await.refused(503, -32000);
    assert_eq!(known.request("ping", json!({})).await.status, 200);
    // Requests without a session ask no hub.
    call(&client, "whoami", json!({})).await.result();
}
