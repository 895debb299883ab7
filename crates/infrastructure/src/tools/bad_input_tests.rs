//! What callers and Cloudflare send that is no good.

use mcp_server::testing::{FakePlatform, text};
use serde_json::{Value, json, value::RawValue};

use crate::tools_testing::{ID, SHOP, call, context, ok, page, refused, with};

/// Calls a tool with arguments as they come over the wire; the text, whether it failed, and how many requests were sent.
fn raw(tool: &str, arguments: &str) -> (String, bool, usize) {
    let arguments = RawValue::from_string(arguments.to_owned()).unwrap();
    let platform = FakePlatform::new([]);
    let ctx = context(&platform);
    let result = pollster::block_on(SHOP.called(&ctx, tool, Some(&arguments))).unwrap();
    let answer: Value = serde_json::from_str(&result.to_json()).unwrap();
    let text = answer["content"][0]["text"].as_str().unwrap().to_owned();
    (text, result.is_error, platform.requests().len())
}

/// Half of a surrogate pair is read as U+FFFD, so that it is in no name.
#[test]
fn half_a_character_is_in_no_name_and_nothing_is_sent() {
    for (tool, arguments) in [
        ("query_database", r#"{"query":"SELECT 1","stage":"staging\ud800"}"#),
        ("destroy_infrastructure", r#"{"stage":"staging\ud800"}"#),
        ("deploy_infrastructure", r#"{"stage":"\ud800\ud800","dryRun":true}"#),
        ("trigger_workflow", r#"{"workflowName":"OnboardingWorkflow\ud83d","confirm":true}"#),
        (
            "send_durable_object_message",
            r#"{"objectName":"ChatDO\ud800","message":"hi","confirm":true}"#,
        ),
    ] {
        let (said, is_error, sent) = raw(tool, arguments);
        assert!(is_error && sent == 0, "{tool} {arguments}: {said}");
    }
    with(|around| assert!(around.sent.is_empty()));
}

#[test]
fn half_a_character_in_a_text_is_sent_as_a_whole_one() {
    let platform = FakePlatform::new([]);
    let ctx = context(&platform);
    let arguments = RawValue::from_string(r#"{"prefix":"\ud800"}"#.to_owned()).unwrap();
    pollster::block_on(SHOP.called(&ctx, "list_bucket_objects", Some(&arguments))).unwrap();
    let requests = platform.requests();
    assert!(requests.iter().all(|sent| sent.url.ends_with("prefix=%EF%BF%BD")), "{requests:?}");
}

#[test]
fn parameters_that_are_nested_without_end_are_refused_and_nothing_is_sent() {
    for depth in [1_000, 100_000] {
        let params = format!("{}1{}", r#"{"a":"#.repeat(depth), "}".repeat(depth));
        let arguments =
            format!(r#"{{"workflowName":"OnboardingWorkflow","params":{params},"confirm":true}}"#);
        let (said, is_error, sent) = raw("trigger_workflow", &arguments);
        assert!(is_error && sent == 0, "{depth}: {said}");
    }
}

#[test]
fn a_list_may_have_no_prefix_and_any_that_is_a_text() {
    let listed = |prefix: &str| {
        let found = page(json!([]), json!({ "is_truncated": "false" }));
        call([found], "list_bucket_objects", json!({ "prefix": prefix })).good().lines
    };
    assert!(!listed("")[0].contains("prefix="));
    let odd = listed("../a b&c");
    assert!(odd[0].ends_with("/objects?per_page=100&prefix=..%2Fa+b%26c"), "{odd:?}");
    for delimiter in [json!(""), json!("ab"), json!(7)] {
        let wrong = call([], "list_bucket_objects", json!({ "delimiter": delimiter }));
        wrong.says("- delimiter: ").unsent();
    }
}

#[test]
fn an_object_is_named_and_has_no_id() {
    for (name, value) in [("id", json!("0".repeat(64))), ("object_id", json!(ID))] {
        let mut arguments = json!({ "objectName": "ChatDO", "message": "hi", "confirm": true });
        arguments[name] = value;
        let wrong = call([], "send_durable_object_message", arguments);
        wrong.says(&format!("- {name}: ")).unsent();
    }
    with(|around| assert!(around.sent.is_empty()));
}

fn run() -> Value {
    json!({ "workflowName": "OnboardingWorkflow", "run_id": "r" })
}

#[test]
fn whatever_cloudflare_answers_is_bounded_and_shown_on_one_line() {
    let long = "x\u{7}\n".repeat(400_000);
    let seen = call([refused(400, 1, &long)], "get_workflow_run", run()).says("400");
    assert!(seen.text.len() < 2_000 && !seen.text.contains('\u{7}'), "{}", seen.text.len());
    let many: Vec<Value> =
        (0..10_000).map(|code| json!({ "code": code, "message": "m" })).collect();
    let body = json!({ "success": false, "errors": many, "result": null }).to_string();
    let seen = call([text(400, &body)], "get_workflow_run", run()).says("400");
    assert!(seen.text.len() < 2_000, "{}", seen.text.len());
    let requests = seen.platform.requests();
    assert!(requests.iter().all(|it| it.at_most <= 8 * 1024 * 1024 && !it.timeout.is_zero()));
}

#[test]
fn a_wait_that_is_a_date_is_told_in_seconds_and_nonsense_is_not() {
    let slow = |wait: &str| {
        let answers = (0..4).map(|_| refused(429, 10_013, "slow").retry_after(wait));
        let seen = call(answers.collect::<Vec<_>>(), "get_workflow_run", run());
        seen.says("Cloudflare takes no more requests for now: call again in ").text
    };
    let date = slow("Fri, 20 Nov 2026 09:00:00 GMT");
    assert!(date.contains("in 3600 s") || date.contains("in 3599 s"), "{date}");
    for nonsense in ["-5", "soon", ""] {
        assert!(slow(nonsense).contains("in 300 s"), "{nonsense}");
    }
}

/// A total that is too large has one page more read, and the empty page ends the list.
#[test]
fn a_total_that_lies_changes_nothing() {
    let found = || json!([{ "uuid": ID, "name": "shop-staging" }]);
    let rows = || {
        let result = json!({ "columns": ["1"], "rows": [[1]] });
        let meta = json!({ "rows_read": 1, "changes": 0 });
        ok(json!([{ "success": true, "results": result, "meta": meta }]))
    };
    for total in [
        json!({ "total_count": 0, "total_pages": 0 }),
        json!({ "total_count": "many" }),
        Value::Null,
    ] {
        let lists = [page(found(), total), rows()];
        let seen = call(lists, "query_database", json!({ "query": "SELECT 1" })).good();
        assert_eq!(seen.lines.len(), 2);
    }
    let large = json!({ "total_count": 1_000_000, "total_pages": 10_000, "count": 0 });
    let lists = [page(found(), large.clone()), page(json!([]), large), rows()];
    let seen = call(lists, "query_database", json!({ "query": "SELECT 1" })).good();
    assert_eq!(seen.lines.len(), 3);
}

/// What the engine says of parameters that do not fit the text is told.
#[test]
fn parameters_that_do_not_fit_the_text_are_the_engines_to_refuse() {
    for (query, params) in
        [("SELECT ?", json!([])), ("SELECT 1", json!(["a"])), ("SELECT :name", json!(["a", "b"]))]
    {
        let found = ok(json!([{ "uuid": ID, "name": "shop-staging" }]));
        let no = refused(400, 7_500, "Wrong number of parameter bindings for SQL query.");
        let asked = json!({ "query": query, "params": params });
        let seen = call([found, no], "query_database", asked);
        let seen = seen.says("The database refused the query.").says("parameter bindings");
        assert_eq!(seen.lines.len(), 2, "{query}");
    }
}
