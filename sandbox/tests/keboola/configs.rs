//! Configurations, their rows and their metadata.

use serde_json::{Value, json};

use crate::client::{Lab, assert_refused, each};

const HTTP: &str = "branch/default/components/keboola.ex-http/configs";
const MYSQL: &str = "branch/default/components/keboola.ex-db-mysql/configs/236606822";

#[tokio::test]
async fn a_configuration_is_made_with_an_own_id_only_once() {
    let lab = Lab::start().await;
    let body = json!({
        "configurationId": "mine", "name": "Mine", "description": "d",
        "configuration": { "parameters": { "#secret": "KBC::ProjectSecure::x" } },
    });
    let (status, made) = lab.post(HTTP, body.clone()).await;
    assert_eq!(status, 201);
    assert_eq!((&made["id"], &made["version"]), (&json!("mine"), &json!(1)));
    assert_eq!(made["creatorToken"], json!({ "id": 10101, "description": "master" }));
    assert_eq!(made["currentVersion"]["versionIdentifier"].as_str().map(str::len), Some(26));
    assert_eq!((&made["state"], &made["rows"]), (&json!({}), &json!([])));
    assert_eq!(lab.get(&format!("{HTTP}/mine")).await, (200, made));
    assert_refused(&lab.post(HTTP, body).await, 400, "configurationAlreadyExists");
    let (_, other) = lab.post(HTTP, json!({ "name": "Other" })).await;
    assert!(other["id"].as_str().unwrap().parse::<u64>().is_ok());
    assert_eq!(other["configuration"], json!({}));
    assert_refused(&lab.post(HTTP, json!({})).await, 400, "storage.validation");
}

#[tokio::test]
async fn an_update_changes_what_it_names_and_makes_a_version() {
    let lab = Lab::start().await;
    let path = format!("{HTTP}/http-1");
    let body = json!({
        "configuration": { "parameters": { "path": "b.csv" } }, "changeDescription": "other file",
        "isDisabled": true,
    });
    let (status, changed) = lab.put(&path, body).await;
    assert_eq!((status, &changed["version"]), (200, &json!(2)));
    assert_eq!(changed["name"], "Download http-1");
    assert_eq!(changed["configuration"]["parameters"], json!({ "path": "b.csv" }));
    assert_eq!(changed["isDisabled"], true);
    assert_eq!(changed["currentVersion"]["changeDescription"], "other file");
    assert_eq!(lab.put(&path, json!({ "configuration": [1] })).await.0, 400);
    assert_eq!(lab.put(&path, json!({ "name": "" })).await.0, 400);
    let missing = lab.put(&format!("{HTTP}/nope"), json!({})).await;
    assert_refused(&missing, 404, "storage.configuration.notFound");
}

#[tokio::test]
async fn a_configuration_has_at_most_four_megabytes() {
    let lab = Lab::start().await;
    // The text of the configuration has 9 bytes beside the value.
    let content =
        |size: usize| json!({ "name": "Big", "configuration": { "k": "x".repeat(size) } });
    let most = 4 * 1024 * 1024 - r#"{"k":""}"#.len();
    assert_eq!(lab.post(HTTP, content(most)).await.0, 201);
    let refused = lab.post(HTTP, content(most + 1)).await;
    assert_refused(&refused, 400, "storage.components.validation");
}

#[tokio::test]
async fn the_empty_objects_of_an_old_configuration_are_lists() {
    let lab = Lab::start().await;
    let path = "branch/default/components/keboola.variables/configs/vars-1";
    let (_, old) = lab.get(path).await;
    assert_eq!((&old["configuration"], &old["state"]), (&json!([]), &json!([])));
    // What a client sent back as it got it is an object again.
    let (_, same) = lab.put(path, json!({ "configuration": old["configuration"] })).await;
    assert_eq!(same["version"], 2);
}

#[tokio::test]
async fn a_deleted_configuration_is_in_the_trash_until_it_is_deleted_again() {
    let lab = Lab::start().await;
    let path = format!("{HTTP}/http-1");
    assert_eq!(lab.delete(&path).await, (204, Value::Null));
    assert_refused(&lab.get(&path).await, 404, "storage.configuration.notFound");
    let (_, trash) = lab.get(&format!("{HTTP}?isDeleted=true")).await;
    assert_eq!(each(&trash, "id"), ["http-1", "deleted-1"]);
    let (status, restored) = lab.post(&format!("{path}/restore"), json!({})).await;
    assert_eq!((status, &restored["isDeleted"]), (201, &json!(false)));
    lab.delete(&path).await;
    assert_eq!(lab.delete(&path).await.0, 204);
    assert_eq!(lab.delete(&path).await.0, 404);
}

#[tokio::test]
async fn each_write_of_a_row_raises_the_version_of_its_configuration() {
    let lab = Lab::start().await;
    let rows = format!("{MYSQL}/rows");
    assert_eq!(each(&lab.get(&rows).await.1, "id"), ["row-orders", "row-customers"]);
    let body = json!({ "rowId": "mine", "name": "Mine", "configuration": { "a": 1 } });
    let (status, row) = lab.post(&rows, body.clone()).await;
    assert_eq!((status, &row["version"]), (201, &json!(1)));
    assert_eq!(lab.get(MYSQL).await.1["version"], 4);
    assert_refused(&lab.post(&rows, body).await, 400, "configurationRowAlreadyExists");
    let path = format!("{rows}/mine");
    let (_, row) = lab.put(&path, json!({ "isDisabled": true, "changeDescription": "off" })).await;
    assert_eq!((&row["version"], &row["isDisabled"]), (&json!(2), &json!(true)));
    assert_eq!(row["configuration"], json!({ "a": 1 }));
    assert_eq!(lab.get(&path).await.1, row);
    assert_eq!(lab.delete(&path).await, (204, Value::Null));
    assert_eq!(lab.get(MYSQL).await.1["version"], 6);
    assert_refused(&lab.get(&path).await, 404, "storage.configuration.row.notFound");
}

#[tokio::test]
async fn metadata_of_a_configuration_has_no_provider() {
    let lab = Lab::start().await;
    let path = format!("{HTTP}/http-1/metadata");
    assert_eq!(lab.get(&path).await.1, json!([]));
    let body = json!({ "metadata": [{ "key": "KBC.MCP.createdBy", "value": "true" }] });
    let (status, set) = lab.post(&path, body.clone()).await;
    assert_eq!((status, set.as_array().unwrap().len()), (201, 1));
    assert!(set[0].get("provider").is_none());
    assert_eq!(lab.post(&path, body).await.1.as_array().unwrap().len(), 1);
    let id = set[0]["id"].as_str().unwrap();
    assert_eq!(lab.delete(&format!("{path}/{id}")).await.0, 204);
    assert_eq!(lab.delete(&format!("{path}/{id}")).await.0, 404);
}
