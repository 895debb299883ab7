//! The tools that read.

use std::{cell::RefCell, rc::Rc};

use mcp_server::{
    context::Context,
    telemetry::audit::{Audit, AuditEntry},
    testing::{FakePlatform, ScriptedResponse, broken, json as answer, text},
};
use serde_json::{Value, json};

use crate::tools_testing::{
    ACCOUNT, ID, V1, V2, call, call_in, context, deployments, ok, page, refused, versions, with,
};

#[test]
fn list_stages_shows_the_manifest_and_sends_nothing() {
    let seen = call([], "list_stages", json!({})).good().unsent();
    assert_eq!(seen.data["default"], "staging");
    assert_eq!(seen.data["own_stage"], "staging");
    let stages = seen.data["stages"].as_array().unwrap();
    let names: Vec<&Value> = stages.iter().map(|stage| &stage["name"]).collect();
    assert_eq!(names, ["staging", "production", "preview-*"]);
    assert_eq!(stages[1]["is_protected"], true);
    assert_eq!(stages[1]["aliases"], json!(["prod"]));
    assert_eq!((&stages[2]["is_pattern"], &stages[2]["ttl_hours"]), (&json!(true), &json!(72)));
    let of = |name: &str| {
        let resources = stages[0]["resources"].as_array().unwrap();
        resources.iter().find(|one| one["name"] == name).unwrap().clone()
    };
    assert_eq!(of("db")["can"], json!(["query"]));
    assert_eq!(of("db")["cloudflare_name"], "shop-staging");
    assert_eq!(of("chat")["can"], json!(["message"]));
    call([], "list_stages", json!({"stage": "staging"})).says("- stage: ").unsent();
}

/// What an account answers to a status of `staging`, kind by kind.
fn of_staging() -> Vec<ScriptedResponse> {
    vec![
        ok(json!([{"uuid": ID, "name": "shop-staging"}, {"uuid": "x", "name": "shop"}])),
        ok(json!({"uuid": ID, "name": "shop-staging", "num_tables": 3, "file_size": 4096,
                  "read_replication": {"mode": "disabled"}})),
        ok(
            json!({"buckets": [{"name": "shop-staging-uploads", "storage_class": "InfrequentAccess"}]}),
        ),
        page(json!([{"key": "a"}, {"key": "b"}]), json!({"is_truncated": "false"})),
        ok(json!([])),
        refused(403, 10_000, &format!("no right in {ACCOUNT}")),
        ok(json!([{"id": "shop-staging", "tags": []}])),
        ok(json!({"services": {"incoming": [{"service": "front", "name": "SHOP"}]}})),
        ok(json!([])),
        ok(json!([])),
        ok(json!([{"name": "shop-staging-onboarding", "class_name": "OnboardingWorkflow"}])),
        deployments(&[("d1", &[(V1, 100)])]),
    ]
}

#[test]
fn h21_a_status_tells_present_drifted_missing_and_unseen_apart() {
    let seen = call(of_staging(), "get_resource_status", json!({})).good();
    assert_eq!((&seen.data["stage"], &seen.data["status"]), (&json!("staging"), &json!("unknown")));
    let of = |name: &str| {
        let resources = seen.data["resources"].as_array().unwrap();
        resources.iter().find(|one| one["name"] == name).unwrap().clone()
    };
    assert_eq!((&of("db")["status"], &of("db")["count"]), (&json!("present"), &json!(3)));
    assert_eq!(of("db")["drift"], json!([]), "what Cloudflare fills in is no drift");
    let drift =
        json!([{"setting": "storage_class", "declared": "Standard", "found": "InfrequentAccess"}]);
    assert_eq!((&of("uploads")["status"], &of("uploads")["drift"]), (&json!("drifted"), &drift));
    assert_eq!(of("cache")["status"], "missing");
    assert_eq!(of("jobs")["status"], "unseen");
    assert!(of("jobs")["why"].as_str().unwrap().contains("no right"), "{}", of("jobs"));
    assert_eq!(of("chat")["status"], "with_worker");
    assert_eq!(of("worker")["used_by"], json!(["front"]));
    assert_eq!(of("onboarding")["status"], "present");
    assert_eq!(seen.data["worker_versions"], json!([{"version_id": V1, "percentage": 100.0}]));
    assert!(seen.lines.iter().all(|line| line.starts_with("Get ")), "{:?}", seen.lines);
}

