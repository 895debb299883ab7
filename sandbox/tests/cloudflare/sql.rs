//! Statements for a database of D1.

use std::time::Duration;

use sandbox::cloudflare::Options;
use serde_json::{Value, json};

use crate::client::{DATABASE, Lab, assert_refused};

/// A statement that is carried out.
async fn run(lab: &Lab, sql: &str) -> Value {
    let path = format!("{}/query", lab.database().await);
    Lab::result(lab.post(&path, json!({ "sql": sql })).await)
}

/// A statement that is refused with 7500, and its message.
async fn refused(lab: &Lab, sql: &str) -> String {
    let path = format!("{}/query", lab.database().await);
    let answer = lab.post(&path, json!({ "sql": sql })).await;
    assert_refused(&answer, 400, 7500);
    answer.1["errors"][0]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn rows_come_as_objects_or_as_lists() {
    let lab = Lab::start().await;
    let path = lab.database().await;
    let sql =
        json!({ "sql": "SELECT id, name FROM users WHERE id > ? ORDER BY id", "params": ["0"] });
    let objects = Lab::result(lab.post(&format!("{path}/query"), sql.clone()).await);
    assert_eq!(objects[0]["results"][1], json!({ "id": 2, "name": "Bo Example" }));
    let meta = &objects[0]["meta"];
    assert_eq!((&meta["changed_db"], &meta["changes"]), (&json!(false), &json!(0)));
    assert!(meta["rows_read"].as_u64().unwrap() >= 2 && meta["duration"].is_number());
    let raw = Lab::result(lab.post(&format!("{path}/raw"), sql).await);
    assert_eq!(raw[0]["results"]["columns"], json!(["id", "name"]));
    assert_eq!(raw[0]["results"]["rows"][0], json!([1, "Ada Example"]));
}

#[tokio::test]
async fn values_come_as_json_has_them() {
    let lab = Lab::start().await;
    let sql = "SELECT 9007199254740993 AS big, x'0102' AS blob, 1e400 AS inf, NULL AS none, \
               1.5 AS real, 'a' AS twice, 'b' AS twice";
    let row = run(&lab, sql).await[0]["results"][0].clone();
    assert_eq!(row["big"].as_f64(), Some(9_007_199_254_740_992.0));
    assert_eq!((&row["blob"], &row["inf"]), (&json!([1, 2]), &Value::Null));
    assert_eq!((&row["real"], &row["twice"]), (&json!(1.5), &json!("b")));
}

#[tokio::test]
async fn each_statement_of_a_text_is_carried_out_or_none() {
    let lab = Lab::start().await;
    let both = run(&lab, "SELECT 1 AS a; DELETE FROM users WHERE id = 1; -- end").await;
    assert_eq!(
        (&both[0]["results"], &both[1]["meta"]["changes"]),
        (&json!([{ "a": 1 }]), &json!(1))
    );
    let before = lab.cloudflare.dump(DATABASE).unwrap();
    let message = refused(&lab, "DELETE FROM users; SELECT * FROM none").await;
    assert!(
        message.contains("no such table: none") && message.contains("SQLITE_ERROR"),
        "{message}"
    );
    assert_eq!(lab.cloudflare.dump(DATABASE).unwrap(), before);
    let path = format!("{}/query", lab.database().await);
    let batch = json!({ "batch": [
        { "sql": "INSERT INTO users (name) VALUES (?)", "params": ["new"] },
        { "sql": "SELECT count(*) AS n FROM users" },
    ] });
    assert_eq!(Lab::result(lab.post(&path, batch).await)[1]["results"], json!([{ "n": 2 }]));
}

#[tokio::test]
async fn parameters_are_counted_and_belong_to_the_last_statement() {
    let lab = Lab::start().await;
    let path = format!("{}/query", lab.database().await);
    for (sql, params) in [
        ("SELECT ?", json!([])),
        ("SELECT ?", json!(["a", "b"])),
        ("SELECT 1", json!(["a"])),
        ("SELECT ?; SELECT 1", json!(["a"])),
    ] {
        let body = json!({ "sql": sql, "params": params });
        assert_refused(&lab.post(&path, body).await, 400, 7500);
    }
    for body in [
        json!({}),
        json!({ "sql": 1 }),
        json!({ "sql": "SELECT 1", "params": null }),
        json!({ "sql": "SELECT ?", "params": [{}] }),
        json!({ "sql": "SELECT ?", "params": "a" }),
        json!({ "batch": [] }),
    ] {
        assert_refused(&lab.post(&path, body).await, 400, 7400);
    }
    let last = json!({ "sql": "SELECT 1; SELECT ? AS a", "params": ["x"] });
    assert_eq!(Lab::result(lab.post(&path, last).await)[1]["results"], json!([{ "a": "x" }]));
}

#[tokio::test]
async fn d1_refuses_what_it_does_not_let_through() {
    let lab = Lab::start().await;
    let before = lab.cloudflare.dump(DATABASE).unwrap();
    for sql in [
        "ATTACH 'x' AS y",
        "DETACH main",
        "VACUUM",
        "CREATE TEMP TABLE t (a)",
        "PRAGMA query_only = 1",
        "PRAGMA writable_schema = 1",
        "PRAGMA user_version",
        "PRAGMA journal_mode",
        "PRAGMA integrity_check",
        "PRAGMA page_count",
        "SELECT * FROM pragma_database_list",
        "SELECT load_extension('x')",
        "SELECT sqlite_version()",
        "SELECT * FROM dbstat",
        "SELECT * FROM _cf_KV",
        "DROP TABLE _cf_KV",
        "CREATE TABLE _cf_new (a)",
        "CREATE VIRTUAL TABLE v USING fts4(a)",
        "SELECT 1\u{0}; DROP TABLE users",
        "",
        ";",
        "-- nothing",
    ] {
        let message = refused(&lab, sql).await;
        assert!(message.contains("SQLITE_"), "{sql}: {message}");
    }
    for sql in ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT a", "RELEASE a"] {
        assert!(refused(&lab, sql).await.contains("Transactions"), "{sql}");
    }
    assert_eq!(lab.cloudflare.dump(DATABASE).unwrap(), before);
}

