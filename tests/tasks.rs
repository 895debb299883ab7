//! Tasks over the wire: long work that continues without its client and after crashes.

use std::{fs, time::Duration};

use reqwest::Method;
use sandbox::Fault;
use serde_json::{Value, json};
use xtask::{
    faults::Faults,
    server::{Options, Server},
};

use crate::{
    storage::{files, is_stored, objects},
    support::{
        Client,
        events::Live,
        lines::line,
        options, server, start,
        stateless::{ask, prepared},
        wait,
    },
};

const TEAM: &str = "00007ea0-0000-4000-8000-000000000001";
pub const FQDN: &str = "www.task.example.com";

/// A client that follows tasks and can be asked.
pub fn follows() -> Value {
    json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } })
}

pub fn can_be_asked() -> Value {
    json!({ "elicitation": {} })
}

pub fn agreed() -> Value {
    json!({ "agree": { "action": "accept", "content": { "agree": true } } })
}

pub fn open_site() -> Value {
    json!({ "name": "open_site", "arguments": { "fqdn": FQDN, "team_id": TEAM } })
}

pub fn open_site_later() -> Value {
    json!({ "name": "open_site_later", "arguments": { "fqdn": FQDN, "team_id": TEAM } })
}

pub async fn look(client: &Client, task: &str) -> Value {
    ask(client, "tasks/get", json!({ "taskId": task }), follows()).await.result()
}

/// Looks until the task has this status.
pub async fn until(client: &Client, task: &str, status: &str) -> Value {
    wait::until(&format!("the task is {status}"), async || {
        let seen = look(client, task).await;
        if seen["status"] == status { Ok(seen) } else { Err(seen) }
    })
    .await
}

/// Starts a task with a tool that becomes one at once or without a question.
pub async fn started(client: &Client, params: Value) -> String {
    let result = ask(client, "tools/call", params, follows()).await.result();
    assert_eq!(result["resultType"], "task", "{result}");
    result["taskId"].as_str().unwrap().to_owned()
}

/// The parameters of the second round of `open_site`.
pub async fn second_round(client: &Client, capabilities: Value) -> Value {
    let first = ask(client, "tools/call", open_site(), capabilities).await.result();
    assert_eq!(first["resultType"], "input_required", "{first}");
    let mut params = open_site();
    params["requestState"] = first["requestState"].clone();
    params["inputResponses"] = agreed();
    params
}

/// How often the sandbox was asked to create a site.
pub fn creations(server: &Server) -> usize {
    let requests = server.sandbox().unwrap().requests();
    requests.iter().filter(|request| request.method == "POST").count()
}

/// Waits until the sandbox received the request.
pub async fn created(server: &Server) {
    wait::holds("SiteBay was told to create a site", || creations(server) > 0).await;
}

/// How often the sandbox was asked for something after the request to create a site.
fn looks(server: &Server) -> usize {
    let requests = server.sandbox().unwrap().requests();
    let after = requests.iter().skip_while(|request| request.method != "POST");
    after.filter(|request| request.method == "GET").count()
}

pub fn creating_for(seconds: u64) -> Options {
    let creating_for = Duration::from_secs(seconds);
    let sandbox = sandbox::Options { creating_for, ..sandbox::Options::default() };
    Options { sandbox: Some(sandbox), ..options() }
}

#[tokio::test]
async fn a_task_is_its_callers_and_nobody_elses() {
    let server = server().await;
    let client = Client::new(&server.url());
    let params = json!({ "name": "slow_compute", "arguments": { "seconds": 2, "label": "x" } });
    let task = started(&client, params).await;
    assert_eq!(look(&client, &task).await["status"], "working");
    let before = objects(&server);
    let other = client.clone().with("x-sitebay-token", "another token");
    let (kept, last) = task.split_at(task.len() - 1);
    let forged = format!("{kept}{}", if last == "A" { "Q" } else { "A" });
    for (client, task) in [(&other, task.as_str()), (&client, &forged), (&client, "no-such-task")] {
        for method in ["tasks/get", "tasks/update", "tasks/cancel"] {
            let params = json!({ "taskId": task, "inputResponses": {} });
            let refused = ask(client, method, params, follows()).await;
            assert_eq!(refused.json()["error"]["code"], -32602, "{refused:?}");
        }
    }
    assert_eq!(objects(&server), before, "an object was asked for a task that nobody has");
    let undeclared = ask(&client, "tasks/get", json!({ "taskId": task }), json!({})).await;
    undeclared.refused(400, -32021);
    let seen = until(&client, &task, "completed").await;
    assert_eq!(seen["result"]["content"][0]["text"], "computed x in 2 s");
}