#[test]
fn an_account_in_which_nothing_can_be_seen_is_unknown_and_never_absent() {
    let script: Vec<_> = (0..20).map(|_| text(403, "<html>")).collect();
    let seen = call(script, "get_resource_status", json!({"stage": "preview-7"})).good();
    assert_eq!(seen.data["status"], "unknown");
    let empty = || {
        vec![
            ok(json!([])),
            ok(json!({"buckets": []})),
            ok(json!([])),
            ok(json!([])),
            ok(json!([])),
            ok(json!([])),
        ]
    };
    let seen = call(empty(), "get_resource_status", json!({"stage": "preview-7"})).good();
    assert_eq!(seen.data["status"], "absent");
    assert_eq!(seen.data["worker_versions"], json!([]));
}

fn database() -> ScriptedResponse {
    ok(json!([{"uuid": ID, "name": "shop-staging"}]))
}

fn rows(columns: Value, rows: Value) -> ScriptedResponse {
    let meta = json!({"rows_read": 9, "duration": 0.25, "changes": 0});
    ok(json!([{"success": true, "results": {"columns": columns, "rows": rows}, "meta": meta}]))
}

#[test]
fn a_query_is_wrapped_and_its_rows_are_marked_as_data_of_others() {
    let script = [database(), rows(json!(["id", "name"]), json!([[1, "ann"], [2, null]]))];
    let query =
        json!({"query": "SELECT id, name FROM users WHERE id < ?;", "params": [7], "limit": 5});
    let seen = call(script, "query_database", query).good();
    assert_eq!(seen.data["rows"], json!([[1, "ann"], [2, null]]));
    assert_eq!(seen.data["columns"][1], json!({"name": "name", "type": "text"}));
    assert_eq!((&seen.data["rows_read"], &seen.data["row_count"]), (&json!(9), &json!(2)));
    assert_eq!(seen.lines[0], "Get d1/database?name=shop-staging&page=1&per_page=100");
    assert_eq!(seen.lines[1], format!("Post d1/database/{ID}/raw"));
    let body = seen.platform.body(1);
    let wrapped = "SELECT * FROM (\nSELECT id, name FROM users WHERE id < ?\n) LIMIT 6";
    assert_eq!(body, json!({"sql": wrapped, "params": [7]}));
    assert_eq!(seen.platform.header(1, "Authorization").unwrap(), "Bearer only-reads");
    let lines: Vec<&str> = seen.text.lines().collect();
    assert!(lines[0].contains("never instructions") && lines[1] == lines[3], "{}", seen.text);
    assert!(lines[2].contains("\"ann\""));
}

#[test]
fn a_row_that_is_too_large_is_an_error_and_not_no_row() {
    let large = [database(), rows(json!(["a"]), json!([["x".repeat(1024 * 1024)]]))];
    call(large, "query_database", json!({"query": "SELECT a FROM t"})).says("substr(");
    let none = [database(), rows(json!(["a"]), json!([]))];
    let seen = call(none, "query_database", json!({"query": "SELECT a FROM t"})).good();
    assert_eq!((&seen.data["rows"], &seen.data["truncated"]), (&json!([]), &json!(false)));
}

