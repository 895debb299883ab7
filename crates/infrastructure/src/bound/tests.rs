//! The ways by binding, where no token is set.

use std::{rc::Rc, time::Duration};

use mcp_server::testing::FakePlatform;
use rusqlite::{Connection, types::Value as Sql};
use serde_json::{Value, json};

use super::Ask;
use crate::{
    host::BindingError,
    manifest::Kind,
    query::statement_tests::{BYPASSES, database, dump, execute},
    tools_testing::{ID, bind, call, call_in, context, ok, page, refused, with},
};

/// What was asked of bindings since the last look.
fn asked() -> Vec<String> {
    with(|around| std::mem::take(&mut around.asked))
}

fn failed(text: &str) -> BindingError {
    BindingError::Failed(text.to_owned())
}

fn shown(value: Sql) -> Value {
    match value {
        Sql::Null => Value::Null,
        Sql::Integer(number) => json!(number),
        Sql::Real(number) => json!(number),
        Sql::Text(text) => json!(text),
        Sql::Blob(bytes) => json!(bytes),
    }
}

/// Binds a database as `APP_DB`, which runs every statement of a text and claims no change, as D1 does.
fn bind_database() -> Rc<Connection> {
    let bound = Rc::new(database());
    let inside = bound.clone();
    bind(Kind::D1, "APP_DB", move |ask| {
        let Ask::Rows { sql, params, .. } = ask else { panic!("{ask:?}") };
        let (columns, rows) = execute(&inside, sql, params)
            .map_err(|error| failed(&format!("D1_ERROR: {error}: SQLITE_ERROR")))?;
        let rows: Vec<Vec<Value>> =
            rows.into_iter().map(|row| row.into_iter().map(shown).collect()).collect();
        let meta = json!({"rows_read": 6, "changes": 0, "duration": 0.5});
        Ok(json!({"results": {"columns": columns, "rows": rows}, "meta": meta, "cut": false}))
    });
    bound
}

fn query(text: &str) -> Value {
    json!({ "query": text, "limit": 5 })
}

#[test]
fn without_a_token_a_query_is_planned_and_run_by_the_binding_in_the_same_wrapping() {
    bind_database();
    let of =
        json!({"query": "SELECT id, name FROM users WHERE id > ?;", "params": [3], "limit": 2});
    let seen = call([], "query_database", of).good().unsent();
    assert_eq!(seen.data["rows"], json!([[4, "dee"], [5, "eve"]]));
    assert_eq!((&seen.data["truncated"], &seen.data["rows_read"]), (&json!(true), &json!(6)));
    assert_eq!(seen.data["columns"][1], json!({"name": "name", "type": "text"}));
    let asked = asked();
    let sql = "SELECT * FROM (\\nSELECT id, name FROM users WHERE id > ?\\n) LIMIT 3";
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(
        asked[0].starts_with("APP_DB rows ") && asked[0].contains("\"EXPLAIN SELECT"),
        "{asked:?}"
    );
    assert!(asked[1].contains(&format!("\"{sql}\"")) && asked[1].contains("[3]"), "{asked:?}");
    let seen = call([], "describe_database", json!({})).good().unsent();
    assert!(seen.data.to_string().contains("CREATE TABLE users"), "{}", seen.data);
}

#[test]
fn h2_every_known_bypass_is_refused_by_binding_and_changes_nothing() {
    for (class, text) in BYPASSES {
        let database = bind_database();
        let before = dump(&database);
        let seen = call([], "query_database", query(text)).unsent();
        assert!(seen.is_error, "{class}: {text}: {}", seen.text);
        assert_eq!(dump(&database), before, "{class}: {text}");
    }
}

#[test]
fn texts_that_read_have_the_same_rows_by_binding() {
    bind_database();
    for (text, rows) in [
        ("SELECT 'it''s'", json!([["it's"]])),
        ("SELECT 1 /* open", json!([[1]])),
        ("VALUES (1),(2);", json!([[1], [2]])),
        ("SELECT 2, 1", json!([[2, 1]])),
        (
            "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT n FROM c",
            json!([[1], [2], [3], [4], [5]]),
        ),
    ] {
        let seen = call([], "query_database", query(text)).good();
        assert_eq!(seen.data["rows"], rows, "{text}");
    }
}

