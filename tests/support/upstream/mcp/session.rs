//! Sessions: what Streamable HTTP with sessions and HTTP with SSE share, and the former's endpoint.

use std::{
    collections::{HashMap, HashSet},
    io,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use futures_util::future::BoxFuture;
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::AbortHandle};

use super::{
    super::{Out, Reply, Request},
    core::{Change, Core},
    line::Line,
    lists,
    peer::{Failure, Peer, Question, severity},
    tools,
};

/// The versions that have sessions.
const VERSIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// All sessions of a server.
pub(super) struct Sessions {
    core: Arc<Core>,
    /// The latest version that it speaks.
    version: &'static str,
    known: Mutex<HashMap<String, Arc<Session>>>,
    next: AtomicUsize,
}

/// A session.
pub(super) struct Session {
    core: Arc<Core>,
    version: String,
    capabilities: OnceLock<Value>,
    /// Its streams; the first is that of no request.
    lines: Mutex<Vec<Arc<Line>>>,
    /// Whether somebody reads the first.
    has_reader: AtomicBool,
    questions: Mutex<HashMap<String, oneshot::Sender<Value>>>,
    next_question: AtomicU64,
    running: Mutex<HashMap<String, AbortHandle>>,
    subscribed: Mutex<HashSet<String>>,
    log_level: Mutex<Option<usize>>,
}

impl Sessions {
    pub(super) fn new(core: Arc<Core>, version: &'static str) -> Self {
        Self { core, version, known: Mutex::default(), next: AtomicUsize::new(1) }
    }

    pub(super) fn count(&self) -> usize {
        self.known.lock().unwrap().len()
    }

    pub(super) fn forget(&self) {
        let ended = std::mem::take(&mut *self.known.lock().unwrap());
        ended.values().for_each(|session| session.end());
    }

    pub(super) fn find(&self, id: &str) -> Option<Arc<Session>> {
        self.known.lock().unwrap().get(id).cloned()
    }

    pub(super) fn remove(&self, id: &str) -> bool {
        let ended = self.known.lock().unwrap().remove(id);
        ended.inspect(|session| session.end()).is_some()
    }

    /// Opens a session of what `initialize` says; returns its id. It may have any visible character.
    pub(super) fn open(&self, initialize: &Value) -> (String, Arc<Session>) {
        let asked = initialize["protocolVersion"].as_str().unwrap_or_default();
        let is_known = VERSIONS.contains(&asked) && asked <= self.version;
        let version = if is_known { asked } else { self.version };
        let id = format!("s!~\"{}", self.next.fetch_add(1, Ordering::Relaxed));
        let session = Arc::new(Session {
            core: Arc::clone(&self.core),
            version: version.to_owned(),
            capabilities: initialize
                .get("capabilities")
                .cloned()
                .map_or_else(OnceLock::new, OnceLock::from),
            lines: Mutex::new(vec![Arc::new(Line::new(0))]),
            has_reader: AtomicBool::new(false),
            questions: Mutex::default(),
            next_question: AtomicU64::new(1),
            running: Mutex::default(),
            subscribed: Mutex::default(),
            log_level: Mutex::new(Some(0)),
        });
        self.known.lock().unwrap().insert(id.clone(), Arc::clone(&session));
        tokio::spawn(news(Arc::downgrade(&session), self.core.changes()));
        (id, session)
    }

    /// Streamable HTTP.
    pub(super) async fn answer(&self, request: &Request, out: Out<'_>) -> io::Result<bool> {
        match request.method.as_str() {
            "POST" => self.post(request, out).await,
            "GET" => match self.of(request) {
                Ok(session) => session.get(request, out).await,
                Err(refusal) => out.reply(refusal).await,
            },
            "DELETE" => match self.of(request) {
                Ok(_) => {
                    self.remove(request.header("mcp-session-id"));
                    out.reply(Reply::status(200)).await
                }
                Err(refusal) => out.reply(refusal).await,
            },
            _ => out.reply(Reply::status(405).header("allow", "GET, POST, DELETE")).await,
        }
    }