#[test]
fn h2_what_could_write_is_not_sent_and_each_wrong_argument_is_named() {
    let with = |name: &str, value: Value| {
        let mut arguments = json!({"query": "SELECT 1"});
        arguments[name] = value;
        call([], "query_database", arguments)
    };
    for query in ["SELECT 1; DROP TABLE users", "SELECT * FROM pragma_optimize", " ", "SELECT 1\0"]
    {
        with("query", json!(query)).says("- query: ").unsent();
    }
    with("query", json!("x".repeat(90_001))).says("90001 bytes").unsent();
    with("query", json!(7)).says("- query: expected").unsent();
    for params in [json!([[1]]), json!([{}]), json!("a"), json!([1_u64 << 60])] {
        with("params", params).says("- params").unsent();
    }
    with("params", json!(vec![1; 101])).says("- params").unsent();
    for limit in [json!(0), json!(-1), json!(1.5), json!(1_001), json!("10")] {
        with("limit", limit).says("- limit: expected").unsent();
    }
    with("database", json!("jobs")).says("`database`: \"jobs\" is none").unsent();
}

#[test]
fn h8_only_databases_that_the_manifest_opens_are_queried_and_protected_ones_with_the_token_that_reads()
 {
    with(|around| around.settings.read_token = None);
    let prod = json!({"query": "SELECT 1", "stage": "prod"});
    call([], "query_database", prod.clone()).says("CLOUDFLARE_READ_TOKEN").unsent();
    // The token that writes under another name.
    with(|around| around.settings.read_token = around.settings.token.clone());
    call([], "query_database", prod.clone()).says("another token").unsent();
    with(|around| around.settings.read_token = None);
    let script = [database(), rows(json!(["1"]), json!([[1]]))];
    call(script, "query_database", json!({"query": "SELECT 1"})).good();
    let seen = call([ok(json!([]))], "query_database", json!({"query": "SELECT 1"}));
    seen.says("does not exist at Cloudflare");
}

#[test]
fn h5_a_refusal_of_the_engine_is_told_and_an_answer_that_claims_a_change_is_an_incident() {
    let one = json!({"query": "SELECT x"});
    let no = refused(400, 7_500, &format!("no such column: x in {ID}"));
    let seen = call([database(), no], "query_database", one.clone());
    let seen = seen.says("The database refused the query. ").says("no such column: x in [id]");
    assert_eq!(seen.lines.len(), 2);
    let no = refused(403, 10_000, "Authentication error");
    let seen = call([database(), no], "query_database", one.clone()).says("has no right");
    assert_eq!(seen.lines.len(), 2, "it is not tried again");
    let changed = || ok(json!([{"results": {"columns": [], "rows": []}, "meta": {"changes": 1}}]));
    for (tool, arguments) in [("query_database", one.clone()), ("describe_database", json!({}))] {
        let platform = FakePlatform::new([database(), changed()]);
        let kept = Rc::new(Kept::default());
        let ctx = Context { audit: kept.clone(), ..context(&platform) };
        call_in(platform, &ctx, tool, arguments).says("Tell the operator");
        let entries = kept.0.take();
        let [entry] = entries.as_slice() else { panic!("{tool}: {entries:?}") };
        assert_eq!(
            (&*entry.action, &*entry.site, entry.effect, entry.outcome),
            ("query.changed", "staging/db shop-staging", "destructive", "done")
        );
    }
    let kept = Rc::new(Kept::default());
    let platform = FakePlatform::new([database(), rows(json!(["1"]), json!([[1]]))]);
    let ctx = Context { audit: kept.clone(), ..context(&platform) };
    call_in(platform, &ctx, "query_database", one).good();
    assert!(kept.0.take().is_empty(), "nothing was changed");
}

/// An audit whose entries are kept.
#[derive(Default)]
struct Kept(RefCell<Vec<AuditEntry>>);

impl Audit for Kept {
    fn wants_reads(&self) -> bool {
        false
    }

    fn note(&self, entry: AuditEntry) {
        self.0.borrow_mut().push(entry);
    }
}

