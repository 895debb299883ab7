//! The official Python SDK.

use crate::support::{AUTO, client::LATEST, options, process::python_script, start};

async fn agrees_on(mode: &str, version: &str) {
    let server = start(options().var("MCP_API_KEY", "python key")).await;
    let endpoint = format!("{}/mcp", server.url());
    let test = format!("python client, {mode}");
    if let Some(agreed) = python_script(&test, "sdk.py", &[&endpoint, "python key", mode]).await {
        assert_eq!(agreed, version);
    }
}

#[tokio::test]
async fn the_python_sdk_uses_everything_in_a_session() {
    agrees_on("legacy", LATEST).await;
}

#[tokio::test]
async fn the_python_sdk_finds_out_which_version_to_speak() {
    agrees_on("auto", AUTO).await;
}
