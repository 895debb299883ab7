//! The official TypeScript SDK, version 1.

use crate::support::{options, process::script, start};

#[tokio::test]
async fn the_typescript_sdk_v1_uses_everything() {
    let server = start(options().var("MCP_API_KEY", "sdk key")).await;
    let endpoint = format!("{}/mcp", server.url());
    script("sdk_v1.mjs", &[&endpoint, "sdk key"]).await;
    let created: Vec<_> = server
        .sandbox()
        .unwrap()
        .requests()
        .into_iter()
        .filter(|request| request.method == "POST" && request.path.ends_with("/site/"))
        .collect();
    assert_eq!(created.len(), 1, "{created:?}");
}

#[tokio::test]
async fn the_typescript_sdk_v1_uses_everything_over_sse() {
    let server = start(options().var("MCP_API_KEY", "sdk key")).await;
    let endpoint = format!("{}/sse", server.url());
    script("sdk_v1_sse.mjs", &[&endpoint, "sdk key"]).await;
}