#[test]
fn a_schema_is_read_from_the_database_itself() {
    let sql = format!("CREATE TABLE users ({})", "x".repeat(5_000));
    let script = [
        database(),
        rows(json!(["type", "name", "tbl_name", "sql"]), json!([["table", "users", "users", sql]])),
    ];
    let seen = call(script, "describe_database", json!({})).good();
    let object = &seen.data["objects"][0];
    assert_eq!((&object["type"], &object["name"]), (&json!("table"), &json!("users")));
    assert!(object["sql"].as_str().unwrap().chars().count() <= 4_001);
    assert!(seen.platform.body(1)["sql"].as_str().unwrap().contains("sqlite_master"));
    call([], "describe_database", json!({"database": "moon"})).says("`db`").unsent();
}

fn objects(cursor: &str) -> ScriptedResponse {
    let object = json!({"key": "uploads/a", "size": 3, "last_modified": "2026-11-20T08:00:00Z",
                        "http_metadata": {"contentType": "text/plain"}, "storage_class": "Standard"});
    let info = json!({"cursor": cursor, "is_truncated": (!cursor.is_empty()).to_string(), "delimited": ["uploads/b/"]});
    page(json!([object]), info)
}

#[test]
fn objects_are_listed_page_by_page_with_a_cursor_that_is_good_for_this_list_alone() {
    let first = json!({"prefix": "uploads/", "limit": 1, "delimiter": "/"});
    let seen = call([objects("c 1")], "list_bucket_objects", first.clone()).good();
    assert_eq!(
        seen.lines,
        ["Get r2/buckets/shop-staging-uploads/objects?per_page=1&prefix=uploads%2F&delimiter=%2F"]
    );
    assert_eq!(seen.data["objects"][0]["content_type"], "text/plain");
    assert_eq!(seen.data["prefixes"], json!(["uploads/b/"]));
    assert_eq!(seen.data["truncated"], true);
    let cursor = seen.data["next_cursor"].clone();
    let with = |name: &str, value: Value| {
        let mut next = first.clone();
        next["cursor"] = cursor.clone();
        next[name] = value;
        next
    };
    let seen = call([objects("")], "list_bucket_objects", with("limit", json!(2))).good();
    assert!(seen.lines[0].contains("cursor=c"), "{:?}", seen.lines);
    assert_eq!((&seen.data["next_cursor"], &seen.data["truncated"]), (&Value::Null, &json!(false)));
    for wrong in [
        with("prefix", json!("other/")),
        with("stage", json!("prod")),
        with("delimiter", json!("-")),
        with("cursor", json!("junk")),
        with("cursor", json!("00.junk")),
    ] {
        call([], "list_bucket_objects", wrong).says("- cursor: ").unsent();
    }
    call([objects("c 1")], "list_bucket_objects", with("limit", json!(1))).says("does not end");
}

#[test]
fn wrong_arguments_of_a_list_of_objects_are_named() {
    for (name, value) in [
        ("limit", json!(0)),
        ("limit", json!(1_001)),
        ("limit", json!("50")),
        ("limit", json!(null)),
        ("delimiter", json!("//")),
        ("prefix", json!("ü".repeat(600))),
        ("prefix", json!("a\0")),
        ("prefix", json!(7)),
    ] {
        let seen = call([], "list_bucket_objects", json!({ name: value.clone() }));
        match value.is_null() {
            // As good as no value.
            true => drop(seen),
            false => drop(seen.says(&format!("- {name}: ")).unsent()),
        }
    }
    call([], "list_bucket_objects", json!({"bucket": "db"})).says("`uploads`").unsent();
    let gone = refused(404, 10_006, "no such bucket");
    call([gone], "list_bucket_objects", json!({})).says("does not exist at Cloudflare");
}

fn graphql(groups: Value) -> ScriptedResponse {
    answer(200, json!({"data": {"viewer": {"accounts": [groups]}}, "errors": null}))
}

