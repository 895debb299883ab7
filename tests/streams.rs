use std::time::Duration;

use serde_json::json;

use crate::support::{Client, events::Live, hasty, options, server, start};

#[tokio::test]
async fn a_long_lived_stream_begins_at_once_and_carries_news() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let mut live = Live::new(client.get().await);
    // Without it the stream would begin with its first comment, after 20 s.
    let begins = tokio::time::timeout(Duration::from_secs(10), live.until(": connected"));
    begins.await.expect("it begins at once");
    client.call("notify", json!({})).await;
    let text = live.until("tools/list_changed").await;
    assert!(text.contains("event: message\ndata: {"), "{text}");
}

#[tokio::test]
async fn a_new_stream_replaces_the_old_one_at_once() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let mut old = Live::new(client.get().await);
    old.until(": connected").await;
    let mut new = Live::new(client.get().await);
    let last = old.rest().await;
    assert!(last.contains("replaced by a newer stream"), "{last}");
    client.call("notify", json!({})).await;
    new.until("list_changed").await;
}

#[tokio::test]
async fn news_waits_for_a_stream_as_one_of_its_kind() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    for _ in 0..3 {
        client.call("notify", json!({})).await;
    }
    let mut live = Live::new(client.get().await);
    let text = live.until("list_changed").await.to_owned();
    assert_eq!(text.matches("list_changed").count(), 1, "{text}");
}

#[tokio::test]
async fn news_reaches_every_session_once_where_they_share_an_object() {
    let server = start(options().var("SESSION_PLACEMENT", "subject")).await;
    let client = || Client::new(&server.url()).with("x-sitebay-token", "my own token");
    let (one, two) = (client().connect().await, client().connect().await);
    let (mut of_one, mut of_two) = (Live::new(one.get().await), Live::new(two.get().await));
    one.call("notify", json!({})).await;
    of_one.until("list_changed").await;
    of_two.until("list_changed").await;
    two.delete().await;
    let text = of_two.rest().await;
    assert_eq!(text.matches("list_changed").count(), 1, "{text}");
    assert!(text.contains("the session was ended"), "{text}");
    // One object for both, and the subject's hub, which was notified.
    assert_eq!(crate::storage::objects(&server), 2);
    assert_eq!(one.call("echo", json!({ "text": "on" })).await.tool_text(), "on");
    one.delete().await;
    let text = of_one.rest().await;
    assert_eq!(text.matches("list_changed").count(), 1, "{text}");
}

#[tokio::test]
async fn a_stream_ends_when_its_session_does() {
    let server = start(options().var("SESSION_MAX_AGE", "3")).await;
    let client = Client::new(&server.url()).connect().await;
    let text = Live::new(client.get().await).rest().await;
    assert!(text.contains("the session expired"), "{text}");
    client.call("whoami", json!({})).await.refused(404, -32001);
}

#[tokio::test]
async fn a_stream_needs_a_session_and_a_client_that_takes_it() {
    let server = server().await;
    let client = Client::new(&server.url());
    assert_eq!(client.get().await.status(), 400);
    let client = client.connect().await;
    assert_eq!(client.clone().with("accept", "application/json").get().await.status(), 406);
    assert_eq!(client.with("mcp-session-id", "unknown").get().await.status(), 404);
}

#[tokio::test]
async fn silence_is_broken_by_a_comment() {
    let server = start(hasty(options())).await;
    let client = Client::new(&server.url()).connect().await;
    let mut held = Live::new(client.get().await);
    let call = client.call("slow", json!({ "ms": 16_000 }));
    let (call, held) = tokio::join!(call, held.until(": keep-alive"));
    assert!(held.contains(": keep-alive"));
    assert!(call.text.contains(": keep-alive"), "{call:?}");
}

/// About real time: the runtime lets an object sleep after 10 s, regardless of any clock or timer.
#[tokio::test]
async fn an_idle_stream_lets_its_object_sleep_and_still_brings_news() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let mut live = Live::new(client.get().await);
    live.until(": connected").await;
    let before = incarnation(&client).await;
    assert_eq!(incarnation(&client).await, before, "one life while it is used");
    client.request("resources/subscribe", json!({ "uri": "test://watched" })).await.result();
    // Real time: nothing shows that the object sleeps, and any request wakes it.
    tokio::time::sleep(Duration::from_secs(12)).await;
    // News from elsewhere wakes it first.
    let other = Client::new(&server.url()).connect().await;
    for uri in ["test://other", "test://watched"] {
        other.call("touch", json!({ "uri": uri })).await;
    }
    assert!(!live.until("test://watched").await.contains("test://other"));
    client.call("notify", json!({})).await;
    live.until("list_changed").await;
    assert_ne!(incarnation(&client).await, before, "the object was made anew");
}

/// The life of the session's object, as event ids name it.
async fn incarnation(client: &Client) -> String {
    let answer = client.call_with_progress("slow", json!({ "ms": 10, "steps": 1 })).await;
    let id = answer.events()[0].id.clone().unwrap();
    id.split('.').next().unwrap().to_owned()
}
