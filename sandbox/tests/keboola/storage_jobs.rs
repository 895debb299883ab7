//! Storage's own jobs.

use serde_json::{Value, json};

use crate::client::{Lab, assert_refused};

#[tokio::test]
async fn a_job_waits_works_and_succeeds() {
    let lab = Lab::start().await;
    let body = json!({ "name": "later", "stage": "in" });
    let (status, job) = lab.post("branch/default/buckets?async=true", body).await;
    assert_eq!((status, &job["status"], &job["results"]), (202, &json!("waiting"), &Value::Null));
    assert_eq!(job["creatorToken"], json!({ "id": "10101", "description": "master" }));
    let path = format!("jobs/{}", job["id"]);
    lab.advance(150);
    assert_eq!(lab.get(&path).await.1["status"], "processing");
    assert_eq!(lab.get("buckets/in.c-later").await.0, 404);
    lab.advance(50);
    let (_, done) = lab.get(&path).await;
    assert_eq!(
        (&done["status"], &done["results"]["id"]),
        (&json!("success"), &json!("in.c-later"))
    );
    assert_eq!(lab.get("buckets/in.c-later").await.0, 200);
}

#[tokio::test]
async fn jobs_are_listed_newest_first() {
    let lab = Lab::start().await;
    for name in ["a", "b", "c"] {
        lab.post("dev-branches", json!({ "name": name })).await;
    }
    let (_, jobs) = lab.get("jobs?limit=2").await;
    let names: Vec<_> = jobs
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["operationParams"]["values"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["c", "b"]);
    assert_refused(&lab.get("jobs/7").await, 404, "storage.jobs.notFound");
}
