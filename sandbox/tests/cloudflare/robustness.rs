//! Invalid input: it is refused or accepted, and never causes a failure.

use reqwest::Method;
use sandbox::cloudflare::{ACCOUNT, Options, ZONE, token};
use serde_json::{Map, Value, json};

use crate::client::{Lab, WORKER};

/// Every name of a field or a parameter that an operation reads.
const NAMES: &[&str] = &[
    "alert_type",
    "annotations",
    "base64",
    "batch",
    "bookmark",
    "class_name",
    "cron",
    "cursor",
    "date_start",
    "delete_messages_permanently",
    "delimiter",
    "direction",
    "enabled",
    "expiration",
    "expiration_ttl",
    "filters",
    "force",
    "hostname",
    "instance_id",
    "key",
    "keys",
    "limit",
    "logpush",
    "mechanisms",
    "metadata",
    "name",
    "observability",
    "order",
    "page",
    "params",
    "pattern",
    "per_page",
    "prefix",
    "previews_enabled",
    "primary_location_hint",
    "query",
    "queue_name",
    "read_replication",
    "script",
    "script_name",
    "secret",
    "secrets",
    "service",
    "settings",
    "sql",
    "start_after",
    "status",
    "storageClass",
    "strategy",
    "tags",
    "text",
    "timestamp",
    "title",
    "type",
    "url",
    "value",
    "variables",
    "versions",
    "zone_id",
    "zone_name",
];

fn odd() -> Vec<Value> {
    vec![
        json!(""),
        json!("a/b %2F 雪 \u{0}"),
        json!("x".repeat(600)),
        json!("percentage"),
        json!("{ viewer { accounts(filter: { accountTag: ["),
        json!("SELECT ' FROM (((("),
        json!("+262142-12-31T23:59:59Z"),
        json!("99999999999999999999"),
        json!(-1),
        json!(u64::MAX),
        json!(1e308),
        json!([[], {}, null, "a", 1]),
        json!([{ "key": "k", "version_id": "v", "percentage": 1e300, "cron": "* * * * *" }]),
        json!({ "a": { "b": [1] }, "mode": 1, "workers/message": "é" }),
        json!(true),
        Value::Null,
    ]
}

fn query(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(NAMES.iter().map(|name| (name, &text)));
    query.finish()
}

#[tokio::test]
async fn no_input_makes_an_operation_fail() {
    let options = Options { frozen: true, request_limit: 1_000_000, ..Options::default() };
    let lab = Lab::with(options).await;
    let (_, routes) = lab.control("GET", "routes", Value::Null).await;
    let routes = routes.as_array().unwrap();
    assert!(routes.len() > 100, "{}", routes.len());
    let database = lab.id("d1/database", "name", "sitebay-mcp-staging", "uuid").await;
    let namespace =
        lab.id("storage/kv/namespaces", "title", "sitebay-mcp-staging-cache", "id").await;
    let queue = lab.id("queues", "queue_name", "sitebay-mcp-staging-jobs", "queue_id").await;
    for route in routes {
        let method = route["method"].as_str().unwrap();
        let mut path = route["path"].as_str().unwrap().to_owned();
        for (name, known) in [
            ("account", ACCOUNT),
            ("zone", ZONE),
            ("script", WORKER),
            ("database", &database),
            ("namespace", &namespace),
            ("queue", &queue),
            ("bucket", "sitebay-mcp-staging-uploads"),
            ("workflow", "sitebay-mcp-staging-onboarding"),
            ("instance", "first-staging"),
        ] {
            path = path.replace(&format!("{{{name}}}"), known);
        }
        let path = path.replace(['{', '}', '*'], "");
        for value in odd() {
            let object: Map<_, _> =
                NAMES.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            for body in [Value::Object(object), value.clone()] {
                let url = format!("{}{path}?{}", lab.cloudflare.url(), query(&value));
                let request = lab.http.request(Method::from_bytes(method.as_bytes()).unwrap(), url);
                let sent = request.bearer_auth(token("all")).json(&body).send().await;
                let status = sent.unwrap_or_else(|e| panic!("{path} {value}: {e}")).status();
                assert!(!status.is_server_error(), "{method} {path} {value}: {status}");
            }
        }
        if method != "GET" {
            lab.cloudflare.reset();
        }
    }
}
