//! Components, configurations, rows, transformations and flows.

use serde_json::{Value, json};

use crate::keboola_tools::row::{Row, Sent, agreed, call, reads};

const BRANCH: &str = "connection /v2/storage/branch/default";
const HTTP: &str = "keboola.ex-http";
const MYSQL: &str = "keboola.ex-db-mysql";
const SQL: &str = "keboola.snowflake-transformation";
/// A secret, and what the stand-in makes of it.
const SECRET: &str = "hunter2";
const CIPHER: &str = "KBC::ProjectSecure::aHVudGVyMg==";

fn component(id: &str) -> String {
    format!("{BRANCH}/components/{id}")
}

fn config(component: &str, id: &str) -> String {
    format!("{BRANCH}/components/{component}/configs/{id}")
}

/// The reads of a component: what the documentation says of it, and Storage.
fn about(id: &str) -> Vec<Sent> {
    vec![reads(&format!("ai /docs/components/{id}")), reads(&component(id))]
}

/// The mark of a version.
fn marked(key: &str) -> Value {
    json!({ "metadata": [{ "key": key, "value": "true" }] })
}

fn set(path: &str, value: Value) -> Value {
    json!([{ "op": "set", "path": path, "value": value }])
}

pub fn rows() -> Vec<Row> {
    let changes = [created(), row_added(), changed(), row_changed(), brought_back()];
    [read(), changes.into(), vec![transformation(), transformation_changed()]].concat()
}

fn read() -> Vec<Row> {
    let one = json!([{ "component_id": MYSQL, "configuration_id": "236606822" }]);
    let folders = "search/component-configurations?metadataKeys[0]=KBC.configuration.folderName\
                   &include=filteredMetadata";
    let schedules = |component: &str, id: &str| {
        format!("scheduler /schedules?componentId={component}&configurationId={id}")
    };
    vec![
        call("get_components", json!({ "component_ids": [HTTP] }))
            .get(&format!("ai /docs/components/{HTTP}"))
            .get(&component(HTTP))
            .says("\"component_id\":\"keboola.ex-http\"")
            .wrong(json!({ "component_ids": [] }), "- component_ids: expected")
            .wrong(json!({ "component_ids": null }), "- component_ids: ")
            .wrong_after(
                json!({ "component_ids": ["no/such"] }),
                "Nothing was found.",
                about("no/such"),
            ),
        call("get_configs", json!({ "component_types": ["writer"] }))
            .get(&format!("{BRANCH}/{folders}"))
            .get(&format!("{BRANCH}/components?componentType=writer&include=configuration"))
            .says("\"configuration_id\":\"writer-1\"")
            .wrong(json!({ "component_types": ["flow"] }), "- component_types[0]: expected")
            .wrong(
                json!({ "configs": [{ "component_id": HTTP }] }),
                "- configs[0].configuration_id: ",
            ),
        call("get_configs", json!({ "configs": one }))
            .get(&config(MYSQL, "236606822"))
            .get(&format!("{}/metadata", config(MYSQL, "236606822")))
            .get(&format!("ai /docs/components/{MYSQL}"))
            .get(&component(MYSQL))
            .says("\"configuration_row_id\":\"row-orders\"")
            .wrong_after(
                json!({ "configs": [{ "component_id": MYSQL, "configuration_id": "a/../b" }] }),
                "Nothing was found.",
                vec![reads(&config(MYSQL, "a/../b"))],
            ),
        call("get_flows", json!({}))
            .get(&format!("{BRANCH}/{folders}"))
            .get(&format!("{BRANCH}/components/keboola.flow/configs"))
            .get(&format!("{BRANCH}/components/keboola.orchestrator/configs"))
            .get(&schedules("keboola.flow", "flow-1"))
            .get(&schedules("keboola.orchestrator", "orch-1"))
            .says("\"schedules_count\":1")
            .wrong(json!({ "flow_ids": "flow-1" }), "- flow_ids: expected"),
        call("get_flows", json!({ "flow_ids": ["orch-1"] }))
            .get(&config("keboola.flow", "orch-1"))
            .get(&config("keboola.orchestrator", "orch-1"))
            .get(&format!("{}/metadata", config("keboola.orchestrator", "orch-1")))
            .get(&schedules("keboola.orchestrator", "orch-1"))
            .says("\"cron_tab\":\"0 6 * * *\"")
            .wrong_after(
                json!({ "flow_ids": ["none"] }),
                "Nothing was found.",
                vec![
                    reads(&config("keboola.flow", "none")),
                    reads(&config("keboola.orchestrator", "none")),
                ],
            ),
    ]
}

