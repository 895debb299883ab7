//! The tools for stages on Cloudflare, over HTTP: what the stand-in receives for valid arguments, and that it receives nothing
//! for wrong ones.

use sandbox::{
    Fault, Recorded,
    cloudflare::{self, ACCOUNT, Cloudflare, token},
};
use serde_json::{Value, json};
use xtask::server::{Options, Server};

use crate::support::{gateway::Front, options, start};

/// A stand-in for Cloudflare, and a Worker that operates the stages of its samples.
struct Stand {
    cloudflare: Cloudflare,
    worker: Server,
}

impl Stand {
    async fn new() -> Self {
        Self::of(options()).await
    }

    async fn of(options: Options) -> Self {
        let cloudflare = Cloudflare::start(cloudflare::Options::default()).await.unwrap();
        let options = options
            .var("CLOUDFLARE_ACCOUNT_ID", ACCOUNT)
            .var("CLOUDFLARE_READ_TOKEN", &token("read"))
            .var("CLOUDFLARE_WORKFLOWS_TOKEN", &token("workflow"))
            .var("CLOUDFLARE_API_TOKEN", &token("change"))
            .var("CLOUDFLARE_API_URL", &cloudflare.api_url());
        let worker = start(options).await;
        Self { cloudflare, worker }
    }

    /// In a session, and without one.
    async fn fronts(&self) -> [Front; 2] {
        Front::both(&self.worker, "/mcp").await
    }

    /// Calls a tool; whether it failed, its text, its data, and what the stand-in received.
    async fn call(&self, front: &Front, tool: &str, of: Value) -> Called {
        let before = self.cloudflare.requests().len();
        let answer = front.call(tool, of).await;
        let result = answer.result();
        let received = self.cloudflare.requests().split_off(before);
        for secret in [ACCOUNT, &token("read"), &token("change"), &token("workflow")] {
            assert!(!answer.text.contains(secret), "{tool} shows a secret: {answer:?}");
        }
        Called {
            failed: result["isError"] == true,
            text: answer.tool_text(),
            data: result["structuredContent"].clone(),
            lines: received.iter().map(line).collect(),
            received,
        }
    }
}

struct Called {
    failed: bool,
    text: String,
    data: Value,
    lines: Vec<String>,
    received: Vec<Recorded>,
}

/// `GET d1/database?name=x`, below the account; ids are `{id}`.
fn line(received: &Recorded) -> String {
    let base = "/client/v4/";
    let path = received.path.trim_start_matches(base);
    let path = path.trim_start_matches(&format!("accounts/{ACCOUNT}/"));
    let parts: Vec<&str> =
        path.split('/').map(|part| if is_id(part) { "{id}" } else { part }).collect();
    let query =
        if received.query.is_empty() { String::new() } else { format!("?{}", received.query) };
    format!("{} {}{query}", received.method, parts.join("/"))
}

fn is_id(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_hexdigit).count();
    digits >= 32 && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
}

/// A call that is right, what is sent for it, a part of its text, and changes of its arguments that are refused with these words.
struct Row {
    tool: &'static str,
    arguments: Value,
    sent: &'static [&'static str],
    says: &'static str,
    wrong: Vec<(Value, &'static str)>,
}

const STAGES: &str = "The stages are staging, production (or prod), preview-*";

