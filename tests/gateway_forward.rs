//! Headers of callers that travel to an upstream because its configuration names them.
//!
//! Tests name the statements of the gateway that they show.

use reqwest::{Method, header::HeaderValue};
use serde_json::{Value, json};

use crate::support::{
    Answer, Client,
    gateway::{Front, before, error, settings},
    options, start,
    stateless::{ask, prepared},
    upstream::{
        Upstream, any, http,
        mcp::{Era, Server},
        rpc, tool,
    },
};

const ERAS: [Era; 3] = [Era::Session("2025-11-25"), Era::Stateless, Era::Sse];

/// The setting that finds an era, and the headers that travel.
fn forwarding(era: Era, names: &[&str]) -> Value {
    let mut setting = json!({ "forward_headers": names });
    if era == Era::Sse {
        setting["era"] = json!("sse");
    }
    setting
}

/// A client that sends what may travel, and what never does.
fn caller(url: &str, path: &str, tenant: &str) -> Client {
    Client::at(url, path)
        .with("x-tenant", tenant)
        .with("x-space", "front-space")
        .with("authorization", "Bearer front-secret-1")
        .with("x-api-key", "front-secret-2")
        .with("cookie", "a=front-secret-3")
        .with("x-sitebay-token", "front-secret-4")
        .with("x-forwarded-for", "front-secret-5")
        .with("x-internal-forward", "front-secret-6")
        .with("x-other", "front-secret-7")
}

/// Statement 9, with headers that travel, in every era and at every door.
#[tokio::test]
async fn a_header_travels_to_the_upstream_that_names_it_and_nothing_else_does() {
    for era in ERAS {
        let (one, other) = (Server::start(era).await, Server::start(era).await);
        let worker = before(&[
            ("one", &one.url(), forwarding(era, &["X-Tenant"])),
            ("other", &other.url(), forwarding(era, &["X-Space"])),
        ])
        .await;
        for (path, name) in [("/mcp", "one_echo"), ("/u/one/mcp", "echo")] {
            let client = caller(&worker.url(), path, "acme");
            for front in [Front::Session(client.clone().connect().await), Front::Stateless(client)]
            {
                assert_eq!(front.call(name, json!({ "text": "x" })).await.tool_text(), "x");
                front.tools().await;
                front.list("resources/list", "resources").await;
            }
        }
        let sent = one.requests(&http("POST"));
        assert_eq!(one.count(&tool("echo")), 4, "{era:?}");
        for request in sent {
            assert_eq!(request.values("x-tenant"), [b"acme"], "{era:?}: {}", request.rpc());
        }
        let asked = other.requests(&rpc("tools/list"));
        assert!(!asked.is_empty());
        assert!(asked.iter().all(|request| request.header("x-space") == "front-space"));
        one.never_received("front-space");
        other.never_received("acme");
        for upstream in [&one, &other] {
            upstream.never_received("front-secret");
        }
    }
}

/// Statements 4 and 9: the rounds of a call that waits for its client have the headers that it began with.
#[tokio::test]
async fn a_parked_call_has_the_headers_of_its_caller() {
    for era in [Era::Session("2025-11-25"), Era::Sse] {
        let upstream = Server::start(era).await;
        let worker = before(&[("one", &upstream.url(), forwarding(era, &["x-tenant"]))]).await;
        let client = caller(&worker.url(), "/mcp", "acme");
        let able = json!({ "elicitation": { "form": {} } });
        let call = json!({ "name": "one_ask", "arguments": {} });
        let mut answer = ask(&client, "tools/call", call.clone(), able.clone()).await;
        let mut rounds = 0;
        while answer.result()["resultType"] == "input_required" {
            rounds += 1;
            let result = answer.result();
            let (key, asked) = result["inputRequests"].as_object().unwrap().iter().next().unwrap();
            let field = asked["params"]["requestedSchema"]["required"][0].as_str().unwrap();
            let mut again = call.clone();
            again["requestState"] = result["requestState"].clone();
            again["inputResponses"] =
                json!({ key: { "action": "accept", "content": { field: format!("a {field}") } } });
            answer = ask(&client, "tools/call", again, able.clone()).await;
        }
        assert!(rounds >= 2, "{era:?}: {answer:?}");
        assert_eq!(upstream.executions("ask"), 1);
        for request in upstream.requests(&http("POST")) {
            assert_eq!(request.header("x-tenant"), "acme", "{era:?}: {}", request.text());
        }
        upstream.never_received("front-secret");
    }
}

/// A client whose header has these bytes, and the answer to its call of a tool.
async fn with_bytes(client: &Client, value: &[u8], tool: &str, in_session: bool) -> Answer {
    let params = json!({ "name": tool, "arguments": { "text": "x" } });
    let value = HeaderValue::from_bytes(value).unwrap();
    let (client, body) = match in_session {
        true => {
            let call =
                json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
            (client.clone().connect().await, call.to_string())
        }
        false => prepared(client, "tools/call", params, json!({})),
    };
    let sent = client.send(Method::POST).header("x-tenant", value).body(body).send().await.unwrap();
    Answer::of(sent).await
}

