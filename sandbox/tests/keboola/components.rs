//! Components and the search of their configurations.

use serde_json::json;

use crate::client::{Lab, assert_refused, each};

#[tokio::test]
async fn components_come_with_the_configurations_asked_for() {
    let lab = Lab::start().await;
    let (_, all) = lab.get("branch/default/components").await;
    let ids = each(&all, "id");
    assert!(ids.contains(&"keboola.flow") && !ids.contains(&"keboola.app-forecast"));
    assert!(all[0]["configurations"][0].get("configuration").is_none());
    let path = "branch/default/components?componentType=extractor&include=configuration,rows";
    let (_, extractors) = lab.get(path).await;
    assert_eq!(each(&extractors, "id"), ["keboola.ex-http", "keboola.ex-db-mysql"]);
    let mysql = &extractors[1]["configurations"][0];
    assert_eq!(mysql["id"], "236606822");
    assert_eq!(mysql["rows"].as_array().unwrap().len(), 2);
    assert!(mysql["configuration"].is_object() && mysql.get("state").is_none());
    let (_, deleted) = lab.get("branch/default/components?isDeleted=true").await;
    assert_eq!(each(&deleted[0]["configurations"], "id"), ["deleted-1"]);
}

#[tokio::test]
async fn the_third_project_has_no_conditional_flow() {
    let lab = Lab::start().await.with_token(103, "master");
    let (_, all) = lab.get("branch/default/components").await;
    let ids = each(&all, "id");
    assert!(ids.contains(&"keboola.orchestrator") && !ids.contains(&"keboola.flow"));
}

#[tokio::test]
async fn one_component_is_described_and_an_unknown_one_is_not_found() {
    let lab = Lab::start().await;
    let (_, mysql) = lab.get("branch/default/components/keboola.ex-db-mysql").await;
    assert_eq!((&mysql["type"], &mysql["hasRun"]), (&json!("extractor"), &json!(true)));
    assert_eq!(mysql["data"]["synchronous_actions"], json!(["testConnection", "getTables"]));
    let missing = lab.get("branch/default/components/nope").await;
    assert_refused(&missing, 404, "storage.components.notFound");
}

#[tokio::test]
async fn a_limited_token_uses_only_its_components() {
    let lab = Lab::start().await.with_token(101, "limited");
    let (_, all) = lab.get("branch/default/components").await;
    assert_eq!(each(&all, "id"), ["keboola.ex-http"]);
    assert_eq!(lab.get("components/keboola.ex-http/configs/http-1").await.0, 200);
    let refused = lab.get("components/keboola.ex-db-mysql/configs").await;
    assert_refused(&refused, 403, "accessDenied");
}

#[tokio::test]
async fn configurations_are_searched_by_the_keys_of_their_metadata() {
    let lab = Lab::start().await;
    let path = "branch/default/search/component-configurations?include=filteredMetadata";
    let (_, found) = lab.get(&format!("{path}&metadataKeys[0]=KBC.configuration.folderName")).await;
    assert_eq!(each(&found, "configurationId"), ["transform-1"]);
    assert_eq!(found[0]["metadata"][0]["value"], "Reports");
    assert_eq!(found[0]["idComponent"], "keboola.snowflake-transformation");
    let (_, http) = lab.get(&format!("{path}&idComponent=keboola.ex-http")).await;
    assert_eq!(each(&http, "configurationId"), ["http-1", "always-fails"]);
    let refused = lab.get(&format!("{path}&componentId=keboola.ex-http")).await;
    assert_refused(&refused, 400, "storage.validation");
}
