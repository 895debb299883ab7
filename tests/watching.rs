//! A client that watches a site is notified of changes made elsewhere, and nothing runs when no client watches.

use std::time::Duration;

use sandbox::Recorded;
use serde_json::{Value, json};
use xtask::{
    faults::Faults,
    server::{Options, Server},
};

use crate::{
    storage::is_stored,
    support::{
        Client, events::Live, new_site, options, passing::Passing, start, stateless::listener, wait,
    },
};

const SITE: &str = "site-1.example.com";
const URI: &str = "sitebay://site/site-1.example.com";

/// Changes the site behind this server's back.
async fn change(server: &Server, on: bool) {
    let url = format!("{}/f/api/v1/site/{SITE}", server.sandbox().unwrap().url());
    let body = json!({ "http_auth_enabled": on }).to_string();
    let request = reqwest::Client::new().patch(url).bearer_auth("somebody else");
    let request = request.header("content-type", "application/json").body(body);
    assert!(request.send().await.unwrap().status().is_success());
}

/// How often a site was looked at with this token.
fn looks(server: &Server, token: &str) -> usize {
    // The sandbox shows only the end of a token, and a status once it answered.
    let end = &token[token.len() - 4..];
    let is_look = |sent: &&Recorded| {
        let of_a_site = sent.method == "GET" && sent.path.ends_with(".example.com");
        of_a_site && sent.status != 0 && sent.headers["authorization"].ends_with(end)
    };
    server.sandbox().unwrap().requests().iter().filter(is_look).count()
}

/// The token of callers who bring none.
const OPERATORS: &str = "sandbox-token-for-development";

/// Waits until a site was looked at more often than before.
async fn looked(server: &Server, token: &str, before: usize) {
    wait::holds("a site was looked at", || looks(server, token) > before).await;
}

/// A server whose hubs find out soon that a look is due, once its time has passed.
async fn watched(time: &Passing, options: Options) -> Server {
    // A listener that left is noticed when its stream's next comment is written: after 2.5 s, not 20.
    let faults = Some(Faults { haste: 8, ..Faults::early("HubAgent") });
    start(time.of(Options { faults, ..options })).await
}

/// Longer than any pause between two looks, in seconds.
const A_LOOK: u32 = 70;

fn is_update(message: &Value) -> bool {
    message["method"] == "notifications/resources/updated"
}

#[tokio::test]
async fn a_session_hears_of_a_change_elsewhere() {
    let Some(time) = Passing::only_moved("watching") else { return };
    let mut server = watched(&time, options()).await;
    let client = Client::new(&server.url()).connect().await;
    client.request("resources/subscribe", json!({ "uri": URI })).await.result();
    let mut live = Live::new(client.get().await);
    live.until("connected").await;
    looked(&server, OPERATORS, 0).await;
    change(&server, true).await;
    assert_eq!(told(&mut live, &time).await["params"]["uri"], URI);
    server.restart().await.unwrap();
    let mut live = Live::new(client.get().await);
    live.until("connected").await;
    change(&server, false).await;
    told(&mut live, &time).await;
}

#[tokio::test]
async fn a_listener_hears_of_a_change_elsewhere_with_its_own_token() {
    let Some(time) = Passing::only_moved("watching") else { return };
    let server = watched(&time, options()).await;
    let token = "a token of its own, which is kept sealed";
    let filter = json!({ "resourceSubscriptions": [URI] });
    let request = listener(&server.url(), filter).header("x-sitebay-token", token);
    let mut live = Live::new(request.send().await.unwrap());
    live.until("acknowledged").await;
    looked(&server, token, 0).await;
    change(&server, true).await;
    told(&mut live, &time).await;
    assert!(!is_stored(&server, token));
}

/// Lets time pass for two more looks of one that still watches, and counts those of another one.
async fn looks_meanwhile(server: &Server, time: &Passing, watches: &str, other: &str) -> usize {
    let before = looks(server, other);
    for _ in 0..2 {
        next_look(server, time, &[watches]).await;
    }
    looks(server, other) - before
}

/// Lets time pass for one more look of each.
async fn next_look(server: &Server, time: &Passing, tokens: &[&str]) {
    let seen = tokens.iter().map(|token| (*token, looks(server, token))).collect::<Vec<_>>();
    passing(time, "each looked again", async || {
        for (token, seen) in &seen {
            looked(server, token, *seen).await;
        }
    })
    .await;
}

