//! Secrets of Workers.

use serde_json::{Value, json};

use crate::client::{Lab, WORKER, assert_refused, each};

fn script(path: &str) -> String {
    format!("workers/scripts/{WORKER}/{path}")
}

#[tokio::test]
async fn a_secret_is_a_version_of_its_own_and_its_value_is_never_shown() {
    let lab = Lab::start().await;
    let secret = json!({ "name": "EXTRA", "text": "never to be seen", "type": "secret_text" });
    let set = Lab::result(lab.put(&script("secrets"), secret).await);
    assert_eq!(set, json!({ "name": "EXTRA", "type": "secret_text" }));
    let list = Lab::result(lab.get(&script("secrets")).await);
    assert_eq!(each(&list, "name"), ["EXTRA", "MCP_JWT_SECRET", "MCP_SHARED_SECRET"]);
    let versions = Lab::result(lab.get(&script("versions")).await);
    assert_eq!(versions["items"][0]["metadata"]["source"], "secret");
    let deployments = Lab::result(lab.get(&script("deployments")).await);
    let active = &deployments["deployments"][0]["versions"];
    assert_eq!(active[0]["version_id"], versions["items"][0]["id"]);
    assert_eq!(active.as_array().unwrap().len(), 1);
    for path in ["secrets", "secrets/EXTRA", "settings", "versions", "deployments"] {
        let (_, body) = lab.get(&script(path)).await;
        assert!(!body.to_string().contains("never to be seen"), "{path} {body}");
    }
    Lab::result(lab.delete(&script("secrets/EXTRA")).await);
    assert_refused(&lab.get(&script("secrets/EXTRA")).await, 404, 10056);
}

#[tokio::test]
async fn many_secrets_are_one_version() {
    let lab = Lab::start().await;
    let before = Lab::result(lab.get(&script("versions")).await);
    let body = json!({ "secrets": {
        "A": { "name": "A", "text": "1", "type": "secret_text" },
        "MCP_JWT_SECRET": Value::Null,
    } });
    let list = Lab::result(lab.patch(&script("secrets-bulk"), body).await);
    assert_eq!(each(&list, "name"), ["A", "MCP_SHARED_SECRET"]);
    let after = Lab::result(lab.get(&script("versions")).await);
    let count = |list: &Value| list["items"].as_array().unwrap().len();
    assert_eq!(count(&after), count(&before) + 1);
}

#[tokio::test]
async fn no_secret_is_changed_while_requests_are_split() {
    let lab = Lab::start().await;
    let list = Lab::result(lab.get(&script("versions")).await);
    let share = |at: usize| json!({ "version_id": list["items"][at]["id"], "percentage": 50 });
    let split = json!({ "strategy": "percentage", "versions": [share(0), share(1)] });
    Lab::result(lab.post(&script("deployments"), split).await);
    let secret = json!({ "name": "EXTRA", "text": "x", "type": "secret_text" });
    assert_refused(&lab.put(&script("secrets"), secret).await, 400, 10215);
}

#[tokio::test]
async fn the_same_value_again_is_no_change_that_stops_a_rollback() {
    let lab = Lab::start().await;
    let list = Lab::result(lab.get(&script("versions")).await);
    let old = json!({
        "strategy": "percentage",
        "versions": [{ "version_id": list["items"][1]["id"], "percentage": 100 }],
    });
    for (text, status) in [("one", 400), ("one", 400)] {
        let secret = json!({ "name": "MCP_JWT_SECRET", "text": text, "type": "secret_text" });
        Lab::result(lab.put(&script("secrets"), secret).await);
        assert_eq!(lab.post(&script("deployments"), old.clone()).await.0, status);
    }
    let list = Lab::result(lab.get(&script("versions")).await);
    let before = json!({
        "strategy": "percentage",
        "versions": [{ "version_id": list["items"][1]["id"], "percentage": 100 }],
    });
    Lab::result(lab.post(&script("deployments"), before).await);
}
