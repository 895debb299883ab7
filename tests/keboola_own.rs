//! The tools that this server has for Keboola and Keboola's MCP server has not, and jobs and queries as tasks: in a session,
//! in rounds, and for clients that follow tasks.

use std::time::Duration;

use reqwest::Method;
use sandbox::keboola::{JobEnd, JobPlan};
use serde_json::{Value, json};

use crate::{
    support::{
        Client,
        events::Live,
        hasty,
        keboola_native::Native,
        options,
        stateless::ask,
        talk::{Era, Talk},
        wait,
    },
    tasks::{follows, until},
};

const DOORS: [(&str, &str); 2] = [("/mcp", "keboola_"), ("/u/keboola/mcp", "")];
const HTTP: &str = "keboola.ex-http";
const SLOW: &str = "SELECT waited FROM sleep";
const MINUTE: Duration = Duration::from_secs(61);

/// Ada before a stand-in whose clock stands still, where jobs run until they are stopped.
async fn stand(options: xtask::server::Options) -> (Native, Client) {
    let native = Native::still(options).await;
    native.keboola.plan_job(JobPlan {
        component: Some(HTTP.into()),
        end: JobEnd::Never,
        ..JobPlan::default()
    });
    let client = native.person("ada", 101).await;
    (native, client)
}

/// The data of a result that must be a success.
fn data(result: &Value) -> &Value {
    assert_ne!(result["isError"], true, "{result}");
    &result["structuredContent"]
}

fn text(result: &Value) -> &str {
    result["content"][0]["text"].as_str().expect("a text")
}

fn run(wait: bool) -> Value {
    json!({ "component_id": HTTP, "configuration_id": "http-1", "wait": wait })
}

fn query(long: bool) -> Value {
    json!({ "sql_query": SLOW, "query_name": "Slow", "long_running": long })
}

/// How often the query service was asked how a query is.
fn looks(native: &Native) -> usize {
    let requests = native.keboola.requests();
    let is_look = |one: &&sandbox::Recorded| {
        one.method == "GET" && one.path.contains("/queries/") && !one.path.ends_with("/results")
    };
    requests.iter().filter(is_look).count()
}

/// The status of a job at Keboola, as its person sees it.
async fn status(client: &Client, job: &str) -> Value {
    let seen = client.call("keboola_get_jobs", json!({ "job_ids": [job] })).await.result();
    data(&seen)["result"]["jobs"][0]["status"].clone()
}

#[tokio::test]
async fn a_table_is_previewed_and_events_are_read_in_each_era() {
    let (native, _) = stand(options()).await;
    for (path, prefix) in DOORS {
        for era in [Era::Session, Era::Rounds, Era::Tasks] {
            let mut talk = Talk::new(native.client(path, "ada"), era).await;
            let preview =
                json!({ "table_id": "in.c-main.orders", "limit": 2, "columns": ["name"] });
            let seen = talk.call(&format!("{prefix}preview_table"), preview).await;
            let seen = data(&seen);
            assert_eq!(seen["csv_data"], "name\r\nTea\r\n\"Coffee, \"\"strong\"\"\"\r\n", "{seen}");
            let of_job = json!({ "job_id": "101001" });
            let seen = talk.call(&format!("{prefix}get_events"), of_job).await;
            let events = data(&seen)["events"].as_array().unwrap();
            let says = |text: &str| events.iter().any(|event| event["message"] == text);
            assert!(says("Job started") && says("Component processing finished."), "{events:?}");
            assert!(talk.asked.is_empty(), "{:?}", talk.asked);
        }
    }
}

