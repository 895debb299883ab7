//! Clients that people use, before Keboola's MCP server and before the tools of this server in its place.

use std::time::Duration;

use sandbox::keboola::token;
use serde_json::{Value, json};

use crate::{
    mcp_remote::begun,
    support::{
        keboola::{Discovered, Keboola, PROJECT, STACK},
        oauth::SITEBAY_TOKEN,
        process::{StdioServer, script},
    },
};

const DOOR: &str = "/u/keboola/mcp";
const COMPONENT: &str = "keboola.ex-http";
const ALL: [&str; 3] = ["read", "write", "upstream:keboola"];

/// The data of a call that succeeds.
async fn call(remote: &mut StdioServer, tool: &str, arguments: Value) -> Value {
    let params = json!({ "name": tool, "arguments": arguments });
    let result = remote.request("tools/call", params).await;
    assert_ne!(result["isError"], true, "{tool}: {result}");
    result["structuredContent"].clone()
}

/// The usual conversation through `mcp-remote`, whose client agrees to what it is asked.
async fn through_mcp_remote(keboola: &Keboola) {
    let worker = keboola.before(json!({})).await;
    let master = token(PROJECT, "master");
    let (_, tokens) = Discovered::at(&worker, DOOR).await.sign_in(&ALL, &master).await;
    let home = tempfile::tempdir().unwrap();
    let (door, bearer) = (format!("{}{DOOR}", worker.url()), format!("Bearer {}", tokens.access));
    let (mut remote, _) = begun(&door, home.path(), &bearer, &[]).await;
    let tools = remote.request("tools/list", json!({})).await;
    let tools = tools["tools"].as_array().expect("tools");
    for name in ["get_project_info", "get_tables", "query_data", "create_config", "run_job"] {
        assert!(tools.iter().any(|tool| tool["name"] == name), "{name}: {tools:?}");
    }
    let project = call(&mut remote, "get_project_info", json!({})).await;
    assert_eq!(project["project_name"], "Shop", "{project}");
    let tables = json!({ "table_ids": ["in.c-main.orders"] });
    let tables = call(&mut remote, "get_tables", tables).await;
    let name = tables["tables"][0]["fully_qualified_name"].as_str().expect("a name").to_owned();
    let sql = format!("SELECT COUNT(*) FROM {name}");
    let query = json!({ "sql_query": sql, "query_name": "How many" });
    let rows = call(&mut remote, "query_data", query).await;
    assert_eq!(rows["csv_data"], "COUNT(*)\r\n3\r\n", "{rows}");
    let made = json!({
        "name": "Prices", "description": "d", "component_id": COMPONENT, "parameters": { "path": "b.csv" },
    });
    let made = call(&mut remote, "create_config", made).await;
    let config = made["configuration_id"].as_str().expect("an id").to_owned();
    let run = json!({ "component_id": COMPONENT, "configuration_id": config });
    let job = call(&mut remote, "run_job", run).await;
    keboola.apis.advance(Duration::from_secs(3));
    let ended = call(&mut remote, "get_jobs", json!({ "job_ids": [job["id"]] })).await;
    assert_eq!(ended["result"]["jobs"][0]["status"], "success", "{ended}");
    let changed = json!({
        "component_id": COMPONENT, "configuration_id": config, "change_description": "Another file",
        "parameter_updates": [{ "op": "set", "path": "path", "value": "c.csv" }],
    });
    let changed = call(&mut remote, "update_config", changed).await;
    assert_eq!(changed["version"], 2, "{changed}");
    let asked: &[&str] = if keboola.is_native() { &["confirm", "confirm"] } else { &[] };
    assert_eq!(remote.asked, asked);
    remote.end().await;
}

#[tokio::test]
async fn mcp_remote_has_the_usual_conversation_with_keboolas_server() {
    let Some(keboola) = Keboola::with_workspace("mcp-remote before Keboola").await else { return };
    through_mcp_remote(&keboola).await;
}

#[tokio::test]
async fn mcp_remote_has_the_usual_conversation_with_the_tools_of_this_server() {
    through_mcp_remote(&Keboola::native().await).await;
}

#[tokio::test]
async fn the_typescript_client_v2_signs_in_and_queries_with_the_tools_of_this_server() {
    let keboola = Keboola::native().await;
    let worker = keboola.before(json!({})).await;
    let door = format!("{}{DOOR}", worker.url());
    let master = token(PROJECT, "master");
    let said = script("keboola_client_v2.mjs", &[&door, SITEBAY_TOKEN, STACK, &master]).await;
    // Its versions, in sessions and without them.
    assert_eq!(said.lines().collect::<Vec<_>>(), ["2025-11-25", "2026-07-28"]);
}
