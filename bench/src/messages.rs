//! The requests, the same for every contestant.

use serde_json::Value;

use crate::http::request;

/// The version that has sessions, as most clients speak it.
const SESSION: &str = "2025-11-25";
/// The version without.
const STATELESS: &str = "2026-07-28";

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1.0"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const ENVELOPE: &str = r#""io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1.0"}"#;

/// The text of the trivial tool: every response is checked.
pub const HELLO: &[u8] = b"hello";

const BOTH: (&str, &str) = ("accept", "application/json, text/event-stream");
const JSON: (&str, &str) = ("content-type", "application/json");

/// A caller and its endpoint.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// The path, with its query.
    pub path: String,
    /// The key that lets it in.
    pub key: Option<String>,
    /// The token that makes it a subject of its own.
    pub token: Option<String>,
    /// The version of its sessions; None: the newest that has any.
    pub version: Option<&'static str>,
}

impl Caller {
    /// A caller without a token.
    #[must_use]
    pub fn at(path: &str) -> Self {
        Self { path: path.to_owned(), ..Self::default() }
    }

    /// The same with a key.
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        Self { key: Some(format!("Bearer {key}")), ..self }
    }

    /// A subject of its own.
    #[must_use]
    pub fn with_token(self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self }
    }

    /// The same in sessions of this version.
    #[must_use]
    pub fn speaking(self, version: &'static str) -> Self {
        Self { version: Some(version), ..self }
    }

    /// A request that starts a session.
    #[must_use]
    pub fn initialize(&self) -> Vec<u8> {
        self.post(&[], &INITIALIZE.replace(SESSION, self.version()))
    }

    fn version(&self) -> &'static str {
        self.version.unwrap_or(SESSION)
    }

    /// The message after that.
    #[must_use]
    pub fn initialized(&self, session: &str) -> Vec<u8> {
        self.in_session(session, INITIALIZED)
    }

    /// A call of the trivial tool in a session.
    #[must_use]
    pub fn call(&self, session: &str) -> Vec<u8> {
        self.tool(session, "echo", r#"{"text":"hello"}"#)
    }

    /// A call of a tool in a session.
    #[must_use]
    pub fn tool(&self, session: &str, name: &str, arguments: &str) -> Vec<u8> {
        let params = format!(r#"{{"name":"{name}","arguments":{arguments}}}"#);
        self.ask(session, "tools/call", &params)
    }

    /// A call that reports its progress, and is streamed for that reason.
    #[must_use]
    pub fn streamed(&self, session: &str, name: &str, arguments: &str) -> Vec<u8> {
        let meta = r#""_meta":{"progressToken":1}"#;
        let params = format!(r#"{{"name":"{name}","arguments":{arguments},{meta}}}"#);
        self.ask(session, "tools/call", &params)
    }

    /// Any request in a session.
    #[must_use]
    pub fn ask(&self, session: &str, method: &str, params: &str) -> Vec<u8> {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        self.in_session(session, &body)
    }

    /// The session's long-lived stream, or the rest of one where it ended.
    #[must_use]
    pub fn stream(&self, session: &str, last: Option<&str>) -> Vec<u8> {
        let mut headers = vec![("accept", "text/event-stream")];
        headers.extend([("mcp-session-id", session), ("mcp-protocol-version", self.version())]);
        headers.extend(last.map(|last| ("last-event-id", last)));
        self.send("GET", &headers, "")
    }

    /// The end of a session.
    #[must_use]
    pub fn delete(&self, session: &str) -> Vec<u8> {
        self.send("DELETE", &[("mcp-session-id", session)], "")
    }

    /// A call of a tool without a session.
    #[must_use]
    pub fn stateless_call(&self, name: &str, arguments: &str) -> Vec<u8> {
        let params = format!(r#""name":"{name}","arguments":{arguments}"#);
        self.stateless("tools/call", Some(name), &params)
    }

    /// A call without a session that reports its progress, and is streamed for that reason.
    #[must_use]
    pub fn streamed_stateless(&self, name: &str, arguments: &str) -> Vec<u8> {
        let params = format!(r#""name":"{name}","arguments":{arguments}"#);
        self.stateless_with("tools/call", Some(name), &params, "{}", r#","progressToken":1"#)
    }

    /// Any request without a session; `params` are fields, without braces.
    #[must_use]
    pub fn stateless(&self, method: &str, name: Option<&str>, params: &str) -> Vec<u8> {
        self.stateless_as(method, name, params, "{}")
    }

    /// The same of a client that can do something.
    #[must_use]
    pub fn stateless_as(
        &self,
        method: &str,
        name: Option<&str>,
        params: &str,
        capabilities: &str,
    ) -> Vec<u8> {
        self.stateless_with(method, name, params, capabilities, "")
    }

    /// The same with `params` as an object.
    #[must_use]
    pub fn stateless_of(
        &self,
        method: &str,
        name: &str,
        params: &Value,
        capabilities: &str,
    ) -> Vec<u8> {
        let fields = params.to_string();
        let fields = fields.get(1..fields.len().saturating_sub(1)).unwrap_or_default();
        self.stateless_as(method, Some(name), fields, capabilities)
    }

    fn stateless_with(
        &self,
        method: &str,
        name: Option<&str>,
        params: &str,
        capabilities: &str,
        meta: &str,
    ) -> Vec<u8> {
        let comma = if params.is_empty() { "" } else { "," };
        let meta = format!(
            r#""_meta":{{{ENVELOPE},"io.modelcontextprotocol/clientCapabilities":{capabilities}{meta}}}"#
        );
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{{params}{comma}{meta}}}}}"#
        );
        let mut headers = vec![("mcp-protocol-version", STATELESS), ("mcp-method", method)];
        headers.extend(name.map(|name| ("mcp-name", name)));
        self.post(&headers, &body)
    }

    fn in_session(&self, session: &str, body: &str) -> Vec<u8> {
        self.post(&[("mcp-session-id", session), ("mcp-protocol-version", self.version())], body)
    }

    /// A message as it is.
    #[must_use]
    pub fn message(&self, body: &str) -> Vec<u8> {
        self.post(&[], body)
    }

    fn post(&self, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
        let mut all = vec![JSON, BOTH];
        all.extend(headers);
        self.send("POST", &all, body)
    }

    fn send(&self, method: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
        let mut all = headers.to_vec();
        all.extend(self.key.as_deref().map(|key| ("authorization", key)));
        all.extend(self.token.as_deref().map(|token| ("x-sitebay-token", token)));
        request(method, &self.path, &all, body)
    }
}
