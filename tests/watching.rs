//! Who watches a site hears of what happens to it elsewhere, and nothing runs when nobody watches.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;
use xtask::server::{Options, Server};

use crate::{
    storage::is_stored,
    support::{
        Client,
        events::Live,
        new_site, options, server, start,
        stateless::{listen, listener},
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

fn looks(server: &Server) -> usize {
    let requests = server.sandbox().unwrap().requests();
    requests.iter().filter(|request| request.method == "GET").count()
}

/// Waits until the sandbox was looked at more often than before.
async fn looked(server: &Server, before: usize) {
    while looks(server) <= before {
        sleep(Duration::from_millis(50)).await;
    }
}

fn is_update(message: &Value) -> bool {
    message["method"] == "notifications/resources/updated"
}

#[tokio::test]
async fn a_session_hears_of_a_change_elsewhere() {
    let mut server = server().await;
    let client = Client::new(&server.url()).connect().await;
    client.request("resources/subscribe", json!({ "uri": URI })).await.result();
    let mut live = Live::new(client.get().await);
    live.until("connected").await;
    looked(&server, 0).await;
    change(&server, true).await;
    let told = live.message(is_update).await;
    assert_eq!(told["params"]["uri"], URI);
    server.restart().await.unwrap();
    let mut live = Live::new(client.get().await);
    live.until("connected").await;
    change(&server, false).await;
    live.message(is_update).await;
}

#[tokio::test]
async fn a_listener_hears_of_a_change_elsewhere_with_its_own_token() {
    let server = server().await;
    let token = "a token of its own, which is kept sealed";
    let filter = json!({ "resourceSubscriptions": [URI] });
    let request = listener(&server.url(), filter).header("x-sitebay-token", token);
    let mut live = Live::new(request.send().await.unwrap());
    live.until("acknowledged").await;
    looked(&server, 0).await;
    change(&server, true).await;
    live.message(is_update).await;
    assert!(!is_stored(&server, token));
}

/// Longer than the pause between two looks at a watched site, which is 5 s of a timer.
const A_LOOK: Duration = Duration::from_secs(7);

#[tokio::test]
#[ignore = "long: waits for a look that must not come"]
async fn nothing_is_looked_at_once_a_session_watches_no_more() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    client.request("resources/subscribe", json!({ "uri": URI })).await.result();
    let mut live = Live::new(client.get().await);
    live.until("connected").await;
    looked(&server, 0).await;
    client.request("resources/unsubscribe", json!({ "uri": URI })).await.result();
    let before = looks(&server);
    sleep(A_LOOK).await;
    assert_eq!(looks(&server), before, "nobody watches any more");
}

#[tokio::test]
#[ignore = "long: waits for a look that must not come"]
async fn nothing_is_looked_at_once_a_listener_is_gone() {
    let server = server().await;
    let mut live = listen(&server.url(), json!({ "resourceSubscriptions": [URI] })).await;
    live.until("acknowledged").await;
    looked(&server, 0).await;
    drop(live);
    let before = looks(&server);
    sleep(A_LOOK).await;
    assert!(looks(&server) <= before + 1, "nobody watches any more");
}

#[tokio::test]
async fn a_site_is_seen_to_become_idle() {
    let creating_for = Duration::from_secs(4);
    let sandbox = sandbox::Options { creating_for, ..sandbox::Options::default() };
    let server = start(Options { sandbox: Some(sandbox), ..options() }).await;
    let client = Client::new(&server.url()).connect().await;
    let uri = "sitebay://site/www.new.example.com";
    client.request("resources/subscribe", json!({ "uri": uri })).await.result();
    let mut live = Live::new(client.get().await);
    live.until("connected").await;
    looked(&server, 0).await;
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
    let mut seen = Vec::new();
    while seen.last().is_none_or(|status| status != "idle") {
        live.message(is_update).await;
        seen.push(status().await);
    }
    assert!(seen.len() <= 3, "{seen:?}");
}
