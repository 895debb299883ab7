//! Tasks whose objects fail: reset before their answers leave, hung, or unable to go on.

use std::path::Path;

use bench::{http::Connection, messages::Caller};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time::{Duration, sleep, timeout};
use xtask::{
    clock::Clock,
    faults::{Fault, Faults, How},
    server::{Options, Server},
    skips::skip,
};

use crate::{
    support::{Client, events::Live, lines::lines, options, start, stateless::ask, wait},
    tasks::{
        agreed, can_be_asked, creations, follows, look, open_site, open_site_later, second_round,
        started, until,
    },
};

/// The time limit of a call whose pauses pass quickly.
const PATIENCE: Duration = Duration::from_secs(20);

/// A server whose task objects fail in this way at this path.
async fn failing(path: &'static str, how: How, times: usize) -> Server {
    let fault = Fault { class: "TaskAgent", path, how, times };
    let faults = Faults { faults: vec![fault], haste: 20 };
    start(Options { faults: Some(faults), ..options() }).await
}

/// Calls `open_site` in a session whose person agrees, to the end of the call's stream.
async fn opened_in_a_session(client: &Client) -> String {
    let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": open_site() });
    let mut live =
        Live::new(client.send(Method::POST).body(body.to_string()).send().await.unwrap());
    let question = live.message(|message| message["method"] == "elicitation/create").await;
    let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": agreed()["agree"] });
    assert_eq!(client.post(reply.to_string()).await.status, 202);
    live.rest().await
}

/// The id of the task that a text names as a resource.
fn named(text: &str) -> &str {
    let rest = text.split("sitebay://operation/").nth(1).expect(text);
    rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').next().unwrap()
}

