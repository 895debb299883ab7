//! SiteBay tokens that callers invent: under whose limit they are, and what they leave behind.

use reqwest::Method;
use serde_json::{Value, json};
use xtask::server::{Options, Server};

use crate::{
    limits::{KEY, SECRET, at_a_window, number},
    storage::{assert_sessions_unwritten, files, objects},
    support::{
        Answer, Client,
        events::Live,
        options,
        stateless::{ask, prepared},
        wait,
    },
};

/// How many objects of a class were ever started.
fn objects_of(server: &Server, class: &str) -> usize {
    files(&server.storage().join(format!("sitebay-mcp-{class}")), ".sqlite").len()
}

/// Requests with a token each: how many were admitted.
async fn flood(server: &Server, tokens: std::ops::Range<usize>) -> usize {
    let mut count = 0;
    for number in tokens {
        let client = Client::new(&server.url()).with("x-api-key", KEY);
        let client = client.with("x-sitebay-token", &format!("invented-{number}"));
        count += usize::from(client.post("{").await.status == 400);
    }
    count
}

/// A caller with a SiteBay token of its own.
fn tenant(server: &Server, token: &str) -> Client {
    Client::new(&server.url()).with("x-api-key", KEY).with("x-sitebay-token", token)
}

async fn list_sites(client: &Client) -> Answer {
    ask(client, "tools/call", json!({ "name": "sitebay_list_sites" }), json!({})).await
}

/// Options with one SiteBay token that works, `good`.
fn with_one_token() -> Options {
    let mut options = options().var("MCP_API_KEY", KEY).var("MCP_SHARED_SECRET", SECRET);
    options.sandbox =
        options.sandbox.map(|sandbox| sandbox::Options { token: Some("good".into()), ..sandbox });
    options.var("RATE_LIMIT", "100")
}

#[tokio::test]
async fn two_hundred_invented_tokens_are_limited_like_one() {
    let Some((server, _clock, _)) = at_a_window(with_one_token()).await else { return };
    assert_eq!(flood(&server, 0..200).await, 100);
    // One object, that of the account.
    assert_eq!(objects(&server), 1);
}

#[tokio::test]
async fn a_flood_of_invented_tokens_takes_nothing_from_other_tenants() {
    let Some((mut server, _clock, _)) = at_a_window(with_one_token()).await else { return };
    let good = tenant(&server, "good");
    let worked = list_sites(&good).await;
    assert_eq!(worked.result()["isError"], Value::Null, "{worked:?}");
    assert_eq!(number(&worked, "x-ratelimit-remaining"), 99);
    assert_eq!(objects_of(&server, "QuotaAgent"), 1);
    // The first request counted against the account, like those of every token that did not work yet.
    assert_eq!(flood(&server, 0..1_050).await, 99);
    assert_eq!(objects_of(&server, "QuotaAgent"), 1);
    // A token that worked has a limit of its own, regardless of other tokens.
    let mut left = Vec::new();
    for _ in 0..30 {
        let answer = good.post("{").await;
        assert_eq!(answer.status, 400, "{answer:?}");
        left.push(number(&answer, "x-ratelimit-remaining"));
    }
    assert_eq!(left, (70..100).rev().collect::<Vec<_>>());
    assert_eq!(objects_of(&server, "QuotaAgent"), 2);
    // So have callers who bring no token, and those who came in another way.
    let other = Client::new(&server.url()).with("x-api-key", KEY).post("{").await;
    assert_eq!((other.status.as_u16(), number(&other, "x-ratelimit-remaining")), (400, 99));
    let other = Client::new(&server.url()).with("x-mcp-secret", SECRET).post("{").await;
    assert_eq!((other.status.as_u16(), number(&other, "x-ratelimit-remaining")), (400, 99));
    // An isolate that knows nothing asks which tokens worked.
    server.restart().await.unwrap();
    assert_eq!(flood(&server, 2_000..2_010).await, 0);
    assert_eq!(tenant(&server, "good").post("{").await.status, 400);
}

#[tokio::test]
async fn calls_that_sitebay_refuses_make_no_object_for_their_token() {
    let Some((server, _clock, _)) = at_a_window(with_one_token()).await else { return };
    for number in 0..20 {
        let caller = tenant(&server, &format!("invented-{number}"));
        assert_eq!(list_sites(&caller).await.result()["isError"], true);
        // Half of the requests of a window start sessions, at most.
        let session = caller.connect().await;
        let failed = session.call("sitebay_list_sites", json!({})).await;
        assert_eq!(failed.result()["isError"], true);
    }
    // The sessions have objects of their own, without rows; their tokens have none.
    assert_eq!(objects_of(&server, "SessionAgent"), 20);
    assert_sessions_unwritten(&server);
    assert_eq!((objects_of(&server, "QuotaAgent"), objects_of(&server, "HubAgent")), (1, 0));
}

