//! Who may do what.

use sandbox::cloudflare::{ACCOUNT, OTHER_ACCOUNT, token};
use serde_json::{Value, json};

use crate::client::{Lab, answer, assert_refused};

#[tokio::test]
async fn a_token_is_verified_with_its_status_where_it_belongs() {
    let mut lab = Lab::start().await;
    for (name, status) in [("read", "active"), ("disabled", "disabled"), ("expired", "expired")] {
        lab.use_token(name);
        let verified = Lab::result(lab.top("GET", "user/tokens/verify", Value::Null).await);
        assert_eq!(verified["status"], status);
        assert_eq!(verified["id"].as_str().unwrap().len(), 32);
    }
    assert_refused(&lab.get("tokens/verify").await, 401, 1000);
    lab.use_token("account");
    assert_eq!(Lab::result(lab.get("tokens/verify").await)["status"], "active");
    assert_refused(&lab.top("GET", "user/tokens/verify", Value::Null).await, 401, 1000);
}

#[tokio::test]
async fn what_is_sent_as_a_token_is_judged_by_its_form_first() {
    let lab = Lab::start().await;
    let path = format!("accounts/{ACCOUNT}/queues");
    assert_refused(&answer(lab.bare("GET", &path)).await, 400, 9106);
    let malformed = answer(lab.bare("GET", &path).header("Authorization", "Token x")).await;
    assert_refused(&malformed, 400, 6003);
    assert_eq!(malformed.1["errors"][0]["error_chain"][0]["code"], 6111);
    assert_refused(&answer(lab.bare("GET", &path).bearer_auth("unknown")).await, 401, 10000);
    for name in ["expired", "disabled"] {
        let refused = answer(lab.bare("GET", &path).bearer_auth(token(name))).await;
        assert_refused(&refused, 401, 10000);
    }
}

#[tokio::test]
async fn each_list_takes_the_permission_of_its_product() {
    let mut lab = Lab::start().await;
    let lists = [
        "workers/scripts",
        "workers/domains",
        "workflows",
        "d1/database",
        "r2/buckets",
        "storage/kv/namespaces",
        "queues",
        "alerting/v3/policies",
    ];
    for (name, allowed) in [
        ("nothing", &[][..]),
        ("query", &["d1/database"][..]),
        ("objects", &["r2/buckets"][..]),
        ("workflow", &["workers/scripts", "workers/domains", "workflows"][..]),
        ("read", &lists[..7]),
        ("all", &lists[..]),
    ] {
        lab.use_token(name);
        for list in lists {
            let (status, body) = lab.get(list).await;
            let wanted = if allowed.contains(&list) { 200 } else { 403 };
            assert_eq!(status, wanted, "{name} {list} {body}");
        }
    }
}

#[tokio::test]
async fn a_token_that_reads_changes_nothing() {
    let mut lab = Lab::start().await;
    lab.use_token("read");
    for (path, body) in [
        ("d1/database", json!({ "name": "new" })),
        ("r2/buckets", json!({ "name": "new-bucket" })),
        ("storage/kv/namespaces", json!({ "title": "new" })),
        ("queues", json!({ "queue_name": "new" })),
        ("workflows/sitebay-mcp-staging-onboarding/instances", json!({})),
    ] {
        assert_refused(&lab.post(path, body).await, 403, 10000);
    }
    assert_refused(&lab.delete("workers/scripts/shop?force=true").await, 403, 10000);
    assert_eq!(lab.get("workers/scripts").await.1["result"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn another_account_is_not_seen() {
    let mut lab = Lab::start().await;
    let other = |path: &str| format!("accounts/{OTHER_ACCOUNT}/{path}");
    assert_refused(&lab.top("GET", &other("queues"), Value::Null).await, 403, 10000);
    assert_refused(&lab.top("GET", &other("d1/database"), Value::Null).await, 403, 7403);
    let unknown = format!("accounts/{}/queues", "f".repeat(32));
    assert_refused(&lab.top("GET", &unknown, Value::Null).await, 403, 10000);
    assert_refused(&lab.top("GET", "accounts/not-an-id/queues", Value::Null).await, 404, 7003);
    assert_refused(&lab.top("GET", "no/such/path", Value::Null).await, 404, 7003);
    assert_refused(&lab.patch("queues", json!({})).await, 405, 7001);
    lab.use_token("other");
    assert_refused(&lab.get("queues").await, 403, 10000);
    let empty = Lab::result(lab.top("GET", &other("queues"), Value::Null).await);
    assert_eq!(empty, json!([]));
    let accounts = Lab::result(lab.top("GET", "accounts", Value::Null).await);
    assert_eq!(accounts[0]["id"], OTHER_ACCOUNT);
}

#[tokio::test]
async fn a_token_that_manages_tokens_sees_the_permissions_of_others() {
    let mut lab = Lab::start().await;
    lab.use_token("query");
    let id = Lab::result(lab.top("GET", "user/tokens/verify", Value::Null).await)["id"].clone();
    let path = format!("user/tokens/{}", id.as_str().unwrap());
    assert_refused(&lab.top("GET", &path, Value::Null).await, 403, 10000);
    lab.use_token("all");
    let shown = Lab::result(lab.top("GET", &path, Value::Null).await);
    let groups = &shown["policies"][0]["permission_groups"];
    assert_eq!(*groups, json!([{ "name": "D1 Read" }]));
    assert!(!shown.to_string().contains(&token("query")), "{shown}");
}
