//! Versions and deployments.

use serde_json::{Value, json};

use crate::client::{Lab, WORKER, assert_refused, each};

fn script(path: &str) -> String {
    format!("workers/scripts/{WORKER}/{path}")
}

/// The ids of the versions, newest first.
async fn versions(lab: &Lab) -> Vec<String> {
    let list = Lab::result(lab.get(&script("versions?deployable=true")).await);
    each(&list["items"], "id").into_iter().map(str::to_owned).collect()
}

fn split(parts: &[(&str, f64)]) -> Value {
    let versions = parts.iter();
    let versions = versions.map(|(id, share)| json!({ "version_id": id, "percentage": share }));
    json!({ "strategy": "percentage", "versions": versions.collect::<Value>() })
}

#[tokio::test]
async fn versions_and_deployments_are_listed_newest_first() {
    let lab = Lab::start().await;
    let list = Lab::result(lab.get(&script("versions")).await);
    let items = &list["items"];
    assert_eq!((&items[0]["number"], &items[1]["number"]), (&json!(2), &json!(1)));
    assert_eq!(items[0]["annotations"]["workers/tag"], "v1.1.0");
    let id = items[1]["id"].as_str().unwrap();
    let one = Lab::result(lab.get(&script(&format!("versions/{id}"))).await);
    let bindings = one["resources"]["bindings"].as_array().unwrap();
    assert!(bindings.iter().any(|one| one["name"] == "MCP_JWT_SECRET"));
    assert_refused(&lab.get(&script("versions/none")).await, 404, 100_146);
    let deployments = Lab::result(lab.get(&script("deployments")).await);
    let first = &deployments["deployments"][0];
    assert_eq!(first["versions"], json!([{ "version_id": items[0]["id"], "percentage": 100 }]));
}

#[tokio::test]
async fn a_deployment_splits_requests_between_two_versions() {
    let lab = Lab::start().await;
    let ids = versions(&lab).await;
    let (new, old) = (ids[0].as_str(), ids[1].as_str());
    let mut body = split(&[(old, 90.5), (new, 9.5)]);
    body["annotations"] = json!({ "workers/message": "ü".repeat(600) });
    let made = Lab::result(lab.post(&script("deployments"), body).await);
    let shown = Lab::result(lab.get(&script("deployments")).await);
    assert_eq!(shown["deployments"][0], made);
    assert_eq!(made["versions"][0], json!({ "version_id": old, "percentage": 90.5 }));
    let message = made["annotations"]["workers/message"].as_str().unwrap();
    assert_eq!(message.len(), 1000);
    let none =
        Lab::result(lab.post(&script("deployments"), split(&[(new, 100.0), (old, 0.0)])).await);
    assert_eq!(none["versions"][1]["percentage"], 0);
}

#[tokio::test]
async fn a_deployment_that_does_not_fit_is_refused_and_changes_nothing() {
    let lab = Lab::start().await;
    let ids = versions(&lab).await;
    let (new, old) = (ids[0].as_str(), ids[1].as_str());
    let before = lab.get(&script("deployments")).await;
    for body in [
        json!({}),
        json!({ "strategy": "all", "versions": [] }),
        split(&[]),
        split(&[(new, 99.0)]),
        split(&[(new, 60.0), (old, 60.0)]),
        split(&[(new, 50.0), (new, 50.0)]),
        split(&[(new, 101.0), (old, -1.0)]),
        split(&[(new, 40.0), (old, 40.0), ("third", 20.0)]),
    ] {
        assert_refused(&lab.post(&script("deployments"), body).await, 400, 10021);
    }
    let unknown = split(&[("00000000-0000-4000-8000-000000000000", 100.0)]);
    assert_refused(&lab.post(&script("deployments"), unknown).await, 404, 100_146);
    assert_eq!(lab.get(&script("deployments")).await, before);
}

#[tokio::test]
async fn a_version_from_before_a_change_of_secrets_is_only_deployed_by_force() {
    let lab = Lab::start().await;
    let old = versions(&lab).await[1].clone();
    let secret = json!({ "name": "MCP_JWT_SECRET", "text": "another", "type": "secret_text" });
    Lab::result(lab.put(&script("secrets"), secret).await);
    let body = split(&[(&old, 100.0)]);
    let refused = lab.post(&script("deployments"), body.clone()).await;
    assert_refused(&refused, 400, 10220);
    let message = refused.1["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("MCP_JWT_SECRET") && !message.contains("MCP_SHARED_SECRET"));
    let forced = Lab::result(lab.post(&script("deployments?force=true"), body).await);
    assert_eq!(forced["versions"][0]["version_id"], json!(old));
}

#[tokio::test]
async fn only_a_deployment_that_is_not_active_is_deleted() {
    let lab = Lab::start().await;
    let list = Lab::result(lab.get(&script("deployments")).await);
    let ids = each(&list["deployments"], "id");
    let path = |id: &str| script(&format!("deployments/{id}"));
    assert_refused(&lab.delete(&path(ids[0])).await, 400, 10021);
    Lab::result(lab.delete(&path(ids[1])).await);
    assert_refused(&lab.get(&path(ids[1])).await, 404, 10007);
    assert_eq!(Lab::result(lab.get(&path(ids[0])).await)["id"], ids[0]);
}