#[tokio::test]
async fn a_token_that_works_in_a_session_has_a_limit_of_its_own_from_then_on() {
    let Some((server, _clock, _)) = at_a_window(with_one_token()).await else { return };
    let session = tenant(&server, "good").connect().await;
    let before = session.request("ping", json!({})).await;
    assert_eq!(number(&before, "x-ratelimit-remaining"), 97);
    assert_eq!(
        session.call("sitebay_list_sites", json!({})).await.result()["isError"],
        Value::Null
    );
    assert_eq!(flood(&server, 0..150).await, 96);
    let after = session.request("ping", json!({})).await;
    assert_eq!((after.status.as_u16(), number(&after, "x-ratelimit-remaining")), (200, 99));
}

/// A listener with a SiteBay token of its own.
async fn listen(server: &Server, token: &str) -> reqwest::Response {
    let params = json!({ "notifications": { "toolsListChanged": true } });
    let (client, body) =
        prepared(&tenant(server, token), "subscriptions/listen", params, json!({}));
    client.send(Method::POST).body(body).send().await.unwrap()
}

#[tokio::test]
async fn what_would_be_kept_for_an_invented_token_is_refused() {
    let Some((server, _clock, _)) = at_a_window(with_one_token()).await else { return };
    let invented = tenant(&server, "invented");
    let all = Client::at(&server.url(), "/sessions").with("x-api-key", KEY);
    let refused = all.clone().with("x-sitebay-token", "invented").delete().await;
    refused.refused(403, -32000);
    assert!(refused.text.contains("X-SiteBay-Token"), "{refused:?}");
    assert_eq!(listen(&server, "invented").await.status(), 403);
    // A task keeps its caller's token.
    let tasks = json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let long = json!({ "name": "slow_compute", "arguments": { "seconds": 1, "label": "x" } });
    let failed = ask(&invented, "tools/call", long.clone(), tasks.clone()).await;
    assert!(failed.text.contains("SiteBay does not accept the token"), "{failed:?}");
    // A session's stream and its subscriptions are its object's alone.
    let session = invented.connect().await;
    let mut live = Live::new(session.get().await);
    live.until(": connected").await;
    session.request("resources/subscribe", json!({ "uri": "test://a" })).await.result();
    for class in ["HubAgent", "TaskAgent"] {
        assert_eq!(objects_of(&server, class), 0, "{class}");
    }
    // The same for a token that works: what is asked for is done, and the token is verified by it.
    assert_eq!(all.with("x-sitebay-token", "good").delete().await.status, 204);
    assert_eq!(listen(&server, "good").await.status(), 200);
    let task = ask(&tenant(&server, "good"), "tools/call", long, tasks).await;
    assert_eq!(task.result()["resultType"], "task");
    assert_eq!((objects_of(&server, "HubAgent"), objects_of(&server, "TaskAgent")), (1, 1));
    let left = number(&task, "x-ratelimit-remaining");
    assert!((97..=98).contains(&left), "it is under a limit of its own: {left}");
}

#[tokio::test]
async fn a_stream_that_began_before_its_token_worked_hears_of_changes_elsewhere() {
    let Some((server, _clock, _)) = at_a_window(with_one_token()).await else { return };
    let session = tenant(&server, "good").connect().await;
    let mut live = Live::new(session.get().await);
    live.until(": connected").await;
    assert_eq!(objects_of(&server, "HubAgent"), 0);
    session.call("sitebay_list_sites", json!({})).await.result();
    wait::holds("it is registered", || objects_of(&server, "HubAgent") > 0).await;
    let other = tenant(&server, "good").connect().await;
    other.call("notify", json!({})).await.result();
    live.until("tools/list_changed").await;
}

#[tokio::test]
async fn all_isolates_know_a_token_that_worked_in_one() {
    let options = Options { isolates: 2, ..with_one_token() };
    let Some((server, clock, ahead)) = at_a_window(options).await else { return };
    let [here, there] = server.urls().try_into().unwrap();
    let at = |url: &str, token: &str| {
        Client::new(url).with("x-api-key", KEY).with("x-sitebay-token", token)
    };
    // The other isolate leases a tenth of the window of the account, and has read the list while it was empty.
    assert_eq!(at(&there, "good").post("{").await.status, 400);
    list_sites(&at(&here, "good")).await.result();
    assert_eq!(flood(&server, 0..150).await, 89);
    // It reads the list again after 2 s.
    clock.set(ahead + 3).unwrap();
    let answer = at(&there, "good").post("{").await;
    assert_eq!((answer.status.as_u16(), number(&answer, "x-ratelimit-remaining")), (400, 99));
}

#[tokio::test]
async fn a_token_that_is_used_stays_known_for_longer_than_30_days() {
    let Some((mut server, clock, ahead)) = at_a_window(with_one_token()).await else { return };
    let good = tenant(&server, "good");
    list_sites(&good).await.result();
    for days in [20, 40, 60] {
        clock.set(ahead + days * 24 * 3_600).unwrap();
        // Another isolate, which has to ask, and calls nothing of SiteBay.
        server.restart().await.unwrap();
        assert_eq!(tenant(&server, "good").post("{").await.status, 400);
        assert_eq!(flood(&server, 0..150).await, 100, "after {days} days");
        let answer = tenant(&server, "good").post("{").await;
        assert_eq!(answer.status, 400, "after {days} days: {answer:?}");
    }
}
