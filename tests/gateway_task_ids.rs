//! Ids of upstreams' tasks: whose they are, and what they are behind. The upstreams here are scripted.
//!
//! Tests name the statements of the gateway that they show. §8: "`task` result to a client without tasks", "task id with
//! separators", "state of another person".

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use xtask::server::Server as Worker;

use crate::{
    support::{
        Answer, Client,
        gateway::{Front, before, error, settings},
        issuer::{claims, hs256},
        options, start,
        stateless::{ask, listen, prepared},
        upstream::{
            Reply, Request,
            mcp::{Era, Server},
            rpc, tool,
        },
    },
    tasks::{follows, look, started},
};

/// An id with everything that separates something somewhere.
const THERE: &str = "a.b/c+d:e_f?g=h&i #%2F \"é\"\t,;🌍";
const METHODS: [&str; 3] = ["tasks/get", "tasks/update", "tasks/cancel"];

/// What the upstream says of its task, with bytes that a decoder would lose.
fn said(kind: &str, id: &str) -> String {
    let id = json!(id);
    format!(
        r#"{{"resultType":"{kind}","taskId":{id},"status":"completed","createdAt":"2026-11-29T00:00:00Z","lastUpdatedAt":"2026-11-29T00:00:00Z","ttlMs":60000.0,"big":12345678901234567890,"result":{{"content":[{{"type":"resource_link","uri":"urn:demo:1","name":"x"}}], "n":1.10}},"_meta":{{"example.com/kept":[1.0],"io.modelcontextprotocol/serverInfo":{{"name":"x","version":"1"}}}}}}"#
    )
}

