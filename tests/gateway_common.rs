//! The common door: the tools of this server and of all upstreams together.
//!
//! Tests name the statements of the gateway that they show.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    Client,
    gateway::{Front, before, error, stand},
    stateless::ask,
    tour::{SSE_CLIENT, STATELESS_CLIENT, answers, call, text, tour},
    upstream::mcp::{Era, Server, TOOLS},
};

const ERAS: [Era; 3] = [Era::Session("2025-11-25"), Era::Stateless, Era::Sse];

/// The setting that finds an era.
fn configured(era: Era) -> Value {
    if era == Era::Sse { json!({ "era": "sse" }) } else { json!({}) }
}

/// Statement 1 at the common door.
#[tokio::test]
async fn tools_of_this_server_and_of_an_upstream_are_listed_and_called_together() {
    for era in ERAS {
        let upstream = Server::start(era).await;
        let worker = before(&[("t", &upstream.url(), configured(era))]).await;
        for front in Front::both(&worker, "/mcp").await {
            let names = front.tools().await;
            let theirs: Vec<&String> = names.iter().filter(|name| name.starts_with("t_")).collect();
            assert_eq!(theirs.len(), TOOLS.len(), "{names:?}");
            assert!(theirs.is_sorted(), "{theirs:?}");
            assert!(names.iter().any(|name| name == "sitebay_list_sites"), "{names:?}");
            let echo = front.call("t_echo", json!({ "text": "grüße 🌍" })).await;
            assert_eq!(echo.tool_text(), "grüße 🌍", "{era:?}");
            let own = front.call("sitebay_list_sites", json!({})).await;
            assert!(own.result()["content"].is_array());
        }
    }
}