fn reading_rows() -> Vec<Row> {
    vec![
        Row {
            tool: "list_stages",
            arguments: json!({}),
            sent: &[],
            says: "\"preview-*\"",
            wrong: vec![(json!({ "stage": "prod" }), "- stage: ")],
        },
        Row {
            tool: "query_database",
            arguments: json!({ "query": "SELECT * FROM users LIMIT 10", "stage": "prod" }),
            sent: &[
                "GET d1/database?name=sitebay-mcp-production&page=1&per_page=100",
                "POST d1/database/{id}/raw",
            ],
            says: "chris@example.com",
            wrong: vec![
                (json!({ "query": "SELECT 1; DROP TABLE users" }), "- query: "),
                (json!({ "query": "SELECT * FROM pragma_optimize" }), "- query: "),
                (json!({ "stage": "Prod" }), STAGES),
                (json!({ "params": [[1]] }), "- params"),
                (json!({ "limit": 1_001 }), "- limit: expected"),
                (json!({ "database": "users" }), "`db`"),
            ],
        },
        Row {
            tool: "describe_database",
            arguments: json!({}),
            sent: &[
                "GET d1/database?name=sitebay-mcp-staging&page=1&per_page=100",
                "POST d1/database/{id}/raw",
            ],
            says: "CREATE TABLE users",
            wrong: vec![(json!({ "database": 7 }), "- database: expected")],
        },
        Row {
            tool: "list_bucket_objects",
            arguments: json!({ "prefix": "uploads/", "limit": 50 }),
            sent: &[
                "GET r2/buckets/sitebay-mcp-staging-uploads/objects?per_page=50&prefix=uploads%2F",
            ],
            says: "uploads/notes.txt",
            wrong: vec![
                (json!({ "limit": 0 }), "- limit: expected"),
                (json!({ "limit": "50" }), "- limit: expected"),
                (json!({ "delimiter": "//" }), "- delimiter: "),
                (json!({ "cursor": "junk" }), "- cursor: "),
                (json!({ "bucket": "db" }), "`uploads`"),
            ],
        },
        Row {
            tool: "get_workflow_run",
            arguments: json!({ "workflowName": "OnboardingWorkflow", "run_id": "first-staging" }),
            sent: &["GET workflows/sitebay-mcp-staging-onboarding/instances/first-staging"],
            says: "\"run_id\":\"first-staging\"",
            wrong: vec![
                (json!({ "run_id": "a b" }), "- run_id: "),
                (json!({ "workflowName": "Other" }), "`OnboardingWorkflow`"),
            ],
        },
        Row {
            tool: "get_cache_stats",
            arguments: json!({ "stage": "prod" }),
            sent: &["GET storage/kv/namespaces?page=1&per_page=100", "POST graphql"],
            says: "hit rate: KV does not count",
            wrong: vec![
                (json!({ "days": 0 }), "- days: expected"),
                (json!({ "cache": "db" }), "`cache`"),
            ],
        },
        Row {
            tool: "get_error_rates",
            arguments: json!({ "stage": "prod" }),
            sent: &["POST graphql"],
            says: "\"requests\":1000",
            wrong: vec![(json!({ "hours": 1_000 }), "- hours: expected")],
        },
        Row {
            tool: "list_deployments",
            arguments: json!({ "stage": "staging" }),
            sent: &[
                "GET workers/scripts/sitebay-mcp-staging/deployments",
                "GET workers/scripts/sitebay-mcp-staging/versions?deployable=true",
            ],
            says: "\"tag\":\"v1.1.0\"",
            wrong: vec![
                (json!({ "limit": 0 }), "- limit: expected"),
                (json!({ "stage": ["a"] }), "- stage: expected"),
            ],
        },
    ]
}

fn changing_rows() -> Vec<Row> {
    vec![
        Row {
            tool: "trigger_workflow",
            arguments: json!({
                "workflowName": "OnboardingWorkflow", "params": { "userId": "user-123" }, "confirm": true,
            }),
            sent: &["POST workflows/sitebay-mcp-staging-onboarding/instances"],
            says: "\"status\":\"queued\"",
            wrong: vec![
                (json!({ "params": "{\"userId\":1}" }), "- params: expected"),
                (json!({ "workflowName": "Other" }), "`OnboardingWorkflow`"),
                (json!({ "run_id": "-" }), "- run_id: "),
                (json!({ "confirm": false }), "call again with confirm: true"),
            ],
        },
        Row {
            tool: "rollback_deployment",
            arguments: json!({ "stage": "staging", "confirm": true }),
            sent: &[
                "GET workers/scripts/sitebay-mcp-staging/deployments",
                "GET workers/scripts/sitebay-mcp-staging/versions?deployable=true",
                "POST workers/scripts/sitebay-mcp-staging/deployments",
            ],
            says: "\"deployment_id\":",
            wrong: vec![
                (json!({ "stage": "moon" }), STAGES),
                (json!({ "force": true }), "- force: "),
            ],
        },
    ]
}