#[tokio::test]
async fn a_job_is_stopped_once_its_person_agrees_in_each_era() {
    let (native, client) = stand(options()).await;
    for (path, prefix) in DOORS {
        for era in [Era::Session, Era::Rounds, Era::Tasks] {
            let talk = async || Talk::new(native.client(path, "ada"), era).await;
            let started = talk().await.call(&format!("{prefix}run_job"), run(false)).await;
            let job = data(&started)["id"].as_str().expect("an id").to_owned();
            native.keboola.advance(Duration::from_secs(1));
            let (stop, kill) = (format!("{prefix}stop_job"), format!("/jobs/{job}/kill"));
            let this = json!({ "job_id": job });
            let refused = talk().await.declining().call(&stop, this.clone()).await;
            assert!(refused["isError"] == true && text(&refused).contains("said no"), "{refused}");
            assert_eq!(native.count("POST", &kill), 0);
            let mut agrees = talk().await;
            let stopped = agrees.call(&stop, this.clone()).await;
            assert_eq!(data(&stopped)["status"], "terminating", "{stopped}");
            let [asked] = &agrees.asked[..] else { panic!("{:?}", agrees.asked) };
            let named = format!("- Job: \"{job}\", \"processing\"");
            assert!(asked.contains(&named) && asked.contains("(101)"), "{asked}");
            native.keboola.advance(Duration::from_secs(2));
            assert_eq!(status(&client, &job).await, "terminated");
            let late = agrees.call(&stop, this).await;
            assert!(text(&late).contains("has ended (terminated)"), "{late}");
            assert_eq!((agrees.asked.len(), native.count("POST", &kill)), (1, 1));
        }
    }
}

#[tokio::test]
async fn a_version_is_brought_back_once_its_person_agrees_in_each_era() {
    let (native, _) = stand(options()).await;
    for (path, prefix) in DOORS {
        for era in [Era::Session, Era::Rounds, Era::Tasks] {
            let name = |tool: &str| format!("{prefix}{tool}");
            let mut talk = Talk::new(native.client(path, "ada"), era).await;
            let made = json!({
                "name": "Prices", "description": "d", "component_id": HTTP, "parameters": { "path": "a" },
            });
            let made = talk.call(&name("create_config"), made).await;
            let id = data(&made)["configuration_id"].as_str().expect("an id").to_owned();
            let changed = json!({
                "component_id": HTTP, "configuration_id": id, "change_description": "Another file",
                "parameter_updates": [{ "op": "set", "path": "path", "value": "b" }],
            });
            let changed = talk.call(&name("update_config"), changed).await;
            assert_eq!(data(&changed)["version"], 2, "{changed}");
            let back = json!({ "component_id": HTTP, "configuration_id": id, "version": 1 });
            let declines = Talk::new(native.client(path, "ada"), era).await;
            let refused = declines.declining().call(&name("rollback_config"), back.clone()).await;
            assert_eq!(refused["isError"], true, "{refused}");
            let rollback = format!("/configs/{id}/versions/1/rollback");
            assert_eq!(native.count("POST", &rollback), 0);
            let brought = talk.call(&name("rollback_config"), back).await;
            assert_eq!(data(&brought)["version"], 3, "{brought}");
            assert_eq!(native.count("POST", &rollback), 1);
            let asked = talk.asked.last().expect("a question");
            assert!(asked.contains("- Now: version 2 (\"Another file\")"), "{asked}");
            assert!(asked.contains("- Comes back: version 1 of"), "{asked}");
            let one = json!({ "configs": [{ "component_id": HTTP, "configuration_id": id }] });
            let seen = talk.call(&name("get_configs"), one).await;
            let root = &data(&seen)["result"]["configs"][0]["configuration_root"];
            assert_eq!(root["parameters"], json!({ "path": "a" }), "{root}");
        }
    }
}

#[tokio::test]
async fn a_long_query_is_followed_to_its_end_in_each_era() {
    let (native, _) = stand(options()).await;
    let [common, own] = DOORS;
    for ((path, prefix), era) in [(common, Era::Session), (own, Era::Rounds), (own, Era::Tasks)] {
        let before = native.count("POST", "/queries");
        let mut talk = Talk::new(native.client(path, "ada"), era).await;
        let ends = async {
            let submitted = || native.count("POST", "/queries") > before;
            wait::holds("the query was submitted", submitted).await;
            native.keboola.advance(MINUTE);
        };
        let tool = format!("{prefix}query_data");
        let (ended, ()) = tokio::join!(talk.call(&tool, query(true)), ends);
        assert_eq!(data(&ended)["csv_data"], "WAITED\r\n60\r\n", "{era:?}: {ended}");
        assert_eq!(native.count("POST", "/queries"), before + 1, "{era:?}");
        assert!(talk.asked.is_empty(), "{:?}", talk.asked);
    }
}

