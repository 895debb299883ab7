//! Databases of D1, and their earlier states.

use serde_json::{Value, json};

use crate::client::{DATABASE, Lab, assert_refused, each};

#[tokio::test]
async fn databases_are_listed_in_pages_and_found_by_name() {
    let lab = Lab::start().await;
    let (_, body) = lab.get("d1/database?per_page=1&page=2").await;
    assert_eq!(each(&body["result"], "name"), ["sitebay-mcp-production"]);
    let info = json!({ "page": 2, "per_page": 1, "count": 1, "total_count": 2 });
    assert_eq!(body["result_info"], info);
    let one = Lab::result(lab.get(&format!("d1/database/{DATABASE}")).await);
    assert_eq!((&one["num_tables"], &one["version"]), (&json!(1), &json!("production")));
    assert!(one["file_size"].as_u64().unwrap() > 0);
    let found = Lab::result(lab.get("d1/database?name=staging").await);
    assert_eq!(found[0]["uuid"], one["uuid"]);
    assert_refused(&lab.get("d1/database/none").await, 404, 7404);
    assert_refused(&lab.get("d1/database?per_page=0").await, 400, 7400);
}

#[tokio::test]
async fn a_database_is_made_once_changed_and_deleted() {
    let lab = Lab::start().await;
    let body = json!({ "name": "fresh", "primary_location_hint": "weur" });
    let made = Lab::result(lab.post("d1/database", body.clone()).await);
    assert_eq!(made["num_tables"], 0);
    assert_refused(&lab.post("d1/database", body).await, 400, 7502);
    for wrong in [json!({}), json!({ "name": "a b" }), json!({ "name": 1 })] {
        assert_refused(&lab.post("d1/database", wrong).await, 400, 7400);
    }
    let path = format!("d1/database/{}", made["uuid"].as_str().unwrap());
    let replicated = json!({ "read_replication": { "mode": "auto" } });
    let changed = Lab::result(lab.patch(&path, replicated.clone()).await);
    assert_eq!(changed["read_replication"], replicated["read_replication"]);
    let wrong = json!({ "read_replication": { "mode": "x" } });
    assert_refused(&lab.patch(&path, wrong).await, 400, 7400);
    Lab::result(lab.delete(&path).await);
    assert_refused(&lab.delete(&path).await, 404, 7404);
}

#[tokio::test]
async fn a_database_goes_back_to_a_bookmark() {
    let mut lab = Lab::start().await;
    let path = lab.database().await;
    let before = lab.cloudflare.dump(DATABASE).unwrap();
    lab.use_token("read");
    let bookmark = Lab::result(lab.get(&format!("{path}/time_travel/bookmark")).await);
    let bookmark = bookmark["bookmark"].as_str().unwrap();
    let restore = format!("{path}/time_travel/restore?bookmark={bookmark}");
    assert_refused(&lab.post(&restore, Value::Null).await, 403, 10000);
    lab.use_token("change");
    let sql = json!({ "sql": "DROP TABLE users" });
    Lab::result(lab.post(&format!("{path}/query"), sql).await);
    assert_ne!(lab.cloudflare.dump(DATABASE).unwrap(), before);
    let done = Lab::result(lab.post(&restore, Value::Null).await);
    assert!(done["previous_bookmark"].as_str().unwrap() > bookmark);
    assert_eq!(lab.cloudflare.dump(DATABASE).unwrap(), before);
    let sql = json!({ "sql": "INSERT INTO users (name) VALUES ('after')" });
    Lab::result(lab.post(&format!("{path}/query"), sql).await);
    let wrong = format!("{path}/time_travel/restore?bookmark=none");
    assert_refused(&lab.post(&wrong, Value::Null).await, 400, 7400);
}

#[tokio::test]
async fn a_bookmark_of_a_time_is_of_the_state_it_had() {
    let lab = Lab::start().await;
    let path = lab.database().await;
    let at = "2026-11-20T12:00:00Z";
    let of = format!("{path}/time_travel/bookmark?timestamp={at}");
    let first = Lab::result(lab.get(&of).await);
    lab.advance(60);
    lab.cloudflare.execute(DATABASE, "DELETE FROM users").unwrap();
    assert_eq!(Lab::result(lab.get(&of).await), first);
    let now = Lab::result(lab.get(&format!("{path}/time_travel/bookmark")).await);
    assert_ne!(now, first);
    let long_ago = format!("{path}/time_travel/bookmark?timestamp=2020-01-01T00:00:00Z");
    assert_refused(&lab.get(&long_ago).await, 400, 7400);
    let export = Lab::result(lab.post(&format!("{path}/export"), json!({})).await);
    assert_eq!((&export["status"], &export["at_bookmark"]), (&json!("complete"), &now["bookmark"]));
}
