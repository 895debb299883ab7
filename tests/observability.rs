//! Telemetry: a line for each request, the propagated trace, counters.

use reqwest::Method;
use serde_json::{Value, json};
use xtask::server::{Options, Server};

use crate::support::{
    Client,
    events::Live,
    lines::{line, lines, of_method, of_tool},
    new_site, options, server, start,
    stateless::{ask, listen, prepared},
    wait,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

/// Checks fields; `null` is one that must not be there.
#[track_caller]
fn says(line: &Value, expected: &Value) {
    for (name, value) in expected.as_object().unwrap() {
        assert_eq!(&line[name], value, "{name} in {line}");
    }
    assert!(line["request"].as_str().unwrap().len() == 36 && line["ms"].is_u64(), "{line}");
}

fn closed() -> Options {
    options().var("ENVIRONMENT", "production").var("MCP_API_KEY", "the-key-of-the-test")
}

#[tokio::test]
async fn each_request_of_a_session_has_one_line() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    client.call("echo", json!({ "text": "swordfish" })).await;
    client.request("tools/list", json!({})).await;
    client.request("no/such", json!({})).await;
    client.call("sitebay_list_sites", json!({})).await;
    let live = Live::new(client.get().await);
    client.post("{").await;
    let hello = json!({ "client": "test client", "version": "1.0", "protocol_version": "2025-11-25", "route": "mcp",
                        "auth_method": "open", "status": 200, "level": "info", "event": "request" });
    let with = |more: Value| {
        let mut all = hello.clone();
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    says(&of_method(&server, "initialize").await, &with(json!({ "outcome": "done" })));
    let told = of_method(&server, "notifications/initialized").await;
    says(&told, &with(json!({ "status": 202, "tool": null, "sitebay_ms": null })));
    let called = of_tool(&server, "echo").await;
    says(&called, &with(json!({ "method": "tools/call", "outcome": "done", "trace": null })));
    assert_eq!(called["subject"].as_str().unwrap().len(), 8);
    says(&of_method(&server, "tools/list").await, &hello);
    let unknown = of_method(&server, "other").await;
    says(&unknown, &with(json!({ "outcome": "error", "code": -32601 })));
    let sites = of_tool(&server, "sitebay_list_sites").await;
    says(&sites, &with(json!({ "outcome": "done", "sitebay_calls": 1, "sitebay_status": 200 })));
    let [ms, own, theirs] =
        ["ms", "server_ms", "sitebay_ms"].map(|name| sites[name].as_u64().unwrap());
    assert_eq!(own + theirs, ms, "{sites}");
    says(
        &of_method(&server, "GET").await,
        &json!({ "stream": true, "status": 200, "route": "mcp" }),
    );
    let broken = line(&server, |line| line["outcome"] == "body").await;
    says(&broken, &with(json!({ "status": 400, "code": -32700, "method": "POST" })));
    assert_eq!(client.delete().await.status, 204);
    says(&of_method(&server, "DELETE").await, &with(json!({ "status": 204 })));
    drop(live);
    let log = server.log();
    assert!(!log.contains("swordfish") && !log.contains(&client.session()), "{log}");
    assert_eq!(lines(&server).len(), 9, "{log}");
}

#[tokio::test]
async fn a_call_that_streams_is_told_of_at_its_end() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let answer = client.call("slow", json!({ "ms": 600 })).await;
    assert!(answer.is_stream());
    let called = of_tool(&server, "slow").await;
    says(&called, &json!({ "stream": true, "status": 200, "outcome": "done", "level": "info" }));
    assert!(called["ms"].as_u64().unwrap() >= 500, "{called}");
    let stateless = Client::new(&server.url());
    let log =
        || lines(&server).iter().filter(|line| line["protocol_version"] == "2026-07-28").count();
    let params = json!({ "name": "slow", "arguments": { "ms": 600 } });
    assert!(ask(&stateless, "tools/call", params.clone(), json!({})).await.is_stream());
    let called = line(&server, |line| line["protocol_version"] == "2026-07-28").await;
    says(&called, &json!({ "stream": true, "outcome": "done", "tool": "slow" }));
    // A client that leaves takes its request back.
    let (leaving, body) = prepared(&stateless, "tools/call", params, json!({}));
    let mut response = leaving.send(Method::POST).body(body).send().await.unwrap();
    while response.chunk().await.unwrap().is_some_and(|chunk| chunk.is_empty()) {}
    drop(response);
    wait::holds("the one that left has a line", || log() > 1).await;
    assert_eq!(log(), 2, "{}", server.log());
}

