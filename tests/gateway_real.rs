//! Servers of other projects behind the gateway: clients of every era see through its doors what a client
//! sees that asks them directly.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    options,
    real_upstreams::RealServer,
    rmcp_server::RmcpServer,
    start,
    tour::{SSE_CLIENT, STATELESS_CLIENT, tour},
};

/// What must be the same however a server is asked. Progress is coalesced on its way, and not compared.
fn compared(seen: &Value) -> Value {
    let calls = seen["calls"].as_array().expect("calls");
    let calls: Vec<Value> = calls
        .iter()
        .map(|call| {
            // Some servers ask for the roots by themselves whenever a session begins.
            let asked = call["asked"].as_array().into_iter().flatten();
            let asked: Vec<&Value> = asked.filter(|asked| **asked != "roots").collect();
            json!({ "name": call["name"], "asked": asked, "result": call["result"] })
        })
        .collect();
    let names = |list: &Value| -> Vec<Value> {
        list.as_array().into_iter().flatten().map(|item| item["name"].clone()).collect()
    };
    json!({
        "calls": calls,
        "prompts": seen["prompts"],
        "reads": seen["reads"],
        "completions": seen["completions"],
        "tools": names(&seen["tools"]),
    })
}

/// Asks a server directly by one client, and through its door by clients of every era.
async fn is_the_same_through_its_door(name: &str, url: &str, client: &str, plan: &Value) {
    let settings = json!({ "real": { "url": url } }).to_string();
    let worker = start(options().var("UPSTREAMS", &settings)).await;
    let direct = compared(&tour(url, client, plan).await);
    let (mcp, sse) =
        (format!("{}/u/real/mcp", worker.url()), format!("{}/u/real/sse", worker.url()));
    let clients = [(&mcp, "v1"), (&mcp, "v2-legacy"), (&mcp, STATELESS_CLIENT), (&sse, SSE_CLIENT)];
    let seen = join_all(clients.map(|(url, client)| tour(url, client, plan))).await;
    for ((_, client), seen) in clients.iter().zip(seen) {
        assert_eq!(compared(&seen), direct, "{name}, {client}");
    }
}

/// Statements 1 and 2.
#[tokio::test]
async fn a_server_of_the_typescript_sdk_v2_is_the_same_through_its_door() {
    let server = RealServer::sdk_v2().await;
    let plan = json!({
        "calls": [["echo", { "text": "x" }], ["slow", { "ms": 60, "steps": 3 }], ["ask", {}], ["fail", {}]],
        "reads": ["demo://item/7"],
        "prompts": [["greet", { "name": "Ada" }]],
    });
    is_the_same_through_its_door("sdk v2", server.url(), "v2-legacy", &plan).await;
}

/// Statement 1.
#[tokio::test]
async fn a_fastmcp_server_is_the_same_through_its_door() {
    let Some(server) = RealServer::fastmcp("a FastMCP server behind the gateway").await else {
        return;
    };
    let plan = json!({
        "calls": [["echo", { "text": "x" }], ["slow", { "ms": 60, "steps": 3 }], ["fail", {}]],
        "reads": ["file:///notes.txt", "demo://item/7"],
        "prompts": [["greet", { "name": "Ada" }]],
    });
    is_the_same_through_its_door("FastMCP", server.url(), "v2-legacy", &plan).await;
}

/// Statement 1.
#[tokio::test]
async fn a_server_of_the_rust_sdk_is_the_same_through_its_door() {
    let server = RmcpServer::start().await;
    let plan = json!({
        "calls": [["echo", { "text": "x" }], ["slow", { "ms": 60, "steps": 3 }], ["fail", {}]],
    });
    is_the_same_through_its_door("rmcp", server.url(), "v2-legacy", &plan).await;
}

/// Statements 1 and 2, over both transports that have sessions.
#[tokio::test]
async fn the_server_everything_is_the_same_through_its_door() {
    let plan = json!({
        "calls": [
            ["echo", { "message": "x" }],
            ["trigger-sampling-request", { "prompt": "Say a number.", "maxTokens": 16 }],
        ],
        "prompts": [["simple-prompt", {}]],
    });
    let (streamable, sse) = tokio::join!(RealServer::everything(), RealServer::everything_sse());
    is_the_same_through_its_door("everything", streamable.url(), "v2-legacy", &plan).await;
    is_the_same_through_its_door("everything, SSE", sse.url(), SSE_CLIENT, &plan).await;
}
