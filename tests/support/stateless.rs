//! Requests of 2026-07-28, with the headers that repeat their body.

use serde_json::{Value, json};

use super::{Answer, Client};

pub const VERSION: &str = "2026-07-28";

/// The envelope of a request.
pub fn meta(capabilities: Value) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    })
}

/// A client whose headers repeat this body, and the body.
pub fn prepared(
    client: &Client,
    method: &str,
    mut params: Value,
    capabilities: Value,
) -> (Client, String) {
    let name = ["name", "uri", "taskId"].into_iter().find_map(|field| params[field].as_str());
    let mut client =
        client.clone().with("mcp-protocol-version", VERSION).with("mcp-method", method);
    if let Some(name) = name {
        client = client.with("mcp-name", name);
    }
    params["_meta"] = meta(capabilities);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    (client, body.to_string())
}

/// Sends a request.
pub async fn ask(client: &Client, method: &str, params: Value, capabilities: Value) -> Answer {
    let (client, body) = prepared(client, method, params, capabilities);
    client.post(body).await
}

/// Calls a tool without arguments.
pub async fn call(client: &Client, tool: &str, capabilities: Value) -> Answer {
    ask(client, "tools/call", json!({ "name": tool }), capabilities).await
}