#[tokio::test]
async fn cloudflare_receives_what_each_tool_is_for_and_nothing_for_wrong_arguments() {
    let stand = Stand::new().await;
    for front in stand.fronts().await {
        stand.cloudflare.reset();
        for row in reading_rows().into_iter().chain(changing_rows()) {
            let called = stand.call(&front, row.tool, row.arguments.clone()).await;
            assert!(
                !called.failed && called.text.contains(row.says),
                "{}: {}",
                row.tool,
                called.text
            );
            assert_eq!(called.lines, row.sent, "{}", row.tool);
            for request in &called.received {
                let sent =
                    request.headers["authorization"].trim_start_matches("Bearer ").to_owned();
                let reads = request.method == "GET"
                    || line(request).ends_with("/raw")
                    || line(request).ends_with("graphql");
                let changes = if row.tool == "trigger_workflow" { "workflow" } else { "change" };
                assert_eq!(sent, token(if reads { "read" } else { changes }), "{}", row.tool);
            }
            for (change, words) in &row.wrong {
                let mut arguments = row.arguments.clone();
                for (name, value) in change.as_object().unwrap() {
                    arguments[name] = value.clone();
                }
                let called = stand.call(&front, row.tool, arguments.clone()).await;
                let what = format!("{} {arguments}: {}", row.tool, called.text);
                assert!(called.failed && called.text.contains(words), "{what}");
                assert!(called.lines.is_empty(), "{what}: {:?}", called.lines);
            }
        }
    }
}

#[tokio::test]
async fn every_infrastructure_tool_has_a_row_or_a_test_of_its_own() {
    let stand = Stand::new().await;
    let [front, _] = stand.fronts().await;
    let listed = front.tools().await;
    let own = [
        "get_resource_status",
        "set_rollout",
        "send_durable_object_message",
        "deploy_infrastructure",
        "destroy_infrastructure",
    ];
    let rows: Vec<&str> =
        reading_rows().iter().chain(&changing_rows()).map(|row| row.tool).chain(own).collect();
    assert_eq!(rows.len(), 15);
    for tool in rows {
        assert!(listed.iter().any(|name| name == tool), "{tool} is not listed: {listed:?}");
    }
}

#[tokio::test]
async fn h1_each_stage_has_answers_of_its_own() {
    let stand = Stand::new().await;
    let [front, _] = stand.fronts().await;
    for (tool, arguments) in [
        ("get_resource_status", json!({})),
        ("query_database", json!({ "query": "SELECT name FROM users" })),
        ("list_bucket_objects", json!({})),
        ("get_cache_stats", json!({})),
        ("list_deployments", json!({})),
        ("get_error_rates", json!({})),
        ("deploy_infrastructure", json!({ "dryRun": true, "adopt": true })),
        ("destroy_infrastructure", json!({})),
    ] {
        let mut answers = Vec::new();
        for (stage, other) in [("staging", "production"), ("prod", "staging")] {
            let mut arguments = arguments.clone();
            arguments["stage"] = json!(stage);
            let called = stand.call(&front, tool, arguments).await;
            assert!(!called.failed, "{tool} {stage}: {}", called.text);
            let strays = called.lines.iter().any(|line| line.contains(other));
            assert!(!strays, "{tool} {stage}: {:?}", called.lines);
            let reads = |line: &String| {
                line.starts_with("GET ") || line.ends_with("/raw") || line.ends_with("graphql")
            };
            assert!(called.lines.iter().all(reads), "{tool}: {:?}", called.lines);
            let mut data = called.data;
            data["stage"] = Value::Null;
            answers.push(data);
        }
        assert_ne!(answers[0], answers[1], "{tool}");
    }
    for (stage, workflow, words) in [
        ("staging", "sitebay-mcp-staging-onboarding", "this server has no binding `APP_CHAT`"),
        ("prod", "sitebay-mcp-production-onboarding", "bound to those of the stage `staging`"),
    ] {
        let start =
            json!({ "workflowName": "OnboardingWorkflow", "stage": stage, "confirm": true });
        let called = stand.call(&front, "trigger_workflow", start).await;
        assert_eq!(called.lines, [format!("POST workflows/{workflow}/instances")], "{stage}");
        let message =
            json!({ "objectName": "ChatDO", "message": "hi", "stage": stage, "confirm": true });
        let called = stand.call(&front, "send_durable_object_message", message).await;
        assert!(called.failed && called.text.contains(words), "{stage}: {}", called.text);
    }
}

