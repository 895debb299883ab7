//! How many requests a caller may make, and what happens to one that guesses.

use futures_util::future::join_all;
use serde_json::json;
use xtask::{
    clock::Clock,
    server::{Options, Server},
    skips::skip,
};

use crate::support::{
    Answer, Client,
    issuer::{claims, hs256, now_s},
    options, start,
};

pub const KEY: &str = "k3y-of-this-test";
pub const SECRET: &str = "s3cret-of-this-test";

/// A server whose clock begins at the start of a window, which is a minute, so that a test that
/// counts does not see two windows. The clock has to be kept. None: this machine cannot move it.
pub async fn at_a_window(options: Options) -> Option<(Server, Clock, i64)> {
    let Some(clock) = Clock::new().expect("the compiler works") else {
        skip("limits by the clock", "no C compiler");
        return None;
    };
    let ahead = i64::try_from(61 - now_s() % 60).unwrap();
    clock.set(ahead).unwrap();
    Some((start(clock.of(options)).await, clock, ahead))
}

pub fn number(answer: &Answer, header: &str) -> u64 {
    answer.header(header).parse().unwrap_or_else(|_| panic!("{header}: {answer:?}"))
}

async fn pings(client: &Client, times: usize) -> Vec<Answer> {
    let mut answers = Vec::new();
    for _ in 0..times {
        answers.push(client.request("ping", json!({})).await);
    }
    answers
}

fn admitted(answers: &[Answer]) -> usize {
    answers.iter().filter(|answer| answer.status != 429).count()
}

#[tokio::test]
async fn every_answer_says_what_is_left_and_the_limit_is_the_limit() {
    let options = options().var("RATE_LIMIT", "30").var("MCP_API_KEY", KEY);
    let options = options.var("MCP_SHARED_SECRET", SECRET);
    let Some((server, _clock, ahead)) = at_a_window(options).await else { return };
    // Two requests: initialize and initialized.
    let client = Client::new(&server.url()).with("x-api-key", KEY).connect().await;
    let answers = pings(&client, 40).await;
    assert_eq!(admitted(&answers), 28);
    for (place, answer) in answers[..28].iter().enumerate() {
        assert_eq!(number(answer, "x-ratelimit-limit"), 30);
        // No other isolate serves the caller, so the estimate is exact.
        assert_eq!(number(answer, "x-ratelimit-remaining"), 27 - place as u64);
        let reset = number(answer, "x-ratelimit-reset");
        let left = reset.saturating_sub(now_s().saturating_add_signed(ahead));
        assert!(reset.is_multiple_of(60) && (1..=60).contains(&left), "{reset}");
    }
    let refused = &answers[39];
    assert_eq!(refused.status, 429);
    let pause = number(refused, "retry-after");
    assert!((1..=60).contains(&pause), "{pause}");
    let told = format!("Too many requests. Retry after {pause} seconds");
    let expected = json!({ "error": "Rate limit exceeded", "message": told, "retryAfter": pause });
    assert_eq!(refused.json(), expected);
    assert_eq!(number(refused, "x-ratelimit-remaining"), 0);
    // Refusals after admission count, and say so; another caller has a limit of its own.
    let answer = Client::new(&server.url()).with("x-mcp-secret", SECRET).post("{").await;
    assert_eq!((answer.status.as_u16(), number(&answer, "x-ratelimit-remaining")), (400, 29));
}

#[tokio::test]
async fn streams_and_calls_without_a_session_say_it_too() {
    let server = start(options().var("RATE_LIMIT", "1000")).await;
    let client = Client::new(&server.url()).connect().await;
    let stream = client.get().await;
    assert_eq!(stream.status(), 200);
    assert!(stream.headers().contains_key("x-ratelimit-reset"));
    let slow = client.call_with_progress("slow", json!({ "ms": 400, "steps": 2 })).await;
    assert!(slow.is_stream() && number(&slow, "x-ratelimit-remaining") < 1_000);
    let gone = client.delete().await;
    assert_eq!(gone.status, 204);
    assert!(number(&gone, "x-ratelimit-remaining") < 1_000);
}

#[tokio::test]
async fn isolates_and_restarts_never_admit_more_than_the_limit() {
    let options = options().var("RATE_LIMIT", "40");
    let options = Options { isolates: 2, ..options };
    let Some((mut server, _clock, _)) = at_a_window(options).await else { return };
    let urls = server.urls();
    let client = Client::new(&urls[0]).connect().await;
    let other = Client::new(&urls[1]).with("mcp-session-id", &client.session());
    let mut total = 2;
    for _ in 0..5 {
        total += admitted(&pings(&client, 1).await) + admitted(&pings(&other, 2).await);
    }
    assert_eq!(total, 17);
    // The isolates' leases are gone, the object's count is not.
    server.restart().await.unwrap();
    let (one, two) = tokio::join!(pings(&client, 40), pings(&other, 40));
    total += admitted(&one) + admitted(&two);
    assert!((33..=40).contains(&total), "{total}");
}

