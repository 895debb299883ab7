//! The official TypeScript client, version 2.

use crate::support::{AUTO, client::LATEST, options, process::script, start};

async fn agrees_on(mode: &str, version: &str) {
    let server = start(options().var("MCP_API_KEY", "v2 key")).await;
    let endpoint = format!("{}/mcp", server.url());
    assert_eq!(script("client_v2.mjs", &[&endpoint, "v2 key", mode]).await, version);
}

#[tokio::test]
async fn the_typescript_client_v2_uses_everything_in_a_session() {
    agrees_on("legacy", LATEST).await;
}

#[tokio::test]
async fn the_typescript_client_v2_finds_out_which_version_to_speak() {
    agrees_on("auto", AUTO).await;
}

#[tokio::test]
async fn the_typescript_client_v2_uses_everything_without_a_session() {
    agrees_on("2026-07-28", "2026-07-28").await;
}
