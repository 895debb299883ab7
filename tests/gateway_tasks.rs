//! Tasks of a stateless upstream (SEP-2663), as a stateless client follows them at both doors.
//!
//! Tests name the statements of the gateway that they show.

use serde_json::{Value, json};
use xtask::server::{Options, Server as Worker};

use crate::{
    support::{
        Client,
        gateway::{Front, before, settings, stand},
        options, server, start,
        stateless::ask,
        upstream::{mcp::Era, tool},
    },
    tasks::{follows, look, started, until},
};

/// The doors, and what the names of an upstream's tools begin with there.
const DOORS: [(&str, &str); 2] = [("/mcp", "t_"), ("/u/t/mcp", "")];

/// This server behind another instance of it, which has it as `t`.
async fn pair() -> (Worker, Worker) {
    let behind = server().await;
    let front = before(&[("t", &format!("{}/mcp", behind.url()), json!({}))]).await;
    (behind, front)
}

fn call(prefix: &str, tool: &str, arguments: Value) -> Value {
    json!({ "name": format!("{prefix}{tool}"), "arguments": arguments })
}

fn form(answer: Value) -> Value {
    json!({ "action": "accept", "content": answer })
}

/// Statement 3: the life of a task, from its call to its result.
#[tokio::test]
async fn a_call_that_becomes_a_task_is_followed_to_its_end() {
    let (_behind, front) = pair().await;
    for (path, prefix) in DOORS {
        let client = Client::at(&front.url(), path);
        let discovered = ask(&client, "server/discover", json!({}), json!({})).await.result();
        let extensions = &discovered["capabilities"]["extensions"];
        assert!(extensions["io.modelcontextprotocol/tasks"].is_object(), "{path}: {discovered}");
        let arguments = json!({ "seconds": 1, "label": "x" });
        let task = started(&client, call(prefix, "slow_compute", arguments)).await;
        let seen = look(&client, &task).await;
        assert_eq!((&seen["taskId"], &seen["resultType"]), (&json!(task), &json!("complete")));
        assert!(seen["ttlMs"].is_u64() && seen["pollIntervalMs"].is_u64(), "{seen}");
        let seen = until(&client, &task, "completed").await;
        assert_eq!(seen["result"]["content"][0]["text"], "computed x in 1 s");
        let task = started(&client, call(prefix, "protocol_error_job", json!({}))).await;
        let failed = until(&client, &task, "failed").await;
        assert!(failed["error"]["code"] == -32603 && failed["result"].is_null(), "{failed}");
        // A task that is over stays so.
        for _ in 0..2 {
            let acknowledged =
                ask(&client, "tasks/cancel", json!({ "taskId": task }), follows()).await.result();
            assert_eq!(acknowledged["resultType"], "complete");
            assert!(acknowledged["taskId"].is_null(), "{acknowledged}");
        }
        assert_eq!(look(&client, &task).await["status"], "failed");
    }
}

/// Statement 2 for tasks: what a task asks is answered in parts, and the task goes on.
#[tokio::test]
async fn questions_of_a_task_reach_the_client_and_its_answers_the_task() {
    let (_behind, front) = pair().await;
    for (path, prefix) in DOORS {
        let client = Client::at(&front.url(), path);
        let task = started(&client, call(prefix, "multi_input", json!({}))).await;
        let update = async |answers: Value| {
            let params = json!({ "taskId": task, "inputResponses": answers });
            ask(&client, "tasks/update", params, follows()).await.result()
        };
        let asked = until(&client, &task, "input_required").await;
        let keys = |seen: &Value| {
            let asked = seen["inputRequests"].as_object().expect("questions");
            asked.keys().cloned().collect::<Vec<_>>()
        };
        assert_eq!(keys(&asked), ["first", "last"], "{asked}");
        let told = update(json!({ "first": form(json!({ "name": "Ada" })) })).await;
        assert_eq!(told["resultType"], "complete");
        assert_eq!(keys(&look(&client, &task).await), ["last"]);
        update(json!({ "last": form(json!({ "name": "Lovelace" })) })).await;
        let seen = until(&client, &task, "completed").await;
        assert_eq!(seen["result"]["content"][0]["text"], "Hello, Ada Lovelace!");
    }
}

/// Statement 2 for tasks: rounds of questions first, then a task.
#[tokio::test]
async fn a_call_that_asked_may_still_become_a_task() {
    let (_behind, front) = pair().await;
    for (path, prefix) in DOORS {
        let client = Client::at(&front.url(), path);
        let mut params = call(prefix, "test_tool_with_task", json!({}));
        let first = ask(&client, "tools/call", params.clone(), follows()).await.result();
        assert_eq!(first["resultType"], "input_required", "{first}");
        params["requestState"] = first["requestState"].clone();
        params["inputResponses"] = json!({ "user_name": form(json!({ "name": "Alice" })) });
        let task = started(&client, params).await;
        let seen = until(&client, &task, "completed").await;
        assert_eq!(seen["result"]["content"][0]["text"], "Worked for Alice");
    }
}

