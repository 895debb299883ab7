//! The published Keboola MCP server, asked directly: what clients of the gateway can expect of it, and
//! what the stand-in of Keboola's APIs must answer.

use serde_json::{Value, json};

use crate::support::{
    Client,
    keboola_server::{KeboolaServer, host},
    upstream::{Reply, Upstream, http},
};

const TOKEN: &str = "58-44-aStorageToken";

/// The project of a token, as `tokens/verify` describes it.
fn project(role: &str) -> String {
    json!({
        "id": "44",
        "isMasterToken": true,
        "admin": { "id": 9, "name": "Ada", "role": role },
        "owner": { "id": 58, "name": "Sales", "features": [], "defaultBackend": "snowflake" },
    })
    .to_string()
}

/// A stand-in that knows a project without semantic models. Any other request is a 404.
async fn stand_in(role: &str) -> Upstream {
    let stand_in = Upstream::start().await;
    let project = project(role);
    let verify = http("GET").path("/v2/storage/tokens/verify").header("x-storageapi-token", TOKEN);
    stand_in.on(verify, move |_| Reply::json(&project));
    let models = http("GET").path("/api/v1/repository/semantic-model");
    stand_in.on(models, |_| Reply::json(r#"{"data":[]}"#));
    stand_in
}

fn client(server: &KeboolaServer) -> Client {
    Client::new(server.origin()).with("x-storageapi-token", TOKEN)
}

/// The tools of a list.
fn tools(list: &Value) -> &[Value] {
    list["tools"].as_array().unwrap()
}

fn names(list: &Value) -> Vec<&str> {
    tools(list).iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_keboola_server_lists_its_tools_for_a_storage_token() {
    let stand_in = stand_in("admin").await;
    let Some(server) =
        KeboolaServer::start("the tools of the Keboola server", stand_in.origin()).await
    else {
        return;
    };
    let list = client(&server).request("tools/list", json!({})).await.result();

    let names = names(&list);
    for name in ["get_project_info", "get_buckets", "query_data", "create_config", "run_job"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    // An administrator changes flows with their schedules, and no project without models has tools for them.
    assert!(names.contains(&"modify_flow") && !names.contains(&"update_flow"), "{names:?}");
    assert!(!names.contains(&"search_semantic_context"), "{names:?}");
    for tool in tools(&list) {
        let schema = &tool["inputSchema"];
        assert_eq!(schema["additionalProperties"], false, "{tool}");
        assert!(tool["annotations"]["readOnlyHint"].is_boolean(), "{tool}");
    }

    let asked = stand_in.recorded();
    let asked: Vec<_> =
        asked.iter().map(|one| (one.request.header("host"), one.request.path())).collect();
    let (connection, metastore) = (host("connection"), host("metastore"));
    let expected = [
        (connection.as_str(), "/v2/storage/tokens/verify"),
        (metastore.as_str(), "/api/v1/repository/semantic-model"),
    ];
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn the_keboola_server_lists_only_tools_that_read_where_a_header_says_so() {
    let stand_in = stand_in("admin").await;
    let Some(server) =
        KeboolaServer::start("the Keboola server in read-only mode", stand_in.origin()).await
    else {
        return;
    };
    let client = client(&server).with("x-read-only-mode", "true");
    let list = client.request("tools/list", json!({})).await.result();
    assert!(names(&list).contains(&"query_data"), "{list}");
    for tool in tools(&list) {
        assert_eq!(tool["annotations"]["readOnlyHint"], true, "{tool}");
    }
}

#[tokio::test]
async fn a_keboola_server_without_a_stack_asks_the_one_that_a_header_names_and_no_other() {
    let (north, south) = (stand_in("admin").await, stand_in("admin").await);
    let stacks = [("north.keboola.dev", north.origin()), ("south.keboola.dev", south.origin())];
    let Some(server) = KeboolaServer::of_stacks("stacks of the Keboola server", &stacks).await
    else {
        return;
    };
    let south_client =
        client(&server).with("x-storageapi-url", "https://connection.south.keboola.dev");
    south_client.request("tools/list", json!({})).await.result();
    assert_eq!((north.recorded().len(), south.recorded().len()), (0, 2));
    let unknown = client(&server).with("x-storageapi-url", "https://connection.west.keboola.dev");
    let refused = unknown.request("tools/list", json!({})).await.response();
    assert!(refused["error"].is_object(), "{refused}");
    assert_eq!((north.recorded().len(), south.recorded().len()), (0, 2));
}