#[tokio::test]
async fn a_value_that_cannot_be_passed_on_refuses_the_call_and_nothing_is_sent() {
    for era in [Era::Session("2025-11-25"), Era::Stateless] {
        let (one, other) = (Server::start(era).await, Server::start(era).await);
        let worker = before(&[
            ("one", &one.url(), forwarding(era, &["X-Tenant"])),
            ("other", &other.url(), json!({})),
        ])
        .await;
        let client = Client::new(&worker.url());
        let long = "front-long-".repeat(100);
        for value in [long.as_bytes(), "front-größe".as_bytes(), b"front-\xff"] {
            for in_session in [true, false] {
                let refused = with_bytes(&client, value, "one_echo", in_session).await;
                let why = error(&refused)["message"].as_str().unwrap().to_owned();
                assert!(why.contains("`x-tenant` cannot be passed on"), "{era:?}: {why}");
                assert!(!why.contains("front-"), "{why}");
                let fine = with_bytes(&client, value, "other_echo", in_session).await;
                assert_eq!(fine.tool_text(), "x", "{era:?}");
            }
        }
        assert_eq!(one.count(&any()), 0, "{era:?}: {:?}", one.recorded());
        let fits = with_bytes(&client, &[b'x'; 1_024], "one_echo", false).await;
        assert_eq!(fits.tool_text(), "x");
    }
}

/// Statement 8: callers of one key with different values share neither list nor session.
#[tokio::test]
async fn a_list_belongs_to_the_values_that_it_was_asked_with() {
    let upstream = Upstream::start().await;
    upstream
        .on(rpc("server/discover"), |request| request.error(-32601, "no").with_status(404))
        .on(rpc("initialize"), |request| {
            let hello = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}"#;
            let session = format!("session-of-{}", request.header("x-tenant"));
            request.result(hello).header("mcp-session-id", &session)
        })
        .on(rpc("notifications/initialized"), |_| crate::support::upstream::Reply::status(202))
        .on(http("GET"), |_| crate::support::upstream::Reply::status(405))
        .on(http("DELETE"), |_| crate::support::upstream::Reply::status(200))
        .on(rpc("tools/list"), |request| {
            let tenant = request.header("x-tenant");
            request.result(&format!(
                r#"{{"tools":[{{"name":"{tenant}","inputSchema":{{"type":"object"}}}}]}}"#
            ))
        })
        .on(rpc("tools/call"), |request| {
            let session = request.header("mcp-session-id").to_owned();
            request.result(&format!(r#"{{"content":[{{"type":"text","text":"{session}"}}]}}"#))
        });
    let names = ["X-Tenant", "traceparent", "X-Request-Id"];
    let upstreams = settings(&[("one", &upstream.url(), json!({ "forward_headers": names }))]);
    let key = "a-key-that-several-people-share";
    let worker = start(options().var("UPSTREAMS", &upstreams).var("MCP_API_KEY", key)).await;
    let of = |tenant: &str, request: &str| {
        Client::new(&worker.url())
            .with("authorization", &format!("Bearer {key}"))
            .with("x-tenant", tenant)
            .with("x-request-id", request)
    };
    for (round, request) in ["first", "second"].iter().enumerate() {
        for tenant in ["acme", "beta"] {
            let client = of(tenant, request);
            for front in
                [Front::Session(client.clone().connect().await), Front::Stateless(client.clone())]
            {
                let names = front.tools().await;
                let theirs: Vec<&String> =
                    names.iter().filter(|name| name.starts_with("one_")).collect();
                assert_eq!(theirs, [&format!("one_{tenant}")], "{round}");
                let called = front.call(&format!("one_{tenant}"), json!({})).await;
                assert_eq!(called.tool_text(), format!("session-of-{tenant}"));
            }
        }
    }
    // What tells requests apart for tracing travels, and asks for no list again.
    assert_eq!(upstream.count(&rpc("tools/list")), 2);
    let calls = upstream.requests(&tool("acme"));
    let seen: Vec<&str> = calls.iter().map(|request| request.header("x-request-id")).collect();
    assert_eq!(seen, ["first", "first", "second", "second"]);
    upstream.never_received(key);
}

#[tokio::test]
async fn a_header_that_may_not_travel_is_refused_where_it_is_configured() {
    let upstream = Server::start(Era::Stateless).await;
    for name in ["Authorization", "cookie", "X-SiteBay-Token", "Mcp-Session-Id", "X-Internal-Seal"]
    {
        let setting = json!({ "forward_headers": ["X-Tenant", name] });
        let worker = before(&[("one", &upstream.url(), setting)]).await;
        let door = Client::at(&worker.url(), "/u/one/mcp").initialize("2025-11-25").await;
        assert_eq!(door.status, 404, "{name}: {door:?}");
        let said = "UPSTREAMS.one.forward_headers[1]";
        assert!(worker.log().contains(said), "{name}: {}", worker.log());
    }
}
