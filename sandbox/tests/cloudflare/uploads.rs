//! Uploads of code.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::client::{Lab, WORKER, answer, assert_refused, each};

async fn send(lab: &Lab, method: &str, path: &str, metadata: Value) -> (u16, Value) {
    let form = format!(
        "--mark\r\nContent-Disposition: form-data; name=\"metadata\"\r\n\r\n{metadata}\r\n\
         --mark\r\nContent-Disposition: form-data; name=\"index.js\"; filename=\"index.js\"\r\n\
         Content-Type: application/javascript+module\r\n\r\nexport default {{}}\r\n--mark--\r\n"
    );
    let request = lab.request(method, path).body(form);
    answer(request.header(CONTENT_TYPE, "multipart/form-data; boundary=mark")).await
}

fn metadata() -> Value {
    json!({
        "main_module": "index.js",
        "compatibility_date": "2026-11-17",
        "bindings": [{ "type": "durable_object_namespace", "name": "C", "class_name": "ChatDO" }],
        "exports": ["ChatDO"],
        "annotations": { "workers/tag": "v2", "workers/message": "the next one" },
    })
}

#[tokio::test]
async fn an_uploaded_version_is_not_deployed() {
    let lab = Lab::start().await;
    let path = format!("workers/scripts/{WORKER}");
    let made = Lab::result(send(&lab, "POST", &format!("{path}/versions"), metadata()).await);
    assert_eq!((&made["number"], &made["annotations"]["workers/tag"]), (&json!(3), &json!("v2")));
    let deployments = Lab::result(lab.get(&format!("{path}/deployments")).await);
    assert_ne!(deployments["deployments"][0]["versions"][0]["version_id"], made["id"]);
    let body = json!({
        "strategy": "percentage",
        "versions": [
            { "version_id": made["id"], "percentage": 10 },
            { "version_id": deployments["deployments"][0]["versions"][0]["version_id"], "percentage": 90 },
        ],
    });
    Lab::result(lab.post(&format!("{path}/deployments"), body).await);
}

#[tokio::test]
async fn versions_with_other_classes_do_not_share_a_deployment() {
    let lab = Lab::start().await;
    let path = format!("workers/scripts/{WORKER}");
    let mut other = metadata();
    other["exports"] = json!(["ChatDO", "OtherDO"]);
    let made = Lab::result(send(&lab, "POST", &format!("{path}/versions"), other).await);
    let list = Lab::result(lab.get(&format!("{path}/versions")).await);
    let share = |id: &Value| json!({ "version_id": id, "percentage": 50 });
    let versions = [share(&made["id"]), share(&list["items"][1]["id"])];
    let body = json!({ "strategy": "percentage", "versions": versions });
    assert_refused(&lab.post(&format!("{path}/deployments"), body).await, 400, 100_405);
}

#[tokio::test]
async fn a_change_of_classes_is_deployed_and_not_uploaded() {
    let lab = Lab::start().await;
    let path = format!("workers/scripts/{WORKER}");
    let mut changed = metadata();
    changed["migrations"] = json!({
        "old_tag": "v5", "new_tag": "v6", "steps": [{ "new_sqlite_classes": ["RoomDO"] }],
    });
    let refused = send(&lab, "POST", &format!("{path}/versions"), changed.clone()).await;
    assert_refused(&refused, 400, 10211);
    let worker = Lab::result(send(&lab, "PUT", &path, changed.clone()).await);
    assert_eq!(worker["migration_tag"], "v6");
    let list = "workers/durable_objects/namespaces?per_page=100";
    let namespaces = Lab::result(lab.get(list).await);
    assert!(each(&namespaces, "class").contains(&"RoomDO"));
    changed["migrations"] = json!({ "steps": [{ "deleted_classes": ["ChatDO"] }] });
    assert_refused(&send(&lab, "PUT", &path, changed).await, 400, 10061);
    let mut unknown = metadata();
    unknown["bindings"][0]["class_name"] = json!("NoDO");
    assert_refused(&send(&lab, "PUT", &path, unknown).await, 400, 10123);
}

#[tokio::test]
async fn a_worker_begins_with_its_first_upload() {
    let lab = Lab::start().await;
    let mut first = metadata();
    first["bindings"] = json!([{ "type": "secret_text", "name": "KEY", "text": "hidden" }]);
    let path = "workers/scripts/sitebay-mcp-preview-1";
    assert_refused(
        &send(&lab, "POST", &format!("{path}/versions"), first.clone()).await,
        404,
        10007,
    );
    Lab::result(send(&lab, "PUT", path, first).await);
    let secrets = Lab::result(lab.get(&format!("{path}/secrets")).await);
    assert_eq!(each(&secrets, "name"), ["KEY"]);
    let deployments = Lab::result(lab.get(&format!("{path}/deployments")).await);
    assert_eq!(deployments["deployments"].as_array().unwrap().len(), 1);
    let (_, settings) = lab.get(&format!("{path}/settings")).await;
    assert!(!settings.to_string().contains("hidden"));
}

#[tokio::test]
async fn a_body_that_is_no_form_is_refused() {
    let lab = Lab::start().await;
    let path = format!("workers/scripts/{WORKER}/versions");
    assert_refused(&lab.post(&path, json!({})).await, 400, 10021);
    assert_refused(
        &send(&lab, "POST", &path, json!({ "main_module": "none.js" })).await,
        400,
        10021,
    );
}