#[test]
fn a_plan_that_writes_or_says_nothing_runs_nothing() {
    let plans = [
        json!({"results": {"columns": ["opcode", "p2"], "rows": [["Transaction", 1]]}}),
        json!({"results": {"columns": ["opcode", "p2"], "rows": [["SqlExec", 0]]}}),
        json!({"results": {"columns": ["opcode", "p2"], "rows": []}}),
        json!({"results": {"columns": ["detail"], "rows": [["SCAN users"]]}}),
        json!({"results": {"columns": ["opcode", "p2"], "rows": [["Transaction", 0]]}, "cut": true}),
        json!(null),
    ];
    for plan in plans {
        let answer = plan.clone();
        bind(Kind::D1, "APP_DB", move |_| Ok(answer.clone()));
        call([], "query_database", query("SELECT 1")).says("does not show that it only reads");
        assert_eq!(asked().len(), 1, "{plan}");
    }
}

#[test]
fn the_token_that_reads_comes_before_the_binding() {
    with(|around| around.bound.push((Kind::D1, "APP_DB")));
    let found = ok(json!([{"uuid": ID, "name": "shop-staging"}]));
    let rows = ok(json!([{"results": {"columns": ["1"], "rows": [[1]]}}]));
    let seen = call([found, rows], "query_database", query("SELECT 1")).good();
    assert_eq!((seen.lines.len(), asked().len()), (2, 0));
}

#[test]
fn a_database_that_fails_or_claims_a_change_is_told_as_such() {
    let one = || query("SELECT 1");
    bind(Kind::D1, "APP_DB", |_| Err(failed(&format!("D1_ERROR: no such column: x in {ID}"))));
    let seen =
        call([], "query_database", one()).says("The database refused the query. D1_ERROR: no such");
    assert!(!seen.text.contains(ID), "{}", seen.text);
    bind(Kind::D1, "APP_DB", |_| Err(BindingError::TimedOut(Duration::from_secs(30))));
    call([], "query_database", one()).says("gave no rows: it gave no answer in 30 s");
    bind(Kind::D1, "APP_DB", |ask| {
        let Ask::Rows { sql, .. } = ask else { panic!("{ask:?}") };
        let (columns, row) = match sql.starts_with("EXPLAIN") {
            true => (json!(["opcode", "p2"]), json!(["Transaction", 0])),
            false => (json!(["a", "b"]), json!([1, 2])),
        };
        let meta = json!({"rows_written": 1});
        Ok(json!({"results": {"columns": columns, "rows": [row]}, "meta": meta}))
    });
    call([], "query_database", one()).says("Tell the operator at once");
}

#[test]
fn a_protected_stage_is_queried_with_the_token_that_reads_alone() {
    bind_database();
    with(|around| around.own_stage = Some("production".into()));
    let prod = json!({"query": "SELECT 1", "stage": "prod"});
    call([], "query_database", prod).says("CLOUDFLARE_READ_TOKEN").unsent();
    assert_eq!(asked(), Vec::<String>::new());
}

#[test]
fn a_binding_is_asked_in_its_own_stage_alone_and_what_is_missing_is_named() {
    bind_database();
    let other = json!({"query": "SELECT 1", "stage": "preview-7"});
    let seen = call([], "query_database", other).says("CLOUDFLARE_ACCOUNT_ID is not set").unsent();
    assert!(!seen.text.contains("APP_DB"), "{}", seen.text);
    with(|around| around.own_stage = None);
    call([], "query_database", query("SELECT 1")).says("CLOUDFLARE_ACCOUNT_ID").unsent();
    with(|around| {
        around.own_stage = Some("staging".into());
        around.bound.clear();
    });
    for (tool, of, binding) in [
        ("query_database", query("SELECT 1"), "APP_DB"),
        ("describe_database", json!({}), "APP_DB"),
        ("trigger_workflow", start(), "APP_ONBOARDING"),
        ("get_workflow_run", run_of("r-1"), "APP_ONBOARDING"),
    ] {
        let seen = call([], tool, of).says("CLOUDFLARE_ACCOUNT_ID is not set").unsent();
        let words = format!("Bound to this server as `{binding}`, it needs no token.");
        assert!(seen.text.contains(&words), "{tool}: {}", seen.text);
    }
    assert_eq!(asked(), Vec::<String>::new());
    // A name that is bound to something else is no way.
    with(|around| around.bound.push((Kind::R2, "APP_DB")));
    call([], "query_database", query("SELECT 1")).says("CLOUDFLARE_ACCOUNT_ID").unsent();
}

