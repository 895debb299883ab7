//! The record, and the control routes.

use sandbox::keboola::token;
use serde_json::{Value, json};

use crate::client::{Lab, answer};

#[tokio::test]
async fn requests_are_recorded_with_their_credentials_and_bodies() {
    let lab = Lab::start().await;
    let body = json!({ "provider": "user", "metadata": [{ "key": "k", "value": "v" }] });
    lab.post("buckets/in.c-main/metadata?x=1", body.clone()).await;
    let bearer = lab.bare("GET", "queue", "search/jobs").bearer_auth("secret");
    answer(bearer.header("X-KBC-RunId", "9")).await;
    let requests = lab.keboola.requests();
    let [first, second] = requests.as_slice() else {
        panic!("two requests were sent");
    };
    assert_eq!(first.path, "/us/connection/v2/storage/buckets/in.c-main/metadata");
    assert_eq!((first.query.as_str(), first.status), ("x=1", 201));
    assert_eq!(first.headers["x-storageapi-token"], token(101, "master"));
    assert!(!first.headers.contains_key("authorization"));
    assert_eq!(first.body, Some(body));
    assert_eq!((second.headers["authorization"].as_str(), second.status), ("Bearer secret", 401));
    assert_eq!(second.headers["x-kbc-runid"], "9");
    let (_, seen) = lab.control("GET", "requests", Value::Null).await;
    assert_eq!(seen.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn another_process_steers_the_clock_the_jobs_and_the_statements() {
    let lab = Lab::start().await;
    let plan = json!({ "config": "http-1", "end": "error", "message": "no", "runs_ms": 10_000 });
    assert_eq!(lab.control("POST", "job", plan).await.0, 200);
    let body = json!({ "component": "keboola.ex-http", "config": "http-1" });
    let (_, job) = lab.send("POST", "queue", "jobs", body).await;
    let path = format!("jobs/{}", job["id"].as_str().unwrap());
    lab.control("POST", "clock", json!({ "advance_ms": 5000 })).await;
    assert_eq!(lab.ask("GET", "queue", &path).await.1["status"], "processing");
    lab.control("POST", "finish", Value::Null).await;
    let (_, job) = lab.ask("GET", "queue", &path).await;
    assert_eq!((&job["status"], &job["result"]["message"]), (&json!("error"), &json!("no")));
    let rule = json!({ "sql": "SELECT x", "columns": ["X"], "rows": [["1"]] });
    assert_eq!(lab.control("POST", "query", rule).await.0, 200);
    let path = "api/v1/branches/1011/workspaces/101500/queries";
    let (_, job) = lab.send("POST", "query", path, json!({ "statements": ["select x"] })).await;
    lab.control("POST", "finish", Value::Null).await;
    let path = format!("api/v1/queries/{}", job["queryJobId"].as_str().unwrap());
    assert_eq!(lab.ask("GET", "query", &path).await.1["status"], "completed");
}

#[tokio::test]
async fn faults_and_projects_are_switched_from_outside() {
    let lab = Lab::start().await;
    let fault = json!({ "path": "/connection/v2/storage/buckets", "status": 500, "times": 1 });
    assert_eq!(lab.control("POST", "fault", fault).await.0, 200);
    assert_eq!(lab.get("buckets").await.0, 500);
    lab.control("POST", "project", json!({ "id": 101, "disabled": true })).await;
    assert_eq!(lab.get("buckets").await.0, 403);
    lab.control("POST", "project", json!({ "id": 101, "disabled": false })).await;
    assert_eq!(lab.get("buckets").await.0, 200);
    assert_eq!(lab.control("POST", "clock", json!({ "advance_ms": "x" })).await.0, 400);
    assert_eq!(lab.control("GET", "nothing", Value::Null).await.0, 404);
}

#[tokio::test]
async fn the_state_shows_projects_and_tokens_and_a_reset_restores_it() {
    let lab = Lab::start().await;
    let (_, before) = lab.control("GET", "state", Value::Null).await;
    assert_eq!(before["now"], "2026-08-17T07:39:18+0200");
    assert_eq!(before["projects"].as_array().unwrap().len(), 6);
    assert_eq!(before["projects"][0]["tables"], 507);
    assert!(
        before["tokens"].as_array().unwrap().iter().any(|one| one["token"] == token(203, "guest"))
    );
    lab.post("branch/default/buckets", json!({ "name": "new", "stage": "in" })).await;
    lab.advance(1000);
    let (_, changed) = lab.control("GET", "state", Value::Null).await;
    assert_ne!(changed, before);
    assert_eq!(lab.control("POST", "reset", Value::Null).await.0, 200);
    assert_eq!(lab.control("GET", "state", Value::Null).await.1, before);
    assert!(lab.keboola.requests().is_empty());
}
