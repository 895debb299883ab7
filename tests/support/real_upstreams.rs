//! MCP servers of other projects, as programs on loopback.

use std::{path::PathBuf, process::Stdio};

use tokio::{
    net::TcpStream,
    process::{Child, Command},
};
use xtask::{paths, ports};

use super::{
    process::{node, python},
    wait,
};

/// A running server. Dropping it kills its process.
pub struct RealServer {
    url: String,
    child: Child,
}

impl RealServer {
    /// `@modelcontextprotocol/server-everything`, over Streamable HTTP with sessions.
    pub async fn everything() -> Self {
        Self::everything_over("streamableHttp", "/mcp").await
    }

    /// The same over HTTP with SSE.
    pub async fn everything_sse() -> Self {
        Self::everything_over("sse", "/sse").await
    }

    async fn everything_over(transport: &str, path: &str) -> Self {
        let port = ports::free().unwrap();
        let package = "node_modules/@modelcontextprotocol/server-everything/dist/index.js";
        let mut command = node();
        command.arg(package).arg(transport).env("PORT", port.to_string());
        Self::start(command, port, path).await
    }

    /// A server of the TypeScript SDK, version 2: sessions and 2026-07-28 at one URL.
    pub async fn sdk_v2() -> Self {
        let port = ports::free().unwrap();
        let mut command = node();
        command.arg("tests/servers/sdk_v2.mjs").arg(port.to_string());
        Self::start(command, port, "/mcp").await
    }

    /// A FastMCP server. None: this machine has no Python, and the test was skipped.
    pub async fn fastmcp(test: &str) -> Option<Self> {
        Self::fastmcp_over(test, "http", "/mcp").await
    }

    /// The same over HTTP with SSE.
    pub async fn fastmcp_sse(test: &str) -> Option<Self> {
        Self::fastmcp_over(test, "sse", "/sse").await
    }

    async fn fastmcp_over(test: &str, transport: &str, path: &str) -> Option<Self> {
        let port = ports::free().unwrap();
        let mut command = Command::new(python(test)?);
        command.current_dir(paths::root()).stdin(Stdio::null()).kill_on_drop(true);
        command.arg(PathBuf::from("tests/servers/fastmcp_server.py")).arg(port.to_string());
        command.arg(transport);
        Some(Self::start(command, port, path).await)
    }

    /// Starts a program, and waits until it accepts connections.
    pub(super) async fn start(mut command: Command, port: u16, path: &str) -> Self {
        command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().expect("the server starts");
        wait::until("the server listens", async || {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("the server ended: {status}");
            }
            TcpStream::connect(("127.0.0.1", port)).await
        })
        .await;
        Self { url: format!("http://127.0.0.1:{port}{path}"), child }
    }

    /// The URL of the server, without a path.
    pub fn origin(&self) -> &str {
        self.url.rsplit_once('/').map_or(&*self.url, |(origin, _)| origin)
    }

    /// The URL of its endpoint.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Kills it, as a crash does.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}
