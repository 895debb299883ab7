//! The MCP Inspector without its page: the CLI, which connects for one request, and `mcpdo`, which
//! keeps a connection and answers questions. Neither shows notifications.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use xtask::{paths, server::Server};

use crate::support::{
    AUTO,
    client::LATEST,
    options,
    process::{node, succeeded},
    start,
};

const KEY: &str = "inspector key";

/// An Inspector of one server and era.
struct Inspector {
    endpoint: String,
    era: &'static str,
    home: TempDir,
}

impl Inspector {
    fn new(server: &Server, era: &'static str) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { endpoint: format!("{}/mcp", server.url()), era, home }
    }

    fn program(&self, name: &str) -> Command {
        let package = Path::new("node_modules/@modelcontextprotocol/inspector/clients");
        let mut command = node();
        command
            .arg(paths::root().join(package).join(name))
            .env("HOME", self.home.path())
            .env("MCP_INSPECTOR_SECRET_STORE", "memory")
            .env("MCP_INSPECTOR_DAEMON_DIR", self.home.path().join("daemon"))
            .env("MCP_INSPECTOR_DAEMON_TOKEN", "of this test");
        command
    }

    /// The result of one request over a connection of its own.
    async fn request(&self, method: &str, arguments: &[&str]) -> Value {
        let mut command = self.program("launcher/build/index.js");
        command
            .args(["--cli", "--server-url", &self.endpoint, "--transport", "http"])
            .args(["--protocol-era", self.era, "--header", &format!("Authorization: Bearer {KEY}")])
            .args(["--stored-auth-only", "--format", "json", "--quiet", "--method", method])
            .args(arguments);
        let shown = succeeded(method, command).await;
        let answer: Value = serde_json::from_str(&shown).expect("JSON");
        answer["result"].clone()
    }

    async fn call(&self, tool: &str, arguments: Value) -> String {
        let arguments = arguments.to_string();
        let flags = ["--tool-name", tool, "--tool-args-json", &arguments];
        let result = self.request("tools/call", &flags).await;
        result["content"][0]["text"].as_str().expect("a text").to_owned()
    }

    /// The output of a command over the kept connection.
    async fn keep(&self, arguments: &[&str]) -> Value {
        let mut command = self.program("mcpdo/build/mcp-bin.js");
        command
            .args(["--stored-auth-only", "--format", "json", "--connection", "kept"])
            .args(arguments);
        let shown = succeeded(arguments[0], command).await;
        serde_json::from_str(&shown).expect("JSON")
    }

    /// A question in the middle of a call, answered by a command of its own.
    async fn answers_a_question(&self) {
        let header = format!("Authorization: Bearer {KEY}");
        let flags = ["--transport", "http", "--era", self.era, "--elicit", "form", "--header"];
        let connect = [&["connect", &self.endpoint], &flags[..], &[&header]].concat();
        self.keep(&connect).await;
        let question = self.keep(&["tools/call", "ask"]).await["elicitationPending"].clone();
        assert!(question["requestedSchema"]["properties"]["name"].is_object(), "{question}");
        let id = question["elicitationId"].as_str().expect("an id");
        let answer = self.keep(&["elicitation/respond", id, "name:=\"Ada\""]).await;
        assert_eq!(answer["content"][0]["text"], "Hello, Ada", "{answer}");
        self.keep(&["disconnect", "kept"]).await;
    }
}

impl Drop for Inspector {
    /// A process in the background keeps the connections of `mcpdo`.
    fn drop(&mut self) {
        let mut stop = self.program("mcpdo/build/mcp-bin.js").into_std();
        let _ = stop.args(["daemon", "stop"]).output();
    }
}

/// Connects, lists, calls, answers a question, ends.
async fn everything(era: &'static str, version: &str) {
    let server = start(options().var("MCP_API_KEY", KEY)).await;
    let inspector = Inspector::new(&server, era);
    let hello = inspector.request("initialize", &[]).await;
    assert_eq!(hello["protocolVersion"], version, "{hello}");
    assert_eq!(hello["serverInfo"]["name"], "sitebay-mcp");

    // Strict: an error in a tool's schema fails it.
    let tools = inspector.request("tools/list", &["--strict"]).await;
    let tools = tools["tools"].as_array().expect("tools");
    let has = |name: &str| tools.iter().any(|tool| tool["name"] == name);
    assert!(has("echo") && has("slow"), "{tools:?}");
    assert_eq!(inspector.call("echo", json!({ "text": "grüße 🌍" })).await, "grüße 🌍");
    assert_eq!(inspector.call("slow", json!({ "ms": 400, "steps": 4 })).await, "done");
    if has("ask") {
        inspector.answers_a_question().await;
    }
}

#[tokio::test]
async fn the_inspector_uses_everything_in_a_session() {
    everything("legacy", LATEST).await;
}

#[tokio::test]
async fn the_inspector_finds_out_which_version_to_speak() {
    everything("auto", AUTO).await;
}

#[tokio::test]
async fn the_inspector_uses_everything_without_a_session() {
    everything("modern", "2026-07-28").await;
}
