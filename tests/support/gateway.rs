//! A Worker with upstreams behind it, and clients of its doors.

use serde_json::{Value, json};
use xtask::server::Server as Worker;

use super::{
    Answer, Client, options, start,
    stateless::ask,
    upstream::{
        Upstream,
        mcp::{Era, Server},
    },
};

/// The settings of `UPSTREAMS`: the URL of each, and what else is set.
pub fn settings(upstreams: &[(&str, &str, Value)]) -> String {
    let mut all = json!({});
    for (name, url, other) in upstreams {
        all[*name] = other.clone();
        all[*name]["url"] = json!(url);
    }
    all.to_string()
}

/// A Worker with these upstreams.
pub async fn before(upstreams: &[(&str, &str, Value)]) -> Worker {
    start(options().var("UPSTREAMS", &settings(upstreams))).await
}

/// A stand-in of an era and a Worker that has it as `t`.
pub async fn stand(era: Era) -> (Server, Worker) {
    let upstream = Server::start(era).await;
    let worker = before(&[("t", &upstream.url(), json!({}))]).await;
    (upstream, worker)
}

/// A client's way of asking: in a session, or without one.
#[derive(Clone)]
pub enum Front {
    Session(Client),
    Stateless(Client),
}

impl Front {
    /// Both ways at a door.
    pub async fn both(worker: &Worker, path: &str) -> [Self; 2] {
        let client = Client::at(&worker.url(), path);
        [Self::Session(client.clone().connect().await), Self::Stateless(client)]
    }

    /// A request of a client that can be asked nothing.
    pub async fn ask(&self, method: &str, params: Value) -> Answer {
        match self {
            Self::Session(client) => client.request(method, params).await,
            Self::Stateless(client) => ask(client, method, params, json!({})).await,
        }
    }

    /// A call of a tool.
    pub async fn call(&self, tool: &str, arguments: Value) -> Answer {
        self.ask("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    /// All entries of a list, over its pages.
    pub async fn list(&self, method: &str, field: &str) -> Vec<Value> {
        let (mut all, mut params) = (Vec::new(), json!({}));
        loop {
            let page = self.ask(method, params).await.result();
            all.extend(page[field].as_array().expect("a list").iter().cloned());
            match page["nextCursor"].as_str() {
                Some(cursor) => params = json!({ "cursor": cursor }),
                None => return all,
            }
        }
    }

    /// The names of all tools.
    pub async fn tools(&self) -> Vec<String> {
        let tools = self.list("tools/list", "tools").await;
        tools.iter().map(|tool| tool["name"].as_str().expect("a name").to_owned()).collect()
    }
}

/// The JSON-RPC error of an answer, whatever its HTTP status.
pub fn error(answer: &Answer) -> Value {
    let response = answer.response();
    assert!(response["error"].is_object(), "no error: {response}");
    response["error"].clone()
}

/// Has a scripted upstream open a session, and nothing else, for clients that ask for one.
pub fn opens_sessions(upstream: &Upstream) {
    use super::upstream::{Reply, http, rpc};
    upstream
        .on(rpc("server/discover"), |request| request.error(-32601, "no").with_status(404))
        .on(rpc("initialize"), |request| {
            let hello = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}"#;
            request.result(hello).header("mcp-session-id", "scripted-1")
        })
        .on(rpc("notifications/initialized"), |_| Reply::status(202))
        .on(rpc("notifications/cancelled"), |_| Reply::status(202))
        .on(http("GET"), |_| Reply::status(405))
        .on(http("DELETE"), |_| Reply::status(200))
        .on(rpc("tools/list"), |request| {
            let read = r#""inputSchema":{"type":"object"},"annotations":{"readOnlyHint":true}"#;
            request.result(&format!(
                r#"{{"tools":[{{"name":"change","inputSchema":{{"type":"object"}}}},{{"name":"look",{read}}}]}}"#
            ))
        });
}
