//! What the runs share: a server with its sandbox, and clients that find out what became of their
//! requests.

use std::{
    fs,
    path::PathBuf,
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

/// After this long, what was not answered is lost.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// A server of its own.
pub(super) struct Host {
    pub(super) server: Server,
    pub(super) port: u16,
}

impl Host {
    /// Starts one, with a sandbox.
    pub(super) async fn start(bundle: PathBuf, vars: &[(&str, &str)]) -> Result<Self> {
        let options = Options::new(bundle);
        let options = vars.iter().fold(options, |options, (name, value)| options.var(name, value));
        let server = Server::start(&options).await?;
        let port = server.url().rsplit(':').next().and_then(|port| port.parse().ok());
        Ok(Self { server, port: port.context("a port")? })
    }

    /// Memory in MB; 0 where the system does not say.
    pub(super) fn memory(&self) -> u64 {
        self.server.process().and_then(resident).unwrap_or_default() >> 20
    }

    /// Open sockets; None where the system does not say.
    pub(super) fn sockets(&self) -> Option<usize> {
        let open = fs::read_dir(format!("/proc/{}/fd", self.server.process()?)).ok()?;
        let names = open.flatten().filter_map(|one| fs::read_link(one.path()).ok());
        Some(names.filter(|name| name.to_string_lossy().starts_with("socket:")).count())
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

/// A session of somebody without a token.
pub(super) async fn session(port: u16) -> Result<String> {
    let caller = Caller::at("/mcp");
    load::start(&mut Connection::open(port).await?, &caller, &caller).await
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