#[test]
fn h25_numbers_of_a_cache_say_source_window_and_completeness_and_no_hit_rate() {
    let namespace = || ok(json!([{"id": ID, "title": "shop-staging-cache"}]));
    let groups = json!({
        "operations": [{"sum": {"requests": 12}, "dimensions": {"actionType": "read"},
                        "quantiles": {"latencyMsP50": 4.5, "latencyMsP99": 31.0}}],
        "storage": [{"max": {"keyCount": 3, "byteCount": 60.0}, "dimensions": {"date": "2026-11-19"}},
                    {"max": {"keyCount": 4, "byteCount": 80}, "dimensions": {"date": "2026-11-20"}}],
    });
    let seen = call([namespace(), graphql(groups)], "get_cache_stats", json!({"days": 2})).good();
    assert_eq!((&seen.data["keys"], &seen.data["counted_on"]), (&json!(4), &json!("2026-11-20")));
    assert_eq!(seen.data["operations"][0]["latency_ms_p50"], 4.5);
    assert_eq!(seen.data["complete"], true);
    assert!(seen.data["source"].as_str().unwrap().contains("Cloudflare"));
    let names: Vec<&String> = seen.data.as_object().unwrap().keys().collect();
    assert!(!names.iter().any(|name| name.contains("hit")), "{names:?}");
    assert!(seen.data["not_available"][0].as_str().unwrap().starts_with("hit rate"));
    let variables = seen.platform.body(1)["variables"].clone();
    assert_eq!((&variables["account"], &variables["namespace"]), (&json!(ACCOUNT), &json!(ID)));
    let none = graphql(json!({"operations": [], "storage": []}));
    let seen = call([namespace(), none], "get_cache_stats", json!({})).good();
    assert_eq!((&seen.data["complete"], &seen.data["keys"]), (&json!(false), &Value::Null));
    let no = answer(200, json!({"data": null, "errors": [{"message": format!("no {ACCOUNT}")}]}));
    call([namespace(), no], "get_cache_stats", json!({})).says("no [secret]");
    call([ok(json!([]))], "get_cache_stats", json!({})).says("does not exist at Cloudflare");
    for days in [json!(0), json!(32), json!("7")] {
        call([], "get_cache_stats", json!({ "days": days })).says("- days: expected").unsent();
    }
    call([], "get_cache_stats", json!({"cache": "db"})).says("`cache`").unsent();
}

#[test]
fn error_rates_are_those_that_cloudflare_counts() {
    let groups = json!({
        "whole": [{"sum": {"requests": 200, "errors": 3}, "quantiles": {"cpuTimeP50": 900, "cpuTimeP99": 4200}}],
        "statuses": [{"sum": {"requests": 197}, "dimensions": {"status": "success"}},
                     {"sum": {"requests": 3}, "dimensions": {"status": "scriptThrewException"}}],
    });
    let seen = call([graphql(groups)], "get_error_rates", json!({"hours": 1, "stage": "prod"}));
    let seen = seen.good();
    assert_eq!((&seen.data["requests"], &seen.data["errors"]), (&json!(200), &json!(3)));
    assert_eq!((&seen.data["error_share"], &seen.data["cpu_ms_p99"]), (&json!(0.015), &json!(4.2)));
    assert_eq!(seen.platform.body(0)["variables"]["worker"], "shop");
    let none = graphql(json!({"whole": [], "statuses": []}));
    let seen = call([none], "get_error_rates", json!({})).good();
    assert_eq!((&seen.data["requests"], &seen.data["error_share"]), (&json!(0), &Value::Null));
    for hours in [json!(0), json!(169), json!(1.5)] {
        call([], "get_error_rates", json!({ "hours": hours })).says("- hours: expected").unsent();
    }
    let odd = graphql(json!({"whole": [{"sum": {}}], "statuses": []}));
    call([odd], "get_error_rates", json!({})).says("Cloudflare's answer has no");
}

