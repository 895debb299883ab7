//! Global search.

use serde_json::json;

use crate::client::{Lab, assert_refused, each};

#[tokio::test]
async fn names_are_found_across_types_with_counts() {
    let lab = Lab::start().await;
    let (_, found) = lab.get("global-search?query=ORDERS").await;
    assert_eq!(found["all"], 3);
    assert_eq!(found["byType"], json!({ "table": 2, "configuration-row": 1, "total": 3 }));
    assert_eq!(found["byProject"], json!({ "101": "Shop" }));
    let table = &found["items"][0];
    assert_eq!((&table["id"], &table["type"]), (&json!("in.c-main.orders"), &json!("table")));
    assert_eq!(table["fullPath"]["bucket"]["id"], "in.c-main");
    let branch = json!({ "id": 1011, "name": "Main", "isDefault": true, "isNative": true });
    assert_eq!(table["fullPath"]["branch"], branch);
    assert_eq!((&table["organizationId"], &table["projectId"]), (&json!(10), &json!(101)));
    let row = &found["items"][2];
    assert_eq!(row["componentId"], "keboola.ex-db-mysql");
    assert_eq!(row["fullPath"]["configuration"]["id"], "236606822");
}

#[tokio::test]
async fn filters_and_pages_are_followed() {
    let lab = Lab::start().await;
    let (_, flows) = lab.get("global-search?query=h&types[]=flow&types[]=transformation").await;
    assert_eq!(each(&flows["items"], "id"), ["orch-1", "flow-1"]);
    let (_, page) = lab.get("global-search?query=orders&limit=1&offset=1").await;
    assert_eq!((&page["all"], page["items"].as_array().unwrap().len()), (&json!(3), 1));
    let (_, dev) = lab.get("global-search?query=orders&branchTypes[]=development").await;
    assert_eq!((&dev["all"], &dev["byProject"]), (&json!(0), &json!([])));
    let (_, none) = lab.get("global-search?query=orders&projectIds[]=102").await;
    assert_eq!(none["all"], 0);
    let (_, main) = lab.get("global-search?query=orders&branchIds[]=1011&projectIds[0]=101").await;
    assert_eq!(main["all"], 3);
    assert_refused(&lab.get("global-search").await, 400, "storage.validation");
}

#[tokio::test]
async fn a_project_without_the_feature_is_refused() {
    let lab = Lab::start().await.with_token(102, "master");
    assert_refused(&lab.get("global-search?query=orders").await, 403, "accessDenied");
}
