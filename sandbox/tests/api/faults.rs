//! Misbehaviour on demand.

use std::time::{Duration, Instant};

use sandbox::Fault;
use serde_json::json;

use crate::client::{Api, detail, new_site};

const TEAM: &str = "/team";

fn status(status: u16) -> Fault {
    Fault { status: Some(status), ..Fault::default() }
}

#[tokio::test]
async fn a_fault_happens_as_often_as_asked() {
    let api = Api::start().await;
    let times = Some(2);
    api.sandbox.inject(Fault { times, ..status(503) });
    let error = (503, detail("Service Unavailable"));
    assert_eq!(api.get(TEAM).await, error);
    assert_eq!(api.get(TEAM).await, error);
    assert_eq!(api.get(TEAM).await.0, 200);
    api.sandbox.inject(status(500));
    for _ in 0..5 {
        assert_eq!(api.get(TEAM).await.0, 500);
    }
}

#[tokio::test]
async fn a_fault_meets_only_its_method_and_path() {
    let api = Api::start().await;
    api.sandbox.inject(Fault {
        method: Some("get".into()),
        path: Some("/site/site-1.example.com*".into()),
        ..status(500)
    });
    api.sandbox.inject(Fault { path: Some("/site/".into()), ..status(502) });
    assert_eq!(api.get("/site/site-1.example.com").await.0, 500);
    assert_eq!(api.get("/site/site-1.example.com/stage").await.0, 500);
    assert_eq!(api.get("/site/site%2D1.example.com").await.0, 500);
    assert_eq!(api.patch("/site/site-1.example.com", json!({})).await.0, 200);
    assert_eq!(api.get("/site/?page=1").await.0, 502);
    assert_eq!(api.get("/site/site-2.example.com").await.0, 200);
    assert_eq!(api.get(TEAM).await.0, 200);
}

#[tokio::test]
async fn of_two_faults_the_first_applies_until_it_is_used_up() {
    let api = Api::start().await;
    let times = Some(1);
    api.sandbox.inject(Fault { times, ..status(500) });
    api.sandbox.inject(Fault { times, ..status(429) });
    assert_eq!(api.get(TEAM).await.0, 500);
    assert_eq!(api.get(TEAM).await.0, 429);
    assert_eq!(api.get(TEAM).await.0, 200);
}

#[tokio::test]
async fn a_fault_sets_body_type_and_retry_after() {
    let api = Api::start().await;
    api.sandbox.inject(Fault {
        retry_after: Some("7".into()),
        body: Some("<h1>Bad gateway</h1>".into()),
        content_type: Some("text/html".into()),
        ..status(502)
    });
    let response = api.request("GET", TEAM).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 502);
    assert_eq!(response.headers()["retry-after"], "7");
    assert_eq!(response.headers()["content-type"], "text/html");
    assert_eq!(response.text().await.unwrap(), "<h1>Bad gateway</h1>");
}

#[tokio::test]
async fn a_fault_without_a_status_only_changes_the_real_answer() {
    let api = Api::start().await;
    api.sandbox.inject(Fault { delay_ms: Some(150), times: Some(1), ..Fault::default() });
    let begin = Instant::now();
    let (status, teams) = api.get(TEAM).await;
    assert!(begin.elapsed() >= Duration::from_millis(150));
    assert_eq!((status, &teams["count"]), (200, &json!(2)));
    api.sandbox.inject(Fault { body: Some("{".into()), ..Fault::default() });
    let response = api.request("GET", TEAM).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert_eq!(response.text().await.unwrap(), "{");
}

#[tokio::test]
async fn a_cut_connection_gives_no_answer() {
    let api = Api::start().await;
    api.sandbox.inject(Fault {
        cut: true,
        times: Some(1),
        method: Some("POST".into()),
        ..Fault::default()
    });
    let create = api.request("POST", "/site/").json(&new_site("new.example.com"));
    assert!(create.send().await.is_err());
    assert_eq!(api.get("/site/new.example.com").await.0, 404);
    assert_eq!(api.sandbox.requests()[0].status, 0);
}

#[tokio::test]
async fn a_fault_can_come_after_the_real_thing() {
    let api = Api::start().await;
    api.sandbox.inject(Fault { after: true, times: Some(1), ..status(504) });
    api.sandbox.inject(Fault { after: true, cut: true, times: Some(1), ..Fault::default() });
    assert_eq!(api.post("/site/", new_site("one.example.com")).await.0, 504);
    let create = api.request("POST", "/site/").json(&new_site("two.example.com"));
    assert!(create.send().await.is_err());
    assert_eq!(api.get("/site/one.example.com").await.0, 200);
    assert_eq!(api.get("/site/two.example.com").await.0, 200);
}

#[tokio::test]
async fn a_caller_that_gives_up_during_the_delay_gets_nothing_done() {
    let api = Api::start().await;
    api.sandbox.inject(Fault { delay_ms: Some(300), times: Some(1), ..Fault::default() });
    let create = api.request("POST", "/site/").json(&new_site("new.example.com"));
    let given_up = create.timeout(Duration::from_millis(50)).send().await;
    assert!(given_up.is_err());
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(api.get("/site/new.example.com").await.0, 404);
}

#[tokio::test]
async fn a_body_may_be_in_another_encoding() {
    let api = Api::start().await;
    let body = Some("Grüße ☂".to_owned());
    api.sandbox.inject(Fault { body, latin1: true, ..status(500) });
    let url = format!("{}/f/api/v1{TEAM}", api.sandbox.url());
    let answer = reqwest::get(url).await.unwrap();
    assert_eq!(answer.bytes().await.unwrap().as_ref(), b"Gr\xfc\xdfe ?");
}