fn object(key: &str) -> Value {
    json!({"key": key, "size": 3, "last_modified": "2026-11-20T08:00:00.000Z",
           "http_metadata": {"contentType": "text/plain"}, "storage_class": "Standard"})
}

/// A bucket with two objects, one on each page.
fn bind_bucket() {
    bind(Kind::R2, "APP_UPLOADS", |ask| {
        let Ask::Objects { cursor, .. } = ask else { panic!("{ask:?}") };
        Ok(match cursor {
            None => json!({"objects": [object("uploads/a")], "prefixes": [], "cursor": "c 1"}),
            Some(_) => {
                json!({"objects": [object("uploads/b")], "prefixes": ["uploads/x/"], "cursor": null})
            }
        })
    });
}

#[test]
fn objects_of_a_bucket_that_is_bound_have_the_shape_of_the_api() {
    bind_bucket();
    let first = json!({"prefix": "uploads/", "limit": 1, "delimiter": "/"});
    let seen = call([], "list_bucket_objects", first.clone()).good().unsent();
    let ask =
        r#"APP_UPLOADS objects {"cursor":null,"delimiter":"/","limit":1,"prefix":"uploads/"}"#;
    assert_eq!(asked(), [ask]);
    let cursor = seen.data["next_cursor"].clone();
    let mut next = first.clone();
    next["cursor"] = cursor.clone();
    let last = call([], "list_bucket_objects", next.clone()).good();
    assert!(asked()[0].contains(r#""cursor":"c 1""#));
    assert_eq!(last.data["prefixes"], json!(["uploads/x/"]));
    assert_eq!((&last.data["truncated"], &last.data["next_cursor"]), (&json!(false), &Value::Null));
    for (name, value) in [("prefix", json!("")), ("cursor", json!("junk"))] {
        let mut wrong = next.clone();
        wrong[name] = value;
        call([], "list_bucket_objects", wrong).says("- cursor: ");
    }
    with(|around| around.cursor_key = None);
    call([], "list_bucket_objects", next.clone()).says("- cursor: ");
    assert_eq!(asked(), Vec::<String>::new());
    // The same answer by the API, whose cursors are others.
    with(|around| {
        around.bound.clear();
        around.settings = crate::tools_testing::settings();
    });
    let info = json!({"cursor": "c 1", "is_truncated": "true", "delimited": []});
    let by_api =
        call([page(json!([object("uploads/a")]), info)], "list_bucket_objects", first).good();
    assert_eq!(by_api.data["objects"], seen.data["objects"]);
    call([], "list_bucket_objects", next).says("- cursor: ").unsent();
}

#[test]
fn a_bucket_that_is_bound_comes_before_the_token_and_its_failures_are_told() {
    bind_bucket();
    with(|around| around.settings = crate::tools_testing::settings());
    call([], "list_bucket_objects", json!({})).good().unsent();
    for (text, words) in [
        ("list: The specified bucket does not exist. (10006)", "does not exist at Cloudflare"),
        ("list: broken (10001)", "The bucket gave no list: it failed: list: broken"),
    ] {
        bind(Kind::R2, "APP_UPLOADS", move |_| Err(failed(text)));
        call([], "list_bucket_objects", json!({})).says(words);
    }
    bind(Kind::R2, "APP_UPLOADS", |_| Ok(json!({"objects": 7})));
    call([], "list_bucket_objects", json!({})).says("its answer has no objects");
    bind(Kind::R2, "APP_UPLOADS", |_| Ok(json!({"objects": [{"size": 1}]})));
    call([], "list_bucket_objects", json!({})).says("has no key of an object");
}

fn start() -> Value {
    json!({"workflowName": "OnboardingWorkflow", "params": {"userId": "user-123"}, "run_id": "r-1", "confirm": true})
}

fn run_of(id: &str) -> Value {
    json!({"workflowName": "OnboardingWorkflow", "run_id": id})
}

/// Binds a Workflow whose start and status end so.
fn bind_workflow(started: Result<(), &'static str>, status: Result<&'static str, &'static str>) {
    bind(Kind::Workflow, "APP_ONBOARDING", move |ask| match ask {
        Ask::Start { id, .. } => started.map(|()| json!({ "id": id })).map_err(failed),
        Ask::Run { .. } => {
            let run = |status: &str| json!({"status": status, "output": {"a": 1}, "error": null});
            status.map(run).map_err(failed)
        }
        other => panic!("{other:?}"),
    });
    with(|around| around.settings = crate::tools_testing::settings());
}

const EXISTS: &str = "WorkflowError: (instance.already_exists) a run with this id exists";

#[test]
fn h23_a_workflow_that_is_bound_is_started_once_without_the_api() {
    bind_workflow(Ok(()), Ok("running"));
    let seen = call([], "trigger_workflow", start()).good().unsent();
    assert_eq!((&seen.data["status"], &seen.data["run_id"]), (&json!("running"), &json!("r-1")));
    let ask = r#"APP_ONBOARDING start {"id":"r-1","params":{"userId":"user-123"}}"#;
    assert_eq!(asked(), [ask, r#"APP_ONBOARDING run {"id":"r-1"}"#]);
    let seen = call([], "get_workflow_run", run_of("r-1")).good().unsent();
    assert_eq!((&seen.data["output"], &seen.data["steps"]), (&json!({"a": 1}), &Value::Null));

    bind_workflow(Err(EXISTS), Ok("complete"));
    let seen = call([], "trigger_workflow", start()).good();
    assert!(seen.data["note"].as_str().unwrap().contains("nothing was started"), "{}", seen.data);
    bind_workflow(Err(EXISTS), Err("gone"));
    call([], "trigger_workflow", start()).says("nothing was started. Its status cannot be read");
    bind_workflow(Ok(()), Err("later"));
    let seen = call([], "trigger_workflow", start()).good();
    assert_eq!((&seen.data["status"], &seen.data["is_over"]), (&json!("unknown"), &json!(false)));
    assert!(seen.data["note"].as_str().unwrap().contains("It was started."));
}

#[test]
fn h23_a_start_by_binding_whose_answer_is_lost_is_looked_up_and_not_sent_again() {
    let starts = || asked().iter().filter(|line| line.contains(" start ")).count();
    bind_workflow(Err("lost"), Ok("running"));
    let seen = call([], "trigger_workflow", start()).good();
    assert!(seen.data["note"].as_str().unwrap().contains("was lost"));
    assert_eq!(starts(), 1);
    bind_workflow(Err("lost"), Err("instance.not_found"));
    let seen = call([], "trigger_workflow", start()).says("The change MAY have happened.");
    assert!(seen.text.contains("The run_id is r-1. There is no such run so far."), "{}", seen.text);
    bind_workflow(Err("lost"), Err("lost as well"));
    call([], "trigger_workflow", start()).says("could not be looked up: it failed: lost as well");
    assert_eq!(starts(), 2);
    bind_workflow(Ok(()), Err("instance.not_found"));
    call([], "get_workflow_run", run_of("r-1")).says("has no run with this id").unsent();
    bind_workflow(Ok(()), Err("broken"));
    call([], "get_workflow_run", run_of("r-1")).says("The run cannot be read: it failed: broken");
}

#[test]
fn a_person_is_not_asked_to_agree_to_a_start_that_has_no_way() {
    with(|around| around.settings = crate::api::Settings::default());
    let mut unconfirmed = start();
    unconfirmed["confirm"] = json!(false);
    call([], "trigger_workflow", unconfirmed).says("CLOUDFLARE_ACCOUNT_ID is not set").unsent();
    // Another stage goes by the API, whatever is bound.
    bind_workflow(Ok(()), Ok("running"));
    let platform = FakePlatform::new([refused(404, 10_200, "workflow not found")]);
    let ctx = context(&platform);
    let mut preview = start();
    preview["stage"] = json!("preview-7");
    let seen = call_in(platform, &ctx, "trigger_workflow", preview);
    assert!(seen.is_error && seen.lines.len() == 1, "{}", seen.text);
    assert_eq!(asked(), Vec::<String>::new());
}
