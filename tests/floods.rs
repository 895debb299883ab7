//! Ten thousand notifications at once: bounded, in order, and nothing hangs.

use serde_json::{Value, json};

use crate::support::{
    Answer, Client,
    events::{Event, Live},
    server,
    stateless::{ask, listen},
};

const MANY: u64 = 10_000;
/// Notifications that a call keeps for its reader.
const KEPT: usize = 1_024;

/// Checks that notifications came in order and bounded, and the answer after them.
fn in_order(answer: &Answer, number: &str) {
    let events = answer.events();
    let messages = events.iter().filter(|event| !event.data.is_empty()).map(Event::json);
    let messages: Vec<Value> = messages.collect();
    let (last, notified) = messages.split_last().expect("an answer");
    assert_eq!(last["result"]["content"][0]["text"], "flooded", "{last}");
    let number = |message: &Value| message["params"].pointer(number).and_then(Value::as_f64);
    let numbers: Vec<f64> = notified.iter().map(|one| number(one).expect("a number")).collect();
    let whole: Vec<f64> = (1..=numbers.len()).map(|place| place as f64).collect();
    assert_eq!(numbers, whole);
    assert!((100..=KEPT).contains(&numbers.len()), "{} came", numbers.len());
}

const PROGRESS: &str = "/progress";
const LOG: &str = "/data/number";

#[tokio::test]
async fn ten_thousand_notifications_of_a_call_are_bounded_and_in_order() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let progress = client.call_with_progress("flood", json!({ "count": MANY })).await;
    in_order(&progress, PROGRESS);
    in_order(&client.call("flood", json!({ "count": MANY, "of": "log" })).await, LOG);
    assert_eq!(client.call("echo", json!({ "text": "on" })).await.tool_text(), "on");
}

#[tokio::test]
async fn ten_thousand_notifications_of_a_stateless_call_are_bounded_and_in_order() {
    let server = server().await;
    for (of, number) in [("progress", PROGRESS), ("log", LOG)] {
        let arguments = json!({ "count": MANY, "of": of });
        let wanted =
            json!({ "progressToken": "token", "io.modelcontextprotocol/logLevel": "info" });
        let params = json!({ "name": "flood", "arguments": arguments, "_meta": wanted });
        let client = Client::new(&server.url());
        in_order(&ask(&client, "tools/call", params, json!({})).await, number);
    }
}

#[tokio::test]
async fn ten_thousand_changes_in_a_session_reach_every_stream_or_close_it_with_a_reason() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let mut own = Live::new(client.get().await);
    own.until(": connected").await;
    let mut listener = listener(&server.url()).await;
    let flooded = client.call("flood", json!({ "count": MANY, "of": "changes" })).await;
    assert_eq!(flooded.tool_text(), "flooded");
    client.call("test_trigger_prompt_change", json!({})).await.result();
    told(&mut own).await;
    told(&mut listener).await;
    assert_eq!(client.call("echo", json!({ "text": "on" })).await.tool_text(), "on");
}

#[tokio::test]
async fn ten_thousand_changes_outside_of_sessions_reach_every_listener_or_close_it_with_a_reason() {
    let server = server().await;
    let mut listener = listener(&server.url()).await;
    let arguments = json!({ "count": MANY, "of": "changes" });
    for (tool, arguments) in [("flood", arguments), ("test_trigger_prompt_change", json!({}))] {
        let params = json!({ "name": tool, "arguments": arguments });
        let client = Client::new(&server.url());
        ask(&client, "tools/call", params, json!({})).await.result();
    }
    told(&mut listener).await;
}

async fn listener(url: &str) -> Live {
    let filter = json!({ "toolsListChanged": true, "promptsListChanged": true });
    let mut listener = listen(url, filter).await;
    listener.until("acknowledged").await;
    listener
}

/// The stream had the news of the flood, and either what came after it or the reason of its end.
async fn told(live: &mut Live) {
    let reached = live.reaches("prompts/list_changed").await;
    let text = live.text();
    assert!(text.contains("tools/list_changed"), "{text}");
    let reason = text.trim_end().lines().last().unwrap_or_default();
    assert!(reached || reason.starts_with(": closed: "), "ended with {reason:?}");
}
