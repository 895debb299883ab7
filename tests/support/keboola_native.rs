//! A Worker that answers for Keboola itself, and people who connected a token.

use sandbox::keboola::{self, Keboola, token};
use serde_json::{Value, json};
use xtask::server::{Options, Server as Worker};

use super::{
    Client,
    keboola::apis,
    keyed::{Tab, client_of, link_for},
    start,
    upstream::Upstream,
};

/// A stand-in for Keboola's APIs and a Worker that has tools for them.
pub struct Native {
    pub keboola: Keboola,
    /// What stands at the address of Keboola's MCP server.
    pub server: Upstream,
    pub worker: Worker,
}

/// The settings of the upstream `keboola`, with the stacks of the stand-in.
pub fn settings(keboola: &Keboola, server: &Upstream, other: Value) -> String {
    let stacks = ["us", "eu"].map(|stack| {
        json!({
            "name": stack, "connection": keboola.service_url(stack, "connection"),
            "mcp": format!("{}/{stack}/mcp", server.origin()),
        })
    });
    let mut all = json!({ "template": "keboola", "stacks": stacks });
    all.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    json!({ "keboola": all }).to_string()
}

impl Native {
    pub async fn start(options: Options) -> Self {
        Self::with(options, json!({})).await
    }

    /// The same with these settings of the upstream.
    pub async fn with(options: Options, other: Value) -> Self {
        Self::before(Keboola::start(keboola::Options::default()).await.unwrap(), options, other)
            .await
    }

    /// The same with a stand-in whose clock stands still until a test moves it: nothing but jobs takes time.
    pub async fn still(options: Options) -> Self {
        Self::before(apis().await, options, json!({})).await
    }

    async fn before(keboola: Keboola, options: Options, other: Value) -> Self {
        let server = Upstream::start().await;
        let worker = start(set(options, "native", &settings(&keboola, &server, other))).await;
        Self { keboola, server, worker }
    }

    /// Starts the Worker again, with another word for who answers.
    pub async fn switch(&mut self, options: Options, keboola: &str) {
        let settings = settings(&self.keboola, &self.server, json!({}));
        self.worker.restart_with(&set(options, keboola, &settings)).await.unwrap();
    }

    /// A person who connected the master token of a project on the stack `us`.
    pub async fn person(&self, name: &str, project: u64) -> Client {
        self.connected(name, ("us", &token(project, "master"))).await
    }

    /// A person who entered this on the page to which a call leads.
    pub async fn connected(&self, name: &str, (stack, token): (&str, &str)) -> Client {
        let client = client_of(&self.worker, "/mcp", name).connect().await;
        let link = link_for(&client, "keboola_get_project_info").await;
        let mut tab = Tab::default();
        let page = tab.open(&link).await;
        let entered = [("stack", stack), ("key", token), ("do", "connect")];
        let connected = tab.submit(&link, &page, &entered).await;
        assert_eq!(connected.status, 200, "{connected:?}");
        assert!(!connected.text.contains(token));
        client
    }

    /// A client of a person at a door, which has no session yet.
    pub fn client(&self, path: &str, name: &str) -> Client {
        client_of(&self.worker, path, name)
    }

    /// Requests that reached Keboola, by method and the end of their path.
    pub fn count(&self, method: &str, end: &str) -> usize {
        let requests = self.keboola.requests();
        let fits = |r: &&sandbox::Recorded| r.method == method && r.path.ends_with(end);
        requests.iter().filter(fits).count()
    }
}

fn set(options: Options, keboola: &str, upstreams: &str) -> Options {
    options.var("KEBOOLA", keboola).var("UPSTREAMS", upstreams)
}
