//! Long calls of this server's own tools for Keboola that are taken back: the query is cancelled at Keboola, however the
//! client takes it back, and a job goes on.

use bench::http::{Connection, request};
use reqwest::Method;
use sandbox::keboola::{JobEnd, JobPlan, SqlRule};
use serde_json::{Value, json};

use crate::support::{
    Client,
    events::Live,
    hasty,
    keboola_native::Native,
    options,
    stateless::{VERSION, ask, prepared},
    talk::{Era, Talk},
    wait,
};

const SLOW: &str = "SELECT 42";

/// A Keboola with a workspace, and a query that takes an hour.
async fn with_a_slow_query() -> (Native, Client) {
    // A client that left is noticed when something is written: the pauses between are shortened.
    let native = Native::start(hasty(options())).await;
    let client = native.person("ada", 101).await;
    // The first query makes the workspace, which a task does.
    let made = client.call("keboola_query_data", query("SELECT 1", false)).await.result();
    assert_ne!(made["isError"], true, "{made}");
    let takes_ms = Some(3_600_000);
    native.keboola.answer_sql(SqlRule { sql: SLOW.into(), takes_ms, ..SqlRule::default() });
    (native, client)
}

fn query(sql: &str, long_running: bool) -> Value {
    json!({ "sql_query": sql, "query_name": "a query", "long_running": long_running })
}

fn params(long_running: bool) -> Value {
    json!({ "name": "keboola_query_data", "arguments": query(SLOW, long_running) })
}

/// Queries that were submitted, and those that were cancelled.
fn counts(native: &Native) -> (usize, usize) {
    (native.count("POST", "/queries"), native.count("POST", "/cancel"))
}

/// Waits until a query was submitted after so many.
async fn submitted(native: &Native, before: (usize, usize)) {
    wait::holds("the query runs", || counts(native).0 > before.0).await;
}

/// Waits until it was cancelled, and sees that it was submitted once.
async fn cancelled(native: &Native, before: (usize, usize), how: &str) {
    let what = format!("the query is cancelled: {how}");
    wait::holds(&what, || counts(native).1 > before.1).await;
    assert_eq!(counts(native).0, before.0 + 1, "{how}");
}

#[tokio::test]
async fn a_query_of_a_session_is_cancelled_with_its_call() {
    let (native, client) = with_a_slow_query().await;
    for long_running in [false, true] {
        let before = counts(&native);
        let body = json!({
            "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params(long_running),
        });
        let sent = client.send(Method::POST).body(body.to_string()).send();
        let waiting = tokio::spawn(sent);
        submitted(&native, before).await;
        let taken_back = json!({
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 5 },
        });
        assert_eq!(client.post(taken_back.to_string()).await.status, 202);
        cancelled(&native, before, &format!("in a session, as a task: {long_running}")).await;
        drop(waiting);
    }
}

#[tokio::test]
async fn a_query_without_a_session_is_cancelled_when_its_client_leaves() {
    let (native, _) = with_a_slow_query().await;
    for long_running in [false, true] {
        let before = counts(&native);
        let client = native.client("/mcp", "ada");
        let (client, body) = prepared(&client, "tools/call", params(long_running), json!({}));
        let waiting = tokio::spawn(client.send(Method::POST).body(body).send());
        submitted(&native, before).await;
        waiting.abort();
        drop(waiting);
        let how = format!("as a task: {long_running}");
        cancelled(&native, before, &how).await;
    }
}

/// A client that takes JSON alone has no stream to close. It is seen to leave where its connection is reset.
#[tokio::test]
async fn a_query_of_a_client_that_takes_json_alone_is_cancelled_when_its_connection_is_reset() {
    let (native, _) = with_a_slow_query().await;
    let port = native.worker.url().rsplit(':').next().unwrap().parse().unwrap();
    for long_running in [false, true] {
        let before = counts(&native);
        let params = params(long_running);
        let (_, body) = prepared(&native.client("/mcp", "ada"), "tools/call", params, json!({}));
        let headers = [
            ("content-type", "application/json"),
            ("accept", "application/json"),
            ("mcp-protocol-version", VERSION),
            ("mcp-method", "tools/call"),
            ("mcp-name", "keboola_query_data"),
            ("x-sitebay-token", "ada"),
        ];
        let mut connection = Connection::open(port).await.unwrap();
        connection.send(&request("POST", "/mcp", &headers, &body)).await.unwrap();
        submitted(&native, before).await;
        connection.reset().unwrap();
        let how = format!("for JSON alone, as a task: {long_running}");
        cancelled(&native, before, &how).await;
    }
}