#[tokio::test]
async fn requests_without_a_session_and_their_streams_have_one_line() {
    let server = server().await;
    let client = Client::new(&server.url());
    ask(&client, "server/discover", json!({}), json!({})).await;
    ask(&client, "tools/call", json!({ "name": "echo", "arguments": { "text": "x" } }), json!({}))
        .await;
    ask(&client, "tools/call", json!({ "name": "swordfish" }), json!({})).await;
    let listening = listen(&server.url(), json!({ "toolsListChanged": true })).await;
    let era = json!({ "protocol_version": "2026-07-28", "route": "mcp", "status": 200, "auth_method": "open" });
    says(&of_method(&server, "server/discover").await, &era);
    says(&of_tool(&server, "echo").await, &era);
    says(&of_tool(&server, "other").await, &json!({ "outcome": "error", "code": -32602 }));
    says(&of_method(&server, "subscriptions/listen").await, &json!({ "stream": true }));
    drop(listening);
    reqwest::get(format!("{}/health?key=swordfish", server.url())).await.unwrap();
    says(&line(&server, |line| line["route"] == "health").await, &json!({ "method": "GET" }));
    reqwest::get(format!("{}/swordfish", server.url())).await.unwrap();
    let nothing = line(&server, |line| line["route"] == "none").await;
    says(&nothing, &json!({ "status": 404, "outcome": "not-found" }));
    assert!(!server.log().contains("swordfish"), "{}", server.log());
    assert_eq!(lines(&server).len(), 6, "{}", server.log());
}

#[tokio::test]
async fn messages_of_the_oldest_protocol_have_one_line() {
    let server = server().await;
    let mut live = Live::new(Client::at(&server.url(), "/sse").get().await);
    let endpoint = live.until("sessionId=").await.to_owned();
    let at = endpoint.find("messages?").unwrap();
    let path = format!("/{}", endpoint[at..].lines().next().unwrap().trim());
    let client = Client::at(&server.url(), &path);
    client.initialize("2024-11-05").await;
    client.call("echo", json!({ "text": "swordfish" })).await;
    live.until("swordfish").await;
    says(&line(&server, |line| line["route"] == "sse").await, &json!({ "stream": true }));
    says(&of_method(&server, "initialize").await, &json!({ "route": "messages", "status": 202 }));
    let called = of_tool(&server, "echo").await;
    says(&called, &json!({ "route": "messages", "status": 202, "outcome": "done" }));
    assert!(!server.log().contains("swordfish"));
}

#[tokio::test]
async fn refusals_say_why_and_no_secret() {
    let server = start(closed().var("RATE_LIMIT", "off")).await;
    Client::new(&server.url()).initialize("2025-11-25").await;
    Client::new(&server.url())
        .with("authorization", "Bearer wrong-swordfish")
        .initialize("2025-11-25")
        .await;
    let client = Client::new(&server.url()).with("authorization", "Bearer the-key-of-the-test");
    client.clone().with("mcp-session-id", "forged-swordfish").initialize("2025-11-25").await;
    client.clone().with("origin", "https://swordfish.example").initialize("2025-11-25").await;
    let of = async |outcome: &str| line(&server, |line| line["outcome"] == outcome).await;
    let refused = json!({ "status": 401, "subject": null, "auth_method": null, "level": "info" });
    says(&of("no-credential").await, &refused);
    says(&of("wrong-credential").await, &refused);
    let forged = of("session-not-found").await;
    says(&forged, &json!({ "status": 404, "auth_method": "api-key", "code": -32001 }));
    says(&of("origin").await, &json!({ "status": 403, "method": "POST" }));
    let log = server.log();
    assert!(!log.contains("swordfish") && !log.contains("the-key-of-the-test"), "{log}");
    assert_eq!(lines(&server).len(), 4);
}

