//! Batches, which only 2025-03-26 has: several requests, one connection, one stream.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use xtask::{server::Server, skips::skip};

use crate::support::{
    Client,
    events::{Live, parse},
    server, unwinds,
};

const VERSION: &str = "2025-03-26";

async fn client(server: &Server, capabilities: Value) -> Client {
    Client::new(&server.url()).connect_fully(VERSION, capabilities).await
}

/// A call with an id, which is its progress token, too.
fn call(id: u32, tool: &str, arguments: Value) -> Value {
    let meta = json!({ "progressToken": id });
    let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
}

fn cancelled(id: u32) -> Value {
    let params = json!({ "requestId": id });
    json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params })
}

async fn begun(client: &Client, batch: &Value) -> Live {
    Live::new(client.send(Method::POST).body(batch.to_string()).send().await.unwrap())
}

/// The responses of a batch by their ids: the array in the last event that is one.
fn responses(text: &str) -> Vec<Value> {
    let events = parse(text);
    let batch = events.iter().rev().find(|event| event.data.starts_with('['));
    let mut all: Vec<Value> =
        batch.map_or_else(Vec::new, |event| serde_json::from_str(&event.data).unwrap());
    all.sort_by_key(|response| response["id"].as_u64());
    all
}

fn ids(responses: &[Value]) -> Vec<u64> {
    responses.iter().map(|response| response["id"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_request_that_is_taken_back_leaves_the_rest_of_its_batch() {
    let server = server().await;
    let client = client(&server, json!({})).await;
    let batch = json!([
        call(10, "slow", json!({ "ms": 20_000, "steps": 40 })),
        call(11, "slow", json!({ "ms": 1_500, "steps": 3 })),
        call(12, "echo", json!({ "text": "quick" })),
    ]);
    let mut live = begun(&client, &batch).await;
    live.until(r#""progressToken":10"#).await;
    assert_eq!(client.post(cancelled(10).to_string()).await.status, 202);
    live.until(r#""progress":2.0,"total":3.0"#).await;
    let text = live.rest().await;
    let responses = responses(&text);
    assert_eq!(ids(&responses), [11, 12], "{text}");
    assert_eq!(responses[0]["result"]["content"][0]["text"], "done");
    assert_eq!(responses[1]["result"]["content"][0]["text"], "quick");
    // The request that was taken back reports nothing more.
    assert!(text.matches(r#""progressToken":10"#).count() < 8, "{text}");
}

#[tokio::test]
async fn a_batch_whose_requests_are_all_taken_back_ends_without_an_answer() {
    let server = server().await;
    let client = client(&server, json!({})).await;
    let slow = json!({ "ms": 20_000, "steps": 100 });
    let mut live =
        begun(&client, &json!([call(1, "slow", slow.clone()), call(2, "slow", slow)])).await;
    live.until(r#""progressToken":2"#).await;
    let both = json!([cancelled(1), cancelled(2)]);
    assert_eq!(client.post(both.to_string()).await.status, 202);
    assert_eq!(responses(&live.rest().await), Vec::<Value>::new());
    // In one and the same batch, too.
    let alone = json!([call(3, "slow", json!({ "ms": 20_000 })), cancelled(3)]);
    let answer = client.post(alone.to_string()).await;
    assert!(!answer.text.contains("result"), "{answer:?}");
    let mixed = json!([
        call(4, "slow", json!({ "ms": 20_000 })),
        cancelled(4),
        call(5, "echo", json!({ "text": "on" })),
    ]);
    let answer = client.post(mixed.to_string()).await;
    assert_eq!(answer.json()[0]["id"], 5, "{answer:?}");
}

#[tokio::test]
async fn a_batch_is_read_on_after_any_of_its_events() {
    let mut server = server().await;
    let client = client(&server, json!({})).await;
    let batch = json!([
        // Its events are there before the next request is begun.
        call(1, "flood", json!({ "count": 2 })),
        call(2, "slow", json!({ "ms": 1_500, "steps": 3 })),
        call(3, "slow", json!({ "ms": 900, "steps": 3 })),
    ]);
    let mut live = begun(&client, &batch).await;
    let events = parse(live.until(r#""progressToken":2"#).await);
    let seen: Vec<String> = events.iter().map(|event| event.id.clone().unwrap()).collect();
    drop(live);
    let read_on = async |last: &str| {
        Live::new(client.clone().with("last-event-id", last).get().await).rest().await
    };
    for last in &seen {
        assert_eq!(ids(&responses(&read_on(last).await)), [1, 2, 3], "after {last}");
    }
    let after_first = parse(&read_on(&seen[0]).await);
    let places: Vec<u32> = after_first
        .iter()
        .map(|event| event.id.as_ref().unwrap().rsplit('.').next().unwrap().parse().unwrap())
        .collect();
    assert!(places.windows(2).all(|two| two[0] < two[1]), "{places:?}");
    // From storage.
    server.restart().await.unwrap();
    assert_eq!(ids(&responses(&read_on(&seen[0]).await)), [1, 2, 3]);
}

#[tokio::test]
async fn a_batch_that_was_taken_back_in_part_is_read_on_from_storage() {
    let mut server = server().await;
    let client = client(&server, json!({})).await;
    let batch = json!([
        call(1, "slow", json!({ "ms": 20_000, "steps": 40 })),
        call(2, "slow", json!({ "ms": 1_200, "steps": 3 })),
    ]);
    let mut live = begun(&client, &batch).await;
    live.until(r#""progressToken":2"#).await;
    let last = live.last_id();
    client.post(cancelled(1).to_string()).await;
    assert_eq!(ids(&responses(&live.rest().await)), [2]);
    server.restart().await.unwrap();
    let back = client.with("last-event-id", &last).get().await;
    assert_eq!(ids(&responses(&Live::new(back).rest().await)), [2]);
}

#[tokio::test]
async fn a_question_of_one_request_outlives_the_end_of_another() {
    let server = server().await;
    let client = client(&server, json!({ "roots": {} })).await;
    let ask = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "roots" },
    });
    let batch = json!([ask, call(2, "slow", json!({ "ms": 20_000, "steps": 40 }))]);
    let mut live = begun(&client, &batch).await;
    let question = live.message(|message| message["method"] == "roots/list").await;
    assert_eq!(client.post(cancelled(2).to_string()).await.status, 202);
    // Real time: the call ends after its cancellation was taken, and nothing shows when.
    tokio::time::sleep(Duration::from_millis(200)).await;
    let answer = json!({ "roots": [{ "uri": "file:///home" }] });
    let answer = json!([{ "jsonrpc": "2.0", "id": question["id"], "result": answer }]);
    assert_eq!(client.post(answer.to_string()).await.status, 202);
    let responses = responses(&live.rest().await);
    assert_eq!(ids(&responses), [1]);
    assert_eq!(responses[0]["result"]["content"][0]["text"], "roots: file:///home");
}

#[tokio::test]
async fn a_panic_in_one_request_of_a_batch_is_its_answer_alone() {
    if !unwinds() {
        let why = "the Worker is built with panic=abort: no nightly toolchain";
        return skip("a_panic_in_one_request_of_a_batch_is_its_answer_alone", why);
    }
    let server = server().await;
    let client = client(&server, json!({})).await;
    for when in ["before", "stream"] {
        let batch = json!([
            call(1, "panic", json!({ "when": when })),
            call(2, "slow", json!({ "ms": 600 })),
        ]);
        let text = begun(&client, &batch).await.rest().await;
        let responses = responses(&text);
        assert_eq!(ids(&responses), [1, 2], "{text}");
        assert_eq!(responses[0]["error"]["code"], -32603);
        assert_eq!(responses[1]["result"]["content"][0]["text"], "done");
    }
}

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
async fn the_responses_of_a_batch_are_bounded_together() {
    let server = server().await;
    let client = client(&server, json!({})).await;
    let big = |id| call(id, "big", json!({ "bytes": 3_000_000 }));
    let batch =
        Value::Array((1..=20).map(big).chain([call(21, "echo", json!({ "text": "x" }))]).collect());
    let answer = client.post(batch.to_string()).await;
    assert!(answer.text.len() < 8 * 1024 * 1024 + 64 * 1024, "{}", answer.text.len());
    let answers: Vec<Value> = serde_json::from_str(&answer.text).unwrap();
    assert_eq!(ids(&answers), Vec::from_iter(1..=21));
    let (fit, beyond): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer["error"].is_null());
    assert_eq!((fit.len(), beyond.len()), (3, 18));
    for answer in beyond {
        let message = answer["error"]["message"].as_str().unwrap();
        assert!(message.contains("too large to send together"), "{message}");
    }
    assert_eq!(answers[20]["result"]["content"][0]["text"], "x");
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
