//! A database of D1.

use sandbox::bindings::Options;
use serde_json::{Value, json};

use crate::client::Lab;

async fn users() -> Lab {
    let sql = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, data);\n\
               INSERT INTO users (name) VALUES ('ada'), ('bob')";
    let migrations = vec![("database".to_owned(), sql.to_owned())];
    Lab::with(Options { migrations, ..Options::default() }).await
}

#[tokio::test]
async fn a_statement_gives_its_rows_in_each_form() {
    let lab = users().await;
    let select = json!(["prepare", "SELECT id, name FROM users WHERE id > ? ORDER BY id"]);
    let all = lab.ok(json!(["DB", select, ["bind", 0], ["all"]])).await;
    let rows = json!([{ "id": 1, "name": "ada" }, { "id": 2, "name": "bob" }]);
    assert_eq!((&all["success"], &all["results"]), (&json!(true), &rows));
    let meta = &all["meta"];
    assert_eq!((&meta["changes"], &meta["changed_db"]), (&json!(0), &json!(false)));
    assert!(meta["size_after"].as_u64().unwrap() > 0 && meta["duration"].is_number(), "{meta}");
    let run = lab.ok(json!(["DB", select, ["bind", 1], ["run"]])).await;
    assert_eq!(run["results"], json!([{ "id": 2, "name": "bob" }]));
    let raw = lab.ok(json!(["DB", select, ["bind", 0], ["raw"]])).await;
    assert_eq!(raw, json!([[1, "ada"], [2, "bob"]]));
    let with_names =
        lab.ok(json!(["DB", select, ["bind", 1], ["raw", { "columnNames": true }]])).await;
    assert_eq!(with_names, json!([["id", "name"], [2, "bob"]]));
    assert_eq!(lab.ok(json!(["DB", select, ["bind", 0], ["first", "name"]])).await, "ada");
    assert_eq!(lab.ok(json!(["DB", select, ["bind", 9], ["first"]])).await, Value::Null);
    let twice = json!(["DB", ["prepare", "SELECT 1 AS a, 2 AS a"], ["all"]]);
    assert_eq!(lab.ok(twice).await["results"], json!([{ "a": 2 }]));
}

#[tokio::test]
async fn values_come_back_as_d1_gives_them() {
    let lab = users().await;
    for (given, back) in [
        (json!(1), json!([1, "real"])),
        (json!(1.5), json!([1.5, "real"])),
        (json!(true), json!([1, "real"])),
        (json!("ü😀"), json!(["ü😀", "text"])),
        (json!(null), json!([null, "null"])),
        (json!({ "$bytes": [0, 1, 255] }), json!([[0, 1, 255], "blob"])),
    ] {
        let calls = json!(["DB", ["prepare", "SELECT ?1, typeof(?1)"], ["bind", given], ["raw"]]);
        assert_eq!(lab.ok(calls).await, json!([back]));
    }
    // A column of whole numbers makes a double whole again.
    let insert = json!(["prepare", "INSERT INTO users (id) VALUES (?) RETURNING id, typeof(id)"]);
    let inserted = lab.ok(json!(["DB", insert, ["bind", 7], ["raw"]])).await;
    assert_eq!(inserted, json!([[7, "integer"]]));
    let large = json!(["DB", ["prepare", "SELECT 9007199254740993, 9e999"], ["raw"]]);
    assert_eq!(lab.ok(large).await, json!([[9_007_199_254_740_992_i64, null]]));
    let refused = lab.error(json!(["DB", ["prepare", "SELECT ?"], ["bind", {}], ["all"]])).await;
    assert!(refused.contains("D1_TYPE_ERROR: Type 'object' not supported"), "{refused}");
}

#[tokio::test]
async fn a_change_says_what_it_changed() {
    let lab = users().await;
    let insert = json!(["prepare", "INSERT INTO users (name, data) VALUES (?, ?)"]);
    let run = lab.ok(json!(["DB", insert, ["bind", "eve", { "$bytes": [1] }], ["run"]])).await;
    let meta = &run["meta"];
    let shown = ["changes", "last_row_id", "changed_db"].map(|name| meta[name].clone());
    assert_eq!(json!(shown), json!([1, 3, true]));
    let rows = lab.bindings.sql("database", "SELECT name, hex(data) AS data FROM users").unwrap();
    assert_eq!(rows[2], json!({ "name": "eve", "data": "01" }));
    let deleted = lab.ok(json!(["DB", ["prepare", "DELETE FROM users"], ["run"]])).await;
    assert_eq!(deleted["meta"]["changes"], 3);
}

#[tokio::test]
async fn a_batch_is_done_as_a_whole_or_not_at_all() {
    let lab = users().await;
    let insert = |name: &str| json!({ "$calls": ["DB", ["prepare", "INSERT INTO users (name) VALUES (?)"], ["bind", name]] });
    let count = json!({ "$calls": ["DB", ["prepare", "SELECT count(*) AS n FROM users"]] });
    let done = lab.ok(json!(["DB", ["batch", [insert("c"), count, insert("d")]]])).await;
    let outcomes: Vec<_> = done.as_array().unwrap().iter().map(|one| &one["results"]).collect();
    assert_eq!(json!(outcomes), json!([[], [{ "n": 3 }], []]));
    assert_eq!(done[2]["meta"]["last_row_id"], 4);
    let before = lab.bindings.dump("database").unwrap();
    let error = lab.error(json!(["DB", ["batch", [insert("e"), insert("ada")]]])).await;
    let expected = "Error: D1_ERROR: UNIQUE constraint failed: users.name: SQLITE_CONSTRAINT";
    assert_eq!(error, expected);
    assert_eq!(lab.bindings.dump("database").unwrap(), before);
    let error = lab.error(json!(["DB", ["batch", []]])).await;
    assert_eq!(error, "Error: D1_ERROR: No SQL statements detected.");
}

