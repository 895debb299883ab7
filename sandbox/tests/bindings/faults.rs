//! Bindings that fail, each in the way in which a Worker sees it.

use sandbox::Fault;
use serde_json::{Value, json};

use crate::client::Lab;

fn failing(path: &str, status: u16) -> Fault {
    Fault { path: Some(path.to_owned()), status: Some(status), times: Some(1), ..Fault::default() }
}

#[tokio::test]
async fn a_binding_that_fails_once_fails_in_its_own_way() {
    let lab = Lab::start().await;
    let overloaded = Fault {
        body: Some(
            json!({ "error": "D1 DB is overloaded. Too many requests queued." }).to_string(),
        ),
        ..failing("/d1/database/query", 429)
    };
    let select = json!(["DB", ["prepare", "SELECT 1"], ["all"]]);
    for (fault, calls, error) in [
        (
            failing("/kv/namespace/k", 500),
            json!(["KV", ["get", "k"]]),
            "Error: KV GET failed: 500 Internal Server Error",
        ),
        (
            failing("/kv/namespace/k", 429),
            json!(["KV", ["put", "k", "v"]]),
            "Error: KV PUT failed: 429 Too Many Requests",
        ),
        (
            failing("/r2/bucket/get", 503),
            json!(["R2", ["get", "k"]]),
            "Error: get: Service Unavailable (10001)",
        ),
        (
            failing("/r2/bucket/put", 500),
            json!(["R2", ["put", "k", "v"]]),
            "Error: put: Internal Server Error (10001)",
        ),
        (
            failing("/d1/database/query", 500),
            select.clone(),
            "Error: D1_ERROR: Internal Server Error",
        ),
        (
            overloaded,
            select.clone(),
            "Error: D1_ERROR: D1 DB is overloaded. Too many requests queued.",
        ),
    ] {
        lab.bindings.inject(fault);
        assert_eq!(lab.error(calls.clone()).await, error);
        lab.ok(calls).await;
    }
    lab.bindings.inject(failing("/assets/site/x", 500));
    let fetch = json!(["ASSETS", ["fetch", "https://example.com/x"]]);
    assert_eq!(lab.ok(fetch.clone()).await["status"], 500);
    assert_eq!(lab.ok(fetch).await["status"], 404);
}

#[tokio::test]
async fn a_connection_that_is_cut_is_an_error_and_what_was_done_stays_done() {
    let lab = Lab::start().await;
    let cut = |path: &str| Fault { cut: true, after: true, status: None, ..failing(path, 0) };
    for (path, calls) in [
        ("/kv/namespace/k", json!(["KV", ["put", "k", "v"]])),
        ("/r2/bucket/put", json!(["R2", ["put", "k", "v"]])),
        ("/d1/database/execute", json!(["DB", ["prepare", "CREATE TABLE t (x)"], ["run"]])),
    ] {
        lab.bindings.inject(cut(path));
        lab.error(calls).await;
    }
    assert_eq!(lab.bindings.value("namespace", "k").as_deref(), Some("v"));
    assert_eq!(lab.bindings.object("bucket", "k").as_deref(), Some(b"v".as_slice()));
    assert!(lab.bindings.dump("database").unwrap().contains("CREATE TABLE t"));
}

#[tokio::test]
async fn a_data_point_that_is_refused_fails_no_request() {
    let lab = Lab::start().await;
    lab.bindings.inject(failing("/analytics/points/", 500));
    let write = |index: &str| json!(["AE", ["writeDataPoint", { "indexes": [index] }]]);
    assert_eq!(lab.ok(write("lost")).await, Value::Null);
    lab.until("the refusal", |it| it.requests().iter().any(|one| one.status == 500)).await;
    lab.ok(write("kept")).await;
    lab.until("the point", |it| !it.points("points").is_empty()).await;
    assert_eq!(lab.bindings.points("points")[0].index, "kept");
}
