//! What OAuth gives while the clock is moved: by hours, over the ends of codes and tokens, and back.
//! Sessions, answers, limits and tasks are in the endurance run of the same name.

use xtask::{clock::Clock, server::Server, skips::skip};

use crate::support::{
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
    // One that nobody brought too late is good.
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
