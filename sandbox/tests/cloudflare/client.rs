//! A stand-in with a client for it.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use sandbox::cloudflare::{ACCOUNT, Cloudflare, Options, token};
use serde_json::{Value, json};

/// The Worker and the database of a stage of the samples.
pub(crate) const WORKER: &str = "sitebay-mcp-staging";
pub(crate) const DATABASE: &str = "sitebay-mcp-staging";

/// A stand-in whose clock stands still, and a client that asks with the token `change`.
pub(crate) struct Lab {
    pub(crate) cloudflare: Cloudflare,
    pub(crate) http: Client,
    token: String,
}

impl Lab {
    pub(crate) async fn start() -> Self {
        Self::with(Options { frozen: true, ..Options::default() }).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let cloudflare = Cloudflare::start(options).await.unwrap();
        Self { cloudflare, http: Client::new(), token: token("change") }
    }

    /// Asks with another token from now on.
    pub(crate) fn use_token(&mut self, name: &str) {
        self.token = token(name);
    }

    /// A request without a token, to a path below the API's base.
    pub(crate) fn bare(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.http.request(method, format!("{}/{path}", self.cloudflare.api_url()))
    }

    /// A request with the token, to a path below the account.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.bare(method, &format!("accounts/{ACCOUNT}/{path}")).bearer_auth(&self.token)
    }

    /// The same to a path below the API's base.
    pub(crate) async fn top(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        answer(self.bare(method, path).bearer_auth(&self.token).json(&body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        answer(self.request("GET", path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.request("DELETE", path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request("POST", path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request("PUT", path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request("PATCH", path).json(&body)).await
    }

    /// What a success has as its result.
    #[track_caller]
    pub(crate) fn result((status, body): (u16, Value)) -> Value {
        assert_eq!((status, &body["success"]), (200, &json!(true)), "{body}");
        body["result"].clone()
    }

    /// The id of the item of a list that has a value under a name.
    pub(crate) async fn id(&self, list: &str, name: &str, value: &str, id: &str) -> String {
        let items = Self::result(self.get(list).await);
        let mut items = items.as_array().unwrap().iter();
        let found = items.find(|item| item[name] == value).unwrap();
        found[id].as_str().unwrap().to_owned()
    }

    /// The path of staging's database.
    pub(crate) async fn database(&self) -> String {
        format!("d1/database/{}", self.id("d1/database", "name", DATABASE, "uuid").await)
    }

    /// A control request.
    pub(crate) async fn control(&self, method: &str, name: &str, body: Value) -> (u16, Value) {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}/__control/{name}", self.cloudflare.url());
        answer(self.http.request(method, url).json(&body)).await
    }

    pub(crate) fn advance(&self, seconds: u64) {
        self.cloudflare.advance(Duration::from_secs(seconds));
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

/// Fails unless an answer is an error of the envelope with this status and code; 0 stands for none.
#[track_caller]
pub(crate) fn assert_refused((status, body): &(u16, Value), wanted: u16, code: u64) {
    let found = body["errors"][0]["code"].as_u64().unwrap_or_default();
    assert_eq!((*status, found), (wanted, code), "{body}");
    assert_eq!((&body["success"], &body["result"]), (&json!(false), &Value::Null), "{body}");
    assert!(body["errors"][0]["message"].is_string(), "{body}");
}

/// The texts under a name in a list of objects.
pub(crate) fn each<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    list.as_array().unwrap().iter().map(|item| item[name].as_str().unwrap()).collect()
}
