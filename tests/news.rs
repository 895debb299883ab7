//! A change in one place is announced in all others of the same subject.

use futures_util::future::join_all;
use mcp_auth::{keys::Keyring, seal::hub_seal};
use serde_json::json;
use xtask::server::{LOCAL_SESSION_KEY, Options};

use crate::{
    sse,
    support::{Client, events::Live, options, server, start, stateless::call},
};

/// The open stream of a new session, which has begun.
async fn streaming(client: Client) -> (Client, Live) {
    let client = client.connect().await;
    let mut live = Live::new(client.get().await);
    live.until(": connected").await;
    (client, live)
}

/// All that a session's stream said, which ends with its session.
async fn all(client: &Client, live: Live) -> String {
    assert_eq!(client.delete().await.status, 204);
    live.rest().await
}

#[tokio::test]
async fn a_change_in_one_session_reaches_the_others_once_in_every_isolate() {
    let server = start(Options { isolates: 2, ..options() }).await;
    let [here, there] = server.urls().try_into().unwrap();
    let (announcer, mut own) = streaming(Client::new(&here)).await;
    let (near, mut of_near) = streaming(Client::new(&here)).await;
    let (far, mut of_far) = streaming(Client::new(&there)).await;
    let foreign = Client::new(&there).with("x-sitebay-token", "somebody else's");
    let (foreign, of_foreign) = streaming(foreign).await;
    announcer.call("notify", json!({})).await.result();
    for live in [&mut own, &mut of_near, &mut of_far] {
        live.until("tools/list_changed").await;
    }
    let heard = all(&foreign, of_foreign).await;
    assert!(!heard.contains("list_changed"), "{heard}");
    for (client, live) in [(&announcer, own), (&near, of_near), (&far, of_far)] {
        let heard = all(client, live).await;
        assert_eq!(heard.matches("tools/list_changed").count(), 1, "{heard}");
    }
}

#[tokio::test]
async fn a_change_in_a_stateless_call_reaches_sessions() {
    let server = start(Options { isolates: 2, ..options() }).await;
    let [here, there] = server.urls().try_into().unwrap();
    let (_client, mut live) = streaming(Client::new(&there)).await;
    call(&Client::new(&here), "notify", json!({})).await.result();
    live.until("tools/list_changed").await;
}

#[tokio::test]
async fn a_resource_is_announced_to_those_who_watch_it_with_a_stream_or_without() {
    let server = server().await;
    let subscribe = async |client: &Client| {
        let watched = json!({ "uri": "test://watched" });
        client.request("resources/subscribe", watched).await.result();
    };
    let (watcher, mut of_watcher) = streaming(Client::new(&server.url())).await;
    subscribe(&watcher).await;
    let (other, of_other) = streaming(Client::new(&server.url())).await;
    let absent = Client::new(&server.url()).connect().await;
    subscribe(&absent).await;
    let (announcer, _live) = streaming(Client::new(&server.url())).await;
    for uri in ["test://unwatched", "test://watched"] {
        announcer.call("touch", json!({ "uri": uri })).await.result();
    }
    let heard = of_watcher.until("test://watched").await;
    assert!(!heard.contains("test://unwatched"), "{heard}");
    let mut of_absent = Live::new(absent.get().await);
    of_absent.until("test://watched").await;
    let heard = all(&other, of_other).await;
    assert!(!heard.contains("test://"), "{heard}");
}

#[tokio::test]
async fn a_session_of_2024_hears_it_too() {
    let server = server().await;
    let (mut live, client) = sse::open(&server.url(), "/sse").await;
    sse::ask(&client, &mut live, 1, "initialize", sse::hello("2024-11-05")).await;
    let announcer = Client::new(&server.url()).connect().await;
    announcer.call("notify", json!({})).await.result();
    live.until("tools/list_changed").await;
    // And announces it.
    let (_other, mut of_other) = streaming(Client::new(&server.url())).await;
    let params = json!({ "name": "notify" });
    sse::ask(&client, &mut live, 2, "tools/call", params).await;
    of_other.until("tools/list_changed").await;
}

#[tokio::test]
async fn a_client_cannot_speak_for_the_hub() {
    let server = server().await;
    let (client, live) = streaming(Client::new(&server.url())).await;
    let keys = Keyring::parse(LOCAL_SESSION_KEY).unwrap();
    let object = session_object(&keys, &client.session());
    for (path, body) in [("/news", "\"ToolsChanged\""), ("/end", "4294967295")] {
        // Even the right seal is overwritten at the door.
        for seal in [hub_seal(path, &object, &keys), "forged".to_owned()] {
            let forging = client.clone().with("x-internal-seal", &seal);
            assert_eq!(forging.post(body).await.status, 400);
            let at = Client::at(&server.url(), path).with("x-internal-seal", &seal);
            let at = at.with("mcp-session-id", &client.session());
            assert_eq!(at.post(body).await.status, 404);
        }
    }
    assert_eq!(client.request("ping", json!({})).await.status, 200);
    let heard = all(&client, live).await;
    assert!(!heard.contains("list_changed"), "{heard}");
}

/// The name of the object that a session lives in.
fn session_object(keys: &Keyring, id: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use mcp_auth::{keys::TAG_LEN, session_id::Claims};
    let bytes = URL_SAFE_NO_PAD.decode(id).unwrap();
    let claims = Claims::from_bytes(&bytes[..bytes.len() - TAG_LEN]).unwrap();
    assert_eq!(claims.sign(keys), id, "the key that tests use");
    claims.object()
}

#[tokio::test]
async fn all_of_many_sessions_of_one_object_hear_of_a_change_and_of_their_end() {
    let server = start(options().var("SESSION_PLACEMENT", "subject")).await;
    let own = Client::new(&server.url()).with("x-sitebay-token", "one of its own");
    // More than are read from storage at a time.
    let sessions = (0..30).map(async |number: u32| {
        let client = own.clone().connect().await;
        client.request("resources/subscribe", json!({ "uri": "test://shared" })).await.result();
        let uri = format!("test://own/{number}");
        client.request("resources/subscribe", json!({ "uri": uri })).await.result();
        (Live::new(client.get().await), client)
    });
    let sessions = join_all(sessions).await;
    let origin = own.clone().connect().await;
    origin.call("touch", json!({ "uri": "test://shared" })).await.result();
    origin.call("touch", json!({ "uri": "test://own/29" })).await.result();
    let ended = Client::at(&server.url(), "/sessions").with("x-sitebay-token", "one of its own");
    let mut lives = Vec::new();
    for (mut live, client) in sessions {
        live.until("test://shared").await;
        lives.push((live, client));
    }
    lives[29].0.until("test://own/29").await;
    assert_eq!(ended.delete().await.status, 204);
    for (live, client) in lives {
        assert!(live.rest().await.contains("the session was ended"));
        client.request("ping", json!({})).await.refused(404, -32001);
    }
}
