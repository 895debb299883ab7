//! Namespaces of Durable Objects.

use serde_json::json;

use crate::client::{Lab, WORKER, assert_refused, each};

#[tokio::test]
async fn objects_of_a_class_are_listed_by_cursor() {
    let lab = Lab::start().await;
    let all = Lab::result(lab.get("workers/durable_objects/namespaces?per_page=100").await);
    let mut all = all.as_array().unwrap().iter();
    let chat = all.find(|one| one["class"] == "ChatDO" && one["script"] == WORKER).unwrap();
    assert_eq!(chat["name"], format!("{WORKER}_ChatDO"));
    let id = chat["id"].as_str().unwrap();
    let path = format!("workers/durable_objects/namespaces/{id}/objects");
    let (_, body) = lab.get(&format!("{path}?limit=10")).await;
    assert_eq!(body["result"].as_array().unwrap().len(), 2);
    assert_eq!(body["result"][0]["hasStoredData"], true);
    assert_eq!(each(&body["result"], "id")[0].len(), 64);
    let info = json!({ "count": 2, "cursor": "", "cursors": { "after": "" } });
    assert_eq!(body["result_info"], info);
    assert_refused(&lab.get(&format!("{path}?limit=9")).await, 400, 10021);
    let none = "workers/durable_objects/namespaces/none/objects";
    assert_refused(&lab.get(none).await, 404, 10066);
}
