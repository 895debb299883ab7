//! `mcp-remote`, as Cursor starts it: stdio in, HTTP out.

use std::{path::Path, time::Duration};

use serde_json::{Value, json};
use xtask::{
    paths,
    server::{Options, Server},
};

use crate::{
    storage::assert_sessions_unwritten,
    support::{
        new_site, options,
        process::{StdioServer, node},
        production, start,
    },
};

const KEY: &str = "remote key";

/// A started `mcp-remote`, after its client's handshake.
async fn remote(server: &Server, home: &Path, path: &str, flags: &[&str]) -> StdioServer {
    let url = format!("{}{path}", server.url());
    let (remote, hello) = begun(&url, home, &format!("Bearer {KEY}"), flags).await;
    assert_eq!(hello["serverInfo"]["name"], "sitebay-mcp");
    remote
}

/// The same before any server, with this `Authorization`; and what the server says of itself.
pub async fn begun(
    url: &str,
    home: &Path,
    authorization: &str,
    flags: &[&str],
) -> (StdioServer, Value) {
    let mut command = node();
    command
        .arg(paths::root().join("node_modules/mcp-remote/dist/proxy.js"))
        .arg(url)
        // No space after the colon: some clients break arguments at spaces.
        .args(["--header", "Authorization:${AUTH_HEADER}"])
        .args(flags)
        .env("AUTH_HEADER", authorization)
        .env("MCP_REMOTE_CONFIG_DIR", home)
        .env("HOME", home);
    let mut remote = StdioServer::start(command);
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": { "elicitation": {} },
        "clientInfo": { "name": "cursor-like", "version": "1" },
    });
    let answer = remote.request("initialize", hello).await;
    remote.notify("notifications/initialized").await;
    (remote, answer)
}

#[tokio::test]
async fn a_site_is_created_listed_and_deleted_through_mcp_remote() {
    // A site that is being created is busy.
    let sandbox = sandbox::Options { creating_for: Duration::ZERO, ..Default::default() };
    let options = Options { sandbox: Some(sandbox), ..Options::new(production().folder) };
    let server = start(options.var("MCP_API_KEY", KEY)).await;
    let home = tempfile::tempdir().unwrap();
    let mut remote = remote(&server, home.path(), "/mcp", &[]).await;
    let tools = remote.request("tools/list", json!({})).await;
    assert_eq!(tools["tools"].as_array().unwrap().len(), 24);
    let mut call = async |name: &str, arguments: serde_json::Value| {
        let params = json!({ "name": name, "arguments": arguments });
        let result = remote.request("tools/call", params).await;
        assert!(result["isError"].is_null(), "{name}: {result}");
        result["structuredContent"].clone()
    };
    let teams = call("sitebay_list_teams", json!({})).await;
    let mut site = new_site("from-cursor.example.com");
    site["team_id"] = teams["teams"][0]["id"].clone();
    call("sitebay_create_site", site).await;
    let sites = call("sitebay_list_sites", json!({})).await;
    assert_eq!(sites["count"], 4, "{sites}");
    let gone = json!({ "fqdn": "from-cursor.example.com", "confirm": true });
    call("sitebay_delete_site", gone).await;
    let sites = call("sitebay_list_sites", json!({})).await;
    assert_eq!(sites["count"], 3, "{sites}");
}

async fn call(remote: &mut StdioServer, tool: &str, arguments: Value) -> String {
    let meta = json!({ "progressToken": "a token" });
    let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
    let result = remote.request("tools/call", params).await;
    assert!(result["isError"].is_null(), "{tool}: {result}");
    result["content"][0]["text"].as_str().expect("a text").to_owned()
}

/// Connects, lists, calls, answers a question, hears news, ends.
async fn everything(path: &str, flags: &[&str]) {
    let server = start(options().var("MCP_API_KEY", KEY)).await;
    let home = tempfile::tempdir().unwrap();
    let mut remote = remote(&server, home.path(), path, flags).await;

    let tools = remote.request("tools/list", json!({})).await;
    let tools = tools["tools"].as_array().expect("tools").clone();
    let has = |name: &str| tools.iter().any(|tool| tool["name"] == name);
    assert!(has("echo") && has("slow") && has("notify"), "{tools:?}");
    assert_eq!(call(&mut remote, "echo", json!({ "text": "grüße 🌍" })).await, "grüße 🌍");

    assert_eq!(call(&mut remote, "slow", json!({ "ms": 400, "steps": 4 })).await, "done");
    let steps: Vec<_> = remote
        .heard
        .iter()
        .filter(|message| message["method"] == "notifications/progress")
        .filter_map(|message| message["params"]["progress"].as_f64())
        .collect();
    assert_eq!(steps, [1.0, 2.0, 3.0, 4.0]);

    if has("ask") {
        assert_eq!(call(&mut remote, "ask", json!({})).await, "Hello, Ada");
        assert_eq!(remote.asked, ["name"]);
    }

    assert_eq!(call(&mut remote, "notify", json!({})).await, "announced");
    remote.until("notifications/tools/list_changed").await;
    remote.end().await;
}

#[tokio::test]
async fn mcp_remote_uses_everything_over_http_first() {
    everything("/mcp", &["--transport", "http-first"]).await;
}

#[tokio::test]
async fn mcp_remote_uses_everything_over_http_only() {
    everything("/mcp", &["--transport", "http-only"]).await;
}

#[tokio::test]
async fn mcp_remote_uses_everything_over_sse_first() {
    everything("/sse", &["--transport", "sse-first"]).await;
}

#[tokio::test]
async fn mcp_remote_uses_everything_over_sse_only() {
    everything("/sse", &["--transport", "sse-only"]).await;
}

#[tokio::test]
async fn mcp_remote_uses_everything_in_the_version_it_finds_out() {
    everything("/mcp", &["--protocol", "auto"]).await;
}

#[tokio::test]
async fn a_start_of_mcp_remote_leaves_no_row_behind_in_its_session() {
    for flags in [&["--transport", "http-first"], &["--transport", "http-only"]] {
        let server = start(options().var("MCP_API_KEY", KEY)).await;
        let home = tempfile::tempdir().unwrap();
        let mut remote = remote(&server, home.path(), "/mcp", flags).await;
        remote.request("tools/list", json!({})).await;
        remote.end().await;
        assert_sessions_unwritten(&server);
    }
}
