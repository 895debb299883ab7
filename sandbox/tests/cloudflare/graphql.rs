//! Numbers over GraphQL.

use sandbox::cloudflare::{ACCOUNT, Number, OTHER_ACCOUNT};
use serde_json::{Value, json};

use crate::client::{Lab, assert_refused};

async fn query(lab: &Lab, text: &str, variables: Value) -> (u16, Value) {
    lab.top("POST", "graphql", json!({ "query": text, "variables": variables })).await
}

const KV: &str = "query ($tag: string!, $ns: string!, $day: Date!) {
  viewer { accounts(filter: { accountTag: $tag }) {
    reads: kvOperationsAdaptiveGroups(limit: 10, filter: { namespaceId: $ns, date_geq: $day }) {
      dimensions { actionType } sum { requests } quantiles { latencyMsP50 }
    }
    all: kvOperationsAdaptiveGroups(limit: 10, filter: { namespaceId: $ns }) { sum { requests } }
    size: kvStorageAdaptiveGroups(limit: 1, filter: { namespaceId: $ns }) { max { keyCount } }
  } }
}";

#[tokio::test]
async fn numbers_of_a_namespace_are_filtered_and_grouped() {
    let lab = Lab::start().await;
    let list = "storage/kv/namespaces";
    let id = lab.id(list, "title", "sitebay-mcp-staging-cache", "id").await;
    let variables = json!({ "tag": ACCOUNT, "ns": id, "day": "2026-11-01" });
    let (status, body) = query(&lab, KV, variables).await;
    assert_eq!((status, &body["errors"]), (200, &Value::Null));
    let account = &body["data"]["viewer"]["accounts"][0];
    let first = json!({
        "dimensions": { "actionType": "read" },
        "sum": { "requests": 300 },
        "quantiles": { "latencyMsP50": 4.5 },
    });
    assert_eq!(account["reads"][0], first);
    assert_eq!(account["all"], json!([{ "sum": { "requests": 316 } }]));
    assert_eq!(account["size"], json!([{ "max": { "keyCount": 12 } }]));
    let later = json!({ "tag": ACCOUNT, "ns": id, "day": "2026-12-01" });
    let (_, body) = query(&lab, KV, later).await;
    assert_eq!(body["data"]["viewer"]["accounts"][0]["reads"], json!([]));
}

#[tokio::test]
async fn tests_write_the_numbers_that_they_need() {
    let lab = Lab::start().await;
    let fields = |value: Value| value.as_object().unwrap().clone();
    lab.cloudflare.add_numbers(vec![Number {
        dataset: "workersInvocationsAdaptive".into(),
        dimensions: fields(json!({ "scriptName": "fresh", "scriptVersion": "v" })),
        sum: fields(json!({ "requests": 100, "errors": 5 })),
        ..Number::default()
    }]);
    let text = format!(
        "{{ viewer {{ accounts(filter: {{ accountTag: \"{ACCOUNT}\" }}) {{
           workersInvocationsAdaptive(limit: 5, filter: {{ scriptName: \"fresh\" }}) {{
             sum {{ errors }} }} }} }} }}"
    );
    let (_, body) = query(&lab, &text, Value::Null).await;
    let rows = &body["data"]["viewer"]["accounts"][0]["workersInvocationsAdaptive"];
    assert_eq!(*rows, json!([{ "sum": { "errors": 5 } }]));
}

#[tokio::test]
async fn errors_come_with_a_success_and_permissions_count() {
    let mut lab = Lab::start().await;
    let foreign = format!(
        "{{ viewer {{ accounts(filter: {{ accountTag: \"{OTHER_ACCOUNT}\" }}) {{ x }} }} }}"
    );
    let of = |dataset: &str| {
        format!(
            "{{ viewer {{ accounts(filter: {{ accountTag: \"{ACCOUNT}\" }}) {{ {dataset} {{ sum {{ requests }} }} }} }} }}"
        )
    };
    let dataset = of("kvOperations(limit: 1, filter: { namespaceId: \"n\" })");
    let filter = of("kvOperationsAdaptiveGroups(limit: 1, filter: { namespace: \"n\" })");
    for text in ["", "{ nothing }", "{ viewer { zones } }", &foreign, &dataset, &filter] {
        let (status, body) = query(&lab, text, Value::Null).await;
        assert_eq!((status, &body["data"]), (200, &Value::Null), "{text}");
        assert!(body["errors"][0]["message"].is_string());
    }
    lab.use_token("query");
    assert_refused(&query(&lab, KV, Value::Null).await, 403, 10000);
}