    /// The session that a request names, where its headers are right.
    fn of(&self, request: &Request) -> Result<Arc<Session>, Reply> {
        if !request.has("mcp-session-id") {
            return Err(refused(400, "Mcp-Session-Id is missing"));
        }
        let found = self.find(request.header("mcp-session-id"));
        let session = found.ok_or_else(|| refused(404, "there is no such session"))?;
        let version = request.header("mcp-protocol-version");
        let is_due = session.version.as_str() >= "2025-06-18";
        if is_due && version != session.version {
            return Err(refused(400, &format!("MCP-Protocol-Version is {version:?}")));
        }
        Ok(session)
    }

    async fn post(&self, request: &Request, out: Out<'_>) -> io::Result<bool> {
        if let Some(refusal) = unfit(request) {
            return out.reply(refusal).await;
        }
        let message = request.json();
        if message["method"] == "initialize" {
            let (id, session) = self.open(&message["params"]);
            let reply = request.result(&session.hello());
            return out.reply(reply.header("Mcp-Session-Id", id)).await;
        }
        match self.of(request) {
            Ok(session) => session.post(&message, out).await,
            Err(refusal) => out.reply(refusal).await,
        }
    }
}

/// Tells a session what changes, until it ends.
async fn news(
    session: std::sync::Weak<Session>,
    mut changes: tokio::sync::broadcast::Receiver<Change>,
) {
    while let Ok(change) = changes.recv().await {
        let Some(session) = session.upgrade() else { return };
        let message = match change {
            Change::List(list) => {
                json!({ "jsonrpc": "2.0", "method": format!("notifications/{list}/list_changed") })
            }
            Change::Resource(uri) if session.subscribed.lock().unwrap().contains(&uri) => {
                json!({ "jsonrpc": "2.0", "method": "notifications/resources/updated", "params": { "uri": uri } })
            }
            Change::Resource(_) | Change::End => continue,
        };
        session.first_line().push(message.to_string());
    }
}

fn refused(status: u16, why: &str) -> Reply {
    let error =
        json!({ "jsonrpc": "2.0", "id": null, "error": { "code": -32000, "message": why } });
    Reply::json(&error.to_string()).with_status(status)
}

/// The refusal of a POST that no client may send.
fn unfit(request: &Request) -> Option<Reply> {
    let accepts = request.header("accept");
    if !["application/json", "text/event-stream"].iter().all(|kind| accepts.contains(kind)) {
        return Some(refused(406, "Accept must name both media types"));
    }
    if !request.header("content-type").starts_with("application/json") {
        return Some(refused(415, "Content-Type must be application/json"));
    }
    let message = request.json();
    if !message.is_object() || message["jsonrpc"] != "2.0" {
        return Some(refused(400, "this is no JSON-RPC message"));
    }
    let meta = message["params"]["_meta"].as_object();
    let foreign = |name: &&String| {
        name.starts_with("io.modelcontextprotocol/") && !name.ends_with("/related-task")
    };
    if let Some(name) = meta.and_then(|meta| meta.keys().find(foreign)) {
        return Some(refused(400, &format!("{name} belongs to another era")));
    }
    None
}

impl Session {
    /// The result of `initialize`.
    pub(super) fn hello(&self) -> String {
        json!({
            "protocolVersion": self.version,
            "capabilities": self.core.capabilities(),
            "serverInfo": { "name": "stand-in", "version": "1.0" },
            "instructions": "Use it in tests.",
        })
        .to_string()
    }

    /// The capabilities in what `initialize` says, where they come after the session's beginning.
    pub(super) fn declare(&self, initialize: &Value) {
        // A client that says it twice is not believed the second time.
        let _ = self.capabilities.set(initialize["capabilities"].clone());
    }

