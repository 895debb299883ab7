//! A FastMCP server behind `BACKEND_URL`, as a server in Python that cannot run on Workers is put there:
//! `mcp-remote` reaches it with a key of this server's.

use std::path::Path;

use serde_json::json;
use xtask::{paths, server::Server};

use crate::support::{
    oauth::get,
    options,
    process::{StdioServer, node},
    real_upstreams::RealServer,
    start,
};

const KEY: &str = "a key at the door of a backend";

async fn in_front_of(backend: &RealServer) -> Server {
    let options = options()
        .var("BACKEND_URL", backend.origin())
        .var("BACKEND_PATHS", "all")
        .var("BACKEND_ACCESS", "door")
        .var("MCP_API_KEY", KEY);
    start(options).await
}

fn remote(url: &str, home: &Path, flags: &[&str]) -> StdioServer {
    let mut command = node();
    command
        .arg(paths::root().join("node_modules/mcp-remote/dist/proxy.js"))
        .arg(url)
        .args(["--header", "Authorization:${AUTH_HEADER}"])
        .args(flags)
        .env("AUTH_HEADER", format!("Bearer {KEY}"))
        .env("MCP_REMOTE_CONFIG_DIR", home)
        .env("HOME", home);
    StdioServer::start(command)
}

/// Connects, lists, calls, hears progress, reads and gets.
async fn uses(backend: &RealServer, path: &str, flags: &[&str]) {
    let server = in_front_of(backend).await;
    assert_eq!(get(&format!("{}{path}", server.url())).await.status, 401);
    let home = tempfile::tempdir().unwrap();
    let mut remote = remote(&format!("{}{path}", server.url()), home.path(), flags);
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "cursor-like", "version": "1" },
    });
    let hello = remote.request("initialize", hello).await;
    assert_eq!(hello["serverInfo"]["name"], "fastmcp", "{hello}");
    remote.notify("notifications/initialized").await;

    let tools = remote.request("tools/list", json!({})).await;
    let names: Vec<_> = tools["tools"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["echo", "slow", "fail"], "{tools}");
    let echo = json!({ "name": "echo", "arguments": { "text": "grüße 🌍" } });
    let echoed = remote.request("tools/call", echo).await;
    assert_eq!(echoed["content"][0]["text"], "grüße 🌍", "{echoed}");

    let slow = json!({
        "name": "slow", "arguments": { "ms": 200, "steps": 2 }, "_meta": { "progressToken": "p" },
    });
    let done = remote.request("tools/call", slow).await;
    assert_eq!(done["content"][0]["text"], "done", "{done}");
    let progress = remote.heard.iter().filter(|one| one["method"] == "notifications/progress");
    assert_eq!(progress.count(), 2, "{:?}", remote.heard);

    let notes = remote.request("resources/read", json!({ "uri": "file:///notes.txt" })).await;
    assert_eq!(notes["contents"][0]["text"], "grüße", "{notes}");
    let greet = json!({ "name": "greet", "arguments": { "name": "Ada" } });
    let greeting = remote.request("prompts/get", greet).await;
    assert_eq!(greeting["messages"][0]["content"]["text"], "Greet Ada.", "{greeting}");
    remote.end().await;
}

#[tokio::test]
async fn mcp_remote_reaches_a_fastmcp_server_behind_this_one_at_mcp() {
    if let Some(backend) = RealServer::fastmcp("FastMCP behind BACKEND_URL at /mcp").await {
        uses(&backend, "/mcp", &["--transport", "http-only"]).await;
    }
}

#[tokio::test]
async fn mcp_remote_reaches_a_fastmcp_server_behind_this_one_at_sse() {
    if let Some(backend) = RealServer::fastmcp_sse("FastMCP behind BACKEND_URL at /sse").await {
        uses(&backend, "/sse", &["--transport", "sse-only"]).await;
    }
}