#[test]
fn deployments_are_listed_newest_first_with_the_versions_that_can_be_deployed() {
    let two: &[(&str, &[(&str, u64)])] = &[("d2", &[(V2, 10), (V1, 90)]), ("d1", &[(V1, 100)])];
    let seen = call([deployments(two), versions()], "list_deployments", json!({"limit": 1})).good();
    assert_eq!(
        seen.data["deployments"][0]["versions"][0],
        json!({"version_id": V2, "percentage": 10.0})
    );
    assert_eq!(
        (&seen.data["versions"][0]["tag"], &seen.data["truncated"]),
        (&json!("v2"), &json!(true))
    );
    assert_eq!(seen.data["deployments"].as_array().unwrap().len(), 1);
    let gone = refused(404, 10_007, "no such Worker");
    call([gone], "list_deployments", json!({})).says("has no Worker at Cloudflare");
    for limit in [json!(0), json!(101), json!(null), json!([])] {
        let seen = call([], "list_deployments", json!({ "limit": limit.clone() }));
        if !limit.is_null() {
            seen.says("- limit: expected").unsent();
        }
    }
}

#[test]
fn a_run_of_a_workflow_is_read_by_its_id() {
    let script = [ok(
        json!({"status": "complete", "output": {"by": ACCOUNT}, "steps": vec![json!({"n": 1}); 200]}),
    )];
    let run = json!({"workflowName": "OnboardingWorkflow", "run_id": "r-1"});
    let seen = call(script, "get_workflow_run", run.clone()).good();
    assert_eq!(seen.lines, ["Get workflows/shop-staging-onboarding/instances/r-1"]);
    assert_eq!(
        (&seen.data["is_over"], &seen.data["output"]["by"]),
        (&json!(true), &json!("[redacted]"))
    );
    assert_eq!(seen.data["steps"].as_array().unwrap().len(), 100);
    let by_id = json!({"workflowName": "onboarding", "run_id": "r-1"});
    call([ok(json!({"status": "queued"}))], "get_workflow_run", by_id).good();
    call([refused(404, 10_202, "none")], "get_workflow_run", run.clone()).says("has no run");
    for (name, value) in [
        ("run_id", json!("a b")),
        ("run_id", json!("-a")),
        ("run_id", json!(format!("cf_{}", "a".repeat(64)))),
        ("run_id", json!("a".repeat(101))),
        ("run_id", json!("")),
        ("workflowName", json!(7)),
    ] {
        let mut wrong = run.clone();
        wrong[name] = value;
        call([], "get_workflow_run", wrong).says(&format!("- {name}: ")).unsent();
    }
    let other = json!({"workflowName": "Other", "run_id": "r"});
    call([], "get_workflow_run", other).says("`OnboardingWorkflow`").unsent();
}

#[test]
fn a_fault_of_the_api_is_told_as_what_it_is() {
    let run = json!({"workflowName": "OnboardingWorkflow", "run_id": "r"});
    for (script, words) in [
        (vec![text(200, "<html>")], "not as expected"),
        (vec![text(302, "")], "redirects (302), which is not followed"),
        (vec![answer(200, json!({"success": false, "errors": []}))], "Cloudflare answered 200"),
        (vec![ok(json!(null))], "Cloudflare's answer has no status"),
        (vec![refused(429, 10_013, "slow").retry_after("300")], "call again in 300 s"),
        (vec![refused(429, 1, "slow").retry_after("10000000000")], "call again in 3600 s"),
        (vec![refused(403, 10_000, "Authentication error")], "says nothing of whether it exists"),
        (vec![text(500, &"x".repeat(1_000_000))], "Cloudflare answered 500"),
        (vec![broken(), broken(), broken(), broken()], "gave no answer"),
    ] {
        call(script, "get_workflow_run", run.clone()).says(words);
    }
    let seen = call([text(503, ""), ok(json!({"status": "queued"}))], "get_workflow_run", run);
    assert_eq!(seen.good().lines.len(), 2, "a read is sent again");
}
