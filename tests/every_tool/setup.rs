//! A server that offers every tool, before a sandbox where nothing takes time.

use std::time::Duration;

use reqwest::Method;
use sandbox::{Generation, Recorded, Sandbox};
use serde_json::Value;
use xtask::server::{Options, Server};

use super::row::{Row, Sent};
use crate::support::{Answer, Client, production, start};

/// The token that the server acts with.
pub const TOKEN: &str = "secret-token-of-the-server";

pub struct Setup {
    pub server: Server,
    pub client: Client,
}

impl Setup {
    pub async fn new(generation: Generation) -> Self {
        Self::with(generation, |options| options).await
    }

    /// One with other options.
    pub async fn with(generation: Generation, change: impl Fn(Options) -> Options) -> Self {
        let sandbox = sandbox::Options {
            creating_for: Duration::ZERO,
            working_for: Duration::ZERO,
            token: Some(TOKEN.to_owned()),
            generation,
            ..sandbox::Options::default()
        };
        let options = Options { sandbox: Some(sandbox), ..Options::new(production().folder) };
        let options = options.var("SITEBAY_API_TOKEN", TOKEN).var("SITEBAY_LEGACY_ROUTES", "1");
        let server = start(change(options)).await;
        let client = Self::caller(&server).connect().await;
        Self { server, client }
    }

    /// A client that selected all tools, without a session yet.
    pub fn caller(server: &Server) -> Client {
        Client::at(&server.url(), "/mcp?toolsets=all")
    }

    pub fn sandbox(&self) -> &Sandbox {
        self.server.sandbox().unwrap()
    }

    /// The tools as they are listed.
    pub async fn tools(&self) -> Vec<Value> {
        let list = self.client.request("tools/list", serde_json::json!({})).await.result();
        assert!(list["nextCursor"].is_null(), "one page has them all");
        list["tools"].as_array().unwrap().clone()
    }

    /// Makes the sandbox new, with what the row needs; the row with the id of that.
    pub async fn ready(&self, row: &Row) -> Row {
        self.sandbox().reset();
        match &row.given {
            Some((sent, id)) => row.clone().with_id(&self.found(sent, id).await),
            None => row.clone(),
        }
    }

    async fn found(&self, sent: &Sent, id: &str) -> String {
        let (method, path) = sent.line.split_once(' ').unwrap();
        let url = format!("{}/f/api/v1{path}", self.sandbox().url());
        let request =
            reqwest::Client::new().request(Method::from_bytes(method.as_bytes()).unwrap(), url);
        let request = request.header("authorization", format!("Bearer {TOKEN}"));
        let request =
            if sent.body.is_null() { request } else { request.body(sent.body.to_string()) };
        let answer = Answer::of(request.send().await.unwrap()).await;
        let found = answer.json().pointer(id).and_then(Value::as_str).map(str::to_owned);
        found.unwrap_or_else(|| panic!("{sent:?}: {answer:?}"))
    }

    /// Calls a tool; the answer, and what the sandbox received for it.
    pub async fn call(&self, tool: &str, arguments: Value) -> (Answer, Vec<Recorded>) {
        let before = self.sandbox().requests().len();
        let answer = self.client.call(tool, arguments).await;
        (answer, self.sandbox().requests().split_off(before))
    }
}