fn created() -> Row {
    let configs = format!("{BRANCH}/components/{HTTP}/configs");
    let parameters = json!({ "path": "b.csv", "#password": SECRET, "#old": CIPHER });
    let arguments = json!({
        "name": "Prices", "description": "of every day", "component_id": HTTP, "parameters": parameters,
    });
    let secret = |value: Value| json!({ "parameters": { "#password": value } });
    let branch = json!({ "branch_id": "77" });
    let mut row = call("create_config", arguments)
        .get(&format!("ai /docs/components/{HTTP}"))
        .get(&component(HTTP))
        .post(
            &format!("encryption /encrypt?componentId={HTTP}&projectId=101"),
            json!({ "#0": SECRET }),
        )
        .post(
            &configs,
            json!({
                "configurationId": "{uuid}", "name": "Prices", "description": "of every day",
                "configuration": {
                    "parameters": { "path": "b.csv", "#password": CIPHER, "#old": CIPHER },
                    "storage": {},
                },
            }),
        )
        .post(&format!("{configs}/{{uuid}}/metadata"), marked("KBC.MCP.createdBy"))
        .says("\"version\":1")
        .wrong(json!({ "name": "" }), "- name: expected")
        .wrong(json!({ "name": "n".repeat(256) }), "- name: expected")
        .wrong(json!({ "description": null }), "- description: ")
        .wrong(json!({ "parameters": "{}" }), "- parameters: expected")
        .wrong(
            json!({ "variables": [{ "name": "v", "type": "secret" }] }),
            "- variables[0].type: expected",
        )
        .wrong(branch, "has no branch \"77\"")
        .wrong(json!({ "component_id": SQL }), "keboola_create_sql_transformation")
        .wrong(json!({ "component_id": "keboola.data-apps" }), "Nothing was changed");
    for (value, words) in [(json!({ "a": "b" }), "#password"), (json!("[REDACTED]"), "#password")] {
        row = row.wrong_after(secret(value), words, about(HTTP));
    }
    row.wrong_after(json!({ "component_id": "no.such" }), "404", about("no.such"))
}

fn row_added() -> Row {
    let path = config(MYSQL, "236606822");
    let arguments = json!({
        "name": "Products", "description": "all", "component_id": MYSQL,
        "configuration_id": "236606822", "parameters": { "table": "products" },
    });
    call("add_config_row", arguments)
        .get(&format!("ai /docs/components/{MYSQL}"))
        .get(&component(MYSQL))
        .post(
            &format!("{path}/rows"),
            json!({
                "rowId": "{uuid}", "name": "Products", "description": "all",
                "configuration": { "parameters": { "table": "products" }, "storage": {} },
            }),
        )
        .post(&format!("{path}/metadata"), marked("KBC.MCP.updatedBy.version.1"))
        .says("The row has the id")
        .wrong(json!({ "configuration_id": "" }), "- configuration_id: expected")
        .wrong(json!({ "parameters": null }), "- parameters: ")
        .wrong(json!({ "component_id": SQL }), "Nothing was changed")
}

