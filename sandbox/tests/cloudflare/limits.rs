//! The limit of requests.

use sandbox::cloudflare::Options;
use serde_json::Value;

use crate::client::{Lab, assert_refused};

#[tokio::test]
async fn one_request_too_many_blocks_the_token_for_five_minutes() {
    let options = Options { frozen: true, request_limit: 3, ..Options::default() };
    let mut lab = Lab::with(options).await;
    let first = lab.request("GET", "queues").send().await.unwrap();
    assert_eq!(first.headers()["ratelimit"], "\"default\";r=2;t=300");
    assert_eq!(first.headers()["ratelimit-policy"], "\"default\";q=3;w=300");
    assert!(!first.headers().contains_key("retry-after"));
    lab.get("queues").await;
    lab.get("queues").await;
    lab.advance(100);
    let refused = lab.request("GET", "queues").send().await.unwrap();
    assert_eq!(refused.status().as_u16(), 429);
    assert_eq!(refused.headers()["retry-after"], "300");
    assert_eq!(refused.headers()["ratelimit"], "\"default\";r=0;t=300");
    lab.advance(299);
    assert_refused(&lab.get("queues").await, 429, 10013);
    assert_refused(&lab.top("GET", "user/tokens/verify", Value::Null).await, 429, 10013);
    lab.use_token("read");
    assert_eq!(lab.get("queues").await.0, 200);
    lab.use_token("change");
    lab.advance(1);
    assert_eq!(lab.get("queues").await.0, 200);
}

#[tokio::test]
async fn a_window_ends_five_minutes_after_its_first_request() {
    let options = Options { frozen: true, request_limit: 2, ..Options::default() };
    let lab = Lab::with(options).await;
    for _ in 0..3 {
        assert_eq!(lab.get("queues").await.0, 200);
        assert_eq!(lab.get("queues").await.0, 200);
        lab.advance(300);
    }
}