#[tokio::test]
async fn who_does_not_follow_tasks_waits() {
    let server = server().await;
    let client = Client::new(&server.url());
    let params = second_round(&client, can_be_asked()).await;
    let answer = ask(&client, "tools/call", params, can_be_asked()).await;
    assert_eq!(answer.tool_text(), format!("{FQDN} is there."));
    assert_eq!(answer.result()["resultType"], "complete");
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn a_session_asks_then_waits_and_hears_how_far_it_is() {
    let server = server().await;
    let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
    let mut params = open_site();
    params["_meta"] = json!({ "progressToken": 3 });
    let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params });
    let mut live =
        Live::new(client.send(Method::POST).body(body.to_string()).send().await.unwrap());
    let question = live.message(|message| message["method"] == "elicitation/create").await;
    assert_eq!(question["params"]["message"], format!("Create the site {FQDN}?"));
    let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": agreed()["agree"] });
    assert_eq!(client.post(reply.to_string()).await.status, 202);
    let text = live.rest().await;
    assert!(text.contains("waiting until the site is there"), "{text}");
    assert!(text.contains(&format!("{FQDN} is there.")), "{text}");
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn a_task_that_asks_a_session_asks_its_person() {
    let server = server().await;
    let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
    let body =
        json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": open_site_later() });
    let mut live =
        Live::new(client.send(Method::POST).body(body.to_string()).send().await.unwrap());
    let question = live.message(|message| message["method"] == "elicitation/create").await;
    let reply =
        json!({ "jsonrpc": "2.0", "id": question["id"], "result": { "action": "decline" } });
    assert_eq!(client.post(reply.to_string()).await.status, 202);
    let text = live.rest().await;
    assert!(text.contains("was not created"), "{text}");
    assert_eq!(creations(&server), 0);
}