fn changed() -> Row {
    let path = config(HTTP, "http-1");
    let arguments = json!({
        "change_description": "Another file", "component_id": HTTP, "configuration_id": "http-1",
        "parameter_updates": [
            { "op": "set", "path": "path", "value": "c.csv" },
            { "op": "set", "path": "__proto__", "value": { "x": 1 } },
        ],
    });
    let present = || [vec![reads(&path)], about(HTTP)].concat();
    let updates = |updates: Value| json!({ "parameter_updates": updates, "confirm": false });
    let mut row = call("update_config", agreed(arguments))
        .get(&path)
        .get(&format!("ai /docs/components/{HTTP}"))
        .get(&component(HTTP))
        .put(
            &path,
            json!({
                "changeDescription": "Another file",
                "configuration": { "parameters": {
                    "baseUrl": "https://example.com", "path": "c.csv", "__proto__": { "x": 1 },
                } },
            }),
        )
        .post(&format!("{path}/metadata"), marked("KBC.MCP.updatedBy.version.2"))
        .says("\"version\":2")
        .wrong(json!({ "change_description": "" }), "- change_description: expected")
        .wrong(
            json!({ "parameter_updates": [{ "op": "merge", "path": "a" }] }),
            "- parameter_updates[0].op: expected",
        )
        .wrong(json!({ "parameter_updates": [{ "op": "set" }] }), "- parameter_updates[0].path: ")
        .wrong_after(
            json!({ "configuration_id": "none", "confirm": false }),
            "not found",
            vec![reads(&config(HTTP, "none"))],
        );
    for (wrong, words) in [
        (set("path[", json!(1)), "is not closed"),
        (set("path.x", json!(1)), "path"),
        (set("baseUrl[0]", json!(1)), "baseUrl"),
        (json!([{ "op": "remove", "path": "gone" }]), "gone"),
        (json!([{ "op": "list_append", "path": "path", "value": 1 }]), "path"),
        (set("path", json!("c.csv")), "stored already"),
        (set("path", json!("d.csv")), "call again with confirm: true"),
    ] {
        row = row.wrong_after(updates(wrong), words, present());
    }
    row
}

fn row_changed() -> Row {
    let path = format!("{}/rows/row-customers", config(MYSQL, "236606822"));
    let arguments = json!({
        "change_description": "Off", "component_id": MYSQL, "configuration_id": "236606822",
        "configuration_row_id": "row-customers", "is_disabled": true, "name": "Customers",
    });
    let none = format!("{}/rows/none", config(MYSQL, "236606822"));
    call("update_config_row", agreed(arguments))
        .get(&path)
        .get(&format!("ai /docs/components/{MYSQL}"))
        .get(&component(MYSQL))
        .put(
            &path,
            json!({
                "changeDescription": "Off", "name": "Customers", "isDisabled": true,
                "configuration": {
                    "parameters": { "table": "customers" },
                    "storage": { "output": { "tables": [
                        { "source": "customers", "destination": "in.c-main.customers" },
                    ] } },
                },
            }),
        )
        .post(
            &format!("{}/metadata", config(MYSQL, "236606822")),
            marked("KBC.MCP.updatedBy.version.2"),
        )
        .says("\"success\":true")
        .wrong(json!({ "is_disabled": "yes" }), "- is_disabled: expected")
        .wrong(json!({ "configuration_row_id": null }), "- configuration_row_id: ")
        .wrong_after(
            json!({ "configuration_row_id": "none", "confirm": false }),
            "not found",
            vec![reads(&none)],
        )
}

fn brought_back() -> Row {
    let path = config(MYSQL, "236606822");
    let version = |version: Value| json!({ "version": version, "confirm": false });
    let arguments = json!({ "component_id": MYSQL, "configuration_id": "236606822", "version": 2 });
    let versions = format!("{path}/versions?limit=100&offset=0");
    call("rollback_config", agreed(arguments))
        .post(&format!("{path}/versions/2/rollback"), json!(null))
        .get(&path)
        .post(&format!("{path}/metadata"), marked("KBC.MCP.updatedBy.version.4"))
        .says("Version 2 was brought back.")
        .wrong(version(json!(0)), "- version: expected")
        .wrong(version(json!("2")), "- version: expected")
        .wrong(version(json!(1.5)), "- version: expected")
        .wrong_after(version(json!(99)), "give an earlier one", vec![reads(&path)])
        .wrong_after(
            version(json!(1)),
            "call again with confirm: true",
            vec![reads(&path), reads(&versions)],
        )
}