#[tokio::test]
async fn a_query_that_is_followed_survives_a_restart_and_is_submitted_once() {
    let (mut native, _) = stand(options()).await;
    let mut talk = Talk::new(native.client("/mcp", "ada"), Era::Tasks).await;
    let task = talk.begins("keboola_query_data", query(true)).await;
    wait::holds("the query was looked at", || looks(&native) > 0).await;
    native.worker.restart().await.unwrap();
    native.keboola.advance(MINUTE);
    let ended = talk.followed(&task).await;
    assert_eq!(data(&ended)["csv_data"], "WAITED\r\n60\r\n", "{ended}");
    assert_eq!(native.count("POST", "/queries"), 1);
}

#[tokio::test]
async fn a_task_that_is_cancelled_goes_no_further_and_ends_its_query_but_no_job() {
    let (native, client) = stand(options()).await;
    let mut talk = Talk::new(native.client("/mcp", "ada"), Era::Tasks).await;
    let stateless = native.client("/mcp", "ada");
    let job = talk.begins("keboola_run_job", run(true)).await;
    wait::holds("the job was started", || native.count("POST", "/queue/jobs") == 1).await;
    let queried = talk.begins("keboola_query_data", query(true)).await;
    wait::holds("the query was looked at", || looks(&native) > 0).await;
    for task in [&job, &queried] {
        let cancel = json!({ "taskId": task });
        ask(&stateless, "tasks/cancel", cancel, follows()).await.result();
        let over = until(&stateless, task, "cancelled").await;
        assert!(over["result"].is_null(), "{over}");
    }
    let seen = looks(&native);
    // Another one comes to its end meanwhile.
    let other = json!({ "sql_query": "SELECT 1", "query_name": "One", "long_running": true });
    let ended = talk.call("keboola_query_data", other).await;
    assert_eq!(data(&ended)["csv_data"], "1\r\n1\r\n", "{ended}");
    assert_eq!(looks(&native), seen + 1, "only the other one is looked at");
    assert_eq!((native.count("POST", "/kill"), native.count("POST", "/cancel")), (0, 1));
    let listed = client.call("keboola_get_jobs", json!({ "component_id": HTTP })).await.result();
    let id = data(&listed)["result"]["jobs"][0]["id"].as_str().expect("a job").to_owned();
    native.keboola.advance(Duration::from_secs(1));
    assert_eq!(status(&client, &id).await, "processing");
}

/// A call in a session that streams its answer.
async fn opened(client: &Client, tool: &str, arguments: Value) -> Live {
    let params = json!({ "name": tool, "arguments": arguments });
    let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": params });
    Live::new(client.send(Method::POST).body(body.to_string()).send().await.unwrap())
}

async fn taken_back(client: &Client) {
    let cancelled = json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 5 },
    });
    assert_eq!(client.post(cancelled.to_string()).await.status, 202);
}

#[tokio::test]
async fn a_query_whose_session_takes_its_call_back_is_cancelled_at_keboola() {
    // Between two looks a second passes.
    let (native, client) = stand(hasty(options())).await;
    let one = json!({ "sql_query": "SELECT 1", "query_name": "One" });
    data(&client.call("keboola_query_data", one).await.result());
    let before = looks(&native);
    let live = opened(&client, "keboola_query_data", query(false)).await;
    wait::holds("the query was looked at", || looks(&native) > before).await;
    taken_back(&client).await;
    wait::holds("the query was cancelled", || native.count("POST", "/cancel") == 1).await;
    let requests = native.keboola.requests();
    let cancel = requests.iter().find(|one| one.path.ends_with("/cancel")).unwrap();
    assert_eq!(cancel.body, Some(json!({ "reason": "the client took its request back" })));
    drop(live);
}

#[tokio::test]
async fn a_job_whose_session_takes_its_call_back_goes_on_at_keboola() {
    let (native, client) = stand(options()).await;
    let mut arguments = run(true);
    arguments["confirm"] = json!(true);
    let live = opened(&client, "keboola_run_job", arguments).await;
    wait::holds("the job was started", || native.count("POST", "/queue/jobs") == 1).await;
    taken_back(&client).await;
    let text = live.rest().await;
    assert!(!text.contains("\"status\":\"success\""), "{text}");
    native.keboola.advance(Duration::from_secs(1));
    let listed = client.call("keboola_get_jobs", json!({ "component_id": HTTP })).await.result();
    let id = data(&listed)["result"]["jobs"][0]["id"].as_str().expect("a job").to_owned();
    assert_eq!(status(&client, &id).await, "processing");
    assert_eq!((native.count("POST", "/kill"), native.count("POST", "/queue/jobs")), (0, 1));
}
