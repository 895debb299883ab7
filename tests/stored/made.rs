//! How the storage in `tests/fixtures-0.1.0/storage` was made: the Worker does everything that stores
//! something, and is killed.
//!
//! `UPDATE_FIXTURES=1 cargo test --features fixtures --test wire stored` makes it again where the folder is
//! missing. It needs Linux with a C compiler, for the clock, and Python, which packs the databases.

use std::{collections::BTreeSet, path::Path, process::Command, time::Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Duration, sleep};
use xtask::{
    clock::Clock,
    server::{Options, Server},
};

use super::{
    BEARER, MOVED, OTHER, WATCHED, caller, dynamic, messages::Message, offset, options, others,
    own, subject,
};
use crate::{
    support::{
        Client,
        events::Live,
        oauth::{App, Tokens},
        start,
        stateless::ask,
    },
    tasks::{
        agreed, can_be_asked, creations, follows, open_site, open_site_later, second_round,
        started, until,
    },
};

/// The time at which it begins: 2026-12-01, at the start of a window of limits.
const BEGINS: u64 = 1_796_083_200;

/// Packs the databases into one file each, removes the empty ones, and writes the rows as text.
const PACK: &str = include_str!("pack.py");
/// Notes messages to objects in the log.
const RECORD: &str = include_str!("record.js");

/// The storage and the requests of a server.
pub(super) struct Made {
    /// The ids and tokens that clients received.
    pub(super) given: Value,
    /// The messages to objects and their answers, of two servers.
    pub(super) messages: Vec<Vec<Message>>,
}

/// Makes the storage.
pub(super) async fn make(storage: &Path) -> Made {
    let clock = Clock::new().unwrap().expect("a C compiler");
    clock.set(offset(BEGINS)).unwrap();
    let began = Instant::now();
    // Long enough for a kill between two looks at a new site.
    let creating_for = Duration::from_secs(4);
    let sandbox = sandbox::Options { creating_for, ..sandbox::Options::default() };
    let over = || Options {
        sandbox: Some(sandbox.clone()),
        front: Some(RECORD.to_owned()),
        ..clock.of(options(storage))
    };
    let generated = |options: Options| options.var("SESSION_KEY", "").var("SUBJECT_KEY", "");
    let mut server = start(generated(over())).await;
    let mut given = json!({ "of_generated_keys": session_of_generated_keys(&server).await });
    // Those that only the generated keys open are left out.
    let with_generated_keys = messages(&server.log());
    server.restart_with(&over().var("SESSION_PLACEMENT", "subject")).await.unwrap();
    given["placed"] = json!(placed(&server).await);
    server.restart_with(&over().var("CREDENTIAL_KEY", "").var("MCP_OAUTH", "")).await.unwrap();
    given["replayed"] = replayed(&server).await;
    server.restart_with(&over()).await.unwrap();
    given["sessions"] = sessions(&server).await;
    given["access"] = access(&server).await;
    given["tasks"] = tasks(&server).await;
    given["moved"] = moved(&server).await;
    // Real time: the clock of the storage goes on while it is made.
    given["at"] = json!(BEGINS + began.elapsed().as_secs() + 1);
    let all = messages(&server.log());
    drop(server);
    let elsewhere = tempfile::tempdir().unwrap();
    let others = others::logged(Options { storage: Some(elsewhere.path().into()), ..over() }).await;
    let packed = Command::new("python3").args(["-c", PACK]).arg(storage).status().unwrap();
    assert!(packed.success());
    let is_signed = |it: &Message| it.class == "SessionAgent" && with_generated_keys.contains(it);
    let all = all.into_iter().filter(|it| !is_signed(it)).collect();
    Made { given, messages: vec![all, messages(&others)] }
}

/// The messages in a log. Of those to one object that have the same form there is the first one. What a
/// session answers is for its client.
fn messages(log: &str) -> Vec<Message> {
    let found = log.lines().filter_map(|line| line.split_once("MESSAGE ").map(|(_, json)| json));
    let read = |json| {
        let message: Message = serde_json::from_str(json).unwrap();
        let answer = if message.class == "SessionAgent" { "" } else { &message.answer };
        Message { answer: answer.to_owned(), ..message }
    };
    let mut known = BTreeSet::new();
    let is_new = |it: &Message| known.insert((it.name.clone(), it.form()));
    found.map(read).filter(is_new).collect()
}