#[tokio::test]
async fn a_task_whose_object_is_reset_after_it_began_begins_once_and_is_followed_to_its_end() {
    let server = failing("/ask/start", How::Lose, 1).await;
    let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
    let text = opened_in_a_session(&client).await;
    assert!(text.contains("is there."), "{text}");
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn a_task_whose_start_is_lost_once_is_given_its_handle() {
    let server = failing("/ask/start", How::Lose, 1).await;
    let client = Client::new(&server.url());
    let params = second_round(&client, follows()).await;
    let task = started(&client, params).await;
    until(&client, &task, "completed").await;
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn a_task_whose_client_leaves_while_it_starts_is_cancelled() {
    // The first start has no answer for five seconds; the second one begins the task.
    let fault = Fault { class: "TaskAgent", path: "/ask/start", how: How::Hang, times: 1 };
    let faults = Some(Faults { faults: vec![fault], haste: 1 });
    let server = start(Options { faults, ..options() }).await;
    let params = json!({ "name": "slow_compute", "arguments": { "seconds": 600, "label": "x" } });
    let can = follows().to_string();
    let call = Caller::at("/mcp").stateless_of("tools/call", "slow_compute", &params, &can);
    let port = server.url().rsplit(':').next().unwrap().parse().unwrap();
    let mut connection = Connection::open(port).await.unwrap();
    connection.send(&call).await.unwrap();
    // Real time: no line and no file shows that a start is under way.
    sleep(Duration::from_secs(1)).await;
    connection.reset().unwrap();
    let is_over = |line: &Value| line["event"] == "task" && line["outcome"] == "cancelled";
    wait::holds("the task is cancelled", || lines(&server).iter().any(is_over)).await;
}

#[tokio::test]
async fn a_session_is_told_what_to_read_where_every_start_is_lost() {
    let server = failing("/ask/start", How::Lose, usize::MAX).await;
    let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
    let text = opened_in_a_session(&client).await;
    assert!(text.contains("may have begun") && !text.contains("Nothing was changed"), "{text}");
    let uri = format!("sitebay://operation/{}", named(&text));
    let read = client.request("resources/read", json!({ "uri": uri })).await.result();
    let seen: Value = serde_json::from_str(read["contents"][0]["text"].as_str().unwrap()).unwrap();
    until(&Client::new(&server.url()), seen["taskId"].as_str().unwrap(), "completed").await;
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn a_request_without_a_session_is_told_the_same() {
    let server = failing("/ask/start", How::Lose, usize::MAX).await;
    let client = Client::new(&server.url());
    for capabilities in [can_be_asked(), follows()] {
        let params = second_round(&client, capabilities.clone()).await;
        let answer = ask(&client, "tools/call", params, capabilities).await;
        let text = answer.tool_text();
        assert!(text.contains("may have begun"), "{text}");
        until(&client, named(&text), "completed").await;
    }
    assert_eq!(creations(&server), 2);
}

#[tokio::test]
async fn a_task_whose_object_hangs_is_not_waited_for() {
    for how in [How::Hang, How::Stall] {
        let server = failing("/ask/look", how, 1).await;
        let client = Client::new(&server.url());
        let params =
            json!({ "name": "slow_compute", "arguments": { "seconds": 1.2, "label": "x" } });
        let task = started(&client, params).await;
        let late = ask(&client, "tasks/get", json!({ "taskId": task }), follows()).await;
        assert!(late.json()["error"]["message"].as_str().unwrap().contains("no answer in 5 s"));
        until(&client, &task, "completed").await;
    }
}

#[tokio::test]
async fn a_call_whose_task_hangs_at_its_start_and_at_its_following_comes_to_its_end() {
    for path in ["/ask/start", "/follow"] {
        let server = failing(path, How::Hang, 2).await;
        let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
        let text = opened_in_a_session(&client).await;
        assert!(text.contains("is there."), "{text}");
        assert_eq!(creations(&server), 1);
    }
}

#[tokio::test]
async fn a_call_whose_task_tells_nothing_on_its_socket_comes_to_its_end() {
    let in_a_session = async {
        let server = failing("/follow", How::Mute, 1).await;
        let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
        timeout(PATIENCE, opened_in_a_session(&client)).await.expect("an end")
    };
    let without = async {
        let server = failing("/own", How::Mute, 1).await;
        let client = Client::new(&server.url());
        let params = second_round(&client, can_be_asked()).await;
        let called = ask(&client, "tools/call", params, can_be_asked());
        timeout(PATIENCE, called).await.expect("an end").tool_text()
    };
    let (one, other) = tokio::join!(in_a_session, without);
    assert!(one.contains("is there.") && other.contains("is there."), "{one} {other}");
}

#[tokio::test]
async fn a_question_that_a_socket_did_not_tell_is_put_after_a_look() {
    let server = failing("/follow", How::Mute, 1).await;
    let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
    let params = open_site_later();
    let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params });
    let mut live =
        Live::new(client.send(Method::POST).body(body.to_string()).send().await.unwrap());
    let question = live.message(|message| message["method"] == "elicitation/create");
    let question = timeout(PATIENCE, question).await.expect("a question");
    let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": agreed()["agree"] });
    assert_eq!(client.post(reply.to_string()).await.status, 202);
    assert!(live.rest().await.contains("is there."));
}

#[tokio::test]
async fn a_key_object_that_hangs_does_not_hang_the_requests_of_its_isolate() {
    let fault = Fault { class: "KeyAgent", path: "/ask/keys", how: How::Hang, times: 1 };
    let faults = Faults { faults: vec![fault], haste: 20 };
    let server = start(Options { faults: Some(faults), ..options() }.var("SESSION_KEY", "")).await;
    let client = Client::new(&server.url());
    let late = wait::done("a refusal", client.initialize("2025-11-25")).await;
    assert_eq!(late.status, 503, "{late:?}");
    assert_eq!(client.initialize("2025-11-25").await.status, 200);
}

const OTHER_KEY: &str = "YW5vdGhlci1jcmVkZW50aWFsLWtleS1vZi10aGlzLXRlc3Q";

/// A task that was begun with a SiteBay token and is asleep, and its server's storage.
struct Sleeping {
    storage: TempDir,
    clock: Clock,
    task: String,
}

impl Sleeping {
    /// None: this machine cannot move the clock.
    async fn begun(test: &str) -> Option<Self> {
        let Some(clock) = Clock::new().expect("the compiler works") else {
            skip(test, "no C compiler");
            return None;
        };
        let storage = tempfile::tempdir().unwrap();
        let server = start(over(storage.path(), &clock)).await;
        let params = json!({ "name": "slow_compute", "arguments": { "seconds": 5, "label": "x" } });
        let task = started(&caller(&server), params).await;
        Some(Self { storage, clock, task })
    }

    /// A server over the same storage, at this many seconds after the beginning.
    async fn server(&self, at: i64, credential_key: Option<&str>) -> Server {
        self.clock.set(at).unwrap();
        let options = over(self.storage.path(), &self.clock);
        start(match credential_key {
            Some(key) => options.var("CREDENTIAL_KEY", key),
            None => options,
        })
        .await
    }

    /// Looks until its status says this in words.
    async fn until_it_says(&self, client: &Client, what: &str) -> Value {
        wait::until(&format!("its status says {what:?}"), async || {
            let seen = look(client, &self.task).await;
            let says = seen["statusMessage"].as_str().is_some_and(|said| said.contains(what));
            if says { Ok(seen) } else { Err(seen) }
        })
        .await
    }
}

fn over(storage: &Path, clock: &Clock) -> Options {
    clock.of(Options { storage: Some(storage.into()), ..options() })
}

fn caller(server: &Server) -> Client {
    Client::new(&server.url()).with("x-sitebay-token", "a-token-of-its-own")
}

/// How many runs of tasks failed.
fn failed_runs(server: &Server) -> usize {
    server.log().matches("a task's run failed").count()
}

#[tokio::test]
async fn a_task_whose_credential_does_not_open_waits_and_says_why_until_the_key_is_back() {
    let Some(sleeping) = Sleeping::begun("a credential that does not open").await else { return };
    let server = sleeping.server(10, Some(OTHER_KEY)).await;
    let client = caller(&server);
    let seen = sleeping.until_it_says(&client, "CREDENTIAL_KEY").await;
    assert_eq!(seen["status"], "working", "{seen}");
    for _ in 0..20 {
        look(&client, &sleeping.task).await;
    }
    // A run that one of the looks had begun would be over before this one.
    let params = json!({ "name": "slow_compute", "arguments": { "seconds": 1.2, "label": "x" } });
    until(&client, &started(&client, params).await, "completed").await;
    assert_eq!(failed_runs(&server), 1, "it ran because somebody looked: {}", server.log());
    drop(server);
    let server = sleeping.server(30, None).await;
    let seen = until(&caller(&server), &sleeping.task, "completed").await;
    assert_eq!(seen["result"]["content"][0]["text"], "computed x in 5 s");
    assert_eq!(seen["statusMessage"], Value::Null, "{seen}");
}

#[tokio::test]
async fn a_task_does_not_run_without_the_token_it_was_begun_with() {
    let Some(sleeping) = Sleeping::begun("no credential key").await else { return };
    let server = sleeping.server(10, Some("")).await;
    wait::holds("a run failed", || failed_runs(&server) > 0).await;
    assert_eq!(failed_runs(&server), 1, "{}", server.log());
}

#[tokio::test]
async fn a_task_that_could_not_go_on_until_its_time_was_over_ends_as_failed() {
    let Some(sleeping) = Sleeping::begun("a task whose time is over").await else { return };
    let server = sleeping.server(10, Some(OTHER_KEY)).await;
    sleeping.until_it_says(&caller(&server), "CREDENTIAL_KEY").await;
    drop(server);
    let server = sleeping.server(23 * 3_600 + 60, Some(OTHER_KEY)).await;
    let seen = until(&caller(&server), &sleeping.task, "failed").await;
    let why = seen["error"]["message"].as_str().unwrap();
    assert!(why.contains("CREDENTIAL_KEY") && why.contains("check before you repeat it"), "{why}");
    let ended = |line: &Value| line["event"] == "task" && line["outcome"] == "failed";
    assert!(lines(&server).iter().any(ended), "{}", server.log());
}