/// Lets time pass again and again until this is done: a look that is under way when time passes has
/// the next one done later.
async fn passing<T>(time: &Passing, what: &str, mut done: impl AsyncFnMut() -> T) -> T {
    wait::until(what, async || {
        time.pass(A_LOOK).await;
        tokio::time::timeout(Duration::from_secs(1), done()).await
    })
    .await
}

/// Lets time pass until the stream has an update.
async fn told(live: &mut Live, time: &Passing) -> Value {
    let told = passing(time, "an update comes", async || live.message(is_update).await).await;
    live.forget();
    told
}

const FIRST: &str = "the token of the first";
const SECOND: &str = "the token of the second";

#[tokio::test]
async fn nothing_is_looked_at_once_a_session_watches_no_more() {
    let Some(time) = Passing::only_moved("watching") else { return };
    let server = watched(&time, options()).await;
    let mut streams = Vec::new();
    for token in [FIRST, SECOND] {
        let client = Client::new(&server.url()).with("x-sitebay-token", token).connect().await;
        client.call("sitebay_list_sites", json!({})).await.result();
        let before = looks(&server, token);
        client.request("resources/subscribe", json!({ "uri": URI })).await.result();
        let mut live = Live::new(client.get().await);
        live.until("connected").await;
        looked(&server, token, before).await;
        streams.push((client, live));
    }
    next_look(&server, &time, &[FIRST, SECOND]).await;
    let (first, _) = &streams[0];
    first.request("resources/unsubscribe", json!({ "uri": URI })).await.result();
    assert_eq!(looks_meanwhile(&server, &time, SECOND, FIRST).await, 0, "it watches no more");
}

#[tokio::test]
async fn nothing_is_looked_at_once_a_listener_is_gone() {
    let Some(time) = Passing::only_moved("watching") else { return };
    let server = watched(&time, options()).await;
    let mut streams = Vec::new();
    for token in [FIRST, SECOND] {
        let filter = json!({ "resourceSubscriptions": [URI] });
        let request = listener(&server.url(), filter).header("x-sitebay-token", token);
        let mut live = Live::new(request.send().await.unwrap());
        live.until("acknowledged").await;
        looked(&server, token, 0).await;
        streams.push(live);
    }
    next_look(&server, &time, &[FIRST, SECOND]).await;
    drop(streams.remove(0));
    wait::until("the server noticed that it is gone", async || {
        let metrics = reqwest::get(format!("{}/metrics", server.url())).await.unwrap();
        let metrics = metrics.text().await.unwrap();
        if metrics.contains("\nmcp_streams_open 1\n") { Ok(()) } else { Err(metrics) }
    })
    .await;
    // One look may have begun before.
    looks_meanwhile(&server, &time, SECOND, FIRST).await;
    assert_eq!(looks_meanwhile(&server, &time, SECOND, FIRST).await, 0, "it is gone");
}

#[tokio::test]
async fn a_site_is_seen_to_become_idle() {
    let Some(time) = Passing::only_moved("watching") else { return };
    let creating_for = Duration::from_secs(4);
    let sandbox = sandbox::Options { creating_for, ..sandbox::Options::default() };
    let server = watched(&time, Options { sandbox: Some(sandbox), ..options() }).await;
    let client = Client::new(&server.url()).connect().await;
    let uri = "sitebay://site/www.new.example.com";
    client.request("resources/subscribe", json!({ "uri": uri })).await.result();
    let mut live = Live::new(client.get().await);
    live.until("connected").await;
    looked(&server, OPERATORS, 0).await;
    let body = new_site("www.new.example.com");
    let url = format!("{}/f/api/v1/site/", server.sandbox().unwrap().url());
    let request = reqwest::Client::new().post(url).bearer_auth("somebody else");
    let request = request.header("content-type", "application/json").body(body.to_string());
    assert!(request.send().await.unwrap().status().is_success());
    let status = async || {
        let read = client.request("resources/read", json!({ "uri": uri })).await.result();
        let text = read["contents"][0]["text"].as_str().unwrap().to_owned();
        serde_json::from_str::<Value>(&text).unwrap()["status"].as_str().unwrap().to_owned()
    };
    told(&mut live, &time).await;
    wait::until("the site is idle", async || match status().await {
        status if status == "idle" => Ok(()),
        status => Err(status),
    })
    .await;
    told(&mut live, &time).await;
}