async fn session_of_generated_keys(server: &Server) -> String {
    let client = caller(&server.url()).connect().await;
    assert_eq!(client.call("echo", json!({ "text": "x" })).await.tool_text(), "x");
    client.session()
}

/// A session in an object for all sessions of its caller, which watches a resource.
async fn placed(server: &Server) -> String {
    let client = own(&server.url()).connect().await;
    // The token works from now on.
    client.call("sitebay_list_sites", json!({})).await.result();
    client.request("resources/subscribe", json!({ "uri": "test://placed" })).await.result();
    client.session()
}

/// The parameters of a request that was consumed.
async fn replayed(server: &Server) -> Value {
    let client = caller(&server.url());
    let params = second_round(&client, can_be_asked()).await;
    let answer = ask(&client, "tools/call", params.clone(), can_be_asked()).await;
    assert!(answer.tool_text().contains("is there"), "{answer:?}");
    params
}

async fn sessions(server: &Server) -> Value {
    let url = server.url();
    let client = dynamic(&url).connect().await;
    client.request("logging/setLevel", json!({ "level": "error" })).await.result();
    client.request("resources/subscribe", json!({ "uri": WATCHED })).await.result();
    client.call("sitebay_find_tools", json!({ "enable": ["dns"] })).await.result();
    let answer = client.call_with_progress("slow", json!({ "ms": 300, "steps": 1 })).await;
    assert!(answer.text.contains("done"), "{answer:?}");
    let ended = own(&url).connect().await;
    assert_eq!(ended.delete().await.status, 204);
    let other = caller(&url).with("x-sitebay-token", OTHER);
    let before = other.clone().connect().await;
    before.call("sitebay_list_sites", json!({})).await.result();
    let all = Client::at(&url, "/sessions").with("authorization", BEARER);
    let all = all.with("x-sitebay-token", OTHER);
    assert_eq!(all.delete().await.status, 204);
    json!({
        "session": client.session(),
        "subject": subject(&client).await,
        "answer": answer.events()[0].id,
        "ended": ended.session(),
        "ended_with_all": before.session(),
        "begun_after": other.connect().await.session(),
    })
}

async fn access(server: &Server) -> Value {
    let app = App::register(&server.url()).await;
    let Tokens { access, refresh, .. } = app.tokens().await;
    let host = server.url().strip_prefix("http://").unwrap().to_owned();
    json!({ "host": host, "client": app.id, "access": access, "refresh": refresh })
}

async fn tasks(server: &Server) -> Value {
    let client = caller(&server.url());
    let compute = |seconds: f64, label: &str| json!({ "name": "slow_compute", "arguments": { "seconds": seconds, "label": label } });
    let running = started(&client, compute(300.0, "running")).await;
    let finished = started(&client, compute(0.5, "finished")).await;
    until(&client, &finished, "completed").await;
    let asking = started(&own(&server.url()), open_site_later()).await;
    until(&own(&server.url()), &asking, "input_required").await;
    let cancelled = started(&client, compute(300.0, "cancelled")).await;
    let params = json!({ "taskId": cancelled });
    ask(&client, "tasks/cancel", params, follows()).await.result();
    until(&client, &cancelled, "cancelled").await;
    json!({ "running": running, "finished": finished, "asking": asking, "cancelled": cancelled })
}

/// A session whose call waits for a task, and the last event that its client saw.
async fn moved(server: &Server) -> Value {
    let client = caller(&server.url()).connect_with(can_be_asked()).await;
    let mut params = open_site();
    params["arguments"]["fqdn"] = json!(MOVED);
    let before = creations(server);
    let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params });
    let mut live =
        Live::new(client.send(Method::POST).body(body.to_string()).send().await.unwrap());
    let question = live.message(|message| message["method"] == "elicitation/create").await;
    let reply = json!({ "jsonrpc": "2.0", "id": question["id"], "result": agreed()["agree"] });
    assert_eq!(client.post(reply.to_string()).await.status, 202);
    while creations(server) == before {
        // Real time: the task creates its site when its alarm is due.
        sleep(Duration::from_millis(20)).await;
    }
    // Real time: its first look at the site is over, and the next one is not yet due.
    sleep(Duration::from_millis(700)).await;
    json!({ "session": client.session(), "last": live.last_id() })
}
