//! The present Worker goes on with what version 0.1.0 left in the storage of its objects.
//!
//! `tests/fixtures-0.1.0/storage` has the databases, and `given.json` beside them the ids and tokens that
//! clients were given. Each test runs on a copy, at the time at which the storage was left.

mod form;
mod made;
mod messages;
mod others;

use std::{
    fs,
    path::{Path, PathBuf},
};

use mcp_auth::subject::Subject;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{sync::OnceCell, time::Duration};
use xtask::{
    clock::Clock,
    paths,
    server::{Options, Server},
    skips::skip,
};

use crate::{
    support::{
        self, Client,
        events::Live,
        issuer::now_s,
        lines::{line, lines},
        new_site,
        oauth::{Tokens, post},
        start,
        stateless::ask,
    },
    tasks::{agreed, can_be_asked, follows, look, until},
};

/// The keys of the server that made the storage.
const KEYS: [(&str, &str); 4] = [
    ("SESSION_KEY", "session-key-of-the-fixtures-of-0.1.0-0123456789"),
    ("SUBJECT_KEY", "subject-key-of-the-fixtures-of-0.1.0-0123456789"),
    ("CREDENTIAL_KEY", "credential-key-of-the-fixtures-of-0.1.0-012345"),
    ("MCP_API_KEY", "api-key-of-the-fixtures-of-0.1.0"),
];
const BEARER: &str = "Bearer api-key-of-the-fixtures-of-0.1.0";
const ADMIN: &str = "admin-key-of-the-fixtures-of-0.1.0";
/// SiteBay tokens that callers bring.
const OWN: &str = "token-of-its-own-1111";
const OTHER: &str = "another-token-2222";
/// The subscriptions of a stored session.
const WATCHED: &str = "sitebay://site/site-1.example.com";
/// A site that a session waits for.
const MOVED: &str = "www.moved.example.com";

fn options(storage: &Path) -> Options {
    let creating_for = Duration::from_millis(500);
    let sandbox = sandbox::Options { creating_for, ..sandbox::Options::default() };
    let options =
        Options { storage: Some(storage.into()), sandbox: Some(sandbox), ..support::options() };
    let options = KEYS.iter().fold(options, |options, (name, value)| options.var(name, value));
    options.var("MCP_OAUTH", "on").var("RATE_LIMIT", "1000").var("MCP_ADMIN_KEY", ADMIN)
}

fn caller(url: &str) -> Client {
    Client::new(url).with("authorization", BEARER)
}

fn own(url: &str) -> Client {
    caller(url).with("x-sitebay-token", OWN)
}

fn dynamic(url: &str) -> Client {
    let client = Client::at(url, "/mcp?toolsets=dynamic").with("authorization", BEARER);
    client.with("x-sitebay-token", OWN)
}

/// The headers that identify the caller.
async fn subject(client: &Client) -> Value {
    client.call("whoami", json!({})).await.result()["structuredContent"]["subject"].clone()
}

/// The name of a caller, which tools show in hexadecimal digits, as logs and administrators have it.
fn subject_in_logs(subject: &Value) -> String {
    let number = u128::from_str_radix(subject.as_str().unwrap(), 16).unwrap();
    Subject(number.to_be_bytes()).to_text()
}

/// Seconds from now to a time.
fn offset(to: u64) -> i64 {
    i64::try_from(to).unwrap() - i64::try_from(now_s()).unwrap()
}

fn fixtures() -> PathBuf {
    paths::root().join("tests/fixtures-0.1.0")
}

/// The ids and tokens that clients received. Where a part is missing and `UPDATE_FIXTURES` is set, it is made first.
async fn given() -> &'static Value {
    static GIVEN: OnceCell<Value> = OnceCell::const_new();
    let read = async || {
        let [storage, given, messages] =
            ["storage", "given.json", "messages.jsonl"].map(|name| fixtures().join(name));
        let is_whole = storage.exists() && messages.exists();
        if !is_whole && std::env::var_os("UPDATE_FIXTURES").is_some() {
            let folder = tempfile::tempdir().unwrap();
            let made = made::make(folder.path()).await;
            if !messages.exists() {
                messages::write(&messages, &made.messages);
            }
            if !storage.exists() {
                copy(folder.path(), &storage);
                let text = serde_json::to_string_pretty(&made.given).unwrap() + "\n";
                fs::write(&given, text).unwrap();
            }
        }
        serde_json::from_str(&fs::read_to_string(given).unwrap()).unwrap()
    };
    GIVEN.get_or_init(read).await
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(fs::copy(&path, &to).unwrap()),
        }
    }
}

/// The present Worker on a copy of the storage, at the time at which that was left.
struct Stored {
    server: Server,
    clock: Clock,
    folder: TempDir,
    given: &'static Value,
}

