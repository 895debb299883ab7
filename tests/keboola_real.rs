//! The published Keboola MCP server, asked directly: what clients of the gateway can expect of it, and
//! what the stand-in of Keboola's APIs must answer.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Client,
    keboola_server::{KeboolaServer, host},
    stateless,
    upstream::{Reply, Upstream, any, http},
};

const TOKEN: &str = "58-44-aStorageToken";

const MCP_COMPONENT: &str = "/v2/storage/branch/default/components/keboola.mcp-server-tool/configs";

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

/// The same with a workspace, in which a query runs until it is cancelled.
async fn stand_in_that_queries() -> Upstream {
    let stand_in = stand_in("admin").await;
    let workspace = json!([{
        "id": 234,
        "readOnlyStorageAccess": true,
        "connection": { "backend": "snowflake", "schema": "WORKSPACE_234", "user": "U" },
    }]);
    let answers = [
        (MCP_COMPONENT.to_owned(), json!([{ "id": "500" }])),
        (format!("{MCP_COMPONENT}/500/workspaces"), workspace),
        ("/v2/storage/dev-branches".to_owned(), json!([{ "id": 5, "isDefault": true }])),
        ("/api/v1/queries/q-1".to_owned(), json!({ "queryJobId": "q-1", "status": "processing" })),
    ];
    for (path, answer) in answers {
        let matches = http("GET").when(move |request| request.path() == path);
        stand_in.on(matches, move |_| Reply::json(&answer.to_string()));
    }
    let submit = http("POST").path("/api/v1/branches/5/workspaces/234/queries");
    stand_in.on(submit, |_| Reply::json(r#"{"queryJobId":"q-1"}"#).with_status(201));
    stand_in.on(http("POST").path("/api/v1/queries/q-1/cancel"), |_| {
        Reply::json(r#"{"queryJobId":"q-1"}"#)
    });
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
async fn the_keboola_server_lists_only_tools_that_read_to_whoever_may_only_read() {
    for (role, read_only) in [("admin", "true"), ("readonly", "false")] {
        let stand_in = stand_in(role).await;
        let Some(server) =
            KeboolaServer::start("the Keboola server for readers", stand_in.origin()).await
        else {
            return;
        };
        let client = client(&server).with("x-read-only-mode", read_only);
        let list = client.request("tools/list", json!({})).await.result();
        assert!(names(&list).contains(&"query_data"), "{role}: {list}");
        for tool in tools(&list) {
            assert_eq!(tool["annotations"]["readOnlyHint"], true, "{role}: {tool}");
        }
    }
}

/// Why a gateway in front of it sends headers by a list, and passes none on.
#[tokio::test]
async fn the_keboola_server_takes_another_credential_from_headers_that_look_harmless() {
    let stand_in = Upstream::start().await;
    let Some(server) =
        KeboolaServer::start("headers of the Keboola server", stand_in.origin()).await
    else {
        return;
    };
    let taken = [
        ("storage-token", "58-45-another", "x-storageapi-token", "58-45-another"),
        ("kbc_bearer_token", "another", "authorization", "Bearer another"),
    ];
    for (place, (name, value, sent_as, sent)) in taken.into_iter().enumerate() {
        let list = client(&server).with(name, value).request("tools/list", json!({})).await;
        // Its answer to a refused credential is an error of code 0, and no result.
        assert_eq!(list.response()["error"]["code"], 0, "{list:?}");
        let asked = stand_in.recorded();
        assert_eq!(asked[place].request.header(sent_as), sent, "{asked:?}");
    }
    stand_in.never_received(TOKEN);
}

#[tokio::test]
async fn the_keboola_server_is_stateless_in_both_eras() {
    let stand_in = stand_in("admin").await;
    let Some(server) = KeboolaServer::start("eras of the Keboola server", stand_in.origin()).await
    else {
        return;
    };
    let client = client(&server);
    let hello = client.initialize("2025-11-25").await;
    assert_eq!(hello.result()["serverInfo"]["name"], "Keboola MCP Server", "{hello:?}");
    assert_eq!(hello.header("mcp-session-id"), "");
    let discovered = stateless::ask(&client, "server/discover", json!({}), json!({})).await;
    assert_eq!(discovered.result()["supportedVersions"], json!([stateless::VERSION]));
    assert_eq!(stand_in.count(&any()), 0, "neither needs a credential");
    let list = stateless::ask(&client, "tools/list", json!({}), json!({})).await.result();
    assert_eq!(list["cacheScope"], "private", "{list}");
}

#[tokio::test]
async fn the_keboola_server_cancels_a_query_whose_request_is_closed() {
    let stand_in = stand_in_that_queries().await;
    let Some(server) =
        KeboolaServer::start("a query of the Keboola server", stand_in.origin()).await
    else {
        return;
    };
    let query = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": {
            "name": "query_data",
            "arguments": { "sql_query": "SELECT 1", "query_name": "one" },
        },
    });
    let answer = client(&server).send(Method::POST).body(query.to_string()).send().await.unwrap();
    stand_in.received(&http("GET").path("/api/v1/queries/q-1")).await;
    drop(answer);
    stand_in.received(&http("POST").path("/api/v1/queries/q-1/cancel")).await;
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
