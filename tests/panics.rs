use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::time::timeout;
use xtask::skips::skip;

use crate::support::{Client, events::Live, options, server, start, unwinds};

const ABORT: &str = "the Worker is built with panic=abort: no nightly toolchain";

/// The time limit of "at once" on a loaded machine.
const AT_ONCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_panic_before_the_answer_is_a_500_at_once() {
    if !unwinds() {
        return skip("a_panic_before_the_answer_is_a_500_at_once", ABORT);
    }
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    for when in ["before", "drop"] {
        let answer = client.call("panic", json!({ "when": when }));
        // Clients wait for a minute and the server for longer: this is far below, and far above what it takes.
        let answer = timeout(AT_ONCE, answer).await.expect("an answer at once");
        answer.refused(500, -32603);
        assert_eq!(answer.json()["id"], 1, "{when}");
    }
    assert_eq!(
        client.call("echo", json!({ "text": "still here" })).await.tool_text(),
        "still here"
    );
}

#[tokio::test]
async fn a_panic_in_a_stream_ends_it_with_an_error_and_harms_nobody_else() {
    if !unwinds() {
        return skip("a_panic_in_a_stream_ends_it_with_an_error_and_harms_nobody_else", ABORT);
    }
    let server = server().await;
    let neighbour = Client::new(&server.url()).connect().await;
    let held = neighbour.get().await;
    let other = neighbour.call("slow", json!({ "ms": 1_500 }));
    let client = Client::new(&server.url()).connect().await;
    let (failed, other) = tokio::join!(client.call("panic", json!({ "when": "stream" })), other);
    assert!(failed.is_stream());
    assert_eq!(failed.response()["error"]["code"], -32603);
    assert_eq!(other.tool_text(), "done");
    assert_eq!(client.call("echo", json!({ "text": "next" })).await.tool_text(), "next");
    neighbour.call("notify", json!({})).await;
    Live::new(held).until("list_changed").await;
}

#[tokio::test]
async fn what_ends_the_instance_keeps_nobody_waiting_and_sessions_go_on() {
    let server = server().await;
    let neighbour = Client::new(&server.url()).connect().await;
    let client = Client::new(&server.url()).connect().await;
    let held = neighbour.get().await;
    let slow = json!({ "name": "slow", "arguments": { "ms": 60_000 } });
    let slow = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": slow });
    let slow = neighbour.send(Method::POST).body(slow.to_string()).send().await.unwrap();
    let page = client.clone().with("origin", "http://localhost:3000");
    let lost = page.call("panic", json!({ "when": "twice" })).await;
    // No JSON-RPC error: the id is gone with the body, and clients wait on for one that has no id.
    assert_eq!(
        (lost.status.as_u16(), lost.header("content-type")),
        (500, "text/plain; charset=utf-8")
    );
    assert!(lost.text.contains("may have happened"), "{lost:?}");
    assert_eq!(lost.header("access-control-allow-origin"), "http://localhost:3000");
    assert_eq!((lost.header("vary"), lost.header("cache-control")), ("Origin", "no-store"));
    assert!(server.log().contains("a request was lost"), "{}", server.log());
    for stream in [held, slow] {
        assert_eq!(stream.status(), 200);
        // The call would take 60 s, and the other stream would never end.
        let text = timeout(AT_ONCE, stream.text()).await.expect("the stream ends at once");
        assert!(text.is_err(), "the stream ends as if all was said");
    }
    for one in [&client, &neighbour] {
        assert_eq!(one.call("echo", json!({ "text": "next" })).await.tool_text(), "next");
    }
    let held = neighbour.get().await;
    neighbour.call("notify", json!({})).await;
    Live::new(held).until("list_changed").await;
}

#[tokio::test]
async fn what_ends_the_instance_is_not_logged_where_nothing_is() {
    let server = start(options().var("LOG_LEVEL", "off")).await;
    let client = Client::new(&server.url()).connect().await;
    assert_eq!(client.call("panic", json!({ "when": "twice" })).await.status, 500);
    assert_eq!(client.call("echo", json!({ "text": "next" })).await.tool_text(), "next");
    assert!(!server.log().contains("a request was lost"), "{}", server.log());
}
