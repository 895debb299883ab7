use serde_json::{Value, json};

use crate::{
    call::{MAX_ANSWER, MAX_BYTES, MAX_REQUESTS},
    testing::{FakeKeboola, run},
};

const TOOL: &str = "keboola_get_tables";
const TABLE: &str = "Get connection /v2/storage/branch/default/tables/in.c-a.orders";

fn table() -> Value {
    json!({
        "id": "in.c-a.orders", "name": "orders", "displayName": "orders", "primaryKey": ["id", "day"],
        "created": "2026-01-01T00:00:00+0100", "lastChangeDate": "2026-02-01T00:00:00+0100",
        "rowsCount": 7, "dataSizeBytes": 100, "columns": ["id", "na\"me"], "metadata": [],
        "columnMetadata": {"id": [
            {"key": "KBC.datatype.type", "value": "NUMBER"},
            {"key": "KBC.datatype.nullable", "value": "1"},
            {"key": "KBC.datatype.basetype", "value": "INTEGER", "provider": "user"},
        ]},
        "bucket": {"id": "in.c-a", "backend": "snowflake", "backendPath": ["DB", "in.c-a"]},
    })
}

#[test]
fn a_table_has_its_columns_and_its_name_in_sql() {
    let fake = FakeKeboola::new();
    fake.on(TABLE, 200, table());
    let read = run(&fake, TOOL, json!({"table_ids": ["in.c-a.orders", "in.c-a.gone"]}));
    let one = &read["tables"][0];
    assert_eq!(one["fully_qualified_name"], "\"DB\".\"in.c-a\".\"orders\"");
    assert_eq!(one["primary_key"], "id|day");
    assert_eq!(
        one["columns"][0],
        json!({
            "name": "id", "quoted_name": "\"id\"", "database_native_type": "NUMBER", "nullable": true,
            "keboola_base_type": "INTEGER", "description": null,
        })
    );
    assert_eq!(one["columns"][1]["quoted_name"], "\"na\"\"me\"");
    assert_eq!(one["columns"][1]["database_native_type"], "VARCHAR");
    assert_eq!(read["tables_not_found"], json!(["in.c-a.gone"]));
}

#[test]
fn no_metadata_of_columns_may_come_as_a_list() {
    let fake = FakeKeboola::with_project(json!({"defaultBackend": "bigquery"}));
    let mut odd = table();
    odd["columnMetadata"] = json!([]);
    odd["bucket"] = json!({"id": "in.c-a", "backendPath": ["in.c-a"]});
    fake.on(TABLE, 200, odd.clone());
    let read = run(&fake, TOOL, json!({"table_ids": ["in.c-a.orders"]}));
    assert_eq!(read["tables"][0]["fully_qualified_name"], "`in_c_a`.`orders`");
    assert_eq!(read["tables"][0]["columns"][0]["database_native_type"], "STRING");
    odd["sourceTable"] = json!({"isAlias": true});
    fake.clear(TABLE);
    fake.on(TABLE, 200, odd);
    let read = run(&fake, TOOL, json!({"table_ids": ["in.c-a.orders"]}));
    assert_eq!(read["tables"][0]["fully_qualified_name"], json!(null));
}

#[test]
fn the_tables_of_a_bucket_are_listed_in_short_form() {
    let fake = FakeKeboola::new();
    let bucket = "Get connection /v2/storage/branch/default/buckets/in.c-a";
    fake.on(bucket, 200, json!({"id": "in.c-a", "name": "c-a", "metadata": []}));
    fake.on(&format!("{bucket}/tables"), 200, json!([table()]));
    let listed = run(&fake, TOOL, json!({"bucket_ids": ["in.c-a", "in.c-gone"]}));
    let one = &listed["tables"][0];
    assert!(one.get("columns").is_none() && one.get("fully_qualified_name").is_none(), "{one}");
    assert_eq!(one["rows_count"], 7);
    assert_eq!(listed["links"].as_array().unwrap().len(), 2);
}

#[test]
fn a_table_comes_once_and_in_full_where_it_was_asked_for_so() {
    let fake = FakeKeboola::new();
    let bucket = "Get connection /v2/storage/branch/default/buckets/in.c-a";
    fake.on(bucket, 200, json!({"id": "in.c-a", "name": "c-a", "metadata": []}));
    let other = |n: usize| json!({"id": format!("in.c-a.t{n}"), "name": format!("t{n}")});
    let mut listed: Vec<Value> = (0..2_000).map(other).collect();
    listed.insert(1_000, table());
    fake.on(&format!("{bucket}/tables"), 200, json!(listed));
    fake.on(TABLE, 200, table());
    let both = json!({"bucket_ids": ["in.c-a"], "table_ids": ["in.c-a.orders"]});
    let read = run(&fake, TOOL, both);
    assert_eq!(read["tables"].as_array().unwrap().len(), 2_001);
    assert!(read["tables"][1_000]["columns"].is_array(), "{}", read["tables"][1_000]);
    assert!(read["tables"][999].get("columns").is_none());
    assert_eq!(read["links"].as_array().unwrap().len(), 2_002);
}

