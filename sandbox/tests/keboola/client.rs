//! A stand-in with a client for it.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, redirect};
use sandbox::keboola::{Keboola, Options, token};
use serde_json::Value;

/// A stand-in whose clock stands still, and a client that asks as project 101's master.
pub(crate) struct Lab {
    pub(crate) keboola: Keboola,
    pub(crate) http: Client,
    stack: &'static str,
    token: String,
}

impl Lab {
    /// In project 101: Snowflake, on the stack `us`.
    pub(crate) async fn start() -> Self {
        Self::with(Options { frozen: true, ..Options::default() }).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let keboola = Keboola::start(options).await.unwrap();
        let http = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { keboola, http, stack: "us", token: token(101, "master") }
    }

    /// The same, asking with another token.
    pub(crate) fn with_token(mut self, project: u64, name: &str) -> Self {
        self.use_token(project, name);
        self
    }

    pub(crate) fn use_token(&mut self, project: u64, name: &str) {
        self.stack = if project < 200 { "us" } else { "eu" };
        self.token = token(project, name);
    }

    /// A request to a service, without a token.
    pub(crate) fn bare(&self, method: &str, service: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = self.keboola.service_url(self.stack, service);
        self.http.request(method, format!("{url}/{path}"))
    }

    /// A request to a service, with the token.
    pub(crate) fn request(&self, method: &str, service: &str, path: &str) -> RequestBuilder {
        self.bare(method, service, path).header("X-StorageApi-Token", &self.token)
    }

    pub(crate) async fn ask(&self, method: &str, service: &str, path: &str) -> (u16, Value) {
        answer(self.request(method, service, path)).await
    }

    pub(crate) async fn send(
        &self,
        method: &str,
        service: &str,
        path: &str,
        body: Value,
    ) -> (u16, Value) {
        answer(self.request(method, service, path).json(&body)).await
    }

    /// Reads from Storage.
    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.ask("GET", "connection", &format!("v2/storage/{path}")).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        self.ask("DELETE", "connection", &format!("v2/storage/{path}")).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.send("POST", "connection", &format!("v2/storage/{path}"), body).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.send("PUT", "connection", &format!("v2/storage/{path}"), body).await
    }

    /// A control request.
    pub(crate) async fn control(&self, method: &str, name: &str, body: Value) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}/__control/{name}", self.keboola.url());
        answer(self.http.request(method, url).json(&body)).await
    }

    pub(crate) fn advance(&self, millis: u64) {
        self.keboola.advance(Duration::from_millis(millis));
    }
}

/// Sends a request and reads a JSON answer; null where there is no body.
pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    let value = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
    (status, value)
}

/// Fails unless an answer is an error of Storage with this status and code.
#[track_caller]
pub(crate) fn assert_refused((status, body): &(u16, Value), wanted: u16, code: &str) {
    assert_eq!((*status, body["code"].as_str()), (wanted, Some(code)), "{body}");
    assert_eq!(body["status"], "error");
    assert!(body["error"].is_string() && body["exceptionId"].is_string(), "{body}");
}

/// The texts under a name in a list of objects.
pub(crate) fn each<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap()).collect()
}
