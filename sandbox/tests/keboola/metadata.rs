//! Metadata of buckets, tables and columns.

use serde_json::{Value, json};

use crate::client::{Lab, assert_refused};

fn description(text: &str) -> Value {
    json!({ "provider": "user", "metadata": [{ "key": "KBC.description", "value": text }] })
}

#[tokio::test]
async fn the_same_key_and_provider_is_changed_and_another_is_added() {
    let lab = Lab::start().await;
    let (status, all) = lab.post("buckets/in.c-main/metadata", description("New")).await;
    assert_eq!(status, 201);
    assert_eq!(all.as_array().unwrap().len(), 3);
    let first = json!({
        "id": "1", "key": "KBC.description", "value": "New", "provider": "user",
        "timestamp": "2026-08-17T07:39:18+0200",
    });
    assert_eq!(all[0], first);
    let other =
        json!({ "provider": "me", "metadata": [{ "key": "KBC.description", "value": "x" }] });
    assert_eq!(lab.post("buckets/in.c-main/metadata", other).await.1.as_array().unwrap().len(), 4);
    assert_eq!(lab.delete("buckets/in.c-main/metadata/1").await, (204, Value::Null));
    let gone = lab.delete("buckets/in.c-main/metadata/1").await;
    assert_refused(&gone, 404, "storage.metadata.notFound");
    assert_eq!(lab.get("buckets/in.c-main/metadata").await.1.as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_table_and_its_columns_are_described_at_once() {
    let lab = Lab::start().await;
    let mut body = description("What was ordered, by day");
    body["columnsMetadata"] = json!({
        "id": [{ "key": "KBC.description", "value": "Number", "columnName": "id" }],
        "name": [{ "key": "KBC.description", "value": "Goods" }],
    });
    let (status, set) = lab.post("tables/in.c-main.orders/metadata", body).await;
    assert_eq!(status, 201);
    assert_eq!(set["metadata"][0]["value"], "What was ordered, by day");
    let names: Vec<_> = set["columnsMetadata"].as_object().unwrap().keys().collect();
    assert_eq!(names, ["id", "name"]);
    let (_, column) = lab.get("columns/in.c-main.orders.id/metadata").await;
    assert_eq!(column[3]["value"], "Number");
    let id = column[3]["id"].as_str().unwrap();
    assert_eq!(lab.delete(&format!("columns/in.c-main.orders.id/metadata/{id}")).await.0, 204);
    assert_eq!(lab.get("tables/in.c-main.orders/metadata").await.1, set["metadata"]);
}

#[tokio::test]
async fn nothing_is_written_for_a_column_that_there_is_not() {
    let lab = Lab::start().await;
    let mut body = description("Never");
    body["columnsMetadata"] = json!({ "nope": [{ "key": "k", "value": "v" }] });
    let refused = lab.post("tables/in.c-main.orders/metadata", body).await;
    assert_refused(&refused, 404, "storage.columns.notFound");
    let (_, metadata) = lab.get("tables/in.c-main.orders/metadata").await;
    assert_eq!(metadata[0]["value"], "What was ordered");
    for column in ["in.c-main.orders.nope", "in.c-main", "a.b.c.d.e"] {
        assert_eq!(lab.get(&format!("columns/{column}/metadata")).await.0, 404, "{column}");
    }
}

#[tokio::test]
async fn incomplete_metadata_is_refused() {
    let lab = Lab::start().await;
    for body in [
        json!({ "metadata": [{ "key": "k", "value": "v" }] }),
        json!({ "provider": "user", "metadata": [] }),
        json!({ "provider": "user", "metadata": [{ "value": "v" }] }),
        json!({ "provider": "user", "metadata": [{ "key": "k" }] }),
        json!({ "provider": "user", "metadata": { "k": "v" } }),
    ] {
        assert_eq!(lab.post("buckets/in.c-main/metadata", body.clone()).await.0, 400, "{body}");
    }
    assert_eq!(
        lab.post("tables/in.c-main.orders/metadata", json!({ "provider": "u" })).await.0,
        400
    );
}