#[tokio::test]
async fn what_fails_is_an_error() {
    if !crate::support::unwinds() {
        return xtask::skips::skip(
            "what_fails_is_an_error",
            "the Worker is built with panic=abort",
        );
    }
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    client.call("panic", json!({ "when": "before" })).await;
    let failed = line(&server, |line| line["level"] == "error" && line["status"] == 500).await;
    says(&failed, &json!({ "tool": "panic", "method": "tools/call" }));
    client.call("panic", json!({ "when": "stream" })).await;
    let streamed = line(&server, |line| line["outcome"] == "panicked").await;
    says(&streamed, &json!({ "level": "error", "tool": "panic", "stream": true }));
}

/// The trace headers that the sandbox last received: `traceparent` and `tracestate`.
fn received(server: &Server) -> [String; 2] {
    let requests = server.sandbox().unwrap().requests();
    let headers = requests.last().unwrap().headers.clone();
    ["traceparent", "tracestate"].map(|name| headers.get(name).cloned().unwrap_or_default())
}

#[track_caller]
fn goes_on(server: &Server) {
    let [parent, state] = received(server);
    assert!(parent.starts_with(&format!("00-{TRACE}-")) && parent.ends_with("-01"), "{parent}");
    assert!(parent.len() == 55 && parent != PARENT, "{parent}");
    assert_eq!(state, STATE);
}

#[tokio::test]
async fn a_trace_goes_on_to_sitebay_with_a_parent_of_its_own() {
    let server = server().await;
    let traced = |client: Client| client.with("traceparent", PARENT).with("tracestate", STATE);
    let client = Client::new(&server.url());
    let sites = json!({ "name": "sitebay_list_sites", "arguments": {} });
    let in_session = traced(client.clone().connect().await);
    in_session.request("tools/call", sites.clone()).await;
    goes_on(&server);
    let first = received(&server);
    in_session.request("tools/call", sites.clone()).await;
    assert_ne!(received(&server), first, "each request has a parent of its own");
    ask(&traced(client.clone()), "tools/call", sites.clone(), json!({})).await;
    goes_on(&server);
    let of_trace = |line: &Value| line["trace"] == TRACE;
    assert_eq!(lines(&server).iter().filter(|line| of_trace(line)).count(), 3);
    // The message's trace has precedence over its connection's.
    let meta = json!({ "traceparent": PARENT, "tracestate": STATE, "baggage": "a=swordfish" });
    let other = "00-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-bbbbbbbbbbbbbbbb-00";
    let mut params = sites.clone();
    params["_meta"] = meta;
    let client = client.with("traceparent", other);
    ask(&client, "tools/call", params.clone(), json!({})).await;
    goes_on(&server);
    client.connect().await.request("tools/call", params).await;
    goes_on(&server);
    let requests = server.sandbox().unwrap().requests();
    assert!(!requests.iter().any(|one| one.headers.contains_key("baggage")));
}

#[tokio::test]
async fn a_trace_that_is_malformed_is_none() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    for wrong in [&PARENT[1..], &PARENT.to_uppercase(), "swordfish", &format!("{PARENT}-x")] {
        let client = client.clone().with("traceparent", wrong).with("tracestate", STATE);
        client.call("sitebay_list_sites", json!({})).await;
        let [parent, state] = received(&server);
        assert!(parent.len() == 55 && !parent.contains(TRACE), "{wrong}: {parent}");
        assert_eq!(state, "");
        let line = lines(&server).pop().unwrap();
        // One that begins here is named after its request.
        assert_eq!(line["trace"], line["request"].as_str().unwrap().replace('-', ""));
        assert!(parent.contains(line["trace"].as_str().unwrap()), "{parent}: {line}");
    }
    let unsampled = format!("{}00", &PARENT[..53]);
    let client = client.with("traceparent", &unsampled).with("tracestate", "A=swordfish");
    client.call("sitebay_list_sites", json!({})).await;
    let [parent, state] = received(&server);
    assert!(parent.starts_with(&PARENT[..35]) && parent.ends_with("-00"), "{parent}");
    assert_eq!(state, "");
}

