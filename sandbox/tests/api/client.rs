//! A sandbox with a client for it.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, redirect};
use sandbox::{Generation, Options, Sandbox};
use serde_json::{Value, json};

/// The default team of the sample data.
pub(crate) const TEAM: &str = "00007ea0-0000-4000-8000-000000000001";
/// The other team of the sample data.
pub(crate) const OTHER_TEAM: &str = "00007ea0-0000-4000-8000-000000000002";

/// A sandbox, and a client that follows no redirects.
pub(crate) struct Api {
    pub(crate) sandbox: Sandbox,
    http: Client,
}

/// The first site of the sample data.
pub(crate) const SITE: &str = "/site/site-1.example.com";
/// The second one, which has no stage.
pub(crate) const BARE_SITE: &str = "/site/site-2.example.com";

/// Options under which a new site is ready at once.
pub(crate) fn swift() -> Options {
    Options { creating_for: Duration::ZERO, ..Options::default() }
}

impl Api {
    pub(crate) async fn start() -> Self {
        Self::with(swift()).await
    }

    pub(crate) async fn with(options: Options) -> Self {
        let sandbox = Sandbox::start(options).await.unwrap();
        let http = Client::builder().redirect(redirect::Policy::none()).build().unwrap();
        Self { sandbox, http }
    }

    /// A request to any path, without a token.
    pub(crate) fn bare(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        self.http.request(method, format!("{}{path}", self.sandbox.url()))
    }

    /// A request to the API, with a token.
    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        self.bare(method, &format!("/f/api/v1{path}")).bearer_auth("key-readwrite-1234")
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

    pub(crate) async fn patch(&self, path: &str, body: Value) -> (u16, Value) {
        answer(self.request("PATCH", path).json(&body)).await
    }
}

/// Options for the later generation, under which work is done at once.
pub(crate) fn october() -> Options {
    Options { generation: Generation::October, working_for: Duration::ZERO, ..swift() }
}

/// A search/replace block as most edits want it.
pub(crate) fn block(search: &str, replace: &str) -> String {
    format!("<<<<<<< SEARCH\n{search}\n=======\n{replace}\n>>>>>>> REPLACE\n")
}

/// Sends a request and reads a JSON answer.
pub(crate) async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

/// The body for a new site.
pub(crate) fn new_site(fqdn: &str) -> Value {
    json!({
        "team_id": TEAM,
        "fqdn": fqdn,
        "wordpress_blog_name": "A blog",
        "wordpress_first_name": "Jane",
        "wordpress_last_name": "Smith",
        "wordpress_email": "jane@example.com",
        "wordpress_username": "jane",
        "wordpress_password": "correct horse battery",
    })
}

/// An error body with one text.
pub(crate) fn detail(text: &str) -> Value {
    json!({ "detail": text })
}
