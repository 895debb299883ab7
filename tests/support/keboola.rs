//! Keboola as a person meets it here: the stand-in of its APIs, its published MCP server before that, a
//! Worker in front, and the way of an app and its person from the first 401 to a token.

use std::time::Duration;

use mcp_platform::url::query_value;
use reqwest::Method;
use sandbox::{
    Recorded,
    keboola::{Keboola as Apis, Options, token},
};
use serde_json::{Value, json};
use xtask::server::Server as Worker;

use super::{
    Answer, Client,
    keboola_server::KeboolaServer,
    oauth::{App, SITEBAY_TOKEN, Tokens, VERIFIER, get, send, with_oauth},
    start,
    upstream::closed_port,
};

/// The stack, by the name that people choose it by.
pub const STACK: &str = "us";
/// A project of the stack.
pub const PROJECT: u64 = 101;
/// The end of the stack's hosts, as the MCP server asks them.
const HOSTS: &str = "us.keboola-testing.com";
/// The upstream, by its configured name.
pub const UPSTREAM: &str = "keboola";
/// Where Claude's connectors are sent back to.
pub const CLAUDE: &str = "https://claude.ai/api/mcp/auth_callback";

/// The stand-in, and the MCP server where that answers.
pub struct Keboola {
    /// The stand-in. Its clock stands still until a test moves it.
    pub apis: Apis,
    /// None: the Worker answers with tools of its own.
    server: Option<KeboolaServer>,
}

impl Keboola {
    /// None: this machine has no Python, and the test was skipped.
    pub async fn start(test: &str) -> Option<Self> {
        let apis = apis().await;
        let server = KeboolaServer::of_stack(test, HOSTS, &apis.url()).await?;
        Some(Self { apis, server: Some(server) })
    }

    /// The stand-in alone, for a Worker that answers itself (`KEBOOLA=native`).
    pub async fn native() -> Self {
        Self { apis: apis().await, server: None }
    }

    /// Whether the Worker answers itself.
    pub fn is_native(&self) -> bool {
        self.server.is_none()
    }

    /// The same with a workspace in [`PROJECT`], which takes the MCP server seconds to make.
    pub async fn with_workspace(test: &str) -> Option<Self> {
        let keboola = Self::start(test).await?;
        let path = "branch/default/components/keboola.mcp-server-tool/configs";
        let made = keboola.storage(Method::POST, path, json!({ "name": "queries" })).await;
        let path = format!("{path}/{}/workspaces", made.json()["id"].as_str().expect("an id"));
        let read_only = json!({ "readOnlyStorageAccess": true });
        let made = keboola.storage(Method::POST, &path, read_only).await;
        assert_eq!(made.status, 201, "{made:?}");
        Some(keboola)
    }

    /// A Worker at which people sign in, and that has the MCP server as [`UPSTREAM`], with these settings
    /// besides.
    pub async fn before(&self, other: Value) -> Worker {
        let (owner, mcp) = match &self.server {
            Some(server) => ("upstream", format!("{}/mcp", server.origin())),
            // Whatever went there would fail.
            None => ("native", closed_port()),
        };
        let stack = json!({
            "name": STACK, "connection": self.apis.service_url(STACK, "connection"), "mcp": mcp,
        });
        let mut settings = json!({ "template": "keboola", "stacks": [stack] });
        settings.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        let upstreams = json!({ UPSTREAM: settings }).to_string();
        start(with_oauth().var("KEBOOLA", owner).var("UPSTREAMS", &upstreams)).await
    }

    /// How many requests the APIs received.
    pub fn received(&self) -> usize {
        self.apis.requests().len()
    }

    /// What the APIs were asked to change since they had received so many requests, in order: method,
    /// service and path, and the body. What is encrypted is among it. Events, statements and the workspace
    /// in which these run are not: they are the MCP server's own.
    pub fn writes_since(&self, received: usize) -> Vec<(String, Value)> {
        let is_own = |one: &Recorded| {
            one.method == "GET"
                || service(one) == "query"
                || one.path.ends_with("/events")
                || one.path.contains("/keboola.mcp-server-tool/")
        };
        let writes = self.apis.requests().into_iter().skip(received).filter(|one| !is_own(one));
        let shown = |one: Recorded| {
            let place = format!("{} {} {}", one.method, service(&one), path(&one));
            (place, one.body.unwrap_or_default())
        };
        writes.map(shown).collect()
    }

    /// A request to the Storage API with the master token of [`PROJECT`].
    pub async fn storage(&self, method: Method, path: &str, body: Value) -> Answer {
        let url = format!("{}/v2/storage/{path}", self.apis.service_url(STACK, "connection"));
        let master = token(PROJECT, "master");
        let headers = [("x-storageapi-token", &*master), ("content-type", "application/json")];
        send(method, &url, &headers, body.to_string()).await
    }
}

