//! Upstreams that administrators add, change and remove, in the database of `wrangler dev`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{
    Answer, Client,
    gateway::{Front, error, settings},
    options, start,
    upstream::{
        mcp::{Era, Server},
        tool,
    },
    wait,
    wrangler::Wrangler,
};

const ADMIN: &str = "the-admin-key-of-this-test";
const PLAIN: &str = "a-plain-key-of-this-test";
const SESSION_KEY: &str = "a-session-key-of-this-test-with-enough-characters";

async fn ask(url: &str, key: &str, method: Method, path: &str, body: &str) -> Answer {
    let client = Client::at(url, path).with("authorization", &format!("Bearer {key}"));
    Answer::of(client.send(method).body(body.to_owned()).send().await.unwrap()).await
}

async fn put(url: &str, name: &str, body: &Value) -> Answer {
    let path = format!("/admin/upstreams/{name}");
    ask(url, ADMIN, Method::PUT, &path, &body.to_string()).await
}

async fn get(url: &str, path: &str) -> Value {
    let answer = ask(url, ADMIN, Method::GET, path, "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

async fn delete(url: &str, name: &str) -> u16 {
    let path = format!("/admin/upstreams/{name}");
    ask(url, ADMIN, Method::DELETE, &path, "").await.status.as_u16()
}

/// A caller with a key that is no administrator's, in a session and without one.
async fn callers(url: &str, path: &str) -> [Front; 2] {
    let client = Client::at(url, path).with("authorization", &format!("Bearer {PLAIN}"));
    [Front::Session(client.clone().connect().await), Front::Stateless(client)]
}

/// Entries of the audit of this change, once there are so many.
async fn audited(url: &str, action: &str, count: usize) -> Vec<Value> {
    let path = format!("/admin/audit?action={}", action.replace(' ', "%20"));
    wait::until(action, async || {
        let entries = get(url, &path).await["entries"].as_array().unwrap().clone();
        if entries.len() < count { Err(entries) } else { Ok(entries) }
    })
    .await
}

#[tokio::test]
async fn administrators_add_change_and_remove_upstreams() {
    let (first, second) =
        (Server::start(Era::Session("2025-11-25")).await, Server::start(Era::Stateless).await);
    let set = settings(&[("desk", &second.url(), json!({}))]);
    let vars = [
        ("ENVIRONMENT", "development"),
        ("SESSION_KEY", SESSION_KEY),
        ("MCP_ADMIN_KEY", ADMIN),
        ("MCP_API_KEY", PLAIN),
        ("UPSTREAMS", &set),
        ("THEIR_KEY", "operators-key"),
        ("OTHER_KEY", "another-operators-key"),
        (
            "UPSTREAM_SECRETS",
            "THEIR_KEY@127.0.0.1,OTHER_KEY@other.example.com,SESSION_KEY@127.0.0.1",
        ),
    ];
    let server = Wrangler::start(&vars).await;
    let url = server.url();
    what_is_wrong_is_refused(url, &first).await;
    // What is stored is there at once, at both doors and in every era.
    let auth = json!({ "kind": "static", "secret": "THEIR_KEY" });
    let stored = put(url, "t", &json!({ "url": first.url(), "auth": auth })).await;
    assert_eq!(stored.status, 200, "{stored:?}");
    assert_eq!(stored.json()["source"], "stored");
    for (path, prefix) in [("/mcp", "t_"), ("/u/t/mcp", "")] {
        for front in callers(url, path).await {
            let echo = front.call(&format!("{prefix}echo"), json!({ "text": "x" })).await;
            assert_eq!(echo.tool_text(), "x", "{path}");
            assert!(front.tools().await.contains(&format!("{prefix}echo")));
        }
    }
    let keys = first.recorded();
    assert!(keys.iter().all(|one| one.request.header("authorization") == "Bearer operators-key"));
    let all = get(url, "/admin/upstreams").await;
    let names: Vec<&Value> =
        all["upstreams"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["desk", "t"]);
    assert!(!all.to_string().contains("operators-key"), "{all}");
    // Another server takes its place; of the first nothing is remembered.
    assert_eq!(put(url, "t", &json!({ "url": second.url() })).await.status, 200);
    let (before, counted) = (first.recorded().len(), second.executions("count"));
    for front in callers(url, "/mcp").await {
        front.call("t_count", json!({})).await.result();
    }
    assert_eq!((first.recorded().len(), second.executions("count")), (before, counted + 2));
    // It goes with its pins.
    let pinned = get(url, "/admin/upstreams/t").await["pinned"].as_array().unwrap().len();
    assert!(pinned > 10, "{pinned}");
    let statuses = [delete(url, "t").await, delete(url, "t").await, delete(url, "desk").await];
    assert_eq!(statuses, [204, 404, 409]);
    for front in callers(url, "/mcp").await {
        assert_eq!(error(&front.call("t_count", json!({})).await)["code"], -32602);
        front.call("desk_count", json!({})).await.result();
    }
    let gone = Client::at(url, "/u/t/mcp").with("authorization", &format!("Bearer {PLAIN}"));
    assert_eq!(gone.initialize("2025-11-25").await.status, 404);
    let changes = audited(url, "PUT /admin/upstreams/t", 3).await;
    for outcome in ["done", "failed"] {
        let found = changes.iter().find(|entry| entry["outcome"] == outcome);
        assert_eq!(found.expect(outcome)["key"], "admin");
    }
    assert_eq!(audited(url, "DELETE /admin/upstreams/t", 2).await.len(), 2);
    for key in ["operators-key", SESSION_KEY] {
        let log = server.log();
        let log: Vec<&str> = log.lines().filter(|line| !line.contains("env.")).collect();
        assert!(!log.iter().any(|line| line.contains(key)), "{log:?}");
    }
    server.end().await;
}

/// The first message in a session may come to an isolate that has read nothing yet.
#[tokio::test]
async fn headers_travel_to_a_stored_upstream_from_an_isolate_that_just_began() {
    let upstream = Server::start(Era::Stateless).await;
    let vars = [
        ("ENVIRONMENT", "development"),
        ("SESSION_KEY", SESSION_KEY),
        ("MCP_ADMIN_KEY", ADMIN),
        ("MCP_API_KEY", PLAIN),
    ];
    let server = Wrangler::start(&vars).await;
    let settings = json!({ "url": upstream.url(), "forward_headers": ["X-Tenant"] });
    assert_eq!(put(server.url(), "t", &settings).await.status, 200);
    let caller = |url: &str| {
        let client = Client::at(url, "/mcp").with("authorization", &format!("Bearer {PLAIN}"));
        client.with("x-tenant", "acme")
    };
    let session = caller(server.url()).connect().await.session();
    let server = server.restart(&vars).await;
    let client = caller(server.url())
        .with("mcp-session-id", &session)
        .with("mcp-protocol-version", "2025-11-25");
    let echo = Front::Session(client).call("t_echo", json!({ "text": "x" })).await;
    assert_eq!(echo.tool_text(), "x");
    for request in upstream.requests(&tool("echo")) {
        assert_eq!(request.header("x-tenant"), "acme");
    }
    assert_eq!(upstream.count(&tool("echo")), 1);
    server.end().await;
}

async fn what_is_wrong_is_refused(url: &str, upstream: &Server) {
    let there = upstream.url();
    let with = |name: &str, value: Value| json!({ "url": there, name: value });
    let secret = |name: &str| with("auth", json!({ "kind": "static", "secret": name }));
    for (name, body, field) in [
        ("t", with("colour", json!(1)), "upstreams.t: "),
        ("t", with("era", json!("new")), "upstreams.t.era"),
        ("t", json!({ "url": "https://10.0.0.1/mcp" }), "upstreams.t.url"),
        ("t", json!({ "url": "http://tickets.example.com/" }), "upstreams.t.url"),
        ("t", json!({ "url": format!("{url}/mcp") }), "upstreams.t.url"),
        ("t", json!({ "url": 7 }), "upstreams.t.url"),
        ("t", json!([]), "upstreams.t: "),
        // An admin key reads no secret that the operator did not allow for that host.
        ("t", secret("SESSION_KEY"), "upstreams.t.auth.secret"),
        ("t", secret("MCP_ADMIN_KEY"), "upstreams.t.auth.secret"),
        ("t", secret("OTHER_KEY"), "upstreams.t.auth.secret"),
        ("t", secret("NOT_SET"), "upstreams.t.auth.secret"),
        ("T", with("era", json!("auto")), "upstreams.T"),
        ("a_b", with("era", json!("auto")), "upstreams.a_b"),
        ("a%20b", with("era", json!("auto")), "upstreams.a%20b"),
        ("seventeen-letters", with("era", json!("auto")), "upstreams.seventeen-letters"),
        ("sitebay", with("era", json!("auto")), "upstreams.sitebay"),
    ] {
        let refused = put(url, name, &body).await;
        assert_eq!(refused.status, 400, "{name} {body}: {refused:?}");
        let faults = refused.json()["faults"].clone();
        assert!(faults[0].as_str().unwrap().starts_with(field), "{name} {body}: {faults}");
    }
    let path = "/admin/upstreams/t";
    for (body, status) in [
        ("", 400),
        ("{", 400),
        ("\u{0}", 400),
        (&*format!(r#"{{"url":"{there}","allow":["{}"]}}"#, "x".repeat(1 << 20)), 413),
        (&*"x".repeat(5 << 20), 413),
    ] {
        let refused = ask(url, ADMIN, Method::PUT, path, body).await;
        assert_eq!(refused.status, status, "{} bytes: {refused:?}", body.len());
    }
    assert_eq!(put(url, "desk", &json!({ "url": there })).await.status, 409);
    let plain = ask(url, PLAIN, Method::PUT, path, "{}").await;
    assert_eq!(plain.status, 403, "{plain:?}");
    assert_eq!(get(url, "/admin/upstreams").await["upstreams"].as_array().unwrap().len(), 1);
    assert!(upstream.recorded().is_empty());
}

#[tokio::test]
async fn stored_upstreams_survive_are_bounded_and_yield_to_the_variable() {
    let upstream = Server::start(Era::Stateless).await;
    let vars = [
        ("ENVIRONMENT", "development"),
        ("SESSION_KEY", SESSION_KEY),
        ("MCP_ADMIN_KEY", ADMIN),
        ("MCP_API_KEY", PLAIN),
    ];
    let server = Wrangler::start(&vars).await;
    for number in 0..64 {
        let settings = json!({ "url": upstream.url() });
        let stored = put(server.url(), &format!("u{number}"), &settings).await;
        assert_eq!(stored.status, 200, "{number}: {stored:?}");
    }
    let one_more = put(server.url(), "v", &json!({ "url": upstream.url() })).await;
    assert_eq!(one_more.status, 409, "{one_more:?}");
    for number in 2..64 {
        assert_eq!(delete(server.url(), &format!("u{number}")).await, 204);
    }
    // A new isolate finds them when it is first asked, in every way; the variable has the first word.
    let set = settings(&[("u0", "https://set.example.com/mcp", json!({}))]);
    let mut with = vars.to_vec();
    with.push(("UPSTREAMS", &set));
    let mut server = server;
    for (path, tool, has_session) in [
        ("/u/u1/mcp", "count", true),
        ("/mcp", "u1_count", false),
        ("/mcp?toolsets=u1", "u1_count", true),
    ] {
        server = server.restart(&with).await;
        let client =
            Client::at(server.url(), path).with("authorization", &format!("Bearer {PLAIN}"));
        let front = match has_session {
            true => Front::Session(client.connect().await),
            false => Front::Stateless(client),
        };
        front.call(tool, json!({})).await.result();
    }
    let first = get(server.url(), "/admin/upstreams/u0").await;
    assert_eq!(
        (&first["source"], &first["url"]),
        (&json!("variable"), &json!("https://set.example.com/mcp"))
    );
    // Outside development its address is none that may be called: it is left out, and named.
    let production = [
        ("ENVIRONMENT", "production"),
        ("MCP_ADMIN_KEY", ADMIN),
        ("SESSION_KEY", SESSION_KEY),
        ("RATE_LIMIT", "off"),
    ];
    let server = server.restart(&production).await;
    let health = get(server.url(), "/admin/health").await;
    let warnings: Vec<&str> =
        health["warnings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(warnings.iter().any(|one| one.starts_with("upstreams.u1.url: ")), "{warnings:?}");
    let all = get(server.url(), "/admin/upstreams").await;
    assert_eq!((&all["upstreams"], all["faults"].as_array().unwrap().len()), (&json!([]), 2));
    server.end().await;
}

#[tokio::test]
async fn without_a_database_upstreams_are_shown_and_not_changed() {
    let upstream = Server::start(Era::Stateless).await;
    let set = settings(&[("t", &upstream.url(), json!({}))]);
    let server = start(options().var("MCP_ADMIN_KEY", ADMIN).var("UPSTREAMS", &set)).await;
    let url = server.url();
    assert_eq!(get(&url, "/admin/upstreams/t").await["source"], "variable");
    for name in ["t", "u"] {
        let refused = put(&url, name, &json!({ "url": upstream.url() })).await;
        assert!(refused.status == 501 && refused.text.contains("MCP_DB"), "{refused:?}");
        assert_eq!(delete(&url, name).await, 501);
    }
}
