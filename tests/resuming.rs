//! Reading on after a lost connection.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::support::{
    Client,
    events::{Live, parse},
    server,
};

fn slow(ms: u32, steps: u32) -> String {
    json!({
        "jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": {
            "name": "slow",
            "arguments": { "ms": ms, "steps": steps },
            "_meta": { "progressToken": 1 },
        },
    })
    .to_string()
}

/// Starts a call, reads until `what`, and loses the connection; returns the last event's id.
async fn lose(client: &Client, body: String, what: &str) -> String {
    let sent = client.send(Method::POST).body(body).send().await.unwrap();
    let mut live = Live::new(sent);
    let events = parse(live.until(what).await);
    events.last().unwrap().id.clone().unwrap()
}

#[tokio::test]
async fn the_rest_of_a_running_call_comes_on_another_connection() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let last = lose(&client, slow(1_500, 5), r#""progress":2.0"#).await;
    let resumed = client.clone().with("last-event-id", &last).get().await;
    let text = Live::new(resumed).rest().await;
    assert!(!text.contains(r#""progress":2.0"#) && text.contains(r#""progress":3.0"#), "{text}");
    assert!(text.contains("done") && text.contains(r#""id":7"#), "{text}");
}

#[tokio::test]
async fn an_answer_waits_for_a_client_that_was_away() {
    let mut server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let last = lose(&client, slow(800, 2), r#""progress":1.0"#).await;
    tokio::time::sleep(Duration::from_millis(1_000)).await;
    let back = client.clone().with("last-event-id", &last);
    let text = Live::new(back.get().await).rest().await;
    assert!(text.contains("done"), "{text}");
    // Also over a restart: it was stored before it was written out.
    server.restart().await.unwrap();
    let text = Live::new(back.get().await).rest().await;
    assert!(text.contains("done") && text.contains(r#""id":7"#), "{text}");
}

#[tokio::test]
async fn the_oldest_answers_go_where_many_wait() {
    let mut server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let mut ids = Vec::new();
    for _ in 0..70 {
        let answer = client.post(slow(20, 1)).await;
        ids.push(answer.events()[0].id.clone().unwrap());
    }
    server.restart().await.unwrap();
    let rest = async |id: &str| {
        Live::new(client.clone().with("last-event-id", id).get().await).rest().await
    };
    assert!(rest(&ids[69]).await.contains("done") && rest(&ids[6]).await.contains("done"));
    let gone = rest(&ids[0]).await;
    assert!(gone.contains("interrupted") && !gone.contains("done"), "{gone}");
}

#[tokio::test]
async fn a_call_that_a_restart_interrupted_is_answered_with_an_error_that_says_so() {
    let mut server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let last = lose(&client, slow(60_000, 100), r#""progress":1.0"#).await;
    server.restart().await.unwrap();
    let text = Live::new(client.with("last-event-id", &last).get().await).rest().await;
    assert!(text.contains("interrupted") && text.contains(r#""id":7"#), "{text}");
}

#[tokio::test]
async fn a_stream_of_another_session_is_not_read_on() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let last = lose(&client, slow(700, 2), r#""progress":1.0"#).await;
    let other = Client::new(&server.url()).connect().await.with("last-event-id", &last);
    let text = Live::new(other.get().await).rest().await;
    assert!(!text.contains("done"), "{text}");
}

#[tokio::test]
async fn the_server_may_end_the_connection_and_the_client_comes_back() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let answer = client.call("test_reconnection", json!({})).await;
    assert!(answer.text.contains("retry: 500"), "{answer:?}");
    let events = answer.events();
    assert!(events.iter().all(|event| event.data.is_empty()), "{events:?}");
    let last = events[0].id.clone().unwrap();
    let text = Live::new(client.with("last-event-id", &last).get().await).rest().await;
    assert!(text.contains("another connection"), "{text}");
}
