//! A session that ends while requests to it are under way stays ended.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use reqwest::{Body, Method};
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle, time::sleep};
use xtask::server::Server;

use crate::{
    storage::is_stored,
    support::{Answer, Client, events::Live, options, server, start, wait},
};

/// Time for what was sent to reach the session's object.
const ON_ITS_WAY: Duration = Duration::from_millis(300);

/// A POST whose last bytes are held back.
struct Held {
    rest: oneshot::Sender<()>,
    answer: JoinHandle<Answer>,
}

impl Held {
    async fn post(client: &Client, body: String) -> Self {
        let (rest, held) = oneshot::channel();
        let (first, last) = body.split_at(body.len() - 3);
        let (first, last) = (first.to_owned(), last.to_owned());
        let last = stream::once(async move {
            held.await.unwrap();
            Ok::<_, std::io::Error>(last)
        });
        let body = Body::wrap_stream(stream::iter([Ok(first)]).chain(last.boxed()));
        let sent = client.send(Method::POST).body(body);
        let answer = tokio::spawn(async move { Answer::of(sent.send().await.unwrap()).await });
        // Real time: nothing shows that the first bytes were read.
        sleep(ON_ITS_WAY).await;
        Self { rest, answer }
    }

    /// Sends the last bytes.
    async fn finish(self) -> Answer {
        self.rest.send(()).unwrap();
        self.answer.await.unwrap()
    }
}

fn request(method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": 3, "method": method, "params": params }).to_string()
}

/// One request of each kind that a session remembers something of, or that begins work in it.
fn requests() -> Vec<String> {
    let call = |tool: &str, arguments: Value| {
        request("tools/call", &json!({ "name": tool, "arguments": arguments }))
    };
    vec![
        request("ping", &json!({})),
        request("logging/setLevel", &json!({ "level": "debug" })),
        request("resources/subscribe", &json!({ "uri": "test://late" })),
        request("resources/unsubscribe", &json!({ "uri": "test://early" })),
        call("sitebay_find_tools", json!({ "enable": ["dns"] })),
        call("slow", json!({ "ms": 400 })),
        call("touch", json!({ "uri": "test://early" })),
    ]
}

async fn is_over(client: &Client) {
    client.request("ping", json!({})).await.refused(404, -32001);
    assert_eq!(client.get().await.status(), 404);
    assert_eq!(client.delete().await.status, 404);
}

/// Ends the session while a request is under way, lets that go on, and looks whether the session is
/// back. `streams`: whether it has a long-lived stream.
async fn end_meanwhile(server: &Server, body: String, streams: bool) -> Client {
    let client = Client::new(&server.url()).connect().await;
    client.request("resources/subscribe", json!({ "uri": "test://early" })).await.result();
    wait::holds("what it watches is stored", || is_stored(server, "test://early")).await;
    let live = match streams {
        true => Some(Live::new(client.get().await)),
        false => None,
    };
    let held = Held::post(&client, body.clone()).await;
    assert_eq!(client.delete().await.status, 204);
    is_over(&client).await;
    let answer = held.finish().await;
    assert_eq!(answer.status, 404, "{body}: {answer:?}");
    is_over(&client).await;
    if let Some(live) = live {
        assert!(live.rest().await.contains("the session was ended"));
    }
    client
}

#[tokio::test]
async fn a_session_that_ends_while_a_request_is_under_way_stays_ended() {
    let mut server = server().await;
    let mut ended = Vec::new();
    for (place, body) in requests().into_iter().enumerate() {
        ended.push(end_meanwhile(&server, body, place % 2 == 0).await);
    }
    server.restart().await.unwrap();
    for client in &ended {
        is_over(client).await;
    }
    assert!(!is_stored(&server, "test://late"));
}

#[tokio::test]
async fn sessions_of_one_object_end_each_by_itself() {
    let mut server = start(options().var("SESSION_PLACEMENT", "subject")).await;
    let own = Client::new(&server.url()).with("x-sitebay-token", "one of its own");
    let other = own.clone().connect().await;
    other.request("resources/subscribe", json!({ "uri": "test://other" })).await.result();
    let mut ended = Vec::new();
    for body in requests() {
        let client = own.clone().connect().await;
        let held = Held::post(&client, body).await;
        assert_eq!(client.delete().await.status, 204);
        assert_eq!(held.finish().await.status, 404);
        is_over(&client).await;
        ended.push(client);
    }
    let mut live = Live::new(other.get().await);
    other.call("touch", json!({ "uri": "test://other" })).await.result();
    live.until("test://other").await;
    server.restart().await.unwrap();
    for client in &ended {
        is_over(client).await;
    }
    assert_eq!(other.request("ping", json!({})).await.status, 200);
}

#[tokio::test]
async fn a_call_that_runs_when_its_session_ends_is_answered_and_keeps_nothing() {
    let mut server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let params = json!({ "name": "slow", "arguments": { "ms": 1_200, "steps": 3 },
                         "_meta": { "progressToken": 1 } });
    let call = client.send(Method::POST).body(request("tools/call", &params));
    let mut call = Live::new(call.send().await.unwrap());
    call.until(r#""progress":1.0"#).await;
    let last = call.last_id();
    assert_eq!(client.delete().await.status, 204);
    let answer = call.rest().await;
    assert!(answer.contains(r#""id":3"#) && answer.contains("done"), "{answer}");
    is_over(&client).await;
    assert_eq!(client.clone().with("last-event-id", &last).get().await.status(), 404);
    server.restart().await.unwrap();
    is_over(&client).await;
    assert!(!is_stored(&server, "answer:"));
}

#[tokio::test]
async fn a_call_that_waits_for_its_client_ends_with_its_session() {
    let server = server().await;
    let able = json!({ "elicitation": {} });
    let client = Client::new(&server.url()).connect_with(able).await;
    let asks = request("tools/call", &json!({ "name": "ask" }));
    let mut call = Live::new(client.send(Method::POST).body(asks).send().await.unwrap());
    call.message(|message| message["method"] == "elicitation/create").await;
    assert_eq!(client.delete().await.status, 204);
    let answer = call.rest().await;
    assert!(answer.contains("the session was ended"), "{answer}");
}

#[tokio::test]
async fn the_end_of_all_sessions_holds_for_requests_that_are_under_way() {
    let mut server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let mut live = Live::new(client.get().await);
    live.until(": connected").await;
    let held = Held::post(&client, requests().remove(2)).await;
    let quiet = Client::new(&server.url()).connect().await;
    let unknown = Held::post(&quiet, requests().remove(2)).await;
    assert_eq!(Client::at(&server.url(), "/sessions").delete().await.status, 204);
    assert!(live.rest().await.contains("the session was ended"));
    assert_eq!(held.finish().await.status, 404);
    // The hub did not know its object; the object learns of the end when it registers.
    let refused = unknown.finish().await;
    assert_eq!(refused.json()["error"]["code"], -32600, "{refused:?}");
    for session in [&client, &quiet] {
        is_over(session).await;
    }
    server.restart().await.unwrap();
    for session in [&client, &quiet] {
        is_over(session).await;
    }
}
