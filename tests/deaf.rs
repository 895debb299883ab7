//! Clients that never read: their queues are bounded, and no other client has to wait.

use reqwest::Method;
use serde_json::{Value, json};
use xtask::server::Server;

use crate::support::{
    Client,
    deaf::Deaf,
    memory::{bounded, resident},
    server,
    stateless::{listener, prepared},
    wait,
};

/// The size of each change, in bytes.
const BYTES: usize = 1_000;
/// Changes announced at once: fewer than may wait, and as many as one listener may name.
const AT_ONCE: usize = 7;
/// How often. In all it is more than the kernel buffers.
const TIMES: usize = 1_700;

#[tokio::test]
async fn a_stream_that_is_not_read_is_closed_with_a_reason_and_others_do_not_wait() {
    let server = server().await;
    let (client, other) = sessions(&server).await;
    for uri in resources() {
        client.request("resources/subscribe", json!({ "uri": uri })).await.result();
    }
    let mut deaf = Deaf::ask(client.send(Method::GET)).await;
    deaf.until(": connected").await;
    let before = resident(&server);
    change(&client, &other).await;
    closed(deaf).await;
    bounded(&server, before, GROWTH);
}

#[tokio::test]
async fn a_listener_that_does_not_read_is_closed_with_a_reason_and_others_do_not_wait() {
    let server = server().await;
    let filter = json!({ "resourceSubscriptions": resources() });
    let mut deaf = Deaf::ask(listener(&server.url(), filter)).await;
    deaf.until("acknowledged").await;
    let (client, other) = sessions(&server).await;
    let before = resident(&server);
    change(&client, &other).await;
    closed(deaf).await;
    bounded(&server, before, GROWTH);
}

#[tokio::test]
async fn calls_whose_answers_are_not_read_cost_bounded_memory_and_lose_no_answer() {
    let server = server().await;
    let (client, other) = sessions(&server).await;
    let before = resident(&server);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": flood(10_000, 4_000) });
    let unread = call(&client, &body.to_string(), &other).await;
    bounded(&server, before, GROWTH);
    answered(unread).await;
}

#[tokio::test]
async fn calls_whose_large_notifications_are_not_read_cost_bounded_memory_and_lose_no_answer() {
    let server = server().await;
    let (client, other) = sessions(&server).await;
    let before = resident(&server);
    let params = flood(45, LARGE);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let unread = call(&client, &body.to_string(), &other).await;
    bounded(&server, before, GROWTH);
    answered(unread).await;
}

#[tokio::test]
async fn stateless_calls_whose_answers_are_not_read_cost_bounded_memory_and_lose_no_answer() {
    let server = server().await;
    let (_, other) = sessions(&server).await;
    let mut params = flood(10_000, 4_000);
    params["_meta"]["io.modelcontextprotocol/logLevel"] = json!("info");
    let client = Client::new(&server.url());
    let (client, body) = prepared(&client, "tools/call", params, json!({}));
    let before = resident(&server);
    let unread = call(&client, &body, &other).await;
    bounded(&server, before, GROWTH);
    answered(unread).await;
}

#[tokio::test]
async fn large_answers_that_are_not_read_on_the_old_stream_cost_bounded_memory_and_close_it() {
    let server = server().await;
    let (_, other) = sessions(&server).await;
    let mut deaf = Deaf::ask(Client::at(&server.url(), "/sse").send(Method::GET)).await;
    deaf.until("\n\n").await;
    let client = old_client(&server, deaf.text());
    // What one such answer takes that is read, and the code that makes it, is not what unread ones cost.
    other.call("big", json!({ "bytes": LARGE })).await.result();
    let before = resident(&server);
    for id in 0..UNREAD {
        let arguments = json!({ "bytes": LARGE });
        let params = json!({ "name": "big", "arguments": arguments });
        let call = json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
        let status = client.post(call.to_string()).await.status;
        // Once its stream is closed the session is not found any more.
        assert!(status == 202 || status == 404, "{status}");
        prompt(&other).await;
    }
    bounded(&server, before, LITTLE);
    let text = deaf.rest().await;
    assert!(end(&text).contains(TOO_SLOW), "{}", end(&text));
    assert!(text.len() < ON_ITS_WAY, "{} bytes", text.len());
}