/// Statement 1 at the common door: URIs begin with their upstream's name wherever the protocol has them.
#[tokio::test]
async fn resources_prompts_and_completions_of_an_upstream_are_those_of_the_common_door() {
    for era in ERAS {
        let upstream = Server::start(era).await;
        let worker = before(&[("t", &upstream.url(), configured(era))]).await;
        for front in Front::both(&worker, "/mcp").await {
            let resources = front.list("resources/list", "resources").await;
            let uris: Vec<&str> = resources.iter().filter_map(|one| one["uri"].as_str()).collect();
            assert!(uris.contains(&"t+urn:demo:1"), "{uris:?}");
            assert!(uris.contains(&"t+file:///notes/größe.txt"), "{uris:?}");
            let templates = front.list("resources/templates/list", "resourceTemplates").await;
            let has = |uri: &str| templates.iter().any(|one| one["uriTemplate"] == uri);
            assert!(has("t+demo://item/{id}"), "{templates:?}");
            for (uri, text) in [("t+urn:demo:1", "one"), ("t+demo://item/7", r#"{"id":"7"}"#)] {
                let read = front.ask("resources/read", json!({ "uri": uri })).await.result();
                assert_eq!(read["contents"][0]["uri"], uri);
                assert_eq!(read["contents"][0]["text"], text);
            }
            let prompts = front.list("prompts/list", "prompts").await;
            assert!(prompts.iter().any(|prompt| prompt["name"] == "t_greet"), "{prompts:?}");
            let asked = json!({ "name": "t_greet", "arguments": { "name": "Ada" } });
            let got = front.ask("prompts/get", asked).await.result();
            assert_eq!(got["messages"][0]["content"]["text"], "Greet Ada.");
            assert_eq!(got["messages"][1]["content"]["resource"]["uri"], "t+urn:demo:1");
            for (reference, argument, total) in [
                (json!({ "type": "ref/prompt", "name": "t_greet" }), "name", 3),
                (json!({ "type": "ref/resource", "uri": "t+demo://item/{id}" }), "id", 3),
            ] {
                let params =
                    json!({ "ref": reference, "argument": { "name": argument, "value": "" } });
                let found = front.ask("completion/complete", params).await.result();
                assert_eq!(found["completion"]["total"], total, "{found}");
            }
            let linked = front.call("t_resource_link", json!({})).await.result();
            assert_eq!(linked["content"][0]["uri"], "t+urn:demo:1");
            assert_eq!(linked["content"][1]["resource"]["uri"], "t+file:///notes/größe.txt");
        }
    }
}

/// Statements 1 and 2 at the common door: real clients call what asks, reports and fails.
#[tokio::test]
async fn real_clients_use_an_upstream_at_the_common_door() {
    let plan = json!({
        "calls": [["t_echo", { "text": "x" }], ["t_slow", { "ms": 60, "steps": 3 }], ["t_ask", {}],
                  ["t_ask_at_once", {}], ["t_fail", {}], ["t_refuse", {}],
                  ["t_annotated", { "region": "größe", "place": { "floor": 3 } }]],
        "reads": ["t+urn:demo:1"],
        "prompts": [["t_plain", {}]],
    });
    for era in ERAS {
        let upstream = Server::start(era).await;
        let worker = before(&[("t", &upstream.url(), configured(era))]).await;
        for (client, path) in [
            ("v1", "/mcp"),
            ("v2-legacy", "/mcp"),
            (SSE_CLIENT, "/sse"),
            (STATELESS_CLIENT, "/mcp"),
        ] {
            let seen = tour(&format!("{}{path}", worker.url()), client, &plan).await;
            let what = format!("{client} before {era:?}: {seen}");
            assert_eq!((text(&seen, "t_echo"), text(&seen, "t_slow")), ("x", "done"), "{what}");
            assert_eq!(call(&seen, "t_slow")["progress"][0], 1, "{what}");
            for tool in ["t_ask", "t_ask_at_once"] {
                let told: Value = serde_json::from_str(text(&seen, tool)).unwrap();
                assert_eq!(told, answers(), "{what}");
            }
            assert_eq!(call(&seen, "t_fail")["result"]["isError"], true, "{what}");
            assert_eq!(call(&seen, "t_refuse")["result"]["error"], -32050, "{what}");
            assert_eq!(text(&seen, "t_annotated"), r#"{"place":{"floor":3},"region":"größe"}"#);
            assert_eq!(seen["reads"][0]["contents"][0]["text"], "one", "{what}");
        }
        assert_eq!(upstream.executions("ask"), 4, "{era:?}");
    }
}

/// Statement 11: the tools of one do not change because of another.
#[tokio::test]
async fn two_upstreams_stand_side_by_side() {
    let (one, other) =
        (Server::start(Era::Session("2025-11-25")).await, Server::start(Era::Stateless).await);
    let upstreams = [("one", &*one.url(), json!({})), ("other", &*other.url(), json!({}))];
    let worker = before(&upstreams).await;
    for front in Front::both(&worker, "/mcp").await {
        let names = front.tools().await;
        assert!(
            names.contains(&"one_count".to_owned()) && names.contains(&"other_count".to_owned())
        );
        front.call("one_count", json!({})).await.result();
        for name in ["three_count", "one_none", "count", "one_", "_count", "one+count"] {
            let refused = front.call(name, json!({})).await;
            assert_eq!(error(&refused)["code"], -32602, "{name}: {refused:?}");
        }
        let read = front.ask("resources/read", json!({ "uri": "other+urn:demo:1" })).await;
        assert_eq!(read.result()["contents"][0]["uri"], "other+urn:demo:1");
        for uri in ["three+urn:demo:1", "urn:demo:1", "one+", "+urn:demo:1"] {
            let refused = front.ask("resources/read", json!({ "uri": uri })).await;
            let code = error(&refused)["code"].clone();
            assert!(code == -32002 || code == -32602, "{uri}: {refused:?}");
        }
    }
    assert_eq!((one.executions("count"), other.executions("count")), (2, 0));
}

#[tokio::test]
async fn a_session_belongs_to_the_door_at_which_it_was_opened() {
    let (_upstream, worker) = stand(Era::Session("2025-11-25")).await;
    for (opened, used) in [("/u/t/mcp", "/mcp"), ("/mcp", "/u/t/mcp")] {
        let client = Client::at(&worker.url(), opened).connect().await;
        let foreign = Client::at(&worker.url(), used)
            .with("mcp-session-id", &client.session())
            .with("mcp-protocol-version", "2025-11-25");
        assert_eq!(foreign.request("tools/list", json!({})).await.status, 404, "{used}");
        assert_eq!(foreign.get().await.status(), 404, "{used}");
        assert_eq!(foreign.delete().await.status, 404, "{used}");
        assert_eq!(client.request("tools/list", json!({})).await.status, 200, "{opened}");
    }
    assert_eq!(Client::at(&worker.url(), "/u/none/mcp").initialize("2025-11-25").await.status, 404);
}

#[tokio::test]
async fn tools_are_hidden_and_renamed_as_the_configuration_says() {
    let upstream = Server::start(Era::Stateless).await;
    let settings = json!({
        "allow": ["echo", "c*", "add", "greet"], "deny": ["change"], "rename": { "add": "sum" },
    });
    let worker = before(&[("t", &upstream.url(), settings)]).await;
    for (path, prefix) in [("/mcp", "t_"), ("/u/t/mcp", "")] {
        for front in Front::both(&worker, path).await {
            let named = |name: &str| format!("{prefix}{name}");
            let mut names = front.tools().await;
            names.retain(|name| name.starts_with(prefix));
            names.sort();
            assert_eq!(names, ["count", "echo", "sum"].map(named), "{path}");
            let sum = front.call(&named("sum"), json!({ "a": 2, "b": 3 })).await;
            assert_eq!(sum.result()["structuredContent"]["sum"], 5, "{path}");
            for hidden in ["add", "change", "wait", "odd"] {
                let refused = front.call(&named(hidden), json!({})).await;
                assert_eq!(error(&refused)["code"], -32602, "{path} {hidden}: {refused:?}");
            }
            let prompts = front.list("prompts/list", "prompts").await;
            let greets = |prompt: &&Value| prompt["name"] == named("greet").as_str();
            assert_eq!(prompts.iter().filter(greets).count(), 1, "{prompts:?}");
            let plain = |prompt: &Value| prompt["name"] == named("plain").as_str();
            assert!(!prompts.iter().any(plain), "{prompts:?}");
        }
    }
    assert_eq!(upstream.executions("change"), 0);
}

#[tokio::test]
async fn a_caller_who_only_reads_neither_sees_nor_calls_what_changes() {
    let upstream = Server::start(Era::Session("2025-11-25")).await;
    let settings = json!({ "effects": { "count": "read", "echo": "write" } });
    let worker =
        before(&[("plain", &upstream.url(), json!({})), ("ruled", &upstream.url(), settings)])
            .await;
    let reader = Client::new(&worker.url()).with("x-mcp-readonly", "true");
    for front in [Front::Session(reader.clone().connect().await), Front::Stateless(reader.clone())]
    {
        let names = front.tools().await;
        // Of what is said to read, the configuration has the first word and its upstream the second.
        let theirs = |name: &&String| name.starts_with("plain_") || name.starts_with("ruled_");
        let seen: Vec<&String> = names.iter().filter(theirs).collect();
        assert_eq!(seen, ["plain_echo", "ruled_count"]);
        for hidden in ["plain_count", "plain_wait", "ruled_echo"] {
            let refused = front.call(hidden, json!({ "text": "x" })).await;
            assert_eq!(error(&refused)["code"], -32602, "{hidden}: {refused:?}");
        }
        front.call("plain_echo", json!({ "text": "x" })).await.result();
        front.call("ruled_count", json!({})).await.result();
    }
    let reader = Client::at(&worker.url(), "/u/plain/mcp").with("x-mcp-readonly", "true");
    let refused = ask(&reader, "tools/call", json!({ "name": "count" }), json!({})).await;
    assert_eq!(error(&refused)["code"], -32602);
    assert_eq!(upstream.executions("count"), 2);
}

/// Statement 9, at every door and in every era.
#[tokio::test]
async fn nothing_of_a_caller_reaches_an_upstream_at_any_door() {
    for era in ERAS {
        let upstream = Server::start(era).await;
        let mut configured = configured(era);
        configured["auth"] = json!({ "kind": "static", "secret": "THEIR_KEY" });
        let settings = crate::support::gateway::settings(&[("t", &upstream.url(), configured)]);
        let options =
            crate::support::options().var("UPSTREAMS", &settings).var("THEIR_KEY", "operators-key");
        let worker = crate::support::start(options).await;
        let secret = |path: &str| {
            Client::at(&worker.url(), path)
                .with("authorization", "Bearer front-secret-1")
                .with("x-api-key", "front-secret-2")
                .with("cookie", "a=front-secret-3")
                .with("x-forwarded-for", "front-secret-4")
        };
        let mut sessions = Vec::new();
        for (path, tool) in [("/mcp", "t_echo"), ("/u/t/mcp", "echo")] {
            let session = secret(path).connect().await;
            sessions.push(session.session());
            for front in [Front::Session(session), Front::Stateless(secret(path))] {
                assert_eq!(front.call(tool, json!({ "text": "x" })).await.tool_text(), "x");
                front.tools().await;
            }
        }
        upstream.never_received("front-secret");
        for session in sessions {
            upstream.never_received(session);
        }
        let credentials: Vec<String> = upstream
            .recorded()
            .iter()
            .map(|recorded| recorded.request.header("authorization").to_owned())
            .collect();
        assert!(credentials.iter().all(|one| one == "Bearer operators-key"), "{credentials:?}");
    }
}

/// Statement 13: ids of clients are equal, and those behind are this server's own.
#[tokio::test]
async fn equal_ids_of_many_calls_in_several_sessions_do_not_cross() {
    equal_ids(60).await;
}

/// Statement 13, at its full size.
#[tokio::test]
#[ignore = "long: two thousand calls at the same time"]
async fn equal_ids_of_a_thousand_calls_in_several_sessions_do_not_cross() {
    equal_ids(1_000).await;
}

async fn equal_ids(count: u64) {
    for era in [Era::Session("2025-11-25"), Era::Stateless] {
        let (_upstream, worker) = stand(era).await;
        let one = Client::new(&worker.url()).connect().await;
        let other = Client::new(&worker.url()).connect().await;
        let stateless = Client::new(&worker.url());
        let echo = |text: &str| json!({ "name": "t_echo", "arguments": { "text": text } });
        let in_sessions = (1..=count).flat_map(|id| {
            [("one", &one), ("other", &other)].map(|(name, client)| async move {
                let text = format!("{name} {id}");
                let (method, params) = ("tools/call", echo(&text));
                let body =
                    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
                let answer = client.post(body.to_string()).await;
                assert_eq!(answer.response()["id"], id, "{}", answer.response());
                assert_eq!(answer.tool_text(), text);
            })
        });
        let without = (1..=count).map(|id| {
            let client = &stateless;
            async move {
                let text = format!("stateless {id}");
                assert_eq!(
                    ask(client, "tools/call", echo(&text), json!({})).await.tool_text(),
                    text
                );
            }
        });
        // All at once are more than a slow machine answers within an object's deadline.
        join_all(in_sessions).await;
        join_all(without).await;
    }
}
