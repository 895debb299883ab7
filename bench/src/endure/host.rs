//! The common part of the runs: a server with its sandbox, and clients that check the outcome of their
//! requests.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::time::sleep;
use xtask::server::{Options, Server};

use crate::{
    http::{Connection, Head},
    load,
    messages::Caller,
    workerd::resident,
};

/// Files that the local runtime makes for any object, used or not.
const EMPTY_OBJECT: u64 = 4_096;

/// After this long, what was not answered is lost.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// The heap of JavaScript, in MB: an isolate on Cloudflare has 128 MB for everything. Without it, V8
/// collects when it is idle, and a leak cannot be distinguished from garbage that is not collected yet.
const HEAP: [&str; 2] = ["--max-old-space-size=64", "--max-semi-space-size=2"];

/// A server of its own.
pub(super) struct Host {
    pub(super) server: Server,
    pub(super) port: u16,
}

impl Host {
    /// Starts one, with a sandbox.
    pub(super) async fn start(bundle: PathBuf, vars: &[(&str, &str)]) -> Result<Self> {
        Self::with(Options::new(bundle), vars).await
    }

    /// The same with more options.
    pub(super) async fn with(options: Options, vars: &[(&str, &str)]) -> Result<Self> {
        let mut options =
            vars.iter().fold(options, |options, (name, value)| options.var(name, value));
        options.v8 = HEAP.map(str::to_owned).to_vec();
        let server = Server::start(&options).await?;
        let port = server.url().rsplit(':').next().and_then(|port| port.parse().ok());
        Ok(Self { server, port: port.context("a port")? })
    }

    /// Memory in MB; 0 where the system does not say.
    pub(super) fn memory(&self) -> u64 {
        self.server.process().and_then(resident).unwrap_or_default() >> 20
    }

    /// Memory of the instance in KB, which never shrinks.
    pub(super) async fn instance(&self) -> Result<usize> {
        let mut connection = Connection::open(self.port).await?;
        connection.ask(&Caller::at("/mcp").stateless_call("memory", "{}")).await?;
        let answer = response(&connection.text())?;
        let bytes: usize = tool_text(&answer).context("no figure")?.parse()?;
        Ok(bytes >> 10)
    }

    /// Objects that keep rows.
    pub(super) fn keeping(&self) -> usize {
        let classes = fs::read_dir(self.server.storage()).into_iter().flatten().flatten();
        classes.map(|class| written(&class.path())).sum()
    }

    /// Open sockets; None where the system does not say. The runtime has two descriptors for each
    /// connection on which it streams an answer, for any Worker: sockets are counted, not descriptors.
    pub(super) fn sockets(&self) -> Option<usize> {
        let open = fs::read_dir(format!("/proc/{}/fd", self.server.process()?)).ok()?;
        let names = open.flatten().filter_map(|one| fs::read_link(one.path()).ok());
        let sockets = names.filter(|name| name.to_string_lossy().starts_with("socket:"));
        Some(sockets.collect::<BTreeSet<_>>().len())
    }

    /// Whether another client is answered at once.
    pub(super) async fn is_prompt(&self) -> Result<bool> {
        let began = Instant::now();
        let caller = Caller::at("/mcp");
        let request = caller.stateless_call("echo", r#"{"text":"hello"}"#);
        let mut connection = Connection::open(self.port).await?;
        load::expected(&mut connection, &request, b"hello").await?;
        Ok(began.elapsed() < Duration::from_secs(3))
    }
}

/// A session of a caller without a token.
pub(super) async fn session(port: u16) -> Result<String> {
    session_of(port, &Caller::at("/mcp")).await
}

/// A session of a caller.
pub(super) async fn session_of(port: u16, caller: &Caller) -> Result<String> {
    load::start(&mut Connection::open(port).await?, caller, caller).await
}

/// A connection to a server that may just be starting again.
pub(super) async fn reconnect(port: u16) -> Result<Connection> {
    let began = Instant::now();
    loop {
        match Connection::open(port).await {
            Ok(connection) => return Ok(connection),
            Err(error) if began.elapsed() > PATIENCE => return Err(error),
            Err(_) => sleep(Duration::from_millis(20)).await,
        }
    }
}

/// Asks again after every break, until there is an answer. Says how often it broke.
pub(super) async fn insist(connection: &mut Connection, request: &[u8]) -> Result<(Head, usize)> {
    let began = Instant::now();
    let mut broke = 0;
    loop {
        match connection.ask(request).await {
            Ok(head) => return Ok((head, broke)),
            Err(error) if began.elapsed() > PATIENCE => return Err(error),
            Err(_) => {
                broke += 1;
                *connection = reconnect(connection.port()).await?;
            }
        }
    }
}

/// The JSON-RPC response in an answer: its body, or the last event with one.
pub(super) fn response(text: &str) -> Result<Value> {
    if text.starts_with('{') {
        return Ok(serde_json::from_str(text)?);
    }
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    let mut messages = data.filter_map(|data| serde_json::from_str::<Value>(data.trim()).ok());
    let answers = |message: &Value| message.get("method").is_none();
    match messages.rfind(answers) {
        Some(response) => Ok(response),
        None => bail!("no response in {text:?}"),
    }
}

/// The text of a tool's result; None where it is something else.
pub(super) fn tool_text(response: &Value) -> Option<&str> {
    response.pointer("/result/content/0/text").and_then(Value::as_str)
}

/// Whether it is an answer: a result or an error that says something.
pub(super) fn is_answer(response: &Value) -> bool {
    response.get("result").is_some()
        || response.pointer("/error/message").and_then(Value::as_str).is_some_and(|m| !m.is_empty())
}

/// Objects that wrote anything.
pub(super) fn written(folder: &Path) -> usize {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let wrote = |path: PathBuf| {
        let size = fs::metadata(&path).map_or(0, |file| file.len());
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("sqlite") => !path.ends_with("metadata.sqlite") && size != EMPTY_OBJECT,
            Some("sqlite-wal") => !path.to_string_lossy().contains("metadata") && size > 0,
            _ => false,
        }
    };
    files.filter(|file| wrote(file.path())).count()
}
