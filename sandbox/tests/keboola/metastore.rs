//! The metastore.

use serde_json::json;

use crate::client::Lab;

const METRICS: &str = "api/v1/repository/semantic-metric";

#[tokio::test]
async fn only_the_first_project_has_semantic_objects() {
    let mut lab = Lab::start().await;
    let (_, models) = lab.ask("GET", "metastore", "api/v1/repository/semantic-model").await;
    assert_eq!(models["data"][0]["attributes"]["name"], "Sales");
    assert_eq!(models["data"][0]["meta"]["revision"], 1);
    lab.use_token(103, "master");
    let none = lab.ask("GET", "metastore", "api/v1/repository/semantic-model").await;
    assert_eq!(none, (200, json!({ "data": [] })));
    assert!(
        lab.ask("GET", "metastore", "api/v1/schema/semantic-metric").await.1["properties"]
            .is_object()
    );
    let (status, missing) = lab.ask("GET", "metastore", "api/v1/repository/nope").await;
    assert_eq!((status, &missing["errors"][0]["status"]), (404, &json!("404")));
}

#[tokio::test]
async fn objects_are_made_revised_and_removed() {
    let lab = Lab::start().await;
    let body = json!({ "name": "cost", "data": { "sql": "SUM(a)" } });
    let (status, made) = lab.send("POST", "metastore", METRICS, body).await;
    assert_eq!(status, 201);
    let path = format!("{METRICS}/{}", made["data"]["id"].as_str().unwrap());
    let (_, changed) =
        lab.send("PATCH", "metastore", &path, json!({ "data": { "sql": "SUM(b)" } })).await;
    assert_eq!(
        (&changed["data"]["meta"]["revision"], &changed["data"]["meta"]["name"]),
        (&json!(2), &json!("cost"))
    );
    let (_, revisions) = lab.ask("GET", "metastore", &format!("{path}/revisions")).await;
    assert_eq!(revisions["data"][0]["attributes"]["sql"], "SUM(a)");
    let (_, found) = lab.ask("GET", "metastore", &format!("{METRICS}?filter=name==cost")).await;
    assert_eq!(found["data"], json!([changed["data"]]));
    assert_eq!(lab.ask("DELETE", "metastore", &path).await.0, 204);
    assert_eq!(lab.ask("GET", "metastore", &path).await.0, 404);
}