impl Stored {
    /// None: this machine cannot move the clock.
    async fn start(test: &str) -> Option<Self> {
        let Some(clock) = Clock::new().expect("the compiler works") else {
            skip(test, "no C compiler");
            return None;
        };
        let given = given().await;
        let folder = tempfile::tempdir().unwrap();
        copy(&fixtures().join("storage"), folder.path());
        clock.set(offset(given["at"].as_u64().unwrap())).unwrap();
        let server = start(clock.of(options(folder.path()))).await;
        Some(Self { server, clock, folder, given })
    }

    fn url(&self) -> String {
        self.server.url()
    }

    /// A client in a session that it was given.
    fn resumed(&self, client: Client, session: &Value) -> Client {
        let client = client.with("mcp-protocol-version", "2025-11-25");
        client.with("mcp-session-id", session.as_str().unwrap())
    }

    async fn is_alive(&self, client: Client, session: &Value) -> bool {
        let client = self.resumed(client, session);
        match client.request("ping", json!({})).await.status.as_u16() {
            200 => true,
            404 => false,
            other => panic!("{other}"),
        }
    }

    /// The responses of the admin API.
    async fn admin(&self, path: &str) -> Value {
        let client = Client::at(&self.url(), path);
        let client = client.with("authorization", &format!("Bearer {ADMIN}"));
        let response = client.get().await;
        serde_json::from_str(&response.text().await.unwrap()).unwrap()
    }
}

/// Changes a site behind the server's back, or makes it.
async fn behind(server: &Server, method: Method, path: &str, body: Value) {
    let url = format!("{}/f/api/v1/site/{path}", server.sandbox().unwrap().url());
    let request = reqwest::Client::new().request(method, url).bearer_auth("somebody else");
    let request = request.header("content-type", "application/json").body(body.to_string());
    assert!(request.send().await.unwrap().status().is_success());
}

/// The requests that came to SiteBay with a token that ends like this.
fn requests(server: &Server, token: &str) -> Vec<sandbox::Recorded> {
    let end = &token[token.len() - 4..];
    let all = server.sandbox().unwrap().requests();
    all.into_iter().filter(|request| request.headers["authorization"].ends_with(end)).collect()
}

