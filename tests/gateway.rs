//! Other MCP servers behind the door of each: every era in front of every era behind.
//!
//! Tests name the statements of the gateway that they show.

use serde_json::json;

use crate::support::{
    Client,
    gateway::settings,
    lines,
    oauth::get,
    options, start,
    stateless::ask,
    tour::{SSE_CLIENT, STATELESS_CLIENT, answers, is_complete, plan, tour},
    upstream::{
        http,
        mcp::{Era, Server},
        rpc,
    },
    wait,
};
use xtask::server::{Options, Server as Worker};

/// A Worker with one upstream, `t`.
async fn before(upstream: &Server, era: &str) -> Worker {
    let settings = json!({ "t": { "url": upstream.url(), "era": era } }).to_string();
    start(options().var("UPSTREAMS", &settings)).await
}

/// Statements 1 and 2: a client of each era sees all of an upstream through its door.
async fn is_seen_by_all(era: Era, configured: &str) {
    let upstream = Server::start(era).await;
    let worker = before(&upstream, configured).await;
    for (client, path) in [
        ("v1", "/u/t/mcp"),
        ("v2-legacy", "/u/t/mcp"),
        (SSE_CLIENT, "/u/t/sse"),
        (STATELESS_CLIENT, "/u/t/mcp"),
    ] {
        let seen = tour(&format!("{}{path}", worker.url()), client, &plan()).await;
        println!("{client}");
        is_complete(&seen, &answers());
    }
    assert_eq!(upstream.executions("count"), 0);
    assert_eq!(upstream.executions("ask"), 4, "no call is carried out twice");
}

#[tokio::test]
async fn clients_of_every_era_use_a_session_upstream() {
    is_seen_by_all(Era::Session("2025-11-25"), "session").await;
}

#[tokio::test]
async fn clients_of_every_era_use_an_older_session_upstream() {
    is_seen_by_all(Era::Session("2025-06-18"), "auto").await;
}

#[tokio::test]
async fn clients_of_every_era_use_a_stateless_upstream() {
    is_seen_by_all(Era::Stateless, "auto").await;
}

#[tokio::test]
async fn clients_of_every_era_use_an_upstream_of_the_first_transport() {
    is_seen_by_all(Era::Sse, "sse").await;
}

#[tokio::test]
async fn nothing_of_the_caller_reaches_an_upstream() {
    for era in [Era::Session("2025-11-25"), Era::Stateless] {
        let upstream = Server::start(era).await;
        let worker = before(&upstream, "auto").await;
        let client = Client::at(&worker.url(), "/u/t/mcp")
            .with("authorization", "Bearer front-secret-1")
            .with("x-api-key", "front-secret-2")
            .with("cookie", "front-secret-3")
            .connect()
            .await;
        let called = client.call("echo", json!({ "text": "x" })).await;
        assert_eq!(called.tool_text(), "x");
        upstream.never_received("front-secret");
    }
}

#[tokio::test]
async fn lines_and_counters_say_which_upstream_was_asked_and_how_long_that_took() {
    let upstream = Server::start(Era::Stateless).await;
    let worker = before(&upstream, "auto").await;
    let params = json!({ "name": "echo", "arguments": { "text": "x" } });
    let client = Client::at(&worker.url(), "/u/t/mcp");
    ask(&client, "tools/call", params, json!({})).await.result();
    let line = lines::line(&worker, |line| line["upstream_tool"] == "echo").await;
    assert_eq!((&line["upstream"], &line["cell"]), (&json!("t"), &json!("stateless-stateless")));
    assert!(line["upstream_calls"].as_u64() > Some(0), "{line}");
    assert!(line["upstream_ms"].is_u64() && line["upstream_bytes"].as_u64() > Some(0), "{line}");
    let counters = get(&format!("{}/metrics", worker.url())).await.text;
    let labels = r#"{upstream="t",cell="stateless-stateless",end="answered"} "#;
    let count = format!("mcp_upstream_duration_seconds_count{labels}");
    assert!(counters.lines().any(|line| line.starts_with(&count)), "{counters}");
}

/// The object is gone, and with it what it had in memory.
#[tokio::test]
async fn a_stored_session_with_an_upstream_goes_on_and_ends_with_its_clients() {
    let upstream = Server::start(Era::Session("2025-11-25")).await;
    let upstreams = settings(&[("t", &upstream.url(), json!({}))]);
    let storage = tempfile::tempdir().unwrap();
    let options = || {
        let storage = Some(storage.path().into());
        Options { storage, ..options() }.var("UPSTREAMS", &upstreams)
    };
    let worker = start(options()).await;
    let client = Client::at(&worker.url(), "/u/t/mcp").connect().await;
    client.call("echo", json!({ "text": "x" })).await.result();
    let session = client.session();
    drop(worker);
    let opened = upstream.count(&rpc("initialize"));
    let worker = start(options()).await;
    let client = Client::at(&worker.url(), "/u/t/mcp").with("mcp-session-id", &session);
    assert_eq!(client.call("echo", json!({ "text": "y" })).await.tool_text(), "y");
    assert_eq!(upstream.count(&rpc("initialize")), opened, "the stored session goes on");
    drop(worker);
    // Only the row knows of it now.
    let worker = start(options()).await;
    let client = Client::at(&worker.url(), "/u/t/mcp").with("mcp-session-id", &session);
    let ended = upstream.count(&http("DELETE"));
    assert!(client.delete().await.status.is_success());
    wait::holds("the upstream is told", || upstream.count(&http("DELETE")) > ended).await;
}
