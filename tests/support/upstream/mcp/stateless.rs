//! 2026-07-28: every request says everything, and what is asked comes back as a result.

use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex},
};

use futures_util::future::BoxFuture;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::{
    super::{Out, Reply, Request},
    Era,
    core::{Change, Core},
    peer::{Failure, Peer, Question, severity},
    tools,
};

const VERSION: &str = "2026-07-28";
const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const META_LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
const META_SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";

/// Whether a request is of this era.
pub(super) fn is_meant(request: &Request) -> bool {
    request.json()["params"]["_meta"][META_VERSION].is_string()
        || request.header("mcp-protocol-version") == VERSION
}

/// The endpoint.
pub(super) struct Stateless {
    core: Arc<Core>,
    /// Every `requestState` that was given, with the answers that it stands for.
    states: Mutex<HashMap<String, Map<String, Value>>>,
}

/// A refusal with its HTTP status.
type Refusal = (u16, Failure);

impl Stateless {
    pub(super) fn new(core: Arc<Core>) -> Self {
        Self { core, states: Mutex::default() }
    }

    pub(super) async fn answer(
        &self,
        era: Era,
        request: &Request,
        out: Out<'_>,
    ) -> io::Result<bool> {
        if request.method != "POST" {
            return out.reply(Reply::status(405).header("allow", "POST")).await;
        }
        let message = request.json();
        if let Err((status, failure)) = self.check(request, &message) {
            return out.reply(error(&message["id"], &failure).with_status(status)).await;
        }
        if message["id"].is_null() {
            return out.reply(Reply::status(202)).await;
        }
        match message["method"].as_str().unwrap_or_default() {
            "server/discover" => out.reply(request.result(&self.discover(era))).await,
            "subscriptions/listen" => self.listen(&message, out).await,
            _ => self.run(&message, out).await,
        }
    }

    fn discover(&self, era: Era) -> String {
        let versions: &[&str] = match era {
            Era::Both => &[VERSION, "2025-11-25", "2025-06-18"],
            _ => &[VERSION],
        };
        let mut capabilities = self.core.capabilities();
        // What a request says is not declared.
        capabilities.as_object_mut().unwrap().remove("logging");
        json!({
            "resultType": "complete",
            "supportedVersions": versions,
            "capabilities": capabilities,
            "instructions": "Use it in tests.",
            "ttlMs": 0,
            "cacheScope": "private",
            "_meta": { "io.modelcontextprotocol/serverInfo": { "name": "stand-in", "version": "1.0" } },
        })
        .to_string()
    }

    /// Checks envelope and headers, in the order of the specification.
    fn check(&self, request: &Request, message: &Value) -> Result<(), Refusal> {
        let refuse = |status, code, why: &str| Err((status, Failure::error(code, why)));
        if !message.is_object() || message["jsonrpc"] != "2.0" {
            return refuse(400, -32600, "this is no JSON-RPC message");
        }
        let accepts = request.header("accept");
        if !["application/json", "text/event-stream"].iter().all(|kind| accepts.contains(kind)) {
            return refuse(406, -32600, "Accept must name both media types");
        }
        let (method, params) = (message["method"].as_str().unwrap_or_default(), &message["params"]);
        let meta = &params["_meta"];
        let version = request.header("mcp-protocol-version");
        if !message["id"].is_null() {
            if !meta[META_VERSION].is_string() || !meta[META_CAPABILITIES].is_object() {
                let data = json!({ "supported": [VERSION], "requested": version });
                let failure =
                    Failure::Error { code: -32022, message: "only 2026-07-28".into(), data };
                let is_old = method == "initialize";
                return if is_old {
                    Err((400, failure))
                } else {
                    refuse(400, -32602, "the envelope is missing")
                };
            }
            if meta[META_VERSION] != version {
                return refuse(400, -32020, "the version's header is not that of the body");
            }
        }
        if version != VERSION {
            let data = json!({ "supported": [VERSION], "requested": version });
            return Err((
                400,
                Failure::Error { code: -32022, message: "only 2026-07-28".into(), data },
            ));
        }
        if !METHODS.contains(&method) && !method.starts_with("notifications/") {
            return Err((404, Failure::error(-32601, format!("there is no method {method}"))));
        }
        headers(request, method, params).map_err(|why| (400, Failure::error(-32020, why)))
    }