#[tokio::test]
async fn sessions_of_0_1_0_go_on_and_those_that_were_ended_stay_ended() {
    let Some(mut stored) = Stored::start("sessions of 0.1.0").await else { return };
    let (url, given) = (stored.url(), &stored.given["sessions"]);
    assert!(!stored.is_alive(own(&url), &given["ended"]).await);
    let other = || caller(&url).with("x-sitebay-token", OTHER);
    assert!(!stored.is_alive(other(), &given["ended_with_all"]).await);
    assert!(stored.is_alive(other(), &given["begun_after"]).await);
    assert!(!stored.is_alive(other(), &given["session"]).await, "it is somebody else's");
    let session = stored.resumed(dynamic(&url), &given["session"]);
    assert_eq!(subject(&session).await, given["subject"]);
    let logged = async |level: &str| {
        let answer = session.call("log", json!({ "level": level })).await;
        answer.text.contains("notifications/message")
    };
    assert!(logged("error").await && !logged("warning").await, "its log level");
    let listed = session.request("tools/list", json!({})).await.text;
    assert!(listed.contains("sitebay_get_dns_records"), "what it enabled: {listed}");
    let back = session.clone().with("last-event-id", given["answer"].as_str().unwrap());
    let answer = Live::new(back.get().await).rest().await;
    assert!(answer.contains("done") && answer.contains(r#""id":1"#), "{answer}");
    let placed = stored.resumed(own(&url), &stored.given["placed"]);
    let mut live = Live::new(placed.get().await);
    live.until("connected").await;
    session.call("touch", json!({ "uri": "test://placed" })).await.result();
    live.until("notifications/resources/updated").await;
    let generated = options(stored.folder.path()).var("SESSION_KEY", "").var("SUBJECT_KEY", "");
    stored.server.restart_with(&generated).await.unwrap();
    assert!(stored.is_alive(caller(&url), &stored.given["of_generated_keys"]).await);
}

#[tokio::test]
async fn tasks_of_0_1_0_go_on_and_those_that_are_over_say_how_they_ended() {
    let Some(mut stored) = Stored::start("tasks of 0.1.0").await else { return };
    behind(&stored.server, Method::POST, "", new_site(MOVED)).await;
    let (url, given) = (stored.url(), &stored.given["tasks"]);
    let id = |name: &str| given[name].as_str().unwrap();
    let seen = look(&caller(&url), id("finished")).await;
    assert_eq!(seen["status"], "completed", "{seen}");
    assert_eq!(seen["result"]["content"][0]["text"], "computed finished in 0.5 s");
    assert_eq!(look(&caller(&url), id("cancelled")).await["status"], "cancelled");
    assert_eq!(look(&caller(&url), id("running")).await["status"], "working");
    // One that asks is answered, and goes on with the token that it was begun with.
    let seen = look(&own(&url), id("asking")).await;
    assert_eq!(seen["status"], "input_required", "{seen}");
    let params = json!({ "taskId": id("asking"), "inputResponses": agreed() });
    ask(&own(&url), "tasks/update", params, follows()).await.result();
    // A call whose session died waits for its task again, which does not repeat what it did.
    let waits = stored.resumed(caller(&url), &stored.given["moved"]["session"]);
    let waits = waits.with("last-event-id", stored.given["moved"]["last"].as_str().unwrap());
    let text = Live::new(waits.get().await).rest().await;
    assert!(text.contains(&format!("{MOVED} is there.")) && text.contains(r#""id":5"#), "{text}");
    let seen = until(&own(&url), id("asking"), "completed").await;
    assert!(seen["result"]["content"][0]["text"].as_str().unwrap().contains("is there"), "{seen}");
    let posts = |token: &str| {
        requests(&stored.server, token).iter().filter(|request| request.method == "POST").count()
    };
    assert_eq!((posts(OWN), posts("sandbox-token-for-development")), (1, 0));
    // The alarm of a sleeping task wakes it, without a poll.
    stored.clock.set(offset(stored.given["at"].as_u64().unwrap() + 400)).unwrap();
    stored.server.restart().await.unwrap();
    line(&stored.server, |line| line["event"] == "task" && line["tool"] == "slow_compute").await;
    let seen = look(&caller(&url), id("running")).await;
    assert_eq!(seen["result"]["content"][0]["text"], "computed running in 300 s", "{seen}");
}

#[tokio::test]
async fn limits_of_0_1_0_go_on_and_nothing_that_was_used_is_good_again() {
    let Some(mut stored) = Stored::start("limits of 0.1.0").await else { return };
    let (url, given) = (stored.url(), stored.given);
    // Its token was accepted before: it is not one of those that anybody may invent.
    let own_subject = subject_in_logs(&given["sessions"]["subject"]);
    let path = format!("/admin/subjects/{own_subject}/quota");
    let quota = stored.admin(&path).await;
    assert!(quota["leased"].as_u64().is_some_and(|leased| leased > 0), "{path}: {quota}");
    assert_eq!(own(&url).initialize("2025-11-25").await.status, 200);
    let logged = lines(&stored.server);
    let is_own = |line: &Value| own_subject.starts_with(line["subject"].as_str().unwrap());
    assert!(logged.iter().any(is_own), "{logged:#?}");
    let without_tasks = options(stored.folder.path()).var("CREDENTIAL_KEY", "");
    stored.server.restart_with(&without_tasks.var("MCP_OAUTH", "")).await.unwrap();
    let params = given["replayed"].clone();
    let replayed = ask(&caller(&url), "tools/call", params, can_be_asked()).await;
    assert_eq!(replayed.response()["error"]["code"], -32602, "{replayed:?}");
    let sent = requests(&stored.server, "sandbox-token-for-development");
    assert!(sent.iter().all(|request| request.method == "GET"), "{sent:#?}");
}

#[tokio::test]
async fn grants_and_watches_of_0_1_0_go_on_with_the_tokens_that_they_keep() {
    let Some(mut stored) = Stored::start("grants of 0.1.0").await else { return };
    let (url, given) = (stored.url(), &stored.given["access"]);
    let text = |name: &str| given[name].as_str().unwrap();
    let bearer = |access: &str| {
        let client = Client::new(&url).with("authorization", &format!("Bearer {access}"));
        client.with("host", text("host"))
    };
    let client = bearer(text("access")).connect().await;
    client.call("sitebay_list_sites", json!({})).await.result();
    assert!(!requests(&stored.server, support::oauth::SITEBAY_TOKEN).is_empty());
    let fields = [
        ("grant_type", "refresh_token"),
        ("refresh_token", text("refresh")),
        ("client_id", text("client")),
    ];
    let refreshed = post(&format!("{url}/token"), &fields, &[("host", text("host"))]).await;
    bearer(&Tokens::of(&refreshed).access).connect().await;
    // The next look, which is soon due, compares with what was seen before.
    let changed = json!({ "http_auth_enabled": true });
    behind(&stored.server, Method::PATCH, "site-1.example.com", changed).await;
    stored.clock.set(offset(stored.given["at"].as_u64().unwrap() + 60)).unwrap();
    stored.server.restart().await.unwrap();
    let session = stored.resumed(own(&url), &stored.given["sessions"]["session"]);
    let mut live = Live::new(session.get().await);
    let told = live.message(|it| it["method"] == "notifications/resources/updated").await;
    assert_eq!(told["params"]["uri"], WATCHED);
    assert!(!requests(&stored.server, OWN).is_empty(), "it looks with the token that it keeps");
}