#[tokio::test]
async fn large_messages_that_a_session_sends_at_once_cost_bounded_memory_and_close_its_stream() {
    let server = server().await;
    let (_, other) = sessions(&server).await;
    let mut deaf = Deaf::ask(Client::at(&server.url(), "/sse").send(Method::GET)).await;
    deaf.until("\n\n").await;
    let client = old_client(&server, deaf.text());
    let before = resident(&server);
    let params = flood(UNREAD, LARGE);
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    assert_eq!(client.post(call.to_string()).await.status, 202);
    prompt(&other).await;
    bounded(&server, before, LITTLE);
    let text = deaf.rest().await;
    assert!(end(&text).contains(TOO_SLOW), "{}", end(&text));
    assert!(text.len() < ON_ITS_WAY, "{} bytes", text.len());
}

/// The message endpoint that the first event of a stream of 2024-11-05 names.
fn old_client(server: &Server, first: &str) -> Client {
    let (_, endpoint) = first.split_once("data: ").expect("the endpoint first");
    Client::at(&server.url(), &format!("/{}", endpoint.trim()))
}

/// Responses that are not read.
const UNREAD: usize = 150;
/// Bytes of each.
const LARGE: usize = 900_000;
/// The allowed growth of the process while large messages are not read.
const LITTLE: u64 = 60 * 1024 * 1024;
/// Bytes that may be on their way to such a client, in the server and in the kernel.
const ON_ITS_WAY: usize = 16 * 1024 * 1024;
/// The last words to a client that does not read.
const TOO_SLOW: &str = ": closed: the client does not read the stream; open a new one\n\n";

/// Calls that would cost 40 MB each.
const CALLS: usize = 20;
/// The allowed growth of the process.
const GROWTH: u64 = 300 * 1024 * 1024;

async fn sessions(server: &Server) -> (Client, Client) {
    let new = || Client::new(&server.url());
    (new().connect().await, new().connect().await)
}

fn flood(count: usize, bytes: usize) -> Value {
    let arguments = json!({ "count": count, "bytes": bytes, "of": "log" });
    json!({ "name": "flood", "arguments": arguments })
}

/// Calls whose responses are not read.
async fn call(client: &Client, body: &str, other: &Client) -> Vec<Deaf> {
    let mut unread = Vec::new();
    for _ in 0..CALLS {
        unread.push(Deaf::ask(client.send(Method::POST).body(body.to_owned())).await);
        prompt(other).await;
    }
    unread
}

/// A client that reads after all finds the response behind the queued events.
async fn answered(unread: Vec<Deaf>) {
    for deaf in unread {
        let text = deaf.rest().await;
        assert!(text.contains("flooded") && text.len() < 2 << 20, "{} bytes", text.len());
    }
}

/// The flood: each change differs, as equal ones are merged.
fn resources() -> Vec<String> {
    let text = "x".repeat(BYTES);
    (1..=AT_ONCE).map(|number| format!("flood://{number}/{text}")).collect()
}

/// Announces changes, and checks in between that other clients are served.
async fn change(client: &Client, other: &Client) {
    for time in 0..TIMES {
        let flood = json!({ "count": AT_ONCE, "bytes": BYTES, "of": "changes" });
        assert_eq!(client.call("flood", flood).await.tool_text(), "flooded");
        if time % 20 == 0 {
            prompt(other).await;
        }
    }
}

/// Another session is answered at once.
async fn prompt(other: &Client) {
    let answer = other.call("echo", json!({ "text": "on" }));
    assert_eq!(wait::done("another session is answered", answer).await.tool_text(), "on");
}

/// The stream ended, long before all announced changes, and says why.
async fn closed(deaf: Deaf) {
    let text = deaf.rest().await;
    assert!(end(&text).contains(TOO_SLOW), "{}", end(&text));
    assert!(text.len() < BYTES * AT_ONCE * TIMES / 2, "{} of it", text.len());
}

/// The last of a long text.
fn end(text: &str) -> &str {
    &text[text.ceil_char_boundary(text.len().saturating_sub(200))..]
}