#[test]
fn without_a_filter_there_is_nothing_to_list() {
    let fake = FakeKeboola::new();
    assert_eq!(run(&fake, TOOL, json!({}))["tables"], json!([]));
    assert!(fake.lines().is_empty());
}

#[test]
fn what_uses_a_table_is_found_in_the_mappings() {
    let fake = FakeKeboola::new();
    fake.on(TABLE, 200, table());
    let mapping = |id: &str| json!({"storage": {"input": {"tables": [{"source": id}]}}, "parameters": {"x": id}});
    fake.on("Get connection /v2/storage/branch/default/components", 200, json!([{
        "id": "wr", "type": "writer", "configurations": [
            {"id": "1", "name": "one", "created": "2026-01-01T00:00:00Z", "configuration": mapping("in.c-a.orders"),
             "rows": [{"id": "r", "name": "row", "configuration": mapping("in.c-a.orders2")}]},
        ],
    }]));
    let read = run(&fake, TOOL, json!({"table_ids": ["in.c-a.orders"], "include_usage": true}));
    assert_eq!(
        read["tables"][0]["used_by"],
        json!([{
            "component_id": "wr", "configuration_id": "1", "configuration_row_id": null,
            "configuration_name": "one", "used_in": "storage.input.tables[0].source",
            "timestamp": "2026-01-01T00:00:00Z",
        }])
    );
}

#[test]
fn uses_in_a_project_larger_than_the_budget_are_said_to_be_incomplete() {
    let fake = FakeKeboola::new();
    fake.on(TABLE, 200, table());
    let components = "Get connection /v2/storage/branch/default/components";
    let mapping = json!({"storage": {"input": {"tables": [{"source": "in.c-a.orders"}]}}});
    let config = |n: usize, bytes: usize| json!({"id": n.to_string(), "name": "x".repeat(bytes), "configuration": mapping});
    let component = |n: usize| json!({"id": format!("wr{n}"), "type": "writer"});
    let mut first = component(0);
    first["configurations"] = json!([config(0, MAX_ANSWER)]);
    fake.on(&format!("{components}?include=configuration%2Crows"), 200, json!([first]));
    fake.on(components, 200, (0..3).map(component).collect());
    for (n, bytes) in [(0, 10), (1, MAX_ANSWER), (2, 10)] {
        fake.on(&format!("{components}/wr{n}/configs"), 200, json!([config(n, bytes)]));
    }
    let read = run(&fake, TOOL, json!({"table_ids": ["in.c-a.orders"], "include_usage": true}));
    let used = read["tables"][0]["used_by"].as_array().unwrap();
    let by: Vec<_> = used.iter().map(|by| by["component_id"].clone()).collect();
    assert_eq!(by, ["wr0", "wr2"]);
    let why = read["incomplete"].as_str().unwrap();
    assert!(why.contains("the configurations of wr1.") && why.contains("component_ids"), "{why}");
}

#[test]
fn only_so_many_uses_of_a_table_are_named() {
    let fake = FakeKeboola::new();
    fake.on(TABLE, 200, table());
    let sources = vec![json!({"source": "in.c-a.orders"}); 600];
    let configuration = json!({"storage": {"input": {"tables": sources}}});
    let configs = json!([{"id": "1", "name": "one", "configuration": configuration}]);
    let all = json!([{"id": "wr", "type": "writer", "configurations": configs}]);
    fake.on("Get connection /v2/storage/branch/default/components", 200, all);
    let read = run(&fake, TOOL, json!({"table_ids": ["in.c-a.orders"], "include_usage": true}));
    assert_eq!(read["tables"][0]["used_by"].as_array().unwrap().len(), 500);
    assert!(read["incomplete"].as_str().unwrap().contains("more than 500 uses of in.c-a.orders"));
}

#[test]
fn a_use_has_a_short_path_and_name_whatever_the_configuration_has() {
    let fake = FakeKeboola::new();
    fake.on(TABLE, 200, table());
    let long = "k".repeat(100_000);
    let configuration = json!({"storage": {"input": {long.clone(): vec!["in.c-a.orders"; 200]}}});
    let configs = json!([{"id": "1", "name": long, "configuration": configuration}]);
    let all = json!([{"id": "wr", "type": "writer", "configurations": configs}]);
    fake.on("Get connection /v2/storage/branch/default/components", 200, all);
    let read = run(&fake, TOOL, json!({"table_ids": ["in.c-a.orders"], "include_usage": true}));
    let used = &read["tables"][0]["used_by"];
    assert_eq!(used.as_array().unwrap().len(), 200);
    assert!(used.to_string().len() < 200_000);
    let path = used[0]["used_in"].as_str().unwrap();
    assert!(path.starts_with("storage.input.kkk") && path.ends_with("k…"), "{path}");
}

