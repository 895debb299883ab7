//! Buckets, tables, their data and their descriptions.

use serde_json::{Value, json};

use crate::keboola_tools::row::{Row, agreed, call, reads};

const BRANCH: &str = "connection /v2/storage/branch/default";

/// What a description is sent as.
fn described(text: &str) -> Value {
    json!({ "key": "KBC.description", "value": text })
}

fn updates(of: &[(&str, &str)]) -> Value {
    let one = |(item, text): &(&str, &str)| json!({ "item_id": item, "description": text });
    agreed(json!({ "updates": of.iter().map(one).collect::<Value>() }))
}

pub fn rows() -> Vec<Row> {
    [buckets(), tables(), vec![preview(), descriptions(), query()]].concat()
}

fn buckets() -> Vec<Row> {
    let long = "x".repeat(1_025);
    let ids: Vec<String> = (0..101).map(|number| format!("in.c-{number}")).collect();
    vec![
        call("get_buckets", json!({}))
            .get(&format!("{BRANCH}/buckets?include=metadata,linkedBuckets"))
            .says("\"total_buckets\":4")
            .wrong(json!({ "bucket_ids": "in.c-main" }), "- bucket_ids: expected")
            .wrong(json!({ "bucket_ids": [1] }), "- bucket_ids[0]: expected")
            .wrong(json!({ "bucket_ids": ids }), "- bucket_ids: expected")
            .wrong(json!({ "buckets": [] }), "- buckets: "),
        call("get_buckets", json!({ "bucket_ids": ["in.c-main", "in.c-none", "in.c-main"] }))
            .get(&format!("{BRANCH}/buckets/in.c-main"))
            .get(&format!("{BRANCH}/buckets/in.c-none"))
            .says("\"buckets_not_found\":[\"in.c-none\"]")
            .wrong(json!({ "bucket_ids": [long] }), "longer than 1,024 bytes"),
    ]
}

fn tables() -> Vec<Row> {
    vec![
        call("get_tables", json!({ "bucket_ids": ["in.c-main"] }))
            .get(&format!("{BRANCH}/buckets/in.c-main"))
            .get(&format!("{BRANCH}/buckets/in.c-main/tables?include=metadata,sourceMetadata"))
            .says("\"id\":\"in.c-main.orders\"")
            .wrong(json!({ "include_usage": "yes" }), "- include_usage: expected")
            .wrong(json!({ "bucket_ids": [null] }), "- bucket_ids[0]: expected"),
        call("get_tables", json!({ "table_ids": ["in.c-main.orders"], "include_usage": true }))
            .get(&format!("{BRANCH}/tables/in.c-main.orders"))
            .get(&format!("{BRANCH}/components?include=configuration,rows"))
            .says("\"configuration_id\":\"writer-1\"")
            .wrong_after(
                json!({ "table_ids": [".."], "include_usage": null }),
                "an id is empty, a dot",
                vec![],
            ),
    ]
}

fn preview() -> Row {
    let people = "in.c-names.people";
    let many: Vec<String> = (0..31).map(|number| format!("c{number}")).collect();
    call("preview_table", json!({ "table_id": people, "limit": 5, "columns": ["id", "雪"] }))
        .get(&format!("{BRANCH}/tables/{people}"))
        .get(&format!("connection /v2/storage/tables/{people}/data-preview?format=json&limit=5&columns=id,雪"))
        .says("id,雪\\r\\n1,❄\\r\\n")
        .wrong(json!({ "limit": 0 }), "- limit: expected an integer from 1 to 1000")
        .wrong(json!({ "limit": -1 }), "- limit: expected an integer from 1 to 1000")
        .wrong(json!({ "limit": 1_001 }), "- limit: expected an integer from 1 to 1000")
        .wrong(json!({ "limit": "10" }), "- limit: expected an integer from 1 to 1000")
        .wrong(json!({ "columns": many }), "- columns: expected")
        .wrong(json!({ "table_id": "" }), "- table_id: expected")
        .wrong(json!({ "table_id": "x".repeat(1_025) }), "- table_id: expected")
        .wrong_after(
            json!({ "table_id": "in.c-a/b%2F ü?#" }),
            "has no table \"in.c-a/b%2F ü?#\"",
            vec![reads(&format!("{BRANCH}/tables/in.c-a/b%2F ü?#"))],
        )
        .wrong_after(
            json!({ "columns": ["nothing"] }),
            "Column \"nothing\" not found",
            vec![
                reads(&format!("{BRANCH}/tables/{people}")),
                reads(&format!(
                    "connection /v2/storage/tables/{people}/data-preview?format=json&limit=5&columns=nothing"
                )),
            ],
        )
}

