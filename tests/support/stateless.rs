//! Requests of 2026-07-28, with the headers that repeat their body.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::{Answer, Client, events::Live};

pub const VERSION: &str = "2026-07-28";

/// The envelope of a request.
pub fn meta(capabilities: Value) -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": VERSION,
        "io.modelcontextprotocol/clientCapabilities": capabilities,
    })
}

/// A client whose headers repeat this body, and the body. What `_meta` has already stays.
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
    let own = std::mem::replace(&mut params["_meta"], meta(capabilities));
    for (name, value) in own.as_object().into_iter().flatten() {
        params["_meta"][name] = value.clone();
    }
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

/// The open stream of a listener.
pub async fn listen(url: &str, filter: Value) -> Live {
    Live::new(listener(url, filter).send().await.unwrap())
}

/// The request that opens it.
pub fn listener(url: &str, filter: Value) -> RequestBuilder {
    let params = json!({ "notifications": filter });
    let (client, body) = prepared(&Client::new(url), "subscriptions/listen", params, json!({}));
    client.send(Method::POST).body(body)
}
