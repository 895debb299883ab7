//! A client that sends what a test wants, valid or not, and shows the whole response.

use std::time::Duration;

use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{HeaderMap, HeaderName, HeaderValue},
};
use serde_json::{Value, json};

use super::events::{Event, parse};

/// The whole answer to a request.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub async fn of(response: Response) -> Self {
        let (status, headers) = (response.status(), response.headers().clone());
        Self { status, headers, text: response.text().await.expect("a whole body") }
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn is_stream(&self) -> bool {
        self.header("content-type") == "text/event-stream"
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("not JSON: {}", self.text))
    }

    pub fn events(&self) -> Vec<Event> {
        assert!(self.is_stream(), "not a stream: {self:?}");
        parse(&self.text)
    }

    /// The response in it: the body, or the last event of a stream.
    pub fn response(&self) -> Value {
        if !self.is_stream() {
            return self.json();
        }
        let events = self.events();
        let last = events.last().unwrap_or_else(|| panic!("no event: {}", self.text));
        serde_json::from_str(&last.data).expect("JSON in the last event")
    }

    pub fn result(&self) -> Value {
        let response = self.response();
        assert!(response["result"].is_object(), "no result: {response}");
        response["result"].clone()
    }

    /// The text of a tool's result.
    pub fn tool_text(&self) -> String {
        self.result()["content"][0]["text"].as_str().unwrap_or_default().to_owned()
    }

    /// Checks that it is a JSON-RPC error with this status and code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: i64) -> &Self {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.json()["error"]["code"], code, "{self:?}");
        self
    }
}

/// A client of one endpoint, with or without a session.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    headers: HeaderMap,
}

pub const LATEST: &str = "2025-11-25";

impl Client {
    /// A client without a session.
    pub fn new(url: &str) -> Self {
        Self::at(url, "/mcp")
    }

    /// A client of another path.
    pub fn at(url: &str, path: &str) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let both = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert("accept", both);
        let http = reqwest::Client::builder().timeout(Duration::from_secs(180)).build().unwrap();
        Self { http, url: format!("{url}{path}"), headers }
    }

    /// The same with a header set.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.headers.insert(name, value.parse().unwrap());
        self
    }

    /// The same without a header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.remove(name);
        self
    }

    /// The same in a new session of the latest version.
    pub async fn connect(self) -> Self {
        self.connect_as(LATEST).await
    }

    /// The same in a new session.
    pub async fn connect_as(self, version: &str) -> Self {
        self.connect_fully(version, json!({})).await
    }

    /// The same in a new session of the latest version, with these capabilities.
    pub async fn connect_with(self, capabilities: Value) -> Self {
        self.connect_fully(LATEST, capabilities).await
    }

    /// The same in a new session of this version, with these capabilities.
    pub async fn connect_fully(self, version: &str, capabilities: Value) -> Self {
        let answer = self.hello(version, capabilities).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let session = answer.header("mcp-session-id").to_owned();
        let client = self.with("mcp-session-id", &session).with("mcp-protocol-version", version);
        let told = client.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
        assert_eq!(told.status, 202, "{told:?}");
        client
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The session's id.
    pub fn session(&self) -> String {
        self.headers.get("mcp-session-id").unwrap().to_str().unwrap().to_owned()
    }

    pub async fn initialize(&self, version: &str) -> Answer {
        self.hello(version, json!({})).await
    }

    async fn hello(&self, version: &str, capabilities: Value) -> Answer {
        let client = json!({ "name": "test client", "version": "1.0" });
        let params = json!({ "protocolVersion": version, "capabilities": capabilities, "clientInfo": client });
        self.request("initialize", params).await
    }

    pub async fn request(&self, method: &str, params: Value) -> Answer {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        self.post(body.to_string()).await
    }

    pub async fn call(&self, tool: &str, arguments: Value) -> Answer {
        self.request("tools/call", json!({ "name": tool, "arguments": arguments })).await
    }

    /// A call that asks for progress.
    pub async fn call_with_progress(&self, tool: &str, arguments: Value) -> Answer {
        let meta = json!({ "progressToken": "token" });
        let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
        self.request("tools/call", params).await
    }

    pub async fn post(&self, body: impl Into<reqwest::Body>) -> Answer {
        let sent = self.send(Method::POST).body(body).send().await;
        Answer::of(sent.expect("an answer")).await
    }

    /// The response to a GET, with its body unread.
    pub async fn get(&self) -> Response {
        self.send(Method::GET).send().await.expect("an answer")
    }

    pub async fn delete(&self) -> Answer {
        Answer::of(self.send(Method::DELETE).send().await.expect("an answer")).await
    }

    /// A request to fill in.
    pub fn send(&self, method: Method) -> RequestBuilder {
        self.http.request(method, &self.url).headers(self.headers.clone())
    }
}
