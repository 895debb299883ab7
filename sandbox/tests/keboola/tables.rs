//! Tables: lists, details, typed and untyped ones, aliases.

use serde_json::{Value, json};

use crate::client::{Lab, assert_refused, each};

#[tokio::test]
async fn tables_of_a_bucket_come_with_metadata_unless_asked_otherwise() {
    let lab = Lab::start().await;
    let (_, tables) = lab.get("branch/default/buckets/in.c-main/tables").await;
    assert_eq!(each(&tables, "name"), ["orders", "customers", "events", "wide"]);
    assert_eq!(tables[0]["metadata"][0]["key"], "KBC.description");
    assert!(tables[0].get("columns").is_none());
    let path = "branch/default/buckets/in.c-main/tables?include=columns,columnMetadata";
    let (_, tables) = lab.get(path).await;
    assert_eq!(tables[0]["columns"], json!(["id", "name", "amount"]));
    assert_eq!(tables[0]["columnMetadata"]["id"][0]["value"], "NUMBER");
    assert!(tables[0].get("metadata").is_none());
    let (_, many) = lab.get("branch/default/buckets/in.c-many/tables").await;
    assert_eq!(many.as_array().unwrap().len(), 500);
    assert_eq!(lab.get("branch/default/buckets/in.c-x/tables").await.0, 404);
}

#[tokio::test]
async fn a_typed_table_has_a_definition_and_an_untyped_one_has_not() {
    let mut lab = Lab::start().await;
    let (_, orders) = lab.get("branch/default/tables/in.c-main.orders").await;
    assert_eq!((&orders["isTyped"], &orders["primaryKey"]), (&json!(true), &json!(["id"])));
    assert_eq!(orders["definition"]["columns"][2]["definition"]["length"], "12,2");
    assert_eq!(orders["definition"]["columns"][2]["basetype"], "NUMERIC");
    assert_eq!(orders["bucket"]["id"], "in.c-main");
    let (_, customers) = lab.get("branch/default/tables/in.c-main.customers").await;
    assert_eq!(customers["isTyped"], false);
    assert!(customers.get("definition").is_none());
    assert_eq!(customers["columnMetadata"]["full name"][0]["provider"], "user");
    lab.use_token(102, "master");
    let (_, orders) = lab.get("branch/default/tables/in.c-main.orders").await;
    assert_eq!(orders["definition"]["columns"][0]["definition"]["type"], "INT64");
}

#[tokio::test]
async fn column_metadata_without_any_is_an_empty_list() {
    let lab = Lab::start().await;
    let (_, events) = lab.get("branch/default/tables/in.c-main.events").await;
    assert_eq!(events["columnMetadata"], json!([]));
    assert_eq!(events["rowsCount"], 1500);
}

#[tokio::test]
async fn an_alias_has_the_rows_of_its_source_and_protects_it() {
    let lab = Lab::start().await;
    let (_, alias) = lab.get("branch/default/tables/out.c-results.orders_alias").await;
    assert_eq!((&alias["isAlias"], &alias["rowsCount"]), (&json!(true), &json!(3)));
    assert_eq!(alias["sourceTable"]["id"], "in.c-main.orders");
    assert_eq!(alias["sourceTable"]["columnMetadata"]["id"][2]["value"], "INTEGER");
    let refused = lab.delete("branch/default/tables/in.c-main.orders").await;
    assert_refused(&refused, 400, "storage.tables.validation.hasAliases");
    assert_eq!(lab.delete("tables/out.c-results.orders_alias").await, (204, Value::Null));
    assert_eq!(lab.delete("tables/in.c-main.orders").await.0, 204);
    let missing = lab.get("tables/in.c-main.orders").await;
    assert_refused(&missing, 404, "storage.tables.notFound");
}

#[tokio::test]
async fn odd_ids_are_just_not_found() {
    let lab = Lab::start().await;
    let long = "x".repeat(1024);
    for id in ["a%2Fb", "%25", "a%20b.c-d.e", "%E9%9B%AA", "....", long.as_str()] {
        assert_eq!(lab.get(&format!("branch/default/tables/{id}")).await.0, 404, "{id}");
        assert_eq!(lab.get(&format!("branch/default/buckets/{id}")).await.0, 404, "{id}");
    }
}

#[tokio::test]
async fn an_export_is_a_job_with_a_file() {
    let lab = Lab::start().await;
    let (status, job) = lab.post("tables/in.c-main.orders/export-async", json!({})).await;
    assert_eq!((status, &job["operationName"]), (202, &json!("tableExport")));
    lab.advance(200);
    let (_, job) = lab.get(&format!("jobs/{}", job["id"])).await;
    assert_eq!((&job["status"], &job["results"]["rowsCount"]), (&json!("success"), &json!(3)));
}
