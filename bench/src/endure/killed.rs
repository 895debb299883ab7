//! The runtime is killed in the middle of calls, streams and tasks, and started again over the same
//! storage.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::sleep};

use super::{
    Found, Size,
    host::{Host, PATIENCE, insist, is_answer, reconnect, response, session, tool_text},
};
use crate::{http::Connection, messages::Caller};

const CALLERS: usize = 8;
const STREAMS: usize = 4;
const TASKS: usize = 3;
const TEAM: &str = "00007ea0-0000-4000-8000-000000000001";

/// The results of one client.
#[derive(Default)]
struct Part {
    calls: usize,
    streams: usize,
    tasks: usize,
    broke: usize,
    lost: Vec<String>,
}

pub(super) async fn run(bundle: PathBuf, size: Size) -> Result<Found> {
    let mut host = Host::start(bundle, &[]).await?;
    let (kills, mut sum) = (size.of(2, 15), Part::default());
    for kill in 0..kills {
        add(&mut sum, round(&mut host, kill).await?);
    }
    let mut found = Found { lost: sum.lost, ..Found::default() };
    found.did(format!(
        "{kills} kills, each 0.15 to 1.3 s after {CALLERS} callers, {STREAMS} streams and {TASKS} tasks \
         began, and a start over the same storage: {} connections broken",
        sum.broke
    ));
    found.did(format!("{} calls answered with their own text", sum.calls));
    found.did(format!("{} streamed calls ended, read on where they broke", sum.streams));
    found.did(format!("{} tasks ended, each site created at most once", sum.tasks));
    created_once(&host, &mut found);
    Ok(found)
}

/// Clients at work, and a kill in their middle, a little later each time.
async fn round(host: &mut Host, kill: usize) -> Result<Part> {
    let stop = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for number in 0..CALLERS {
        clients.spawn(calls(host.port, session(host.port).await?, number, stop.clone()));
    }
    for _ in 0..STREAMS {
        clients.spawn(streams(host.port, session(host.port).await?, stop.clone()));
    }
    for number in 0..TASKS {
        clients.spawn(task(host.port, format!("k{kill}n{number}.example.com")));
    }
    sleep(Duration::from_millis(150 + 137 * (kill as u64 % 9))).await;
    host.server.restart().await?;
    sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::Relaxed);
    let mut sum = Part::default();
    while let Some(part) = clients.join_next().await {
        add(
            &mut sum,
            part?.unwrap_or_else(|error| Part {
                lost: vec![format!("{error:#}")],
                ..Part::default()
            }),
        );
    }
    Ok(sum)
}

fn add(sum: &mut Part, part: Part) {
    sum.calls += part.calls;
    sum.streams += part.streams;
    sum.tasks += part.tasks;
    sum.broke += part.broke;
    sum.lost.extend(part.lost);
}

/// Calls in one session, each again where its connection broke.
async fn calls(port: u16, session: String, number: usize, stop: Arc<AtomicBool>) -> Result<Part> {
    let (caller, mut part) = (Caller::at("/mcp"), Part::default());
    let mut connection = reconnect(port).await?;
    while !stop.load(Ordering::Relaxed) || part.broke == 0 && part.calls < 50 {
        let text = format!("{number}-{}", part.calls);
        let arguments = format!(r#"{{"text":"{text}"}}"#);
        let request = caller.tool(&session, "echo", &arguments);
        let (head, broke) = insist(&mut connection, &request).await?;
        let answer = response(&connection.text())?;
        if head.status != 200 || tool_text(&answer) != Some(&text) {
            part.lost.push(format!("the call {text} was answered {} {answer}", head.status));
        }
        part.calls += 1;
        part.broke += broke;
    }
    Ok(part)
}

/// Streamed calls in one session, read on where they broke.
async fn streams(port: u16, session: String, stop: Arc<AtomicBool>) -> Result<Part> {
    let (caller, mut part) = (Caller::at("/mcp"), Part::default());
    let request = caller.streamed(&session, "slow", r#"{"ms":400,"steps":8}"#);
    while !stop.load(Ordering::Relaxed) {
        let mut connection = reconnect(port).await?;
        if connection.ask(&request).await.is_err() {
            part.broke += 1;
            read_on(&mut connection, &caller, &session).await?;
        }
        match response(&connection.text()) {
            Ok(answer) if is_answer(&answer) => part.streams += 1,
            _ => part.lost.push(format!("a stream ended in {:?}", connection.text())),
        }
    }
    Ok(part)
}

/// Reads on behind the last event that came whole; calls again where none did.
async fn read_on(connection: &mut Connection, caller: &Caller, session: &str) -> Result<()> {
    let text = connection.text();
    let whole = text.rfind("\n\n").and_then(|end| text.get(..end)).unwrap_or_default();
    let last = whole.lines().filter_map(|line| line.strip_prefix("id:")).next_back();
    let request = match last {
        Some(last) => caller.stream(session, Some(last.trim())),
        None => caller.streamed(session, "slow", r#"{"ms":400,"steps":8}"#),
    };
    *connection = reconnect(connection.port()).await?;
    insist(connection, &request).await.map(drop)
}

/// A site that is created by a task, which a client polls until it ends.
async fn task(port: u16, fqdn: String) -> Result<Part> {
    let mut connection = reconnect(port).await?;
    let caller = Caller::at("/mcp");
    let mut broke = 0;
    let mut ask = async |method: &str, name: &str, params: &Value| -> Result<Value> {
        let request = caller.stateless_of(method, name, params, CAPABILITIES);
        let (_, often) = insist(&mut connection, &request).await?;
        broke += often;
        response(&connection.text())
    };
    let mut params = json!({ "name": "open_site", "arguments": { "fqdn": fqdn, "team_id": TEAM } });
    let asked = ask("tools/call", "open_site", &params).await?;
    let state = asked.pointer("/result/requestState").with_context(|| asked.to_string())?;
    params["requestState"] = state.clone();
    params["inputResponses"] =
        json!({ "agree": { "action": "accept", "content": { "agree": true } } });
    let begun = ask("tools/call", "open_site", &params).await?;
    let id = begun.pointer("/result/taskId").and_then(Value::as_str);
    let id = id.with_context(|| format!("no task: {begun}"))?.to_owned();
    let began = Instant::now();
    let look = json!({ "taskId": id });
    loop {
        let seen = ask("tasks/get", &id, &look).await?;
        match seen.pointer("/result/status").and_then(Value::as_str) {
            Some("completed" | "failed") => break,
            Some("working") if began.elapsed() < PATIENCE => {
                sleep(Duration::from_millis(100)).await
            }
            _ => bail!("the task of {fqdn} is lost: {seen}"),
        }
    }
    Ok(Part { tasks: 1, broke, ..Part::default() })
}

const CAPABILITIES: &str =
    r#"{"elicitation":{},"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;

/// The sandbox's requests: no site twice.
fn created_once(host: &Host, found: &mut Found) {
    let mut sites: BTreeMap<String, usize> = BTreeMap::new();
    let requests = host.server.sandbox().map(sandbox::Sandbox::requests).unwrap_or_default();
    for request in requests.iter().filter(|request| request.method == "POST") {
        let fqdn = request.body.as_ref().and_then(|body| body.get("fqdn")).and_then(Value::as_str);
        *sites.entry(fqdn.unwrap_or_default().to_owned()).or_default() += 1;
    }
    found.did(format!("{} sites created", sites.len()));
    for (fqdn, often) in sites.iter().filter(|(_, often)| **often > 1) {
        found.lost.push(format!("{fqdn} was created {often} times"));
    }
}
