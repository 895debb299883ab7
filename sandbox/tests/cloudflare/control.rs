//! The record, and the control routes.

use sandbox::cloudflare::{Options, token};
use serde_json::{Value, json};

use crate::client::{DATABASE, Lab};

#[tokio::test]
async fn requests_are_recorded_with_their_tokens_and_bodies() {
    let mut lab = Lab::start().await;
    lab.use_token("query");
    lab.get("d1/database?name=x").await;
    lab.post("queues", json!({ "queue_name": "new" })).await;
    let requests = lab.cloudflare.requests();
    let [first, second] = requests.as_slice() else {
        panic!("two requests were sent");
    };
    assert!(first.path.starts_with("/client/v4/accounts/") && first.query == "name=x");
    assert_eq!(first.headers["authorization"], format!("Bearer {}", token("query")));
    assert_eq!((first.status, second.status), (200, 403));
    assert_eq!(second.body, Some(json!({ "queue_name": "new" })));
}

#[tokio::test]
async fn another_process_steers_clock_workflows_points_numbers_and_databases() {
    let lab = Lab::start().await;
    let plan = json!({ "end": "errored", "runs_ms": 60_000, "times": 1 });
    assert_eq!(lab.control("POST", "workflow", plan).await.0, 200);
    let path = "workflows/sitebay-mcp-staging-onboarding/instances";
    Lab::result(lab.post(path, json!({ "instance_id": "one" })).await);
    lab.control("POST", "clock", json!({ "advance_ms": 30_000 })).await;
    let instance = async || Lab::result(lab.get(&format!("{path}/one")).await)["status"].clone();
    assert_eq!(instance().await, "running");
    lab.control("POST", "clock", json!({ "advance_ms": 31_000 })).await;
    assert_eq!(instance().await, "errored");
    let points = json!({ "dataset": "fresh", "points": [{ "blobs": ["a"], "count": 3 }] });
    assert_eq!(lab.control("POST", "points", points).await.0, 200);
    let sql = lab.request("POST", "analytics_engine/sql").body("SELECT count() AS n FROM fresh");
    assert_eq!(crate::client::answer(sql).await.1["data"], json!([{ "n": "3" }]));
    assert_eq!(lab.control("POST", "numbers", json!([{ "dataset": "x" }])).await.0, 200);
    let sql = json!({ "database": DATABASE, "sql": "DELETE FROM users" });
    assert_eq!(lab.control("POST", "sql", sql).await.0, 200);
    let (_, dump) = lab.control("GET", &format!("dump?database={DATABASE}"), Value::Null).await;
    assert!(!dump["dump"].as_str().unwrap().contains("INSERT INTO \"users\""));
    for (name, body) in [
        ("sql", json!({ "database": "none", "sql": "SELECT 1" })),
        ("sql", json!({ "database": DATABASE, "sql": "SELEC" })),
        ("clock", json!({})),
    ] {
        assert_eq!(lab.control("POST", name, body).await.0, 400);
    }
    assert_eq!(lab.control("GET", "nothing", Value::Null).await.0, 404);
}

#[tokio::test]
async fn the_state_shows_what_there_is_and_a_reset_restores_it() {
    let lab = Lab::start().await;
    let before = lab.control("GET", "state", Value::Null).await.1;
    assert_eq!(before["now"], "2026-11-20T12:00:00.000000Z");
    assert_eq!(before["accounts"][0]["databases"][0], DATABASE);
    Lab::result(lab.post("queues", json!({ "queue_name": "new" })).await);
    lab.cloudflare.execute(DATABASE, "DROP TABLE users").unwrap();
    lab.advance(10);
    assert_ne!(lab.control("GET", "state", Value::Null).await.1, before);
    assert_eq!(lab.control("POST", "reset", Value::Null).await.0, 200);
    assert_eq!(lab.control("GET", "state", Value::Null).await.1, before);
    assert!(lab.cloudflare.requests().is_empty());
    assert!(lab.cloudflare.dump(DATABASE).unwrap().contains("ada@example.com"));
}

#[tokio::test]
async fn two_stand_ins_give_the_same_answers() {
    let (one, other) = (Lab::start().await, Lab::start().await);
    for path in ["workers/scripts", "d1/database", "queues", "storage/kv/namespaces", "workflows"] {
        assert_eq!(one.get(path).await, other.get(path).await, "{path}");
    }
}

#[tokio::test]
async fn without_samples_the_account_is_empty() {
    let lab = Lab::with(Options { samples: false, ..Options::default() }).await;
    for path in ["workers/scripts", "d1/database", "queues", "storage/kv/namespaces", "workflows"] {
        assert_eq!(Lab::result(lab.get(path).await), json!([]), "{path}");
    }
    assert_eq!(Lab::result(lab.get("r2/buckets").await), json!({ "buckets": [] }));
}
