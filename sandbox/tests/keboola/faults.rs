//! Misbehaviour on demand.

use std::time::{Duration, Instant};

use sandbox::Fault;
use serde_json::json;

use crate::client::{Lab, assert_refused};

fn fault(path: &str, status: u16) -> Fault {
    Fault { path: Some(path.into()), status: Some(status), times: Some(1), ..Fault::default() }
}

#[tokio::test]
async fn a_fault_names_service_and_path_with_the_stack_or_without() {
    let lab = Lab::start().await;
    lab.keboola.inject(fault("/connection/v2/storage/tokens/*", 500));
    lab.keboola.inject(fault("/eu/connection/v2/storage/buckets", 500));
    lab.keboola.inject(fault("/us/queue/search/jobs", 502));
    assert_refused(&lab.get("tokens/verify").await, 500, "application");
    assert_eq!(lab.get("tokens/verify").await.0, 200);
    assert_eq!(lab.get("buckets").await.0, 200);
    let (status, body) = lab.ask("GET", "queue", "search/jobs").await;
    assert_eq!((status, &body["code"]), (502, &json!(502)));
}

#[tokio::test]
async fn maintenance_says_when_to_come_again() {
    let lab = Lab::start().await;
    lab.keboola.inject(fault("/connection/*", 503));
    let get = || lab.request("GET", "connection", "v2/storage/buckets").send();
    let response = get().await.unwrap();
    assert_eq!(response.status().as_u16(), 503);
    assert_eq!(response.headers()["retry-after"], "60");
    let body: serde_json::Value = response.json().await.unwrap();
    assert_eq!(body["status"], "maintenance");
    lab.keboola.inject(Fault { retry_after: Some("5".into()), ..fault("/connection/*", 503) });
    let response = get().await.unwrap();
    assert_eq!(response.headers().get_all("retry-after").iter().count(), 1);
    assert_eq!(response.headers()["retry-after"], "5");
}

#[tokio::test]
async fn too_many_requests_html_and_a_cut_connection_can_be_had() {
    let lab = Lab::start().await;
    lab.keboola.inject(Fault { retry_after: Some("2".into()), ..fault("/query/*", 429) });
    let (status, body) = lab.ask("GET", "query", "api/v1/queries/x").await;
    assert_eq!((status, &body["exception"]), (429, &json!("Too Many Requests")));
    lab.keboola.inject(Fault {
        body: Some("<h1>Bad Gateway</h1>".into()),
        content_type: Some("text/html".into()),
        ..fault("/ai/*", 502)
    });
    let response = lab.request("GET", "ai", "docs/components/x").send().await.unwrap();
    assert_eq!(response.text().await.unwrap(), "<h1>Bad Gateway</h1>");
    lab.keboola.inject(Fault { cut: true, status: None, ..fault("/queue/jobs", 0) });
    let body = json!({ "component": "keboola.ex-http", "config": "http-1" });
    assert!(lab.request("POST", "queue", "jobs").json(&body).send().await.is_err());
    assert_eq!(lab.ask("GET", "queue", "search/jobs").await.1.as_array().unwrap().len(), 4);
    let after = Fault { cut: true, after: true, status: None, ..fault("/queue/jobs", 0) };
    lab.keboola.inject(after);
    assert!(lab.request("POST", "queue", "jobs").json(&body).send().await.is_err());
    assert_eq!(lab.ask("GET", "queue", "search/jobs").await.1.as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn verifying_can_be_slow() {
    let lab = Lab::start().await;
    let path = "/connection/v2/storage/tokens/verify";
    lab.keboola.inject(Fault { delay_ms: Some(100), status: None, ..fault(path, 0) });
    let begin = Instant::now();
    assert_eq!(lab.get("tokens/verify").await.0, 200);
    assert!(begin.elapsed() >= Duration::from_millis(100));
}