#[test]
fn only_so_many_uses_of_all_tables_are_named() {
    let fake = FakeKeboola::new();
    let ids: Vec<String> = (0..12).map(|n| format!("in.c-a.t{n}")).collect();
    for id in &ids {
        let mut one = table();
        one["id"] = json!(id);
        fake.on(&format!("Get connection /v2/storage/branch/default/tables/{id}"), 200, one);
    }
    let configuration = json!({"storage": {"input": vec![json!(ids); 500]}});
    let configs = json!([{"id": "1", "name": "one", "configuration": configuration}]);
    let all = json!([{"id": "wr", "type": "writer", "configurations": configs}]);
    fake.on("Get connection /v2/storage/branch/default/components", 200, all);
    let read = run(&fake, TOOL, json!({"table_ids": ids, "include_usage": true}));
    let used = |table: &Value| table["used_by"].as_array().unwrap().len();
    let together: usize = read["tables"].as_array().unwrap().iter().map(used).sum();
    assert_eq!(together, 5_000);
    let why = read["incomplete"].as_str().unwrap();
    assert!(why.contains("more than 5000 uses of these tables together"), "{why}");
}

/// A table in full, of so many bytes.
fn large(id: &str, bytes: usize) -> Value {
    let mut large = table();
    (large["id"], large["name"]) = (json!(id), json!("x".repeat(bytes)));
    large
}

#[test]
fn tables_beyond_the_budget_of_a_call_are_named() {
    let fake = FakeKeboola::parallel();
    let ids: Vec<String> = (0..8).map(|n| format!("in.c-a.t{n}")).collect();
    for id in &ids {
        let route = format!("Get connection /v2/storage/branch/default/tables/{id}");
        fake.on(&route, 200, large(id, MAX_ANSWER - 10_000));
    }
    let read = run(&fake, TOOL, json!({"table_ids": ids}));
    let shown = read["tables"].as_array().unwrap().len();
    assert_eq!(shown, 4);
    let why = read["incomplete"].as_str().unwrap();
    assert!(why.contains("the tables in.c-a.t4, in.c-a.t5, in.c-a.t6, in.c-a.t7."), "{why}");
    assert!(why.contains("32 MiB in 200 requests. Ask for fewer"), "{why}");
    assert!(fake.bytes() <= MAX_BYTES + 10_000 && fake.most_under_way() <= MAX_BYTES);
    // One that is larger than an answer may be leaves the others alone.
    let fake = FakeKeboola::new();
    let bucket = "Get connection /v2/storage/branch/default/buckets/in.c-a";
    fake.on(bucket, 200, json!({"id": "in.c-a", "name": "c-a", "metadata": []}));
    fake.on(&format!("{bucket}/tables"), 200, json!([large("in.c-a.t", MAX_ANSWER)]));
    fake.on(TABLE, 200, table());
    let read = run(&fake, TOOL, json!({"bucket_ids": ["in.c-a"], "table_ids": ["in.c-a.orders"]}));
    assert_eq!(read["tables"].as_array().unwrap().len(), 1);
    assert!(read["incomplete"].as_str().unwrap().contains("Not read: the tables of in.c-a."));
}

#[test]
fn a_call_sends_so_many_requests_and_reads_each_id_once() {
    let fake = FakeKeboola::new();
    let buckets: Vec<String> = (0..100).map(|n| format!("in.c-{n}")).collect();
    for id in &buckets {
        let route = format!("Get connection /v2/storage/branch/default/buckets/{id}");
        fake.on(&route, 200, json!({"id": id, "name": id, "metadata": []}));
        fake.on(&format!("{route}/tables"), 200, json!([]));
    }
    fake.on(TABLE, 200, table());
    let all = json!({"bucket_ids": buckets, "table_ids": ["in.c-a.orders"]});
    let read = run(&fake, TOOL, all);
    assert_eq!(fake.lines().len(), MAX_REQUESTS);
    assert!(read["incomplete"].as_str().unwrap().contains("the tables in.c-a.orders."));
    let fake = FakeKeboola::new();
    fake.on(TABLE, 200, table());
    fake.on("Get connection /v2/storage/branch/default/components", 200, json!([]));
    let twice = json!({"table_ids": ["in.c-a.orders", "in.c-a.orders"], "include_usage": true});
    let read = run(&fake, TOOL, twice);
    assert_eq!((fake.count(TABLE), &read["tables"][0]["used_by"]), (1, &json!([])));
    assert_eq!((read["tables"].as_array().unwrap().len(), &read["incomplete"]), (1, &json!(null)));
}