    pub(super) fn first_line(&self) -> Arc<Line> {
        Arc::clone(&self.lines.lock().unwrap()[0])
    }

    fn end(&self) {
        self.running.lock().unwrap().drain().for_each(|(_, task)| task.abort());
        self.lines.lock().unwrap().iter().for_each(|line| line.end());
    }

    async fn post(self: &Arc<Self>, message: &Value, mut out: Out<'_>) -> io::Result<bool> {
        let method = message["method"].as_str().unwrap_or_default();
        if message["id"].is_null() || method.is_empty() {
            self.take(message);
            return out.reply(Reply::status(202)).await;
        }
        let line = self.new_line();
        if !self.begin(message.clone(), Arc::clone(&line)) {
            return out.reply(refused(400, "a request of this id is running")).await;
        }
        let tool = message["params"]["name"].as_str().unwrap_or_default();
        if method == "tools/call" && tools::is_streamed(tool) {
            out.stream(&[]).await?;
            return self.write(&line, 0, out).await;
        }
        let event = line.event(0, false).await.unwrap_or_default();
        let data = event.trim_end().rsplit_once("data: ").map_or("", |(_, data)| data);
        out.reply(Reply::json(data)).await
    }

    fn new_line(&self) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap();
        let line = Arc::new(Line::new(lines.len()));
        lines.push(Arc::clone(&line));
        line
    }

    async fn get(&self, request: &Request, mut out: Out<'_>) -> io::Result<bool> {
        if request.has("last-event-id") {
            let (line, place) = request.header("last-event-id").split_once('-').unwrap_or_default();
            let numbers = line.parse::<usize>().ok().zip(place.parse::<usize>().ok());
            let found = numbers.and_then(|(line, place)| {
                Some((Arc::clone(self.lines.lock().unwrap().get(line)?), place + 1))
            });
            let Some((line, place)) = found else {
                return out.reply(refused(400, "Last-Event-ID is not ours")).await;
            };
            out.stream(&[]).await?;
            return self.write(&line, place, out).await;
        }
        if self.has_reader.swap(true, Ordering::Relaxed) {
            return out.reply(refused(409, "there is a stream already")).await;
        }
        let _reader = Reader(&self.has_reader);
        out.stream(&[]).await?;
        self.write(&self.first_line(), 0, out).await
    }

    /// Writes a stream from this event on.
    async fn write(&self, line: &Line, mut place: usize, mut out: Out<'_>) -> io::Result<bool> {
        let with_ids = self.version.as_str() >= "2025-11-25";
        if place == 0 && with_ids {
            // The first event of 2025-11-25 has an id, and no data.
            out.write("retry: 100\ndata:\n\n").await?;
        }
        while let Some(event) = line.event(place, with_ids).await {
            out.write(&event).await?;
            place += 1;
        }
        out.end().await
    }

    /// A notification, or an answer to a question.
    pub(super) fn take(&self, message: &Value) {
        let params = &message["params"];
        match message["method"].as_str() {
            Some("notifications/cancelled") => {
                let id = params["requestId"].to_string();
                if let Some(task) = self.running.lock().unwrap().remove(&id) {
                    task.abort();
                }
            }
            Some(_) => {}
            None => {
                let asked = self.questions.lock().unwrap().remove(&message["id"].to_string());
                if let Some(asked) = asked {
                    // The call may have been cancelled.
                    let _ = asked.send(message.clone());
                }
            }
        }
    }

    /// Runs a request; its messages go to the line, which ends after the response where it is the
    /// request's own. Returns false where a request of this id runs.
    pub(super) fn begin(self: &Arc<Self>, message: Value, line: Arc<Line>) -> bool {
        let id = message["id"].to_string();
        let mut running = self.running.lock().unwrap();
        if running.contains_key(&id) {
            return false;
        }
        let (session, own) = (Arc::clone(self), !Arc::ptr_eq(&line, &self.first_line()));
        let key = id.clone();
        let task = tokio::spawn(async move {
            let ending = EndOf(own.then(|| Arc::clone(&line)));
            let response = session.respond(&message, &line).await;
            session.running.lock().unwrap().remove(&key);
            line.push(response);
            drop(ending);
        });
        running.insert(id, task.abort_handle());
        true
    }

    async fn respond(&self, message: &Value, line: &Arc<Line>) -> String {
        let (id, params) = (&message["id"], &message["params"]);
        let method = message["method"].as_str().unwrap_or_default();
        let level = *self.log_level.lock().unwrap();
        let peer = SessionPeer { session: self, line, level };
        let answer = match method {
            "ping" => Ok("{}".to_owned()),
            "logging/setLevel" => self.set_level(params),
            "resources/subscribe" => self.subscribe(params, true),
            "resources/unsubscribe" => self.subscribe(params, false),
            _ => self.core.answer(&peer, method, params).await,
        };
        match answer {
            Ok(result) => format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{result}}}"#),
            Err(failure) => {
                json!({ "jsonrpc": "2.0", "id": id, "error": failure.object() }).to_string()
            }
        }
    }

    fn set_level(&self, params: &Value) -> Result<String, Failure> {
        let level = severity(params["level"].as_str().unwrap_or_default());
        let level = level.ok_or_else(|| Failure::error(-32602, "there is no such level"))?;
        *self.log_level.lock().unwrap() = Some(level);
        Ok("{}".to_owned())
    }

    fn subscribe(&self, params: &Value, wanted: bool) -> Result<String, Failure> {
        let uri = params["uri"].as_str().unwrap_or_default();
        if !lists::has_resource(uri) {
            return Err(Failure::error(-32002, "there is no such resource"));
        }
        let mut subscribed = self.subscribed.lock().unwrap();
        if wanted {
            subscribed.insert(uri.to_owned())
        } else {
            subscribed.remove(uri)
        };
        Ok("{}".to_owned())
    }
}