/// A stateless upstream whose tool `count` becomes a task.
async fn upstream() -> Server {
    let upstream = Server::start(Era::Stateless).await;
    upstream
        .on(tool("count"), |request| request.result(&said("task", THERE)))
        .on(rpc("tasks/get"), |request| request.result(&said("complete", THERE)))
        .on(rpc("tasks/update"), |request| request.result(r#"{"resultType":"complete"}"#))
        .on(rpc("tasks/cancel"), |request| request.result(r#"{"resultType":"complete"}"#));
    upstream
}

async fn stand() -> (Server, Worker) {
    let upstream = upstream().await;
    let worker = before(&[("t", &upstream.url(), json!({}))]).await;
    (upstream, worker)
}

fn count(prefix: &str) -> Value {
    json!({ "name": format!("{prefix}count"), "arguments": {} })
}

fn about(task: &str) -> Value {
    json!({ "taskId": task, "inputResponses": { "k": { "action": "decline" } } })
}

/// What the header that names the task says.
fn named(request: &Request) -> String {
    let value = request.header("mcp-name");
    let inner = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    let bytes = inner.map(|inner| STANDARD.decode(inner).unwrap());
    bytes.map_or_else(|| value.to_owned(), |bytes| String::from_utf8(bytes).unwrap())
}

/// How often the upstream was asked about a task.
fn asked(upstream: &Server) -> usize {
    METHODS.into_iter().map(|method| upstream.count(&rpc(method))).sum()
}

/// Statements 10 and 12; §8 "task id with separators".
#[tokio::test]
async fn the_upstream_gets_its_own_id_and_the_client_every_other_byte() {
    let (upstream, worker) = stand().await;
    for (path, prefix, uri) in [("/mcp", "t_", "t+urn:demo:1"), ("/u/t/mcp", "", "urn:demo:1")] {
        let client = Client::at(&worker.url(), path);
        let begun = ask(&client, "tools/call", count(prefix), follows()).await;
        let result = begun.result();
        let task = result["taskId"].as_str().unwrap().to_owned();
        assert!(task.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)));
        let got = ask(&client, "tasks/get", json!({ "taskId": task }), follows()).await;
        for (answer, kind) in [(&begun, "task"), (&got, "complete")] {
            let kept = said(kind, &task).replace("urn:demo:1", uri);
            let from = kept.find(r#""taskId""#).unwrap();
            let to = kept.find(r#","io.model"#).unwrap();
            assert!(answer.text.contains(&kept[from..to]), "{path}: {}", answer.text);
            assert_eq!(answer.result()["resultType"], kind);
            let server = &answer.result()["_meta"]["io.modelcontextprotocol/serverInfo"];
            assert_ne!(server["name"], "x", "{}", answer.text);
        }
        for method in METHODS {
            ask(&client, method, about(&task), follows()).await.result();
            let request = upstream.requests(&rpc(method)).pop().unwrap();
            assert_eq!(request.json()["params"]["taskId"], THERE);
            assert_eq!(named(&request), THERE);
            assert_eq!(request.json()["params"]["inputResponses"], about("")["inputResponses"]);
            let declared =
                &request.json()["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"];
            assert!(declared["extensions"]["io.modelcontextprotocol/tasks"].is_object());
        }
        upstream.never_received(&task);
    }
}

/// Statement 8, of tasks: an id is its caller's, and everything else is one refusal.
#[tokio::test]
async fn nobody_elses_task_is_seen_and_nothing_of_it_is_asked() {
    let second = upstream().await;
    let first = upstream().await;
    let (to_first, to_second) = (first.url(), second.url());
    let worker = before(&[("t", &to_first, json!({})), ("s", &to_second, json!({}))]).await;
    let client = Client::new(&worker.url());
    let task = started(&client, count("t_")).await;
    let other = client.clone().with("x-sitebay-token", "another token");
    let others = started(&other, count("t_")).await;
    assert_ne!(task, others);
    let (kept, last) = task.split_at(task.len() - 1);
    let altered = format!("{kept}{}", if last == "A" { "Q" } else { "A" });
    let door = Client::at(&worker.url(), "/u/s/mcp");
    let before = (asked(&first), asked(&second));
    for (what, client, id) in [
        ("another person's", &other, &*task),
        ("another person's, the other way round", &client, &*others),
        ("altered", &client, &*altered),
        ("cut", &client, kept),
        ("the upstream's own", &client, THERE),
        ("with the upstream's name", &client, "t.a"),
        ("of another upstream's door", &door, &*task),
    ] {
        for method in METHODS {
            let sent = named_in_base64(client, method, id).await;
            assert_eq!(sent.status, 200, "{what}: {sent:?}");
            let refused = error(&sent);
            assert_eq!(refused["code"], -32602, "{what}: {refused}");
            let why = refused["message"].as_str().unwrap();
            assert!(why.contains("or belongs to another caller"), "{what}: {why}");
        }
    }
    assert_eq!((asked(&first), asked(&second)), before, "an upstream was asked");
    assert_eq!(look(&client, &task).await["taskId"], task);
}

/// A request about a task whose id may be no header's value.
async fn named_in_base64(client: &Client, method: &str, id: &str) -> Answer {
    let name = format!("=?base64?{}?=", STANDARD.encode(id));
    let (client, body) = prepared(client, method, json!({}), follows());
    let mut body: Value = serde_json::from_str(&body).unwrap();
    body["params"]["taskId"] = json!(id);
    body["params"]["inputResponses"] = json!({});
    client.with("mcp-name", &name).post(body.to_string()).await
}

/// §8: "`task` result to a client without tasks".
#[tokio::test]
async fn a_task_for_a_client_that_follows_none_is_a_bad_answer() {
    let (upstream, worker) = stand().await;
    let extensions = json!({ "extensions": { "io.modelcontextprotocol/tasks": {} } });
    let session = Client::new(&worker.url()).connect_with(extensions).await;
    let mut fronts = Front::both(&worker, "/mcp").await.to_vec();
    // A version with sessions has no extensions, whatever its client says.
    fronts.push(Front::Session(session));
    for front in fronts {
        let sent = upstream.count(&tool("count"));
        let called = front.call("t_count", json!({})).await;
        assert_eq!(called.result()["isError"], true, "{called:?}");
        let told = called.tool_text();
        assert!(told.contains("outcome is unknown") && told.contains("cannot follow"), "{told}");
        assert!(!told.contains("a.b/c"), "{told}");
        assert_eq!(upstream.count(&tool("count")), sent + 1);
    }
    for request in upstream.requests(&tool("count")) {
        let meta = &request.json()["params"]["_meta"];
        let declared = &meta["io.modelcontextprotocol/clientCapabilities"];
        assert!(declared.is_object() && declared["extensions"].is_null(), "{declared}");
    }
}

/// The scopes are those of this server's own tasks.
#[tokio::test]
async fn who_may_only_read_looks_at_a_task_and_changes_nothing() {
    const SECRET: &str = "a-secret-of-this-test-with-enough-characters";
    let upstream = upstream().await;
    let upstreams = settings(&[("t", &upstream.url(), json!({ "scope": "read" }))]);
    let worker = start(options().var("MCP_JWT_SECRET", SECRET).var("UPSTREAMS", &upstreams)).await;
    let with_scope = |scope: &str| {
        let token = hs256(SECRET, claims(json!({ "scope": scope })));
        Client::new(&worker.url()).with("authorization", &format!("Bearer {token}"))
    };
    let task = started(&with_scope("write"), count("t_")).await;
    let reader = with_scope("read");
    assert_eq!(look(&reader, &task).await["taskId"], task);
    for method in ["tasks/update", "tasks/cancel"] {
        ask(&reader, method, about(&task), follows()).await.refused(403, -32000);
        assert_eq!(upstream.count(&rpc(method)), 0);
    }
}

/// What is hidden or no longer there is unknown, also where a task of it runs.
#[tokio::test]
async fn a_task_of_a_tool_that_was_denied_meanwhile_is_unknown() {
    let upstream = upstream().await;
    let with = |rules: Value| {
        let text = settings(&[("t", &upstream.url(), rules)]);
        options().var("UPSTREAMS", &text)
    };
    let mut worker = start(with(json!({}))).await;
    let client = Client::new(&worker.url());
    let task = started(&client, count("t_")).await;
    assert_eq!(look(&client, &task).await["taskId"], task);
    let before = asked(&upstream);
    let gone = settings(&[("other", &upstream.url(), json!({}))]);
    for options in [with(json!({ "deny": ["cou*"] })), options().var("UPSTREAMS", &gone)] {
        worker.restart_with(&options).await.unwrap();
        for method in METHODS {
            let refused = ask(&client, method, about(&task), follows()).await;
            assert_eq!(error(&refused)["code"], -32602, "{refused:?}");
        }
    }
    assert_eq!(asked(&upstream), before);
    worker.restart_with(&with(json!({}))).await.unwrap();
    assert_eq!(look(&client, &task).await["taskId"], task);
}

/// Answers about a task that fail are the caller's to read, and no answer is sent twice.
#[tokio::test]
async fn a_request_about_a_task_that_fails_says_so_and_only_a_look_is_repeated() {
    let (upstream, worker) = stand().await;
    let client = Client::new(&worker.url());
    let task = started(&client, count("t_")).await;
    type Answers = fn(&Request) -> Reply;
    let answers: [(&str, i64, Answers); 5] = [
        ("its error", -32602, |request| request.error(-32602, "no such task")),
        ("503", -32603, |_| Reply::status(503)),
        ("another task", -32603, |request| request.result(&said("complete", "other"))),
        ("a task", -32603, |request| request.result(&said("task", THERE))),
        ("a question", -32603, |request| {
            request.result(r#"{"resultType":"input_required","requestState":"x"}"#)
        }),
    ];
    for (what, code, answer) in answers {
        for method in METHODS {
            upstream.forget_rules();
            upstream.on(rpc(method).times(2), answer);
            upstream.on(rpc("tasks/get"), |request| request.result(&said("complete", THERE)));
            let sent = upstream.count(&rpc(method));
            let refused = error(&ask(&client, method, about(&task), follows()).await);
            assert_eq!(refused["code"], code, "{what}, {method}: {refused}");
            let times = if what == "503" && method == "tasks/get" { 2 } else { 1 };
            assert_eq!(upstream.count(&rpc(method)), sent + times, "{what}, {method}");
            // The breaker counts failures in a row.
            upstream.forget_rules();
            upstream.on(rpc("tasks/get"), |request| request.result(&said("complete", THERE)));
            assert_eq!(look(&client, &task).await["taskId"], task);
        }
    }
}

/// Nothing is promised that is not kept.
#[tokio::test]
async fn a_listener_is_promised_no_news_of_an_upstreams_task() {
    let (_upstream, worker) = stand().await;
    let client = Client::new(&worker.url());
    let theirs = started(&client, count("t_")).await;
    let arguments = json!({ "seconds": 0.1, "label": "own" });
    let own = json!({ "name": "slow_compute", "arguments": arguments });
    let own = started(&client, own).await;
    let mut live = listen(&worker.url(), json!({ "taskIds": [theirs, own] })).await;
    let first = live.message(|_| true).await;
    assert_eq!(first["params"]["notifications"]["taskIds"], json!([own]), "{first}");
}