#[tokio::test]
async fn d1_lets_through_what_it_does() {
    let lab = Lab::start().await;
    for sql in [
        "PRAGMA table_info(users)",
        "SELECT * FROM pragma_table_list",
        "PRAGMA foreign_keys = off",
        "CREATE VIRTUAL TABLE notes USING fts5(text)",
        "SELECT * FROM notes WHERE notes MATCH 'a'",
        "SELECT value FROM json_each('[1,2]')",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n LIMIT 5",
        "SELECT name, row_number() OVER (ORDER BY name) FROM users",
        "VALUES (1), (2)",
        "EXPLAIN QUERY PLAN SELECT 1",
        "REINDEX",
        "ANALYZE",
    ] {
        run(&lab, sql).await;
    }
    let tables = run(&lab, "SELECT name FROM sqlite_master WHERE name = '_cf_KV'").await;
    assert_eq!(tables[0]["results"], json!([{ "name": "_cf_KV" }]));
}

#[tokio::test]
async fn the_limits_of_d1_hold() {
    let lab = Lab::start().await;
    let columns: Vec<_> = (0..101).map(|at| format!("c{at}")).collect();
    for sql in [
        format!("SELECT '{}'", "x".repeat(100_000)),
        format!("CREATE TABLE wide ({})", columns.join(",")),
        format!("SELECT 'a' LIKE '{}'", "b".repeat(51)),
        format!("SELECT {}1{}", "(1+".repeat(120), ")".repeat(120)),
        ["SELECT 1"; 6].join(" UNION ALL "),
        format!("SELECT {}", ["?"; 101].join(",")),
        "SELECT printf('%.*c', 3000000, 'x')".to_owned(),
    ] {
        refused(&lab, &sql).await;
    }
}

#[tokio::test]
async fn a_token_that_reads_is_refused_every_write_but_the_hidden_one() {
    let mut lab = Lab::start().await;
    lab.cloudflare.execute(DATABASE, "CREATE INDEX by_active ON users (active)").unwrap();
    let path = format!("{}/query", lab.database().await);
    let before = lab.cloudflare.dump(DATABASE).unwrap();
    lab.use_token("query");
    for sql in [
        "DELETE FROM users",
        "WITH x AS (SELECT 1) DELETE FROM users",
        "DELETE FROM users RETURNING *",
        "SELECT 1; DROP TABLE users",
        "REINDEX",
        "ANALYZE",
        "CREATE TABLE t (a)",
    ] {
        assert_refused(&lab.post(&path, json!({ "sql": sql })).await, 403, 10000);
    }
    assert_eq!(lab.cloudflare.dump(DATABASE).unwrap(), before);
    let read = lab.post(&path, json!({ "sql": "SELECT count(*) AS n FROM users" })).await;
    assert_eq!(Lab::result(read)[0]["results"], json!([{ "n": 2 }]));
    // ANALYZE hides in it, and SQLite calls it a statement that reads.
    Lab::result(lab.post(&path, json!({ "sql": "SELECT * FROM users WHERE active = 1" })).await);
    let hidden = json!({ "sql": "SELECT * FROM pragma_optimize" });
    Lab::result(lab.post(&path, hidden).await);
    let after = lab.cloudflare.dump(DATABASE).unwrap();
    assert_ne!(after, before);
    assert!(after.contains("sqlite_stat1"), "{after}");
}

#[tokio::test]
async fn a_query_without_an_end_is_stopped_and_undone() {
    let options =
        Options { frozen: true, query_time: Duration::from_millis(200), ..Options::default() };
    let lab = Lab::with(options).await;
    let before = lab.cloudflare.dump(DATABASE).unwrap();
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)";
    for sql in [
        format!("{endless} SELECT sum(i) FROM n"),
        format!("DELETE FROM users; {endless} SELECT i FROM n"),
    ] {
        assert!(refused(&lab, &sql).await.contains("timeout"));
    }
    assert_eq!(lab.cloudflare.dump(DATABASE).unwrap(), before);
    assert_eq!(run(&lab, "SELECT 1 AS a").await[0]["results"], json!([{ "a": 1 }]));
}