#[tokio::test]
async fn sessions_are_started_with_half_of_the_requests_at_most() {
    let options = options().var("RATE_LIMIT", "100");
    let Some((server, _clock, _)) = at_a_window(options).await else { return };
    let client = Client::new(&server.url());
    let mut started = 0;
    for _ in 0..60 {
        started += usize::from(client.initialize("2025-11-25").await.status == 200);
    }
    assert_eq!(started, 50);
    let other = client.post("{").await;
    assert_eq!(other.status, 400, "other requests go on: {other:?}");
}

#[tokio::test]
async fn the_limit_is_that_of_the_environment_and_can_be_switched_off() {
    for (environment, limit) in [("production", 100), ("staging", 500)] {
        let server = start(options().var("ENVIRONMENT", environment).var("MCP_API_KEY", KEY)).await;
        let client = Client::new(&server.url()).with("x-api-key", KEY);
        let answer = client.initialize("2025-11-25").await;
        assert_eq!(number(&answer, "x-ratelimit-limit"), limit);
    }
    let server = start(options().var("RATE_LIMIT", "off")).await;
    let answer = Client::new(&server.url()).initialize("2025-11-25").await;
    assert_eq!(answer.header("x-ratelimit-limit"), "");
}

#[tokio::test]
async fn an_address_that_guesses_is_kept_from_guessing_on() {
    let server = start(options().var("MCP_API_KEY", KEY).var("RATE_LIMIT", "1000")).await;
    let from = |address: &str, key: &str| {
        let client = Client::new(&server.url()).with("cf-connecting-ip", address);
        client.with("authorization", &format!("Bearer {key}"))
    };
    let mut refused = [0, 0];
    for guess in 0..200 {
        let answer = from("192.0.2.1", &format!("guess-{guess}")).initialize("2025-11-25").await;
        refused[usize::from(answer.status == 429)] += 1;
        assert!(matches!(answer.status.as_u16(), 401 | 429), "{answer:?}");
    }
    assert_eq!(refused, [60, 140]);
    let right = from("192.0.2.1", KEY).initialize("2025-11-25").await;
    assert_eq!(right.status, 429);
    assert_eq!(right.json()["retryAfter"], number(&right, "retry-after"));
    assert_eq!(from("192.0.2.2", KEY).initialize("2025-11-25").await.status, 200);
    assert!(!server.log().contains("guess-") && !server.log().contains(KEY));
}

#[tokio::test]
async fn guesses_count_where_another_list_of_keys_cannot_be_used() {
    let options = options().var("ENVIRONMENT", "production").var("RATE_LIMIT", "1000");
    let server = start(options.var("MCP_API_KEY", KEY).var("MCP_ADMIN_KEY", "short")).await;
    let mut refused = Vec::new();
    for guess in 0..70 {
        let client = Client::new(&server.url()).with("cf-connecting-ip", "192.0.2.1");
        let client = client.with("authorization", &format!("Bearer guess-{guess}"));
        refused.push(client.initialize("2025-11-25").await.status.as_u16());
    }
    assert_eq!(refused, [vec![503; 60], vec![429; 10]].concat());
}

#[tokio::test]
async fn in_an_isolate_that_holds_enough_leases_a_newcomer_has_its_whole_limit() {
    let secret = "a-secret-of-this-test-with-enough-characters";
    let options = options().var("RATE_LIMIT", "30").var("MCP_JWT_SECRET", secret);
    let Some((server, _clock, _)) = at_a_window(options).await else { return };
    let of = |sub: &str| {
        let token = hs256(secret, claims(json!({ "sub": sub })));
        Client::new(&server.url()).with("authorization", &format!("Bearer {token}"))
    };
    assert_eq!(number(&of("first").post("{").await, "x-ratelimit-remaining"), 29);
    let others: Vec<Client> = (0..1_050).map(|number| of(&number.to_string())).collect();
    for some in others.chunks(50) {
        join_all(some.iter().map(|other| other.post("{"))).await;
    }
    let newcomer = of("newcomer");
    let mut left = Vec::new();
    for _ in 0..30 {
        left.push(number(&newcomer.post("{").await, "x-ratelimit-remaining"));
    }
    assert_eq!(left, (0..30).rev().collect::<Vec<_>>());
    assert_eq!(newcomer.post("{").await.status, 429);
    // The one that came before all of them lost nothing.
    assert_eq!(number(&of("first").post("{").await, "x-ratelimit-remaining"), 28);
}

#[tokio::test]
async fn a_batch_counts_as_many_requests_as_it_has() {
    let options = options().var("RATE_LIMIT", "30");
    let Some((server, _clock, _)) = at_a_window(options).await else { return };
    // Two requests: initialize and initialized.
    let client = Client::new(&server.url()).connect_fully("2025-03-26", json!({})).await;
    let ping = |id: u32| json!({ "jsonrpc": "2.0", "id": id, "method": "ping" });
    let batch = json!((0..20).map(ping).collect::<Vec<_>>()).to_string();
    let answered = client.post(batch.clone()).await;
    assert_eq!(answered.status, 200, "{answered:?}");
    assert_eq!(number(&answered, "x-ratelimit-remaining"), 8);
    let refused = client.post(batch).await;
    assert_eq!(
        (refused.status.as_u16(), &refused.json()["error"]),
        (429, &json!("Rate limit exceeded"))
    );
    assert!((1..=60).contains(&number(&refused, "retry-after")));
}