#[tokio::test]
async fn exec_runs_each_line() {
    let lab = users().await;
    let text =
        "CREATE TABLE a (x)\n-- a comment\nINSERT INTO a VALUES (1), (2); INSERT INTO a VALUES (3)";
    let done = lab.ok(json!(["DB", ["exec", text]])).await;
    assert_eq!(done["count"], 2);
    assert_eq!(lab.bindings.sql("database", "SELECT count(*) AS n FROM a").unwrap()[0]["n"], 3);
    let error = lab.error(json!(["DB", ["exec", "CREATE TABLE b (\nx)"]])).await;
    let expected =
        "Error: D1_EXEC_ERROR: Error in line 1: CREATE TABLE b (: incomplete input: SQLITE_ERROR";
    assert_eq!(error, expected);
}

#[tokio::test]
async fn of_several_statements_each_is_run_and_the_last_one_answers() {
    let lab = users().await;
    let text = "DELETE FROM users WHERE id = 1; SELECT name FROM users";
    let all = lab.ok(json!(["DB", ["prepare", text], ["all"]])).await;
    assert_eq!(all["results"], json!([{ "name": "bob" }]));
    assert_eq!(all["meta"]["changes"], 0);
    let text = "SELECT ?; SELECT 1";
    let error = lab.error(json!(["DB", ["prepare", text], ["bind", 1], ["all"]])).await;
    let expected = "Error: D1_ERROR: When executing multiple SQL statements, only the last may have parameters";
    assert_eq!(error, expected);
}

#[tokio::test]
async fn what_d1_refuses_reaches_the_worker_with_its_words() {
    let lab = users().await;
    let before = lab.bindings.dump("database").unwrap();
    let many = vec!["?"; 101].join(",");
    for (sql, error) in [
        ("SELEC 1", "near \"SELEC\": syntax error at offset 0: SQLITE_ERROR"),
        ("SELECT * FROM none", "no such table: none: SQLITE_ERROR"),
        ("SELECT", "incomplete input: SQLITE_ERROR"),
        ("", "No SQL statements detected."),
        ("-- nothing", "No SQL statements detected."),
        ("SELECT ?", "Wrong number of parameter bindings for SQL query: SQLITE_RANGE"),
        ("PRAGMA journal_mode", "not authorized: SQLITE_AUTH"),
        ("ATTACH ':memory:' AS x", "not authorized: SQLITE_AUTH"),
        ("SELECT * FROM _cf_KV", "access to _cf_KV.key is prohibited: SQLITE_AUTH"),
        ("SELECT 1 LIKE zeroblob(51)", "LIKE or GLOB pattern too complex: SQLITE_ERROR"),
        ("SELECT zeroblob(2000001)", "string or blob too big: SQLITE_TOOBIG"),
        (&format!("SELECT {many}"), "too many SQL variables at offset 207: SQLITE_ERROR"),
        (&format!("SELECT '{}'", "x".repeat(100_001)), "statement too long: SQLITE_TOOBIG"),
    ] {
        let got = lab.error(json!(["DB", ["prepare", sql], ["all"]])).await;
        assert_eq!(got, format!("Error: D1_ERROR: {error}"), "{sql}");
    }
    let begun = lab.error(json!(["DB", ["prepare", "BEGIN"], ["run"]])).await;
    assert!(begun.contains("D1_ERROR: Transactions cannot be begun"), "{begun}");
    let column = json!(["DB", ["prepare", "SELECT 1 AS a"], ["first", "b"]]);
    let column = lab.error(column).await;
    assert_eq!(column, "Error: D1_COLUMN_NOTFOUND: Column not found (b)");
    assert_eq!(lab.error(json!(["DB", ["dump"]])).await, "Error: D1_DUMP_ERROR: Status + 400");
    assert_eq!(lab.bindings.dump("database").unwrap(), before);
}

#[tokio::test]
async fn a_session_reads_what_was_written_and_reset_undoes_it() {
    let lab = users().await;
    let insert = json!(["prepare", "INSERT INTO users (name) VALUES ('s')"]);
    for constraint in ["first-primary", "first-unconstrained", "00000001-00000000-00000000-0"] {
        lab.ok(json!(["DB", ["withSession", constraint], ["prepare", "SELECT 1"], ["all"]])).await;
    }
    let run = lab.ok(json!(["DB", ["withSession", "first-primary"], insert, ["run"]])).await;
    assert_eq!(run["meta"]["changes"], 1);
    let names = json!(["DB", ["prepare", "SELECT name FROM users"], ["raw"]]);
    assert_eq!(lab.ok(names.clone()).await, json!([["ada"], ["bob"], ["s"]]));
    lab.bindings.reset();
    assert_eq!(lab.ok(names).await, json!([["ada"], ["bob"]]));
}