/// Ends a line, also where its call is cancelled.
struct EndOf(Option<Arc<Line>>);

impl Drop for EndOf {
    fn drop(&mut self) {
        if let Some(line) = &self.0 {
            line.end();
        }
    }
}

/// The reader of a session's first line.
struct Reader<'a>(&'a AtomicBool);

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

/// The client of a call in a session.
struct SessionPeer<'a> {
    session: &'a Session,
    line: &'a Line,
    level: Option<usize>,
}

impl Peer for SessionPeer<'_> {
    fn notify(&self, method: &str, params: Value) {
        self.line.push(json!({ "jsonrpc": "2.0", "method": method, "params": params }).to_string());
    }

    fn capabilities(&self) -> &Value {
        self.session.capabilities.get().unwrap_or(&Value::Null)
    }

    fn log_level(&self) -> Option<usize> {
        self.level
    }

    fn ask(&self, questions: Vec<Question>) -> BoxFuture<'_, Result<Vec<Value>, Failure>> {
        Box::pin(async move {
            let mut waiting = Vec::new();
            for question in questions {
                let number = self.session.next_question.fetch_add(1, Ordering::Relaxed);
                let id = Value::String(format!("question {number}"));
                let (answered, answer) = oneshot::channel();
                self.session.questions.lock().unwrap().insert(id.to_string(), answered);
                let (method, params) = (question.method, question.params);
                let message =
                    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
                self.line.push(message.to_string());
                waiting.push(answer);
            }
            let mut answers = Vec::new();
            for answer in waiting {
                let answer = answer.await.map_err(|_| Failure::error(-32603, "no answer"))?;
                let error = answer.get("error").map(|error| json!({ "error": error }));
                answers.push(error.unwrap_or_else(|| answer["result"].clone()));
            }
            Ok(answers)
        })
    }
}
