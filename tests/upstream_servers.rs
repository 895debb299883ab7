//! The servers that stand behind the gateway in tests, asked directly by real clients: what fails
//! here is no fault of the gateway.

use futures_util::future::join_all;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::support::{
    Client,
    events::Live,
    options,
    real_upstreams::RealServer,
    rmcp_server::RmcpServer,
    start,
    stateless::{ask, listener, prepared},
    tour::{
        SESSION_CLIENTS, SSE_CLIENT, STATELESS_CLIENT, answers, call, is_complete, plan, text, tour,
    },
    upstream::{
        Reply, any, http,
        mcp::{Era, Options, Server, TOOLS, definition},
        rpc, tool,
    },
    wait,
};

/// What every client can do, in every era.
fn everything() -> Value {
    json!({ "elicitation": { "form": {}, "url": {} }, "sampling": {}, "roots": {} })
}

/// A client of a stand-in, whose endpoint is `/mcp`.
fn client(server: &Server) -> Client {
    Client::new(server.origin())
}

/// A client in a session that can do everything.
async fn session(server: &Server) -> Client {
    client(server).connect_with(everything()).await
}

#[tokio::test]
async fn real_clients_use_all_of_the_stand_in_with_sessions() {
    for version in ["2025-11-25", "2025-06-18"] {
        let server = Server::start(Era::Session(version)).await;
        for name in SESSION_CLIENTS {
            is_complete(&tour(&server.url(), name, &plan()).await, &answers());
        }
        assert_eq!(server.sessions(), 0, "they ended their sessions");
        assert_eq!(server.executions("ask"), SESSION_CLIENTS.len());
        assert!(server.cancelled().is_empty());
    }
}

#[tokio::test]
async fn real_clients_use_all_of_the_stand_in_of_the_first_transport() {
    let server = Server::start(Era::Sse).await;
    let seen = tour(&server.url(), SSE_CLIENT, &plan()).await;
    is_complete(&seen, &answers());
    wait::holds("its session ends with its stream", || server.sessions() == 0).await;
}

#[tokio::test]
async fn real_clients_use_all_of_the_stand_in_without_sessions() {
    let server = Server::start(Era::Stateless).await;
    let seen = tour(&server.url(), STATELESS_CLIENT, &plan()).await;
    is_complete(&seen, &answers());
    assert_eq!((server.executions("ask"), server.executions("ask_at_once")), (1, 1));
    assert_eq!(server.count(&tool("ask")), 6, "five rounds and the last");
    assert_eq!(server.count(&tool("ask_at_once")), 2);
}

#[tokio::test]
async fn one_url_can_speak_both_eras() {
    let server = Server::start(Era::Both).await;
    let clients = ["v2-legacy", STATELESS_CLIENT];
    let (url, plan) = (server.url(), json!({ "calls": [["echo", { "text": "x" }]] }));
    for seen in join_all(clients.map(|name| tour(&url, name, &plan))).await {
        assert_eq!(text(&seen, "echo"), "x");
    }
    assert_eq!(server.count(&rpc("initialize")), 1);
    assert_eq!(server.count(&rpc("server/discover")), 1);
}

#[tokio::test]
async fn a_deployment_changes_the_era() {
    let server = Server::start(Era::Session("2025-11-25")).await;
    let old = session(&server).await;
    server.speak(Era::Stateless);
    old.call("count", json!({})).await.refused(400, -32602);
    let new = ask(&client(&server), "tools/call", json!({ "name": "count" }), json!({})).await;
    assert_eq!(new.tool_text(), "1");
    server.speak(Era::Sse);
    assert!(server.url().ends_with("/sse"));
    assert_eq!(old.call("count", json!({})).await.status, 404);
}

