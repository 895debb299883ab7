//! OAuth while the clock is moved: by hours, over the ends of codes and tokens, and back.
//! Sessions, answers, limits and tasks are in the endurance run of the same name.

use std::time::{Duration, Instant};

use serde_json::json;
use xtask::{
    clock::Clock,
    server::{Options, Server},
    skips::skip,
};

use crate::support::{
    Client,
    events::Live,
    oauth::{App, Tokens, post, with_oauth},
    start,
};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// A server that goes by a clock of its own. None: this machine cannot move it.
async fn server(test: &str) -> Option<(Server, Clock)> {
    let Some(clock) = Clock::new().expect("the compiler works") else {
        skip(test, "no C compiler");
        return None;
    };
    Some((start(clock.of(with_oauth())).await, clock))
}

#[tokio::test]
async fn a_code_that_ran_out_is_not_good_again_when_the_clock_goes_back() {
    let Some((server, clock)) = server("a code that ran out").await else { return };
    let app = App::register(&server.url()).await;
    let code = app.code().await;
    clock.set(601).unwrap();
    assert_eq!(app.redeem(&code).await.status, 400);
    clock.set(0).unwrap();
    assert_eq!(app.redeem(&code).await.status, 400);
    // One that was not used too late is valid.
    app.tokens().await;
}

#[tokio::test]
async fn tokens_outlive_a_clock_that_is_put_right_and_run_out_with_it() {
    let Some((server, clock)) = server("tokens").await else { return };
    let app = App::register(&server.url()).await;
    let first = app.tokens().await;
    clock.set(-HOUR).unwrap();
    assert!(app.is_let_in(&first.access).await, "after an hour back");
    clock.set(HOUR + 1).unwrap();
    assert!(!app.is_let_in(&first.access).await, "after its end");
    let second = Tokens::of(&app.refresh(&first.refresh).await);
    assert!(app.is_let_in(&second.access).await, "refreshed");
    clock.set(0).unwrap();
    assert!(app.is_let_in(&second.access).await, "of a clock that was ahead");
    app.tokens().await;
}

#[tokio::test]
async fn a_refresh_token_that_ran_out_is_not_good_again_when_the_clock_goes_back() {
    let Some((server, clock)) = server("a refresh token that ran out").await else { return };
    let app = App::register(&server.url()).await;
    let tokens = app.tokens().await;
    clock.set(31 * DAY).unwrap();
    assert_eq!(app.refresh(&tokens.refresh).await.status, 400);
    clock.set(0).unwrap();
    assert_eq!(app.refresh(&tokens.refresh).await.status, 400);
    assert!(!app.is_let_in(&tokens.access).await, "the grant is over");
}

#[tokio::test]
async fn a_grant_that_was_revoked_stays_revoked_whatever_the_clock_says() {
    let Some((mut server, clock)) = server("a revoked grant").await else { return };
    let app = App::register(&server.url()).await;
    let tokens = app.tokens().await;
    let fields = [("token", tokens.refresh.as_str()), ("client_id", &app.id)];
    assert_eq!(post(&format!("{}/revoke", server.url()), &fields, &[]).await.status, 200);
    for at in [HOUR, -HOUR, 0] {
        clock.set(at).unwrap();
        server.restart().await.unwrap();
        assert!(!app.is_let_in(&tokens.access).await, "{at}");
        assert_eq!(app.refresh(&tokens.refresh).await.status, 400, "{at}");
    }
}

#[tokio::test]
async fn a_grant_that_was_revoked_elsewhere_ends_a_stream_that_is_never_silent() {
    let Some(clock) = Clock::new().expect("the compiler works") else {
        return skip("a busy stream", "no C compiler");
    };
    let server = start(Options { isolates: 2, ..clock.of(with_oauth()) }).await;
    let urls = server.urls();
    let app = App::register(&urls[0]).await;
    let tokens = app.tokens().await;
    let host = urls[0].strip_prefix("http://").unwrap();
    let elsewhere = |client: Client| {
        client.with("authorization", &format!("Bearer {}", tokens.access)).with("host", host)
    };
    let mut live = Live::new(elsewhere(Client::at(&urls[1], "/sse")).get().await);
    let (_, endpoint) = live.until("\n\n").await.split_once("data: ").expect("the endpoint");
    let client = elsewhere(Client::at(&urls[1], &format!("/{}", endpoint.trim())));
    let call = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": "slow", "arguments": { "ms": 60_000, "steps": 300 },
            "_meta": { "progressToken": "busy" },
        },
    });
    assert_eq!(client.post(call.to_string()).await.status, 202);
    live.until("notifications/progress").await;
    let fields = [("token", tokens.refresh.as_str()), ("client_id", &app.id)];
    assert_eq!(post(&format!("{}/revoke", server.url()), &fields, &[]).await.status, 200);
    clock.set(21).unwrap();
    let revoked = Instant::now();
    let text = live.rest().await;
    assert!(text.ends_with(": closed: the access was revoked\n\n"), "{text}");
    // Real time: it is the clock that says when to ask, not the timer of 20 s that breaks silence.
    assert!(revoked.elapsed() < Duration::from_secs(10), "took {:?}", revoked.elapsed());
}
