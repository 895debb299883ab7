//! The work of a mixed-traffic client beside plain calls: streams that stay open, the wire of
//! 2024, questions, tasks, connections that break, a SiteBay that fails now and then.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::host::{PATIENCE, is_answer, response, session_of, tool_text};
use crate::{
    counts::listen,
    http::{Connection, request},
    load,
    messages::Caller,
};

/// The streams that a client has open, of three wires.
pub(super) struct Wires {
    caller: Caller,
    port: u16,
    listening: Connection,
    held: Connection,
    /// The stream of 2024, and where its messages go.
    old: (Connection, Caller),
}

impl Wires {
    /// Opens them; `session` is the one whose stream is held.
    pub(super) async fn open(port: u16, caller: &Caller, session: &str) -> Result<Self> {
        let listening = stream(port, &listen(caller), "acknowledged").await?;
        let held = stream(port, &caller.stream(session, None), "connected").await?;
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend(caller.token.as_deref().map(|token| ("x-sitebay-token", token)));
        let mut old = stream(port, &request("GET", "/sse", &headers, ""), "\n\n").await?;
        let text = old.text();
        let path = text.split("data: ").nth(1).and_then(|rest| rest.lines().next());
        let messages =
            Caller { path: format!("/{}", path.context("no endpoint")?), ..caller.clone() };
        let hello = initialize();
        said(&mut old, port, &messages, &hello, r#""protocolVersion":"2024-11-05""#).await?;
        post(port, &messages, r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await?;
        Ok(Self { caller: caller.clone(), port, listening, held, old: (old, messages) })
    }

    /// A call whose answer comes on the stream of 2024.
    pub(super) async fn old_call(&mut self, text: &str) -> Result<()> {
        let (stream, messages) = &mut self.old;
        let params = json!({ "name": "echo", "arguments": { "text": text } });
        let call =
            json!({ "jsonrpc": "2.0", "id": text, "method": "tools/call", "params": params });
        said(stream, self.port, messages, &call.to_string(), &format!(r#""id":"{text}""#)).await?;
        let answer = response(&stream.text())?;
        ensure!(answer["id"] == text && tool_text(&answer) == Some(text), "answered {answer}");
        stream.forget();
        Ok(())
    }

    /// A change that every stream of the subject hears of, each once.
    pub(super) async fn change(&mut self, session: &str) -> Result<()> {
        let mut connection = Connection::open(self.port).await?;
        load::expected(&mut connection, &self.caller.tool(session, "notify", "{}"), b"announced")
            .await?;
        for stream in [&mut self.listening, &mut self.held, &mut self.old.0] {
            let heard = timeout(PATIENCE, stream.until(b"notifications/tools/list_changed")).await;
            ensure!(heard.context("nobody said that the tools changed")??, "a stream ended");
            stream.forget();
        }
        Ok(())
    }

    /// A streamed call whose connection breaks, and is read on.
    pub(super) async fn broken(&self, session: &str) -> Result<()> {
        let call = self.caller.streamed(session, "slow", r#"{"ms":200,"steps":4}"#);
        let connection = stream(self.port, &call, "\"progress\":1").await?;
        let text = connection.text();
        connection.reset()?;
        let last = text.lines().filter_map(|line| line.strip_prefix("id:")).next_back();
        let last = last.context("an event without an id")?.trim();
        let mut connection = Connection::open(self.port).await?;
        connection.ask(&self.caller.stream(session, Some(last))).await?;
        let answer = response(&connection.text())?;
        ensure!(tool_text(&answer) == Some("done"), "read on: {answer}");
        Ok(())
    }

    /// A question that is an answer, and the answer to it.
    pub(super) async fn question(&self, name: &str) -> Result<()> {
        let able = r#"{"elicitation":{}}"#;
        let mut params = json!({ "name": "ask", "arguments": {} });
        let asked = self.stateless("tools/call", "ask", &params, able).await?;
        let state = asked.pointer("/result/requestState").with_context(|| asked.to_string())?;
        params["requestState"] = state.clone();
        params["inputResponses"] =
            json!({ "name": { "action": "accept", "content": { "name": name } } });
        let answer = self.stateless("tools/call", "ask", &params, able).await?;
        let told = format!("Hello, {name}");
        ensure!(tool_text(&answer) == Some(&told), "answered {answer}");
        Ok(())
    }

    /// A task, until it ended.
    pub(super) async fn task(&self, label: &str) -> Result<()> {
        let able = r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;
        let arguments = json!({ "seconds": 0.3, "label": label });
        let params = json!({ "name": "slow_compute", "arguments": arguments });
        let begun = self.stateless("tools/call", "slow_compute", &params, able).await?;
        let id = begun.pointer("/result/taskId").and_then(Value::as_str);
        let id = id.with_context(|| format!("no task: {begun}"))?;
        let (look, began) = (json!({ "taskId": id }), Instant::now());
        loop {
            let seen = self.stateless("tasks/get", id, &look, able).await?;
            let text = seen.pointer("/result/result/content/0/text").and_then(Value::as_str);
            match text {
                Some(text) if text == format!("computed {label} in 0.3 s") => return Ok(()),
                None if began.elapsed() < PATIENCE => sleep(Duration::from_millis(100)).await,
                _ => bail!("the task is {seen}"),
            }
        }
    }

    /// A site of SiteBay's, which may fail just then: the right one, or an error of the tool.
    pub(super) async fn site(&self, number: usize) -> Result<()> {
        let fqdn = format!("site-{}.example.com", number % 3 + 1);
        let arguments = json!({ "fqdn": fqdn }).to_string();
        let mut connection = Connection::open(self.port).await?;
        connection.ask(&self.caller.stateless_call("sitebay_get_site", &arguments)).await?;
        let answer = response(&connection.text())?;
        let failed = answer.pointer("/result/isError").is_some() && is_answer(&answer);
        let told = answer.pointer("/result/structuredContent/fqdn").and_then(Value::as_str);
        ensure!(failed || told == Some(&fqdn), "asked for {fqdn}, answered {answer}");
        Ok(())
    }

    /// A session of an older version: its own, until it ends.
    pub(super) async fn older(&self, version: &'static str, text: &str) -> Result<()> {
        let caller = self.caller.clone().speaking(version);
        let session = session_of(self.port, &caller).await?;
        let mut connection = Connection::open(self.port).await?;
        let said = json!({ "text": text }).to_string();
        connection.ask(&caller.tool(&session, "echo", &said)).await?;
        let answer = response(&connection.text())?;
        ensure!(tool_text(&answer) == Some(text), "answered {answer}");
        let head = connection.ask(&caller.delete(&session)).await?;
        ensure!(head.status == 204, "ended with {}", head.status);
        Ok(())
    }

    async fn stateless(
        &self,
        method: &str,
        name: &str,
        params: &Value,
        able: &str,
    ) -> Result<Value> {
        let mut connection = Connection::open(self.port).await?;
        connection.ask(&self.caller.stateless_of(method, name, params, able)).await?;
        response(&connection.text())
    }
}

fn initialize() -> String {
    let client = json!({ "name": "old client", "version": "1" });
    let params =
        json!({ "protocolVersion": "2024-11-05", "capabilities": {}, "clientInfo": client });
    json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params }).to_string()
}

/// A stream, read as far as this.
async fn stream(port: u16, request: &[u8], first: &str) -> Result<Connection> {
    let mut connection = Connection::open(port).await?;
    connection.begin(request).await?;
    let began = connection.until(first.as_bytes()).await?;
    began.then_some(connection).with_context(|| format!("no {first} on a stream"))
}

/// A message of 2024, until the stream says this.
async fn said(
    stream: &mut Connection,
    port: u16,
    messages: &Caller,
    message: &str,
    what: &str,
) -> Result<()> {
    post(port, messages, message).await?;
    ensure!(stream.until(what.as_bytes()).await?, "the stream ended before {what}");
    // The event is whole with its empty line.
    while !stream.text().ends_with("\n\n") {
        ensure!(stream.more().await?, "the stream ended in an event");
    }
    Ok(())
}

async fn post(port: u16, messages: &Caller, message: &str) -> Result<()> {
    let mut connection = Connection::open(port).await?;
    let head = connection.ask(&messages.message(message)).await?;
    ensure!(head.status == 202, "a message was answered {}", head.status);
    Ok(())
}
