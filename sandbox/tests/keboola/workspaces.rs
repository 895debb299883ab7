//! Workspaces.

use serde_json::{Value, json};

use crate::client::{Lab, assert_refused};

const CONFIGS: &str = "branch/default/components/keboola.mcp-server-tool/configs";

async fn config(lab: &Lab) -> String {
    let (_, config) = lab.post(CONFIGS, json!({ "name": "mcp", "configuration": {} })).await;
    format!("{CONFIGS}/{}/workspaces", config["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_workspace_is_made_by_a_job_and_shows_its_password_once() {
    let lab = Lab::start().await;
    let path = config(&lab).await;
    assert_eq!(lab.get(&path).await.1, json!([]));
    let body = json!({
        "backend": "snowflake", "loginType": "snowflake-person-sso", "readOnlyStorageAccess": true,
    });
    let (status, job) = lab.post(&format!("{path}?async=true"), body).await;
    assert_eq!((status, &job["status"]), (202, &json!("waiting")));
    assert!(job["id"].is_u64());
    lab.advance(200);
    let (_, job) = lab.get(&format!("jobs/{}", job["id"])).await;
    assert_eq!(job["status"], "success");
    assert!(job["results"]["connection"]["password"].is_string());
    let id = job["results"]["id"].as_u64().unwrap();
    let (_, one) = lab.get(&format!("branch/default/workspaces/{id}")).await;
    assert!(one["connection"].get("password").is_none());
    assert_eq!(one["readOnlyStorageAccess"], true);
    assert_eq!(one["connection"]["loginType"], "snowflake-person-sso");
    assert_eq!(one["connection"]["schema"], format!("WORKSPACE_{id}"));
    assert_eq!(lab.get(&path).await.1, json!([one]));
    assert_eq!(lab.get("branch/default/workspaces").await.1.as_array().unwrap().len(), 2);
    assert_eq!(lab.delete(&format!("branch/default/workspaces/{id}")).await, (204, Value::Null));
    assert_eq!(lab.get(&format!("branch/default/workspaces/{id}")).await.0, 404);
}

#[tokio::test]
async fn in_bigquery_the_user_is_an_account() {
    let lab = Lab::start().await.with_token(102, "master");
    let path = config(&lab).await;
    let (status, made) = lab.post(&path, json!({ "backend": "bigquery" })).await;
    assert_eq!(status, 201);
    let user = made["connection"]["user"].as_str().unwrap();
    let account: Value = serde_json::from_str(user).unwrap();
    assert_eq!(account["project_id"], "keboola-102");
    assert!(made["connection"]["credentials"]["private_key"].is_string());
    let other = lab.post(&path, json!({ "backend": "snowflake" })).await;
    assert_refused(&other, 400, "workspace.backendNotSupported");
}

#[tokio::test]
async fn a_workspace_is_of_its_branch() {
    let lab = Lab::start().await;
    assert_eq!(lab.get("branch/1012/workspaces").await.1, json!([]));
    let missing = lab.get("branch/1012/workspaces/101500").await;
    assert_refused(&missing, 404, "workspace.workspaceNotFound");
}