fn descriptions() -> Row {
    let columns = json!({
        "id": [{ "key": "KBC.description", "value": "its number", "columnName": "id" }],
        "name": [{ "key": "KBC.description", "value": "its name", "columnName": "name" }],
    });
    let items = [
        ("out.c-results", "what came out"),
        ("in.c-main.orders", "orders \"all\""),
        ("in.c-main.orders.id", "its number"),
        ("in.c-main.orders.name", "its name"),
    ];
    let one = |item: &str| updates(&[(item, "x")])["updates"].clone();
    let unread = |item| json!({ "updates": one(item), "confirm": false });
    let results = format!("{BRANCH}/buckets/out.c-results");
    let orders = format!("{BRANCH}/tables/in.c-main.orders");
    call("update_descriptions", updates(&items))
        .get(&results)
        .get(&orders)
        .post(
            "connection /v2/storage/buckets/out.c-results/metadata",
            json!({ "provider": "user", "metadata": [described("what came out")] }),
        )
        .post(
            "connection /v2/storage/tables/in.c-main.orders/metadata",
            json!({ "provider": "user", "metadata": [described("orders \"all\"")] }),
        )
        .post(
            "connection /v2/storage/tables/in.c-main.orders/metadata",
            json!({ "provider": "user", "columnsMetadata": columns }),
        )
        .says("\"successful\":4")
        .wrong(json!({ "updates": [] }), "- updates: expected")
        .wrong(json!({ "updates": [{ "item_id": "in.c-main" }] }), "- updates[0].description: ")
        .wrong(json!({ "updates": [{ "item_id": "", "description": "x" }] }), "- updates[0].item_id")
        .wrong(unread("in.c-main.orders.a.b.c"), "none of the item ids can be read")
        .wrong(unread("main"), "none of the item ids can be read")
        .wrong_after(
            unread("in.c-none"),
            "There is none of this id",
            vec![reads(&format!("{BRANCH}/buckets/in.c-none"))],
        )
        // Without consent nothing is changed, and what would be is said.
        .wrong_after(
            json!({ "confirm": null }),
            "call again with confirm: true",
            vec![reads(&results), reads(&orders)],
        )
}

fn query() -> Row {
    let orders = r#"SELECT * FROM "KEBOOLA_101"."in.c-main"."orders" LIMIT 2"#;
    let submit = "query /api/v1/branches/1011/workspaces/{id}/queries";
    let refused = |sql: &str, words| (json!({ "sql_query": sql }), words);
    // A workspace of the project, as the first query of it makes one.
    let configs = format!("POST {BRANCH}/components/keboola.mcp-server-tool/configs");
    let mut row = call("query_data", json!({ "sql_query": orders, "query_name": "Orders" }))
        .given(&configs, json!({ "configurationId": "queries", "name": "queries" }))
        .given(&format!("{configs}/queries/workspaces"), json!({ "readOnlyStorageAccess": true }))
        .post(submit, json!({ "statements": [orders] }))
        .get("query /api/v1/queries/{uuid}")
        .get("query /api/v1/queries/{uuid}/{uuid}/results?offset=0&pageSize=1000")
        .says("1,Tea,4.50\\r\\n")
        .wrong(json!({ "query_name": "" }), "- query_name: expected")
        .wrong(json!({ "long_running": "yes" }), "- long_running: expected")
        .wrong(json!({ "sql_query": "a".repeat(1_048_576) }), "- sql_query: expected");
    for (arguments, words) in [
        refused("", "- sql_query: expected"),
        refused("-- nothing\n/* at all */", "sql_query has no statement"),
        refused("SELECT 1; SELECT 2", "sql_query has several statements"),
        refused("SELECT 1; DROP TABLE \"t\"", "sql_query has several statements"),
        refused("DROP TABLE \"in.c-main\".\"orders\"", "this tool only reads"),
        refused("CREATE TABLE t AS SELECT 1", "this tool only reads"),
        refused("/* SELECT */ DELETE FROM t", "this tool only reads"),
    ] {
        row = row.wrong(arguments, words);
    }
    row
}