#[tokio::test]
async fn a_task_keeps_its_trace_and_has_a_line_at_its_end() {
    let server = server().await;
    let client = Client::new(&server.url())
        .with("traceparent", PARENT)
        .with("tracestate", STATE)
        .connect_with(json!({ "elicitation": {} }))
        .await;
    client.call("sitebay_create_site", new_site("www.traced.example.com")).await;
    let ended = line(&server, |line| line["event"] == "task").await;
    assert_eq!(ended["trace"], TRACE, "{ended}");
    assert!(ended["sitebay_calls"].as_u64().unwrap() > 0, "{ended}");
    goes_on(&server);
}

#[tokio::test]
async fn counters_are_there_in_development_only() {
    let server = server().await;
    let metrics = async || {
        let answer = reqwest::get(format!("{}/metrics", server.url())).await.unwrap();
        assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        answer.text().await.unwrap()
    };
    let of = |text: &str, name: &str| -> f64 {
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |value| value.parse().unwrap())
    };
    let client = Client::new(&server.url()).connect().await;
    client.call("sitebay_list_sites", json!({})).await;
    let before = metrics().await;
    for line in before.lines() {
        let (name, value) = line.rsplit_once(' ').unwrap();
        assert!(line.starts_with("# ") || value.parse::<f64>().is_ok(), "{line}");
        assert!(name.starts_with("mcp_") || name.starts_with("# "), "{line}");
        let help = line.starts_with("# HELP");
        assert!(!help || line.ends_with("in this isolate since it started."), "{line}");
    }
    let names = [
        r#"mcp_requests_total{route="mcp",method="tools/call",protocol_version="2025-11-25",status="200"}"#,
        r#"mcp_tool_duration_seconds_count{tool="sitebay_list_sites",outcome="done"}"#,
        r#"mcp_sitebay_duration_seconds_count{status="200"}"#,
        "mcp_sessions_begun_total",
    ];
    let again = Client::new(&server.url()).connect().await;
    again.call("sitebay_list_sites", json!({})).await;
    again.call("swordfish", json!({})).await;
    let _held = Live::new(again.get().await);
    reqwest::get(format!("{}/swordfish", server.url())).await.unwrap();
    let after = metrics().await;
    for name in names {
        assert!(of(&before, name) > 0.0 && of(&after, name) > of(&before, name), "{name}\n{after}");
    }
    assert_eq!(of(&after, "mcp_streams_open"), 1.0);
    assert_eq!(of(&after, r#"mcp_refusals_total{reason="not-found"}"#), 1.0);
    assert!(!after.contains("swordfish"), "{after}");
    let server = start(closed()).await;
    let answer = reqwest::get(format!("{}/metrics", server.url())).await.unwrap();
    assert_eq!(answer.status(), 404);
}

#[tokio::test]
async fn the_log_says_as_much_as_it_is_told_to() {
    for (level, count) in [("debug", 2), ("info", 2), ("warn", 0), ("off", 0), ("loud", 2)] {
        let server = start(options().var("LOG_LEVEL", level)).await;
        let client = Client::new(&server.url()).connect().await;
        client.call("echo", json!({ "text": "x" })).await;
        // Real time: no line shows that no other will come.
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        let asked = lines(&server).iter().filter(|line| line["event"] == "request").count();
        assert_eq!(asked.saturating_sub(1).min(2), count, "{level}: {}", server.log());
        assert_eq!(server.log().contains("LOG_LEVEL"), level == "loud");
        // Warnings for the operator have level `warn`.
        assert_eq!(server.log().contains("open to all callers"), level != "off");
    }
}
