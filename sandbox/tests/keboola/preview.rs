//! Previews of tables.

use serde_json::json;

use crate::client::{Lab, assert_refused};

async fn csv(lab: &Lab, table: &str, query: &str) -> String {
    let path = format!("v2/storage/tables/{table}/data-preview{query}");
    let response = lab.request("GET", "connection", &path).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/csv"));
    response.text().await.unwrap()
}

#[tokio::test]
async fn csv_is_quoted_throughout() {
    let lab = Lab::start().await;
    let text = csv(&lab, "in.c-main.orders", "").await;
    assert_eq!(
        text,
        "\"id\",\"name\",\"amount\"\n\"1\",\"Tea\",\"4.50\"\n\
         \"2\",\"Coffee, \"\"strong\"\"\",\"5.00\"\n\"3\",\"Čaj\",\"3.20\"\n"
    );
    let text = csv(&lab, "in.c-main.customers", "?limit=2").await;
    assert_eq!(text, "\"id\",\"full name\"\n\"1\",\"Jana Nováková\"\n\"2\",\"\"\n");
    assert!(
        csv(&lab, "in.c-names.people", "")
            .await
            .starts_with("\"id\",\"jméno \"\"plné\"\"\",\"雪\"\n")
    );
}

#[tokio::test]
async fn json_has_nulls_and_says_what_was_cut() {
    let lab = Lab::start().await;
    let (_, preview) = lab.get("tables/in.c-main.customers/data-preview?format=json").await;
    assert_eq!(preview["columns"], json!(["id", "full name"]));
    let null = json!({ "columnName": "full name", "value": null, "isTruncated": false });
    assert_eq!(preview["rows"][1][1], null);
    let (_, preview) = lab.get("branch/1012/tables/in.c-main.wide/data-preview?format=json").await;
    let cell = &preview["rows"][0][1];
    assert_eq!(cell["isTruncated"], true);
    assert_eq!(cell["value"].as_str().map(str::len), Some(16 * 1024));
}

#[tokio::test]
async fn a_preview_has_a_hundred_rows_or_up_to_a_thousand() {
    let lab = Lab::start().await;
    let lines = |text: String| text.lines().count();
    assert_eq!(lines(csv(&lab, "in.c-main.events", "").await), 101);
    assert_eq!(lines(csv(&lab, "in.c-main.events", "?limit=1000").await), 1001);
    for limit in ["1001", "0", "-1", "ten"] {
        let refused = lab.get(&format!("tables/in.c-main.events/data-preview?limit={limit}")).await;
        assert_refused(&refused, 400, "storage.validation");
    }
}

#[tokio::test]
async fn columns_filters_and_order_are_followed() {
    let lab = Lab::start().await;
    let query = "?columns=name,id&whereFilters[0][column]=id&whereFilters[0][operator]=ne\
                 &whereFilters[0][values][]=1&orderBy[0][column]=id&orderBy[0][order]=DESC";
    let text = csv(&lab, "in.c-main.orders", query).await;
    assert_eq!(text, "\"name\",\"id\"\n\"Čaj\",\"3\"\n\"Coffee, \"\"strong\"\"\",\"2\"\n");
    let text = csv(&lab, "in.c-main.orders", "?fulltextSearch=Te").await;
    assert_eq!(text.lines().count(), 2);
    let text = csv(&lab, "in.c-main.orders", "?changedSince=-1%20week").await;
    assert_eq!(text.lines().count(), 1);
    let refused = lab.get("tables/in.c-main.orders/data-preview?columns=nope").await;
    assert_refused(&refused, 400, "storage.tables.validation.columnNotFound");
    assert_eq!(lab.get("tables/in.c-main.orders/data-preview?format=xml").await.0, 400);
    let missing = lab.get("tables/in.c-main.nope/data-preview").await;
    assert_refused(&missing, 404, "storage.tables.notFound");
}