#[tokio::test]
async fn a_query_whose_stream_is_closed_is_cancelled() {
    let (native, _) = with_a_slow_query().await;
    for long_running in [false, true] {
        let before = counts(&native);
        let client = native.client("/mcp", "ada");
        let (client, body) = prepared(&client, "tools/call", params(long_running), json!({}));
        let stream = client.send(Method::POST).body(body).send().await.unwrap();
        submitted(&native, before).await;
        drop(stream);
        cancelled(&native, before, &format!("as a task: {long_running}")).await;
    }
}

fn follows() -> Value {
    json!({ "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} } })
}

async fn until(client: &Client, task: &str, status: &str) -> Value {
    wait::until(&format!("the task is {status}"), async || {
        let params = json!({ "taskId": task });
        let seen = ask(client, "tasks/get", params, follows()).await.result();
        if seen["status"] == status { Ok(seen) } else { Err(seen) }
    })
    .await
}

#[tokio::test]
async fn a_query_that_a_task_follows_is_cancelled_with_the_task_also_after_a_restart() {
    let (mut native, _) = with_a_slow_query().await;
    for restarts in [false, true] {
        let before = counts(&native);
        let mut talk = Talk::new(native.client("/mcp", "ada"), Era::Tasks).await;
        let task = talk.begins("keboola_query_data", query(SLOW, true)).await;
        submitted(&native, before).await;
        let client = native.client("/mcp", "ada");
        wait::until("the query is known by its job", async || {
            let params = json!({ "taskId": task });
            let seen = ask(&client, "tasks/get", params, follows()).await.result();
            let says = seen["statusMessage"].as_str().unwrap_or_default();
            if says.contains("runs as job") { Ok(()) } else { Err(seen) }
        })
        .await;
        if restarts {
            native.worker.restart().await.unwrap();
        }
        ask(&client, "tasks/cancel", json!({ "taskId": task }), follows()).await.result();
        let seen = until(&client, &task, "cancelled").await;
        let said = seen["statusMessage"].as_str().unwrap();
        assert!(said.contains("was cancelled at Keboola"), "{seen}");
        cancelled(&native, before, &format!("after a restart: {restarts}")).await;
    }
}

#[tokio::test]
async fn a_task_that_is_cancelled_leaves_its_job_alone() {
    let native = Native::start(options()).await;
    native.person("ada", 101).await;
    native.keboola.plan_job(job_without_end());
    let mut talk = Talk::new(native.client("/mcp", "ada"), Era::Tasks).await;
    let job = json!({
        "component_id": "keboola.ex-http", "configuration_id": "http-1", "wait": true,
    });
    let task = talk.begins("keboola_run_job", job).await;
    wait::holds("the job runs", || native.count("POST", "/queue/jobs") == 1).await;
    let client = native.client("/mcp", "ada");
    ask(&client, "tasks/cancel", json!({ "taskId": task }), follows()).await.result();
    until(&client, &task, "cancelled").await;
    assert_eq!(native.count("POST", "/kill"), 0);
}

fn job_without_end() -> JobPlan {
    let component = Some("keboola.ex-http".into());
    JobPlan { component, end: JobEnd::Never, ..JobPlan::default() }
}

#[tokio::test]
async fn the_progress_of_a_job_that_is_followed_increases_over_the_runs_of_its_task() {
    let native = Native::start(options()).await;
    let client = native.person("ada", 101).await;
    native.keboola.plan_job(job_without_end());
    let arguments = json!({
        "component_id": "keboola.ex-http", "configuration_id": "http-1", "wait": true, "confirm": true,
    });
    let params = json!({
        "name": "keboola_run_job", "arguments": arguments, "_meta": { "progressToken": 7 },
    });
    let stateless = {
        let client = native.client("/mcp", "ada");
        let (client, body) = prepared(&client, "tools/call", params.clone(), json!({}));
        client.send(Method::POST).body(body)
    };
    let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params });
    let session = client.send(Method::POST).body(body.to_string());
    for request in [session, stateless] {
        let mut live = Live::new(request.send().await.unwrap());
        // Looks are 3 s apart, each in a run of its own.
        let later = |message: &Value| message["params"]["progress"].as_f64() > Some(1.08);
        live.message(later).await;
        native.keboola.finish();
        let text = live.rest().await;
        let events = crate::support::events::parse(&text);
        let values = events.iter().filter(|event| event.data.starts_with('{'));
        let values: Vec<f64> =
            values.filter_map(|event| event.json()["params"]["progress"].as_f64()).collect();
        assert!(values.len() > 2 && values.is_sorted_by(|one, next| one < next), "{values:?}");
    }
}