    async fn run(&self, message: &Value, mut out: Out<'_>) -> io::Result<bool> {
        let (id, params) = (&message["id"], &message["params"]);
        let method = message["method"].as_str().unwrap_or_default();
        let (told, mut notifications) = mpsc::unbounded_channel();
        let peer = match self.peer(params, told) {
            Ok(peer) => peer,
            Err(failure) => return out.reply(error(id, &failure)).await,
        };
        let tool = params["name"].as_str().filter(|_| method == "tools/call").unwrap_or_default();
        let is_streamed = tools::is_streamed(tool);
        if is_streamed {
            out.stream(&[("x-accel-buffering", "no")]).await?;
        }
        let mut answering = std::pin::pin!(self.core.answer(&peer, method, params));
        let answer = loop {
            tokio::select! {
                biased;
                Some(notification) = notifications.recv() => {
                    out.write(&format!("event: message\ndata: {notification}\n\n")).await?;
                }
                answer = &mut answering => break answer,
            }
        };
        let response = self.response(id, method, answer, &peer);
        if !is_streamed {
            return out.reply(Reply::json(&response)).await;
        }
        while let Ok(notification) = notifications.try_recv() {
            out.write(&format!("event: message\ndata: {notification}\n\n")).await?;
        }
        out.write(&format!("event: message\ndata: {response}\n\n")).await?;
        out.end().await
    }

    /// The client of a request, with the answers that it brings.
    fn peer(
        &self,
        params: &Value,
        told: mpsc::UnboundedSender<String>,
    ) -> Result<StatelessPeer, Failure> {
        let mut answers = Map::new();
        if let Some(state) = params["requestState"].as_str() {
            let known = self.states.lock().unwrap().get(state).cloned();
            answers =
                known.ok_or_else(|| Failure::error(-32602, "this requestState is not ours"))?;
        }
        for (key, answer) in params["inputResponses"].as_object().into_iter().flatten() {
            answers.insert(key.clone(), answer.clone());
        }
        let level = params["_meta"][META_LOG_LEVEL].as_str().and_then(severity);
        let capabilities = params["_meta"][META_CAPABILITIES].clone();
        Ok(StatelessPeer { capabilities, level, answers, told })
    }