#[tokio::test]
async fn a_task_is_cancelled_where_it_runs() {
    let (_behind, front) = pair().await;
    for (path, prefix) in DOORS {
        let client = Client::at(&front.url(), path);
        let arguments = json!({ "seconds": 600, "label": "x" });
        let task = started(&client, call(prefix, "slow_compute", arguments)).await;
        ask(&client, "tasks/cancel", json!({ "taskId": task }), follows()).await.result();
        until(&client, &task, "cancelled").await;
    }
}

/// The upstream is told what the client follows, no more and no less.
#[tokio::test]
async fn a_client_that_follows_no_tasks_waits_or_reads_what_it_lacks() {
    let (_behind, front) = pair().await;
    for (path, prefix) in DOORS {
        let client = Client::at(&front.url(), path);
        let arguments = json!({ "seconds": 0.1, "label": "x" });
        let waits = call(prefix, "slow_compute", arguments);
        let waited = ask(&client, "tools/call", waits, json!({})).await;
        assert_eq!(waited.tool_text(), "computed x in 0.1 s");
        let needs = ask(&client, "tools/call", call(prefix, "failing_job", json!({})), json!({}));
        let needs = needs.await;
        needs.refused(400, -32021);
        let data = &needs.json()["error"]["data"]["requiredCapabilities"];
        assert!(data["extensions"]["io.modelcontextprotocol/tasks"].is_object(), "{needs:?}");
    }
}

/// An id says everything that is needed to find its task.
#[tokio::test]
async fn a_task_is_found_from_every_isolate_and_after_a_restart() {
    let behind = server().await;
    let upstreams = settings(&[("t", &format!("{}/mcp", behind.url()), json!({}))]);
    let isolates = Options { isolates: 2, ..options() };
    let mut front = start(isolates.var("UPSTREAMS", &upstreams)).await;
    let [here, there] = front.urls().try_into().unwrap();
    let arguments = json!({ "seconds": 600, "label": "x" });
    let task = started(&Client::new(&here), call("t_", "slow_compute", arguments)).await;
    assert_eq!(look(&Client::new(&there), &task).await["taskId"], task);
    front.restart().await.unwrap();
    for url in [&here, &there] {
        assert_eq!(look(&Client::new(url), &task).await["status"], "working");
    }
    // The other door of the same upstream is a way to the same task.
    let door = Client::at(&here, "/u/t/mcp");
    ask(&door, "tasks/cancel", json!({ "taskId": task }), follows()).await.result();
    until(&Client::new(&here), &task, "cancelled").await;
}

/// This server's own tasks stay its own beside those of upstreams.
#[tokio::test]
async fn own_tasks_never_leave() {
    let (behind, front) = pair().await;
    let client = Client::new(&front.url());
    let arguments = json!({ "seconds": 0.1, "label": "own" });
    let task = started(&client, call("", "slow_compute", arguments)).await;
    let seen = until(&client, &task, "completed").await;
    assert_eq!(seen["result"]["content"][0]["text"], "computed own in 0.1 s");
    assert!(!behind.log().contains("tasks/get"), "{}", behind.log());
    // Nor does the id of a task behind name one there.
    let direct = Client::new(&behind.url());
    let refused = ask(&direct, "tasks/get", json!({ "taskId": task }), follows()).await;
    refused.refused(200, -32602);
}

/// Tasks of 2025-11-25 are not offered, so that nobody's wish for one reaches an upstream that would grant it.
#[tokio::test]
async fn a_wish_for_a_task_of_2025_11_25_is_ignored() {
    for era in [Era::Session("2025-11-25"), Era::Stateless] {
        let (upstream, worker) = stand(era).await;
        for (path, prefix) in DOORS {
            for front in Front::both(&worker, path).await {
                let mut params = call(prefix, "echo", json!({ "text": "x", "task": 1 }));
                params["task"] = json!({ "ttl": 60_000 });
                assert_eq!(front.ask("tools/call", params).await.tool_text(), "x");
            }
        }
        let calls = upstream.requests(&tool("echo"));
        assert_eq!(calls.len(), 4);
        for request in calls {
            let params = &request.json()["params"];
            assert!(params["task"].is_null() && params["arguments"]["task"] == 1, "{params}");
        }
    }
}
