//! Branches, their metadata, and what they see.

use serde_json::{Value, json};

use crate::client::{Lab, assert_refused, each};

#[tokio::test]
async fn the_default_branch_has_a_real_id_and_no_creator() {
    let lab = Lab::start().await;
    let (_, branches) = lab.get("dev-branches").await;
    assert_eq!(each(&branches, "name"), ["Main", "Development"]);
    assert_eq!((&branches[0]["id"], &branches[0]["isDefault"]), (&json!(1011), &json!(true)));
    assert_eq!(branches[0]["creatorToken"], json!([]));
    assert_eq!(branches[1]["creatorToken"], json!({ "id": 10101, "name": "master" }));
    assert_eq!(lab.get("dev-branches/1012").await.1, branches[1]);
    assert_eq!(lab.get("dev-branches/7").await.0, 404);
    assert_eq!(lab.get("branch/7/buckets").await.0, 404);
}

#[tokio::test]
async fn a_branch_is_made_and_removed_by_jobs() {
    let lab = Lab::start().await;
    let (status, job) = lab.post("dev-branches", json!({ "name": "Try" })).await;
    assert_eq!((status, &job["operationName"]), (202, &json!("devBranchCreate")));
    assert_eq!(lab.get("dev-branches").await.1.as_array().unwrap().len(), 2);
    lab.advance(200);
    let (_, job) = lab.get(&format!("jobs/{}", job["id"])).await;
    let id = job["results"]["id"].as_u64().unwrap();
    let (_, changed) = lab.put(&format!("dev-branches/{id}"), json!({ "description": "d" })).await;
    assert_eq!((&changed["name"], &changed["description"]), (&json!("Try"), &json!("d")));
    let again = lab.post("dev-branches", json!({ "name": "Try" })).await;
    assert_refused(&again, 400, "devBranch.duplicateName");
    assert_eq!(lab.delete(&format!("dev-branches/{id}")).await.0, 202);
    lab.keboola.finish();
    assert_eq!(lab.get(&format!("dev-branches/{id}")).await.0, 404);
    assert_refused(&lab.delete("dev-branches/1011").await, 400, "devBranch.default");
}

#[tokio::test]
async fn metadata_is_a_branchs_own_and_has_no_provider() {
    let lab = Lab::start().await;
    let (_, main) = lab.get("branch/default/metadata").await;
    assert_eq!(main[0]["key"], "KBC.projectDescription");
    assert!(main[0].get("provider").is_none());
    assert_eq!(lab.get("branch/1011/metadata").await.1, main);
    assert_eq!(lab.get("branch/1012/metadata").await.1, json!([]));
    let body = json!({ "metadata": [{ "key": "KBC.projectDescription", "value": "Better" }] });
    let (status, set) = lab.post("branch/default/metadata", body).await;
    assert_eq!((status, set[0]["value"].as_str()), (201, Some("Better")));
    let path = format!("branch/default/metadata/{}", set[0]["id"].as_str().unwrap());
    assert_eq!(lab.delete(&path).await, (204, Value::Null));
    assert_eq!(lab.get("branch/default/metadata").await.1, json!([]));
    assert_eq!(lab.get("metadata").await.0, 404);
}

#[tokio::test]
async fn a_branch_sees_the_buckets_of_the_default_one_and_keeps_its_own() {
    let lab = Lab::start().await;
    let body = json!({ "name": "dev", "stage": "in" });
    let (_, made) = lab.post("branch/1012/buckets", body).await;
    assert_eq!(made["idBranch"], 1012);
    let (_, buckets) = lab.get("branch/1012/buckets").await;
    let ids = each(&buckets, "id");
    assert!(ids.contains(&"in.c-main") && ids.contains(&"in.c-dev"));
    assert_eq!(lab.get("branch/default/buckets/in.c-dev").await.0, 404);
}

#[tokio::test]
async fn the_first_write_in_a_branch_copies_a_configuration() {
    let lab = Lab::start().await;
    let config =
        |branch: &str| format!("branch/{branch}/components/keboola.ex-http/configs/http-1");
    let (_, seen) = lab.get(&config("1012")).await;
    assert_eq!(seen["version"], 1);
    lab.put(&config("1012"), json!({ "name": "Tried" })).await;
    assert_eq!(lab.get(&config("1012")).await.1["name"], "Tried");
    assert_eq!(lab.get(&config("default")).await.1, seen);
    assert_eq!(lab.delete(&config("1012")).await.0, 204);
    assert_eq!(lab.get(&config("1012")).await.0, 404);
    assert_eq!(lab.get(&config("default")).await.0, 200);
    let again = lab.delete(&config("1012")).await;
    assert_refused(&again, 400, "storage.components.cannotDeleteConfiguration");
}