#[tokio::test]
async fn definitions_and_results_have_bytes_that_a_decoder_would_lose() {
    let server = Server::start(Era::Session("2025-11-25")).await;
    let client = session(&server).await;
    let list = client.request("tools/list", json!({})).await.text;
    assert!(TOOLS.iter().all(|text| list.contains(text)), "{list}");
    assert!(definition("echo").contains("12345678901234567890"));
    let odd = client.call("odd", json!({})).await.text;
    assert!(odd.contains(r#""exact":1.10,"small":1e-7,"empty":{}, "b":1,"a":2"#), "{odd}");
}

#[tokio::test]
async fn many_tools_come_in_their_pages() {
    let many = Options { many: 3_000 - TOOLS.len(), page: 100, ..Options::new(Era::Stateless) };
    let server = Server::with(many).await;
    let seen =
        tour(&server.url(), STATELESS_CLIENT, &json!({ "calls": [["many_2984", {}]] })).await;
    assert_eq!(seen["tools"].as_array().map(Vec::len), Some(3_000));
    assert_eq!(text(&seen, "many_2984"), "many_2984");
    assert!(server.count(&rpc("tools/list")) >= 30);
    let odd = json!({ "cursor": "p+7/=" });
    let refused = ask(&client(&server), "tools/list", odd, json!({})).await;
    assert_eq!(refused.json()["error"]["code"], -32602);
}

#[tokio::test]
async fn definitions_can_change() {
    let server = Server::start(Era::Session("2025-11-25")).await;
    let client = session(&server).await;
    let mut news = Live::new(client.get().await);
    server.set_tools(vec![r#"{"name":"only","inputSchema":{"type":"object"}}"#.to_owned()]);
    news.until("notifications/tools/list_changed").await;
    let tools = client.request("tools/list", json!({})).await.result()["tools"].clone();
    assert_eq!(tools.as_array().map(Vec::len), Some(1), "{tools}");
}

#[tokio::test]
async fn a_session_that_the_server_forgot_is_404_and_a_new_one_works() {
    let server = Server::start(Era::Session("2025-11-25")).await;
    let old = session(&server).await;
    server.forget_sessions();
    assert_eq!(old.call("count", json!({})).await.status, 404);
    server.restart().await;
    assert_eq!(session(&server).await.call("count", json!({})).await.tool_text(), "1");
    assert_eq!((server.executions("count"), server.sessions()), (1, 1));
}

#[tokio::test]
async fn a_script_answers_in_the_place_of_the_stand_in_once() {
    let server = Server::start(Era::Session("2025-11-25")).await;
    let client = session(&server).await;
    server.on(tool("count").times(1), |_| Reply::status(502).body("<html>"));
    assert_eq!(client.call("count", json!({})).await.status, 502);
    assert_eq!(client.call("count", json!({})).await.tool_text(), "1");
}

#[tokio::test]
async fn a_session_hears_of_changes_on_its_stream_only_where_it_subscribed() {
    let server = Server::start(Era::Session("2025-11-25")).await;
    let client = session(&server).await;
    let mut news = Live::new(client.get().await);
    assert_eq!(client.get().await.status(), 409, "a second stream");
    client.request("resources/subscribe", json!({ "uri": "urn:demo:1" })).await.result();
    server.update("demo://item/1");
    server.update("urn:demo:1");
    server.announce("prompts");
    let text = news.until("prompts/list_changed").await;
    assert!(text.contains("urn:demo:1") && !text.contains("demo://item/1"), "{text}");
    client.request("resources/unsubscribe", json!({ "uri": "urn:demo:1" })).await.result();
    assert_eq!(client.call("change", json!({})).await.tool_text(), "announced");
    news.until("tools/list_changed").await;
    assert_eq!(client.delete().await.status, 200);
    news.rest().await;
}

#[tokio::test]
async fn a_listener_without_a_session_hears_what_it_asked_for() {
    let server = Server::start(Era::Stateless).await;
    let filter = json!({ "toolsListChanged": true, "resourceSubscriptions": ["urn:demo:1"] });
    let listening = listener(server.origin(), filter).send().await.unwrap();
    let mut news = Live::new(listening);
    news.until("subscriptions/acknowledged").await;
    server.announce("prompts");
    server.update("urn:demo:1");
    server.announce("tools");
    let text = news.until("tools/list_changed").await;
    assert!(!text.contains("prompts") && text.contains("urn:demo:1"), "{text}");
    assert_eq!(text.matches(r#""io.modelcontextprotocol/subscriptionId":1"#).count(), 3, "{text}");
    server.end_listeners();
    assert!(news.rest().await.contains(r#""resultType":"complete""#));
}

#[tokio::test]
async fn log_messages_come_from_the_level_that_the_client_set() {
    let server = Server::start(Era::Session("2025-11-25")).await;
    let one = session(&server).await;
    one.request("logging/setLevel", json!({ "level": "warning" })).await.result();
    let text = one.call("log", json!({})).await.text;
    assert_eq!(text.matches("notifications/message").count(), 2, "{text}");
    let server = Server::start(Era::Stateless).await;
    let silent = ask(&client(&server), "tools/call", json!({ "name": "log" }), json!({})).await;
    assert!(!silent.text.contains("notifications/message"), "{}", silent.text);
    let level = json!({ "io.modelcontextprotocol/logLevel": "error" });
    let params = json!({ "name": "log", "_meta": level });
    let text = ask(&client(&server), "tools/call", params, json!({})).await.text;
    assert_eq!(text.matches("notifications/message").count(), 1, "{text}");
}

/// A request whose answer is not read yet.
async fn begun(client: &Client, body: &Value) -> Response {
    client.send(Method::POST).body(body.to_string()).send().await.unwrap()
}

fn waiting(id: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": "wait" } })
}

#[tokio::test]
async fn a_cancelled_call_of_a_session_stops_and_a_left_one_goes_on() {
    let server = Server::start(Era::Session("2025-11-25")).await;
    let client = session(&server).await;
    let call = begun(&client, &waiting("a")).await;
    assert_eq!(begun(&client, &waiting("a")).await.status(), 400, "the id is in use");
    drop(begun(&client, &waiting("b")).await);
    server.left(&tool("wait")).await;
    let params = json!({ "requestId": "a" });
    let cancel = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
    assert_eq!(client.post(cancel.to_string()).await.status, 202);
    assert!(!call.text().await.unwrap().contains("result"));
    wait::holds("the call is cancelled", || server.cancelled() == ["wait"]).await;
    assert_eq!(server.sessions(), 1);
}

#[tokio::test]
async fn a_call_without_a_session_is_cancelled_by_leaving() {
    let server = Server::start(Era::Stateless).await;
    let (one, body) =
        prepared(&client(&server), "tools/call", json!({ "name": "wait" }), json!({}));
    let call = one.send(Method::POST).body(body).send().await.unwrap();
    drop(call);
    wait::holds("the call is cancelled", || server.cancelled() == ["wait"]).await;
    server.release();
    let ended = ask(&client(&server), "tools/call", json!({ "name": "wait" }), json!({})).await;
    assert_eq!(ended.tool_text(), "released");
}

#[tokio::test]
async fn a_broken_stream_can_be_read_on_from_its_last_event() {
    let server = Server::start(Era::Session("2025-11-25")).await;
    let client = session(&server).await;
    let arguments = json!({ "ms": 400, "steps": 4 });
    let params = json!({ "name": "slow", "arguments": arguments, "_meta": { "progressToken": 1 } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let mut broken = Live::new(begun(&client, &body).await);
    broken.until("step 1").await;
    let last = broken.last_id();
    drop(broken);
    let rest = Live::new(client.with("last-event-id", &last).get().await).rest().await;
    assert!(!rest.contains("step 1") && rest.contains("step 2") && rest.contains("done"), "{rest}");
    assert_eq!(server.executions("slow"), 1);
}

#[tokio::test]
async fn the_stand_ins_refuse_what_no_client_may_send() {
    let server = Server::start(Era::Session("2025-11-25")).await;
    let one = session(&server).await;
    assert_eq!(client(&server).call("echo", json!({})).await.status, 400, "no session");
    assert_eq!(
        one.clone().without("mcp-protocol-version").call("echo", json!({})).await.status,
        400
    );
    assert_eq!(
        one.clone().with("accept", "application/json").call("echo", json!({})).await.status,
        406
    );
    let foreign = json!({ "_meta": { "io.modelcontextprotocol/protocolVersion": "2026-07-28" } });
    assert_eq!(one.request("tools/list", foreign).await.status, 400);
    let server = Server::start(Era::Stateless).await;
    let params = json!({ "name": "annotated", "arguments": { "region": "north" } });
    let missing = ask(&client(&server), "tools/call", params.clone(), json!({})).await;
    missing.refused(400, -32020);
    let right = client(&server).with("mcp-param-region", "=?base64?bm9ydGg=?=");
    assert_eq!(ask(&right, "tools/call", params, json!({})).await.status, 200);
    client(&server).initialize("2025-11-25").await.refused(400, -32022);
    let state = json!({ "name": "ask", "requestState": "invented" });
    let refused = ask(&client(&server), "tools/call", state, everything()).await;
    assert_eq!(refused.json()["error"]["code"], -32602);
}

#[tokio::test]
async fn the_worker_reaches_an_upstream_on_loopback() {
    let upstream = Server::start(Era::Stateless).await;
    upstream.on(http("GET"), |_| Reply::json("[]"));
    let upstreams = json!({ "tickets": { "url": upstream.url() } });
    let options = options()
        .var("SITEBAY_API_URL", upstream.origin())
        .var("SITEBAY_API_TOKEN", "a token of the service")
        .var("UPSTREAMS", &upstreams.to_string());
    let server = start(options).await;
    let client = Client::new(&server.url()).with("cookie", "a=secret").connect().await;
    client.call("sitebay_list_sites", json!({})).await;
    let request = upstream.received(&any()).await;
    assert!(request.header("authorization").ends_with("a token of the service"), "{request:?}");
    upstream.never_received("a=secret");
}

const REAL: &str = r#"{"calls":[["echo",{"text":"x"}],["slow",{"ms":60,"steps":3}],["ask",{}],["fail",{}]],"reads":["file:///notes.txt","demo://item/7"],"prompts":[["greet",{"name":"Ada"}]],"completions":[{"ref":{"type":"ref/prompt","name":"greet"},"argument":{"name":"name","value":"A"}}]}"#;

#[tokio::test]
async fn a_server_of_the_typescript_sdk_v2_answers_both_eras() {
    let server = RealServer::sdk_v2().await;
    let plan = serde_json::from_str(REAL).unwrap();
    for name in ["v1", "v2-legacy", STATELESS_CLIENT] {
        let seen = tour(server.url(), name, &plan).await;
        assert_eq!((text(&seen, "echo"), text(&seen, "slow")), ("x", "done"), "{name}");
        assert_eq!(call(&seen, "slow")["progress"][0], 1, "{name}: {seen}");
        assert!(text(&seen, "ask").contains("a name"), "{name}: {seen}");
        assert_eq!(call(&seen, "fail")["result"]["isError"], true, "{name}");
        assert_eq!(seen["reads"][1]["contents"][0]["text"], "7", "{name}: {seen}");
        assert_eq!(seen["completions"][0]["completion"]["values"], json!(["Ada", "Alan"]));
    }
    server.kill().await;
}

#[tokio::test]
async fn a_fastmcp_server_answers_both_eras() {
    let Some(server) = RealServer::fastmcp("a FastMCP server behind the gateway").await else {
        return;
    };
    let plan = json!({
        "calls": [["echo", { "text": "x" }], ["slow", { "ms": 60, "steps": 3 }], ["fail", {}]],
        "reads": ["file:///notes.txt", "demo://item/7"],
        "prompts": [["greet", { "name": "Ada" }]],
    });
    for name in ["v1", "v2-legacy", STATELESS_CLIENT] {
        let seen = tour(server.url(), name, &plan).await;
        assert_eq!((text(&seen, "echo"), text(&seen, "slow")), ("x", "done"), "{name}");
        assert_eq!(call(&seen, "slow")["progress"][0], 1, "{name}: {seen}");
        assert_eq!(call(&seen, "fail")["result"]["isError"], true, "{name}");
        assert_eq!(seen["reads"][0]["contents"][0]["text"], "grüße", "{name}: {seen}");
        assert_eq!(seen["prompts"][0]["messages"][0]["content"]["text"], "Greet Ada.", "{name}");
    }
}

#[tokio::test]
async fn a_server_of_the_rust_sdk_answers_both_eras() {
    let server = RmcpServer::start().await;
    let plan = json!({
        "calls": [["echo", { "text": "x" }], ["slow", { "ms": 60, "steps": 3 }], ["fail", {}]],
    });
    for name in ["v1", "v2-legacy", STATELESS_CLIENT] {
        let seen = tour(server.url(), name, &plan).await;
        assert_eq!((text(&seen, "echo"), text(&seen, "slow")), ("x", "done"), "{name}");
        assert_eq!(call(&seen, "slow")["progress"][0], 1, "{name}: {seen}");
        assert_eq!(call(&seen, "fail")["result"]["isError"], true, "{name}");
    }
}

#[tokio::test]
async fn the_server_everything_answers_over_both_of_its_transports() {
    let plan = json!({
        "calls": [
            ["echo", { "message": "x" }],
            ["trigger-sampling-request", { "prompt": "Say a number.", "maxTokens": 16 }],
            ["get-roots-list", {}],
        ],
        "prompts": [["simple-prompt", {}]],
    });
    let (streamable, sse) = tokio::join!(RealServer::everything(), RealServer::everything_sse());
    let seen = [(&streamable, "v1"), (&streamable, "v2-legacy"), (&sse, SSE_CLIENT)];
    for (server, name) in seen {
        let seen = tour(server.url(), name, &plan).await;
        assert!(text(&seen, "echo").contains('x'), "{name}: {seen}");
        assert_eq!(
            call(&seen, "trigger-sampling-request")["asked"][0],
            "sampling",
            "{name}: {seen}"
        );
        assert!(seen["prompts"][0]["messages"].is_array(), "{name}: {seen}");
        assert!(seen["templates"].as_array().is_some_and(|all| !all.is_empty()), "{name}");
    }
}
