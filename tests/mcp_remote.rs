//! `mcp-remote`, as Cursor starts it: stdio in, HTTP out.

use serde_json::json;
use xtask::{
    paths,
    server::{Options, Server},
};

use crate::support::{
    process::{StdioServer, node},
    production, start,
};

const KEY: &str = "remote key";

async fn remote(server: &Server, home: &std::path::Path) -> StdioServer {
    let mut command = node();
    command
        .arg(paths::root().join("node_modules/mcp-remote/dist/proxy.js"))
        .arg(format!("{}/mcp", server.url()))
        // No space after the colon: some clients break arguments at spaces.
        .args(["--header", "Authorization:${AUTH_HEADER}"])
        .env("AUTH_HEADER", format!("Bearer {KEY}"))
        .env("MCP_REMOTE_CONFIG_DIR", home)
        .env("HOME", home);
    let mut remote = StdioServer::start(command);
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "cursor-like", "version": "1" },
    });
    let answer = remote.request("initialize", hello).await;
    assert_eq!(answer["serverInfo"]["name"], "sitebay-mcp");
    remote.notify("notifications/initialized").await;
    remote
}

#[tokio::test]
async fn a_site_is_created_listed_and_deleted_through_mcp_remote() {
    let server = start(Options::new(production().folder).var("MCP_API_KEY", KEY)).await;
    let home = tempfile::tempdir().unwrap();
    let mut remote = remote(&server, home.path()).await;
    let tools = remote.request("tools/list", json!({})).await;
    assert_eq!(tools["tools"].as_array().unwrap().len(), 16);
    let mut call = async |name: &str, arguments: serde_json::Value| {
        let params = json!({ "name": name, "arguments": arguments });
        let result = remote.request("tools/call", params).await;
        assert!(result["isError"].is_null(), "{name}: {result}");
        result["structuredContent"].clone()
    };
    let teams = call("sitebay_list_teams", json!({})).await;
    let site = json!({
        "team_id": teams["teams"][0]["id"],
        "fqdn": "from-cursor.example.com",
        "wordpress_blog_name": "Blog",
        "wordpress_first_name": "A",
        "wordpress_last_name": "B",
        "wordpress_email": "a@example.com",
        "wordpress_username": "admin",
        "wordpress_password": "correct horse battery staple",
    });
    call("sitebay_create_site", site).await;
    let sites = call("sitebay_list_sites", json!({})).await;
    assert_eq!(sites["count"], 4, "{sites}");
    // A site that is being created is busy.
    tokio::time::sleep(std::time::Duration::from_millis(2_200)).await;
    let gone = json!({ "fqdn": "from-cursor.example.com", "confirm": true });
    call("sitebay_delete_site", gone).await;
    let sites = call("sitebay_list_sites", json!({})).await;
    assert_eq!(sites["count"], 3, "{sites}");
}