    fn response(
        &self,
        id: &Value,
        method: &str,
        answer: Result<String, Failure>,
        peer: &StatelessPeer,
    ) -> String {
        let result = match answer {
            Ok(result) => {
                let cached = method.ends_with("/list") || method == "resources/read";
                let (ttl, scope) = self.core.options.cache;
                let hints = format!(r#""ttlMs":{ttl},"cacheScope":"{scope}","#);
                let hints = if cached { hints.as_str() } else { "" };
                let rest = result.strip_prefix('{').unwrap_or_default();
                format!(r#"{{"resultType":"complete",{hints}{rest}"#)
            }
            Err(Failure::Asks(questions)) => self.input_required(questions, peer).to_string(),
            Err(failure) => {
                return json!({ "jsonrpc": "2.0", "id": id, "error": failure.object() })
                    .to_string();
            }
        };
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#)
    }

    fn input_required(&self, questions: Vec<Question>, peer: &StatelessPeer) -> Value {
        let mut states = self.states.lock().unwrap();
        // Opaque means any text.
        let state = format!("état \"{}\" /+= \u{1f30d}", states.len());
        states.insert(state.clone(), peer.answers.clone());
        let mut requests = Map::new();
        for Question { key, method, mut params } in questions {
            if let Some(params) = params.as_object_mut() {
                params.remove("elicitationId");
            }
            requests.insert(key.to_owned(), json!({ "method": method, "params": params }));
        }
        json!({ "resultType": "input_required", "inputRequests": requests, "requestState": state })
    }

    async fn listen(&self, message: &Value, mut out: Out<'_>) -> io::Result<bool> {
        let id = &message["id"];
        let wanted = &message["params"]["notifications"];
        let mut changes = self.core.changes();
        let meta = json!({ META_SUBSCRIPTION: id });
        let notification = |method: &str, mut params: Value| {
            params["_meta"] = meta.clone();
            let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
            format!("event: message\ndata: {message}\n\n")
        };
        out.stream(&[("x-accel-buffering", "no")]).await?;
        let accepted = json!({ "notifications": wanted });
        out.write(&notification("notifications/subscriptions/acknowledged", accepted)).await?;
        while let Ok(change) = changes.recv().await {
            let event = match change {
                Change::List(list) if wanted[format!("{list}ListChanged")] == true => {
                    notification(&format!("notifications/{list}/list_changed"), json!({}))
                }
                Change::Resource(uri) if subscribed(wanted, &uri) => {
                    notification("notifications/resources/updated", json!({ "uri": uri }))
                }
                Change::End => break,
                Change::List(_) | Change::Resource(_) => continue,
            };
            out.write(&event).await?;
        }
        let result = json!({ "resultType": "complete", "_meta": meta });
        let response = json!({ "jsonrpc": "2.0", "id": id, "result": result });
        out.write(&format!("event: message\ndata: {response}\n\n")).await?;
        out.end().await
    }
}

const METHODS: [&str; 10] = [
    "server/discover",
    "subscriptions/listen",
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "prompts/list",
    "prompts/get",
    "completion/complete",
];

fn subscribed(wanted: &Value, uri: &str) -> bool {
    let uris = wanted["resourceSubscriptions"].as_array();
    uris.is_some_and(|uris| uris.iter().any(|wanted| wanted == uri))
}

fn error(id: &Value, failure: &Failure) -> Reply {
    Reply::json(&json!({ "jsonrpc": "2.0", "id": id, "error": failure.object() }).to_string())
}

/// Checks the headers that repeat the body.
fn headers(request: &Request, method: &str, params: &Value) -> Result<(), String> {
    let mut expected = vec![("mcp-method".to_owned(), Some(method.to_owned()))];
    let name = match method {
        "tools/call" | "prompts/get" => params["name"].as_str(),
        "resources/read" => params["uri"].as_str(),
        _ => None,
    };
    if name.is_some() {
        expected.push(("mcp-name".to_owned(), name.map(str::to_owned)));
    }
    if method == "tools/call" && params["name"] == "annotated" {
        let arguments = &params["arguments"];
        expected.push(("mcp-param-region".into(), arguments["region"].as_str().map(str::to_owned)));
        let floor = arguments["place"]["floor"].as_i64().map(|floor| floor.to_string());
        expected.push(("mcp-param-floor".into(), floor));
    }
    for (name, expected) in expected {
        let sent = request.has(&name).then(|| decoded(request.header(&name)));
        if sent != expected {
            return Err(format!("{name} is {sent:?} and the body says {expected:?}"));
        }
    }
    Ok(())
}

/// The text of a header that may be written in base64.
fn decoded(value: &str) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let inner = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    let bytes = inner.and_then(|inner| STANDARD.decode(inner).ok());
    bytes.map_or_else(|| value.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The client of one request.
struct StatelessPeer {
    capabilities: Value,
    level: Option<usize>,
    answers: Map<String, Value>,
    told: mpsc::UnboundedSender<String>,
}

impl Peer for StatelessPeer {
    fn notify(&self, method: &str, params: Value) {
        let message = json!({ "jsonrpc": "2.0", "method": method, "params": params });
        // The client may have left.
        let _ = self.told.send(message.to_string());
    }

    fn capabilities(&self) -> &Value {
        &self.capabilities
    }

    fn log_level(&self) -> Option<usize> {
        self.level
    }

    fn ask(&self, questions: Vec<Question>) -> BoxFuture<'_, Result<Vec<Value>, Failure>> {
        let (known, missing): (Vec<_>, Vec<_>) =
            questions.into_iter().partition(|question| self.answers.contains_key(question.key));
        let answers = known.iter().map(|question| self.answers[question.key].clone()).collect();
        let answers = if missing.is_empty() { Ok(answers) } else { Err(Failure::Asks(missing)) };
        Box::pin(std::future::ready(answers))
    }
}