/// A stand-in whose clock stands still until a test moves it, and whose work takes no time but for jobs.
pub async fn apis() -> Apis {
    let options = Options {
        frozen: true,
        statement_takes: Duration::ZERO,
        storage_job_takes: Duration::ZERO,
        ..Options::default()
    };
    Apis::start(options).await.expect("a free port")
}

/// The service that a request was for, by its host or by its path.
pub fn service(request: &Recorded) -> &str {
    let host = request.headers.get("host").map_or("", String::as_str);
    let by_host = host.strip_suffix(HOSTS).and_then(|service| service.strip_suffix('.'));
    by_host.or_else(|| Some(by_path(request)?.0)).unwrap_or_default()
}

/// The path below the service.
fn path(request: &Recorded) -> &str {
    by_path(request).map_or(&request.path, |(service, _)| {
        let begins = STACK.len() + service.len() + 2;
        &request.path[begins..]
    })
}

/// The service and the rest of a path that names the stack.
fn by_path(request: &Recorded) -> Option<(&str, &str)> {
    let rest = request.path.strip_prefix('/')?.strip_prefix(STACK)?.strip_prefix('/')?;
    rest.split_once('/')
}

/// What a server says of an endpoint to an app that has no token.
pub struct Discovered {
    /// The URL that tokens are for.
    pub resource: String,
    /// The scopes that the challenge names.
    pub scope: String,
    issuer: String,
}

impl Discovered {
    /// Follows the challenge of an endpoint to the metadata of the resource and of its authorization
    /// server.
    pub async fn at(worker: &Worker, path: &str) -> Self {
        let refused = Client::at(&worker.url(), path).initialize("2025-11-25").await;
        assert_eq!(refused.status, 401, "{refused:?}");
        let place = parameter(&refused, "resource_metadata");
        let resource = get(&place).await.json();
        assert_eq!(resource["resource"], format!("{}{path}", worker.url()));
        let issuer = resource["authorization_servers"][0].as_str().expect("a server").to_owned();
        let metadata =
            get(&format!("{issuer}/.well-known/oauth-authorization-server")).await.json();
        // An app of the tests goes there by heart.
        for (name, path) in [
            ("registration_endpoint", "register"),
            ("authorization_endpoint", "authorize"),
            ("token_endpoint", "token"),
        ] {
            assert_eq!(metadata[name], format!("{issuer}/{path}"), "{metadata}");
        }
        assert_eq!(metadata["code_challenge_methods_supported"], json!(["S256"]));
        let scope = parameter(&refused, "scope");
        let resource = resource["resource"].as_str().unwrap().to_owned();
        Self { resource, scope, issuer }
    }

    /// Registers an app as Claude's connectors do, and has the person agree to these of its scopes and
    /// enter a Storage token on the page. The tokens are for the resource.
    pub async fn sign_in(&self, scopes: &[&str], storage_token: &str) -> (App, Tokens) {
        let app = App::register_for(&self.issuer, CLAUDE).await;
        let asked = [("resource", self.resource.as_str()), ("scope", &scopes.join(" "))];
        let page = app.ask(&asked).await;
        assert_eq!(page.status, 200, "{page:?}");
        for part in ["Connect keboola", "<option value=\"us\"", "name=\"key-keboola\""] {
            assert!(page.text.contains(part), "{part}: {page:?}");
        }
        let entered = [
            ("token", SITEBAY_TOKEN),
            ("stack-keboola", STACK),
            ("key-keboola", storage_token),
            ("answer", "allow"),
        ];
        let fields: Vec<_> = scopes.iter().map(|scope| ("scope", *scope)).chain(entered).collect();
        let agreed = app.answer(&page, &fields).await;
        assert_eq!(agreed.status, 200, "{agreed:?}");
        assert!(agreed.text.contains("keboola is connected"), "{agreed:?}");
        assert!(!agreed.text.contains(storage_token), "{agreed:?}");
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code_on(&agreed)),
            ("redirect_uri", CLAUDE),
            ("code_verifier", VERIFIER),
            ("resource", &self.resource),
        ];
        let tokens = Tokens::of(&app.token(&fields).await);
        (app, tokens)
    }
}

/// The code behind the link with which the page after an agreement leads back to the app.
fn code_on(page: &Answer) -> String {
    let (before, _) = page.text.split_once("\">Continue to ").expect("a link");
    let to = before.rsplit('"').next().unwrap().replace("&amp;", "&");
    assert!(to.starts_with(&format!("{CLAUDE}?")), "{to}");
    assert_eq!(query_value(&to, "state").as_deref(), Some("st&te"));
    query_value(&to, "code").expect("a code")
}

/// A parameter of a challenge.
fn parameter(answer: &Answer, name: &str) -> String {
    let challenge = answer.header("www-authenticate");
    let (_, after) = challenge.split_once(&format!("{name}=\"")).expect(challenge);
    after.split('"').next().unwrap().to_owned()
}
