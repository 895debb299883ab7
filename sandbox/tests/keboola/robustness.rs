//! Invalid input: it is refused or accepted, and never causes a failure.

use serde_json::{Map, Value, json};

use crate::client::Lab;

/// Every name of a field or a parameter that an operation reads.
const NAMES: &[&str] = &[
    "action",
    "actorType",
    "backend",
    "branchId",
    "bucketPermissions",
    "canManageBuckets",
    "changeDescription",
    "changedSince",
    "client_id",
    "columns",
    "columnsMetadata",
    "component",
    "componentAccess",
    "componentId",
    "config",
    "configData",
    "configRowIds",
    "configVersion",
    "configuration",
    "configurationId",
    "createdTimeFrom",
    "data",
    "description",
    "desiredState",
    "displayName",
    "duration",
    "expiresIn",
    "filter",
    "format",
    "fulltextSearch",
    "idComponent",
    "include",
    "isDisabled",
    "lines",
    "limit",
    "maxId",
    "message",
    "metadata",
    "metadataKeys[0]",
    "mode",
    "name",
    "offset",
    "orderBy[0][column]",
    "pageSize",
    "params",
    "prompt",
    "provider",
    "query",
    "reason",
    "redirect_uri",
    "response_type",
    "rowId",
    "rowsSortOrder",
    "runId",
    "sinceId",
    "sortBy",
    "sourceBucketId",
    "sourceProjectId",
    "stage",
    "state",
    "statements",
    "status",
    "type",
    "types[]",
    "whereFilters[0][column]",
    "whereFilters[0][values][]",
];

fn odd() -> Vec<Value> {
    vec![
        json!(""),
        json!("default"),
        json!("a/b %2F 雪 \u{0}"),
        json!("__proto__"),
        json!("x".repeat(300)),
        json!("-1 week"),
        json!("+262142-12-31T23:59:59Z"),
        json!("99999999999999999999 months"),
        json!(-1),
        json!(u64::MAX),
        json!(1e308),
        json!([[], {}, null, "a"]),
        json!([{ "key": "k", "value": null }]),
        json!({ "a": { "b": [1], "#c": {} } }),
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
    let lab = Lab::start().await;
    let (_, routes) = lab.control("GET", "routes", Value::Null).await;
    let routes = routes.as_array().unwrap();
    assert!(routes.len() > 90, "{}", routes.len());
    for route in routes {
        let text = |name: &str| route[name].as_str().unwrap();
        let mut path = text("path").trim_start_matches('/').to_owned();
        for (name, known) in [
            ("component", "keboola.ex-http"),
            ("config", "http-1"),
            ("bucket", "in.c-main"),
            ("table", "in.c-main.orders"),
            ("column", "in.c-main.orders.id"),
            ("of", "1011"),
            ("workspace", "101500"),
            ("app", "101001"),
            ("kind", "semantic-metric"),
            ("version", "1"),
        ] {
            path = path.replace(&format!("{{{name}}}"), known);
        }
        let path = path.replace(['{', '}'], "");
        for value in odd() {
            let object: Map<_, _> =
                NAMES.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            for body in [Value::Object(object), value.clone()] {
                let at = format!("{path}?{}", query(&value));
                let sent = lab.request(text("method"), text("service"), &at).json(&body).send();
                let status = sent.await.unwrap_or_else(|e| panic!("{path} {value}: {e}")).status();
                assert!(!status.is_server_error(), "{path} {value}: {status}");
            }
        }
        lab.keboola.reset();
    }
}

#[tokio::test]
async fn bodies_that_are_no_json_are_refused() {
    let lab = Lab::start().await;
    for body in ["{", "\"text\"", "[1]", "a=b"] {
        let path = "v2/storage/branch/default/buckets";
        let sent = lab.request("POST", "connection", path).body(body).send().await.unwrap();
        assert_eq!(sent.status().as_u16(), 400, "{body}");
    }
}