#[tokio::test]
async fn a_request_that_comes_twice_is_one_task() {
    let server = server().await;
    let client = Client::new(&server.url());
    let params = second_round(&client, follows()).await;
    let first = started(&client, params.clone()).await;
    let second = started(&client, params).await;
    assert_eq!(first, second);
    until(&client, &first, "completed").await;
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn a_request_that_comes_many_times_at_once_is_one_task() {
    let server = start(Options { isolates: 2, ..options() }).await;
    let clients: Vec<Client> = server
        .urls()
        .iter()
        .map(|url| Client::new(url).with("x-sitebay-token", "a-token-of-its-own"))
        .collect();
    let params = second_round(&clients[0], follows()).await;
    let starts = (0..8).map(|number| started(&clients[number % 2], params.clone()));
    let tasks = futures_util::future::join_all(starts).await;
    assert!(tasks.iter().all(|task| *task == tasks[0]), "{tasks:?}");
    until(&clients[0], &tasks[0], "completed").await;
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn without_tasks_a_replayed_answer_changes_nothing() {
    let server = start(options().var("CREDENTIAL_KEY", "")).await;
    let client = Client::new(&server.url());
    let discovered = ask(&client, "server/discover", json!({}), json!({})).await.result();
    assert!(discovered["capabilities"]["extensions"].is_null(), "{discovered}");
    let params = second_round(&client, follows()).await;
    let answer = ask(&client, "tools/call", params.clone(), follows()).await;
    assert_eq!(answer.tool_text(), format!("{FQDN} is there."));
    let replayed = ask(&client, "tools/call", params, follows()).await;
    assert_eq!(replayed.response()["error"]["code"], -32602, "{replayed:?}");
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn without_tasks_one_of_many_replays_at_the_same_time_changes_something() {
    let server = start(Options { isolates: 2, ..options().var("CREDENTIAL_KEY", "") }).await;
    let [here, there] = server.urls().try_into().unwrap();
    let (here, there) = (Client::new(&here), Client::new(&there));
    let params = second_round(&here, can_be_asked()).await;
    let replays = (0..8).map(|number| {
        let client = if number % 2 == 0 { &here } else { &there };
        ask(client, "tools/call", params.clone(), can_be_asked())
    });
    let answers = futures_util::future::join_all(replays).await;
    let refused = answers.iter().filter(|answer| answer.response()["error"]["code"] == -32602);
    assert_eq!((refused.count(), creations(&server)), (7, 1), "{answers:?}");
}

#[tokio::test]
async fn killed_before_it_changed_anything_it_changes_it_once() {
    let mut server = server().await;
    let client = Client::new(&server.url());
    let task = started(&client, open_site_later()).await;
    server.restart().await.unwrap();
    until(&client, &task, "input_required").await;
    server.restart().await.unwrap();
    let params = json!({ "taskId": task, "inputResponses": agreed() });
    ask(&client, "tasks/update", params, follows()).await.result();
    let seen = until(&client, &task, "completed").await;
    assert_eq!(seen["result"]["content"][0]["text"], format!("{FQDN} is there."));
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn killed_after_it_changed_something_it_looks_and_does_not_repeat_it() {
    let mut server = server().await;
    let lost = Fault {
        method: Some("POST".into()),
        path: Some("/site/".into()),
        delay_ms: Some(20_000),
        after: true,
        ..Fault::default()
    };
    server.sandbox().unwrap().inject(lost);
    let client = Client::new(&server.url());
    let params = second_round(&client, follows()).await;
    let task = started(&client, params).await;
    created(&server).await;
    server.restart().await.unwrap();
    let seen = until(&client, &task, "completed").await;
    assert_eq!(seen["result"]["content"][0]["text"], format!("{FQDN} is there."));
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn killed_between_two_looks_it_looks_on() {
    let mut server = start(creating_for(3)).await;
    let client = Client::new(&server.url());
    let params = second_round(&client, follows()).await;
    let task = started(&client, params).await;
    created(&server).await;
    wait::holds("the task looked at its site", || looks(&server) > 0).await;
    server.restart().await.unwrap();
    // No client polls: its own alarm wakes it.
    line(&server, |line| line["event"] == "task").await;
    let seen = look(&client, &task).await;
    assert_eq!(seen["status"], "completed", "{seen}");
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn a_session_that_died_reads_the_end_of_its_task() {
    let mut server = start(creating_for(4)).await;
    let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
    let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": open_site() });
    let mut live =
        Live::new(client.send(Method::POST).body(body.to_string()).send().await.unwrap());
    let question = live.message(|message| message["method"] == "elicitation/create").await;
    let last = live.last_id();
    let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": agreed()["agree"] });
    assert_eq!(client.post(reply.to_string()).await.status, 202);
    created(&server).await;
    wait::holds("the session wrote down its task", || is_stored(&server, "answer:")).await;
    server.restart().await.unwrap();
    let text = Live::new(client.with("last-event-id", &last).get().await).rest().await;
    assert!(text.contains(&format!("{FQDN} is there.")) && text.contains(r#""id":5"#), "{text}");
    assert_eq!(creations(&server), 1);
}

#[tokio::test]
async fn a_cancelled_task_does_nothing_more() {
    let server = server().await;
    let client = Client::new(&server.url());
    let task = started(&client, open_site_later()).await;
    ask(&client, "tasks/cancel", json!({ "taskId": task }), follows()).await.result();
    assert_eq!(until(&client, &task, "cancelled").await["result"], Value::Null);
    ask(&client, "tasks/cancel", json!({ "taskId": task }), follows()).await.result();
    let params = json!({ "taskId": task, "inputResponses": agreed() });
    ask(&client, "tasks/update", params, follows()).await.result();
    // One that was begun later and is not cancelled comes to its end in the meantime.
    let mut other = open_site_later();
    other["arguments"]["fqdn"] = json!("other.task.example.com");
    let other = started(&client, other).await;
    until(&client, &other, "input_required").await;
    let params = json!({ "taskId": other, "inputResponses": agreed() });
    ask(&client, "tasks/update", params, follows()).await.result();
    until(&client, &other, "completed").await;
    assert_eq!(look(&client, &task).await["status"], "cancelled");
    assert_eq!(creations(&server), 1, "only the other one created its site");
}

#[tokio::test]
async fn a_task_that_is_cancelled_while_sitebay_works_for_it_goes_no_further() {
    let server = server().await;
    let slow = Fault { method: Some("POST".into()), delay_ms: Some(1_000), ..Fault::default() };
    server.sandbox().unwrap().inject(slow);
    let client = Client::new(&server.url());
    let params = second_round(&client, follows()).await;
    let task = started(&client, params).await;
    created(&server).await;
    ask(&client, "tasks/cancel", json!({ "taskId": task }), follows()).await.result();
    until(&client, &task, "cancelled").await;
    // SiteBay answers before this one is over; then the task would look at its site.
    let params = json!({ "name": "slow_compute", "arguments": { "seconds": 1.5, "label": "x" } });
    until(&client, &started(&client, params).await, "completed").await;
    assert_eq!(look(&client, &task).await["status"], "cancelled");
    assert_eq!(looks(&server), 0);
}

/// The id of the one stored task, which no client of a session receives.
pub async fn stored_task(server: &Server) -> String {
    const BEFORE: &[u8] = br#"{"order":{"id":""#;
    wait::until("a task is stored", async || {
        let mut stored = files(server.storage(), ".sqlite");
        stored.extend(files(server.storage(), ".sqlite-wal"));
        let mut stored = stored.iter().map(|file| fs::read(file).unwrap_or_default());
        let id = stored.find_map(|bytes| {
            let at = bytes.windows(BEFORE.len()).position(|part| part == BEFORE)?;
            String::from_utf8(bytes[at + BEFORE.len()..][..76].to_vec()).ok()
        });
        id.ok_or("none")
    })
    .await
}

#[tokio::test]
async fn who_waits_without_a_session_and_leaves_takes_the_task_back() {
    // A client that left is noticed when something is written: the pauses between are shortened.
    let faults = Some(Faults { faults: Vec::new(), haste: 20 });
    let server = start(Options { faults, ..creating_for(60) }).await;
    let client = Client::new(&server.url());
    let params = second_round(&client, can_be_asked()).await;
    let (waiting, body) = prepared(&client, "tools/call", params, can_be_asked());
    let sent = waiting.send(Method::POST).body(body).send().await.unwrap();
    created(&server).await;
    let task = stored_task(&server).await;
    assert_eq!(look(&client, &task).await["status"], "working");
    drop(sent);
    until(&client, &task, "cancelled").await;
}

#[tokio::test]
async fn a_session_that_cancels_its_call_cancels_the_task() {
    let server = start(creating_for(60)).await;
    let client = Client::new(&server.url()).connect_with(can_be_asked()).await;
    let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": open_site() });
    let mut live =
        Live::new(client.send(Method::POST).body(body.to_string()).send().await.unwrap());
    let question = live.message(|message| message["method"] == "elicitation/create").await;
    let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": agreed()["agree"] });
    assert_eq!(client.post(reply.to_string()).await.status, 202);
    created(&server).await;
    let cancelled = json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 5 },
    });
    assert_eq!(client.post(cancelled.to_string()).await.status, 202);
    let text = live.rest().await;
    assert!(!text.contains("is there"), "{text}");
    let task = stored_task(&server).await;
    until(&Client::new(&server.url()), &task, "cancelled").await;
}

#[tokio::test]
async fn who_listens_for_a_task_hears_of_its_end_in_the_other_isolate() {
    let server = start(Options { isolates: 2, ..options() }).await;
    let [first, second] = &server.urls()[..] else { panic!("two isolates") };
    let (client, other) = (Client::new(first), Client::new(second));
    let params = json!({ "name": "slow_compute", "arguments": { "seconds": 2, "label": "x" } });
    let task = started(&client, params).await;
    let params = json!({ "notifications": { "taskIds": [task] } });
    let (listener, body) = prepared(&other, "subscriptions/listen", params, follows());
    let mut live = Live::new(listener.send(Method::POST).body(body).send().await.unwrap());
    let told = live.message(|message| message["method"] == "notifications/tasks").await;
    assert_eq!(told["params"]["taskId"], task.as_str());
    assert_eq!(told["params"]["status"], "completed");
    assert_eq!(look(&other, &task).await["status"], "completed");
}

#[tokio::test]
async fn a_task_is_a_resource_of_a_session() {
    let server = server().await;
    let params = json!({ "name": "slow_compute", "arguments": { "seconds": 1.2, "label": "x" } });
    let task = started(&Client::new(&server.url()), params).await;
    let client = Client::new(&server.url()).connect().await;
    let uri = format!("sitebay://operation/{task}");
    let read = client.request("resources/read", json!({ "uri": uri })).await.result();
    let text = read["contents"][0]["text"].as_str().unwrap();
    let seen: Value = serde_json::from_str(text).unwrap();
    assert_eq!(seen["taskId"], task.as_str());
    let unknown = json!({ "uri": "sitebay://operation/unknown" });
    assert_eq!(client.request("resources/read", unknown).await.json()["error"]["code"], -32002);
    let other = Client::new(&server.url()).with("x-sitebay-token", "other").connect().await;
    let foreign = other.request("resources/read", json!({ "uri": uri })).await;
    assert_eq!(foreign.json()["error"]["code"], -32002);
}

#[tokio::test]
async fn a_credential_is_kept_sealed_and_works_after_a_restart() {
    let token = "a-very-secret-sitebay-token-4711";
    let mut server = server().await;
    let client = Client::new(&server.url()).with("x-sitebay-token", token);
    let task = started(&client, open_site_later()).await;
    server.restart().await.unwrap();
    until(&client, &task, "input_required").await;
    assert!(is_stored(&server, "open_site_later") && !is_stored(&server, token));
    let params = json!({ "taskId": task, "inputResponses": agreed() });
    ask(&client, "tasks/update", params, follows()).await.result();
    until(&client, &task, "completed").await;
    let requests = server.sandbox().unwrap().requests();
    let creation = requests.iter().find(|request| request.method == "POST").unwrap();
    assert!(creation.headers["authorization"].ends_with("4711"), "{creation:?}");
}
