//! Reading on after a lost connection.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use xtask::{clock::Clock, server::Server, skips::skip};

use crate::{
    storage::is_stored,
    support::{
        Client,
        events::{Live, parse},
        memory::{bounded, resident},
        options, server, start, wait,
    },
    tasks::{FQDN, agreed, can_be_asked, creating_for, open_site},
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
    wait::holds("the answer is stored", || is_stored(&server, "answer:")).await;
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

/// Sessions of one object, each with an answer that waits for its client.
const SESSIONS: usize = 60;

#[tokio::test]
async fn answers_that_wait_in_all_sessions_of_an_object_are_bounded_together() {
    let server = start(options().var("SESSION_PLACEMENT", "subject")).await;
    let own = Client::new(&server.url()).with("x-sitebay-token", "one of its own");
    let reporter = own.clone().connect().await;
    let call = |id: u32, tool: &str, arguments: Value| {
        let meta = json!({ "progressToken": id });
        let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params })
    };
    let batch = json!([
        call(1, "slow", json!({ "ms": 300, "steps": 1 })),
        call(2, "big", json!({ "bytes": 2_000_000 })),
    ]);
    let before = resident(&server);
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS / 10 {
        let some = (0..10).map(async |_| {
            let client = own.clone().connect_as("2025-03-26").await;
            let answer = client.post(batch.to_string()).await;
            (client, answer.events()[0].id.clone().unwrap())
        });
        sessions.extend(join_all(some).await);
    }
    let memory = reporter.call("memory", json!({})).await.tool_text();
    println!("{memory} bytes of WebAssembly's memory");
    assert!(memory.parse::<usize>().unwrap() < 72 << 20, "{memory}");
    bounded(&server, before, 300 << 20);
    // The oldest are found in storage, the newest in memory.
    for (client, event) in [&sessions[0], &sessions[SESSIONS - 1]] {
        let back = client.clone().with("last-event-id", event).get().await;
        let text = Live::new(back).rest().await;
        assert!(text.contains("done") && text.len() > 2_000_000, "{} bytes", text.len());
    }
}

/// Calls `open_site` in a session until its task has looked once at the new site, and loses the
/// connection; returns the last event's id.
async fn lose_while_a_task_works(server: &Server, client: &Client) -> String {
    let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": open_site() });
    let mut live =
        Live::new(client.send(Method::POST).body(body.to_string()).send().await.unwrap());
    let question = live.message(|message| message["method"] == "elicitation/create").await;
    let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": agreed()["agree"] });
    assert_eq!(client.post(reply.to_string()).await.status, 202);
    let has_looked = || {
        let requests = server.sandbox().unwrap().requests();
        requests.iter().any(|it| it.method == "GET" && it.path.ends_with(FQDN) && it.status != 0)
    };
    while !has_looked() {
        // Real time: the task looks at SiteBay when its alarm is due.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Real time: the object writes a row after its answer.
    tokio::time::sleep(Duration::from_millis(200)).await;
    live.last_id()
}

async fn rest(client: &Client, last: &str) -> String {
    Live::new(client.clone().with("last-event-id", last).get().await).rest().await
}

#[tokio::test]
async fn a_call_that_waited_for_a_task_is_read_on_after_answers_are_forgotten() {
    let Some(clock) = Clock::new().expect("the compiler works") else {
        return skip("a call that waited for a task", "no C compiler");
    };
    let mut server = start(clock.of(creating_for(1))).await;
    let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
    let answer = lose(&client, slow(300, 1), "done").await;
    let waits = lose_while_a_task_works(&server, &client).await;
    clock.set(1_200).unwrap();
    // Real time: the site is there before the task, which sleeps for 2 s between two looks, looks again.
    tokio::time::sleep(Duration::from_millis(900)).await;
    server.restart().await.unwrap();
    // The alarm that removes what is over has been there once the answer is gone.
    while rest(&client, &answer).await.contains("done") {
        // Real time: the object writes a row after its answer.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let text = rest(&client, &waits).await;
    assert!(text.contains("is there.") && text.contains(r#""id":5"#), "{text}");
}

#[tokio::test]
async fn a_call_that_waits_for_a_task_is_not_forgotten_for_the_answers_of_other_calls() {
    let mut server = start(creating_for(4)).await;
    let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
    let waits = lose_while_a_task_works(&server, &client).await;
    join_all((0..70).map(|_| client.post(slow(20, 1)))).await;
    server.restart().await.unwrap();
    let text = rest(&client, &waits).await;
    assert!(text.contains("is there.") && text.contains(r#""id":5"#), "{text}");
}