fn transformation() -> Row {
    let configs = format!("{BRANCH}/components/{SQL}/configs");
    let codes =
        json!([{ "name": "Sum", "script": "CREATE TABLE \"sums\" AS SELECT 1; SELECT ';';" }]);
    let arguments = json!({
        "name": "Sums „of all“", "description": "d", "sql_code_blocks": codes,
        "created_table_names": ["sums"], "folder": "Reports",
    });
    let folder =
        json!({ "metadata": [{ "key": "KBC.configuration.folderName", "value": "Reports" }] });
    call("create_sql_transformation", arguments)
        .post(
            &configs,
            json!({
                "configurationId": "{uuid}", "name": "Sums „of all“", "description": "d",
                "configuration": {
                    "parameters": { "blocks": [{ "name": "Blocks", "codes": [{
                        "name": "Sum",
                        "script": ["CREATE TABLE \"sums\" AS SELECT 1;", "SELECT ';';"],
                    }] }] },
                    "storage": { "input": { "tables": [] }, "output": { "tables": [
                        { "source": "sums", "destination": "out.c-Sums-of-all.sums" },
                    ] } },
                },
            }),
        )
        .post(&format!("{configs}/{{uuid}}/metadata"), folder)
        .post(&format!("{configs}/{{uuid}}/metadata"), marked("KBC.MCP.createdBy"))
        .says("keboola.snowflake-transformation")
        .wrong(json!({ "sql_code_blocks": [] }), "- sql_code_blocks: expected")
        .wrong(json!({ "sql_code_blocks": [{ "name": "x" }] }), "- sql_code_blocks[0].script: ")
        .wrong(json!({ "created_table_names": [""] }), "Nothing was changed")
}

fn transformation_changed() -> Row {
    let path = config(SQL, "transform-1");
    let code = |script: &str| json!([{ "op": "set_code", "block_id": "b0", "code_id": "b0.c0", "script": script }]);
    let arguments = json!({
        "change_description": "Two", "configuration_id": "transform-1",
        "parameter_updates": code("CREATE TABLE summary AS SELECT 2 AS total; SELECT 1;"),
    });
    let gone = json!([{ "op": "remove_code", "block_id": "b0", "code_id": "b0.c9" }]);
    call("update_sql_transformation", agreed(arguments))
        .get(&path)
        .put(
            &path,
            json!({
                "changeDescription": "Two",
                "configuration": {
                    "parameters": { "blocks": [{ "name": "Block 1", "codes": [{
                        "name": "Totals",
                        "script": ["CREATE TABLE summary AS SELECT 2 AS total;", "SELECT 1;"],
                    }] }] },
                    "storage": {
                        "input": { "tables": [
                            { "source": "in.c-main.orders", "destination": "orders" },
                        ] },
                        "output": { "tables": [
                            { "source": "summary", "destination": "out.c-results.summary" },
                        ] },
                    },
                },
            }),
        )
        .post(&format!("{path}/metadata"), marked("KBC.MCP.updatedBy.version.2"))
        .says("\"version\":2")
        .wrong(
            json!({ "parameter_updates": [{ "op": "drop" }] }),
            "- parameter_updates[0].op: expected",
        )
        .wrong(json!({ "configuration_id": "" }), "- configuration_id: expected")
        .wrong_after(
            json!({ "parameter_updates": gone, "confirm": false }),
            "b0.c9",
            vec![reads(&path)],
        )
}
