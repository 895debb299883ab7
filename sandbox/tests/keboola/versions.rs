//! Versions of configurations.

use serde_json::json;

use crate::client::{Lab, assert_refused};

const MYSQL: &str = "branch/default/components/keboola.ex-db-mysql/configs/236606822";

#[tokio::test]
async fn versions_are_listed_newest_first_in_pages() {
    let lab = Lab::start().await;
    let (_, versions) = lab.get(&format!("{MYSQL}/versions")).await;
    let numbers: Vec<_> =
        versions.as_array().unwrap().iter().map(|one| one["version"].as_u64().unwrap()).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(versions[0]["changeDescription"], "Row for customers added");
    let (_, page) = lab.get(&format!("{MYSQL}/versions?limit=1&offset=1")).await;
    assert_eq!(page, json!([versions[1]]));
    assert_eq!(lab.get(&format!("{MYSQL}/versions?limit=101")).await.0, 400);
    let (_, second) = lab.get(&format!("{MYSQL}/versions/2")).await;
    assert_eq!(second["rows"].as_array().unwrap().len(), 1);
    let missing = lab.get(&format!("{MYSQL}/versions/9")).await;
    assert_refused(&missing, 404, "storage.configuration.versionNotFound");
}

#[tokio::test]
async fn a_rollback_is_a_new_version_like_the_old_one() {
    let lab = Lab::start().await;
    lab.put(MYSQL, json!({ "name": "Renamed", "configuration": { "parameters": {} } })).await;
    let (status, back) = lab.post(&format!("{MYSQL}/versions/2/rollback"), json!({})).await;
    assert_eq!((status, &back["version"]), (201, &json!(5)));
    assert_eq!(back["name"], "MySQL of the shop");
    assert_eq!(back["rows"].as_array().unwrap().len(), 1);
    assert_eq!(back["configuration"]["parameters"]["db"]["user"], "reader");
    assert_eq!(back["changeDescription"], "Rollback to version 2");
    let missing = lab.post(&format!("{MYSQL}/versions/99/rollback"), json!({})).await;
    assert_refused(&missing, 404, "storage.configuration.versionNotFound");
}

#[tokio::test]
async fn a_copy_of_a_version_is_a_configuration_of_its_own() {
    let lab = Lab::start().await;
    let (status, copy) =
        lab.post(&format!("{MYSQL}/versions/2/create"), json!({ "name": "Copy" })).await;
    assert_eq!(status, 201);
    let id = copy["id"].as_str().unwrap();
    let path = format!("branch/default/components/keboola.ex-db-mysql/configs/{id}");
    let (_, copy) = lab.get(&path).await;
    assert_eq!((&copy["name"], &copy["version"]), (&json!("Copy"), &json!(1)));
    assert_eq!(copy["rows"].as_array().unwrap().len(), 1);
    assert_eq!(lab.get(MYSQL).await.1["version"], 3);
}