#[tokio::test]
async fn h2_no_query_changes_a_database() {
    let stand = Stand::new().await;
    let [front, _] = stand.fronts().await;
    let dump = || stand.cloudflare.dump("sitebay-mcp-staging").unwrap();
    let before = dump();
    for query in [
        "WITH x AS (SELECT 1) DELETE FROM users",
        "DELETE FROM users RETURNING *",
        "SELECT 1) /*",
        "PRAGMA optimize",
        "REINDEX",
        "users) ; DROP TABLE users --",
        "EXPLAIN SELECT 1",
    ] {
        let called = stand.call(&front, "query_database", json!({ "query": query })).await;
        assert!(called.failed, "{query}: {}", called.text);
    }
    assert_eq!(dump(), before);
    let recursive =
        "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n";
    let called =
        stand.call(&front, "query_database", json!({ "query": recursive, "limit": 5 })).await;
    assert_eq!((&called.data["row_count"], &called.data["truncated"]), (&json!(5), &json!(true)));
}

#[tokio::test]
async fn a_status_shows_what_is_missing_once_it_was_deleted_by_hand() {
    let stand = Stand::new().await;
    let [front, _] = stand.fronts().await;
    let called = stand.call(&front, "get_resource_status", json!({ "stage": "staging" })).await;
    assert!(called.lines.iter().all(|line| line.starts_with("GET ")), "{:?}", called.lines);
    let status = |data: &Value, name: &str| {
        let resources = data["resources"].as_array().unwrap();
        resources.iter().find(|one| one["name"] == name).unwrap()["status"].clone()
    };
    assert_eq!(status(&called.data, "cache"), "present", "{}", called.data);
    let gone = Fault {
        path: Some("/storage/kv/namespaces".to_owned()),
        status: Some(200),
        body: Some(r#"{"success":true,"errors":[],"messages":[],"result":[]}"#.to_owned()),
        ..Fault::default()
    };
    stand.cloudflare.inject(gone);
    let called = stand.call(&front, "get_resource_status", json!({ "stage": "staging" })).await;
    assert_eq!(status(&called.data, "cache"), "missing");
    let called = stand.call(&front, "get_resource_status", json!({ "stage": "preview-7" })).await;
    assert_eq!(called.data["status"], "absent", "{}", called.data);
}

#[tokio::test]
async fn a_rollout_is_set_ended_and_taken_back() {
    let stand = Stand::new().await;
    let [front, _] = stand.fronts().await;
    let listed = stand.call(&front, "list_deployments", json!({ "stage": "prod" })).await.data;
    let now = listed["deployments"][0]["versions"][0]["version_id"].clone();
    let versions = listed["versions"].as_array().unwrap();
    let other = versions.iter().find(|one| one["version_id"] != now).unwrap()["version_id"].clone();
    let set = async |percentage: u64| {
        let of = json!({ "stage": "prod", "version_id": other, "percentage": percentage, "confirm": true });
        stand.call(&front, "set_rollout", of).await
    };
    let called = set(10).await;
    let share = |id: &Value, share: f64| json!({ "version_id": id, "percentage": share });
    assert_eq!(
        called.data["versions"],
        json!([share(&other, 10.0), share(&now, 90.0)]),
        "{}",
        called.text
    );
    let called = set(10).await;
    assert!(called.failed && called.text.contains("it is so already"), "{}", called.text);
    assert!(called.lines.iter().all(|line| line.starts_with("GET ")), "{:?}", called.lines);
    let back = json!({ "stage": "prod", "confirm": true });
    let called = stand.call(&front, "rollback_deployment", back).await;
    assert_eq!(called.data["versions"], json!([share(&now, 100.0)]), "{}", called.text);
}

#[tokio::test]
async fn a_start_whose_answer_is_lost_is_found_and_not_sent_again() {
    let mut stand = Stand::new().await;
    let [front, _] = stand.fronts().await;
    let lost = Fault {
        path: Some("/workflows/sitebay-mcp-staging-onboarding/instances".to_owned()),
        status: Some(502),
        body: Some("<html>".to_owned()),
        times: Some(1),
        after: true,
        ..Fault::default()
    };
    stand.cloudflare.inject(lost);
    let start = json!({ "workflowName": "OnboardingWorkflow", "run_id": "once", "confirm": true });
    let called = stand.call(&front, "trigger_workflow", start.clone()).await;
    assert!(!called.failed && called.text.contains("was lost"), "{}", called.text);
    let posts =
        |called: &Called| called.lines.iter().filter(|line| line.starts_with("POST ")).count();
    assert_eq!(posts(&called), 1);
    stand.worker.restart().await.unwrap();
    let called = stand.call(&front, "trigger_workflow", start).await;
    assert!(!called.failed && called.text.contains("nothing was started"), "{}", called.text);
}

#[tokio::test]
async fn a_message_needs_a_class_of_the_manifest_and_a_binding() {
    let stand = Stand::new().await;
    let [front, _] = stand.fronts().await;
    for (class, words) in [
        // Plain workerd has no other Worker beside this one.
        ("ChatDO", "this server has no binding `APP_CHAT`"),
        ("SessionAgent", "`ChatDO`"),
    ] {
        let of = json!({ "objectName": class, "message": "Hello from MCP", "confirm": true });
        let called = stand.call(&front, "send_durable_object_message", of).await;
        assert!(called.failed && called.text.contains(words), "{class}: {}", called.text);
        assert!(called.lines.is_empty());
    }
}

#[tokio::test]
async fn an_object_of_another_worker_answers_the_message_that_it_got_once() {
    let stand = Stand::of(Options { chat: true, ..options() }).await;
    let of = json!({ "objectName": "ChatDO", "message": "Hello from MCP", "confirm": true });
    for (front, count) in stand.fronts().await.iter().zip(1..) {
        let called = stand.call(front, "send_durable_object_message", of.clone()).await;
        assert!(!called.failed, "{}", called.text);
        let answer = json!({ "received": "Hello from MCP", "count": count });
        assert_eq!(called.data["answer"], answer, "{}", called.text);
        assert!(called.lines.is_empty());
    }
}

#[tokio::test]
async fn without_settings_a_tool_says_which_one_is_missing() {
    let worker = start(options()).await;
    let [front, _] = Front::both(&worker, "/mcp").await;
    let answer = front.call("get_resource_status", json!({})).await;
    assert_eq!(answer.result()["isError"], true, "{answer:?}");
    assert!(answer.tool_text().contains("CLOUDFLARE_ACCOUNT_ID"), "{answer:?}");
    let answer = front.call("list_stages", json!({})).await;
    assert_ne!(answer.result()["isError"], true, "{answer:?}");
}
