//! Who reaches the server behind this one, and with which credentials.
//!
//! Statement 9 of the gateway for `BACKEND_URL`: no credential for this server is in any byte that the backend receives.

use serde_json::{Value, json};
use xtask::server::{Options, Server};

use crate::{
    backend::behind,
    support::{
        Client,
        backend::{Backend, answer, ask},
        issuer::hs256,
        lines, options, start, wait,
        wrangler::Wrangler,
    },
};

const KEY: &str = "r1ght-key-of-this-test";
const SECRET: &str = "sh4red-secret-of-this-test";
const ADMIN: &str = "4dmin-key-of-this-test";

fn closed(backend: &Backend) -> Options {
    options()
        .var("ENVIRONMENT", "production")
        .var("BACKEND_URL", "https://backend.example")
        .var("BACKEND_URL", &backend.url)
        .var("MCP_API_KEY", KEY)
        .var("MCP_SHARED_SECRET", SECRET)
        .var("MCP_ADMIN_KEY", ADMIN)
        .var("BACKEND_ACCESS", "door")
}

/// A server with a door: in development, because the backend listens on this machine.
async fn with_door(backend: &Backend) -> Server {
    start(closed(backend).var("ENVIRONMENT", "development")).await
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// Checks that none of these reached the backend in any form of spelling.
fn saw_none_of(backend: &Backend, secrets: &[&str]) {
    for received in backend.received() {
        let body = String::from_utf8_lossy(&received.body).into_owned();
        for secret in secrets {
            assert!(!received.head.contains(secret) && !body.contains(secret), "{received:?}");
        }
    }
}

#[tokio::test]
async fn nobody_passes_the_door_without_a_credential_and_the_refusal_says_how() {
    let backend = behind().await;
    let server = with_door(&backend).await;
    for headers in [
        String::new(),
        "authorization: Bearer wrong\r\n".to_owned(),
        "x-api-key: wrong\r\n".to_owned(),
        format!("authorization: Bearer {KEY}\r\nx-mcp-secret: wrong\r\n"),
        format!("authorization: Basic {KEY}\r\n"),
    ] {
        let answer = ask(&server.url(), "GET /x", &headers).await;
        assert_eq!(status(&answer), 401, "{headers}: {answer}");
        assert!(answer.to_lowercase().contains("www-authenticate: bearer"), "{answer}");
    }
    assert!(backend.received().is_empty());
    let answer = ask(&server.url(), "GET /x", &format!("x-api-key: {KEY}\r\n")).await;
    assert!(answer.ends_with("behind"), "{answer}");
    let line = lines::line(&server, |line| line["upstream_status"] == 200).await;
    assert_eq!(line["auth_method"], "api-key", "{line}");
}

#[tokio::test]
async fn outside_development_the_door_is_there_unless_it_is_taken_away() {
    let backend = behind().await;
    let set = closed(&backend).var("BACKEND_ACCESS", "").var("BACKEND_URL", "https://127.0.0.1:1");
    let server = start(set.clone()).await;
    assert_eq!(status(&ask(&server.url(), "GET /x", "").await), 401);
    let server = start(set.var("BACKEND_ACCESS", "open")).await;
    assert_eq!(status(&ask(&server.url(), "GET /x", "").await), 502);
}

#[tokio::test]
async fn no_credential_of_this_server_reaches_the_backend() {
    let backend = Backend::answering(|_| answer("200 OK", "behind")).await;
    let mut server = with_door(&backend).await;
    let all = [KEY, SECRET, ADMIN, "sitebay-token", "seal-forged", "grant-cookie"];
    for forwards in ["0", "1"] {
        for access in ["door", "open"] {
            let set = closed(&backend)
                .var("ENVIRONMENT", "development")
                .var("BACKEND_ACCESS", access)
                .var("BACKEND_FORWARD_AUTH", forwards)
                .var("ALLOW_KEY_IN_URL", "1");
            server.restart_with(&set).await.unwrap();
            for (line, headers) in [
                ("GET /x", format!("authorization: Bearer {KEY}\r\n")),
                ("GET /x", format!("authorization: bearer  {KEY} \r\n")),
                ("GET /x", format!("x-api-key: {KEY}\r\n")),
                ("GET /x", format!("x-mcp-secret: {SECRET}\r\nx-sitebay-token: sitebay-token\r\n")),
                ("GET /x", format!("authorization: Bearer {ADMIN}\r\nx-mcp-secret: {SECRET}\r\n")),
                ("GET /x", format!("authorization: Bearer {KEY}\r\nx-api-key: {KEY}\r\n")),
                ("GET /x?a=b&auth=r1ght-key-of-this-test", String::new()),
                ("GET /x?%61piKey=%721ght-key-of-this-test&c", String::new()),
                (
                    "GET /x",
                    format!(
                        "x-api-key: {KEY}\r\nreferer: http://mcp.example/?auth={KEY}\r\n\
                         cookie: a=1; __Host-mcp-account=grant-cookie; mcp-form=grant-cookie; b=2\r\n\
                         x-internal-seal: seal-forged\r\n"
                    ),
                ),
            ] {
                let answer = ask(&server.url(), line, &headers).await;
                assert!(answer.ends_with("behind"), "{access} {line} {headers}: {answer}");
            }
        }
    }
    saw_none_of(&backend, &all);
    saw_none_of(&backend, &["%721ght"]);
    assert_eq!(backend.last().header("cookie"), Some("a=1; b=2"));
    assert!(backend.received().iter().any(|received| received.target() == "GET /x?a=b"));
    assert!(backend.received().iter().any(|received| received.target() == "GET /x?c"));
}

#[tokio::test]
async fn a_foreign_credential_travels_only_where_that_is_switched_on() {
    let backend = behind().await;
    let mut server = with_door(&backend).await;
    let foreign = "authorization: Bearer foreign-token\r\n";
    let both = format!("{foreign}x-mcp-secret: {SECRET}\r\n");
    let beside = format!("{foreign}x-api-key: {KEY}\r\n");
    for (forwards, access, headers, code, reaches) in [
        ("0", "open", foreign, 200, false),
        ("1", "open", foreign, 200, true),
        ("0", "door", foreign, 401, false),
        ("1", "door", foreign, 401, false),
        ("0", "door", both.as_str(), 401, false),
        ("1", "door", both.as_str(), 200, true),
        ("1", "door", beside.as_str(), 200, true),
    ] {
        let set = closed(&backend)
            .var("ENVIRONMENT", "development")
            .var("BACKEND_ACCESS", access)
            .var("BACKEND_FORWARD_AUTH", forwards);
        server.restart_with(&set).await.unwrap();
        let before = backend.received().len();
        let answer = ask(&server.url(), "GET /x", headers).await;
        assert_eq!(status(&answer), code, "{forwards} {access} {headers}: {answer}");
        let all = backend.received();
        let reached = all.get(before).and_then(|received| received.header("authorization"));
        assert_eq!(reached, reaches.then_some("Bearer foreign-token"), "{forwards} {access}");
    }
    saw_none_of(&backend, &[KEY, SECRET]);
}

#[tokio::test]
async fn the_backend_knows_this_server_by_its_own_credential() {
    let backend = behind().await;
    let set = closed(&backend).var("ENVIRONMENT", "development");
    let set = set.var("BACKEND_AUTH", "Bearer of-the-backend").var("BACKEND_FORWARD_AUTH", "1");
    let mut server = start(set.clone()).await;
    let headers = format!("authorization: Bearer forged\r\nx-mcp-secret: {SECRET}\r\n");
    ask(&server.url(), "GET /x", &headers).await;
    assert_eq!(backend.last().header("authorization"), Some("Bearer of-the-backend"));
    assert_eq!(backend.last().head.matches("uthorization:").count(), 1);
    server.restart_with(&set.var("BACKEND_AUTH_HEADER", "X-Backend-Key")).await.unwrap();
    let forged = format!("x-backend-key: forged\r\nx-mcp-secret: {SECRET}\r\n");
    ask(&server.url(), "GET /x", &forged).await;
    assert_eq!(backend.last().header("x-backend-key"), Some("Bearer of-the-backend"));
    assert!(!backend.last().head.contains("forged"));
    assert!(!server.log().contains("of-the-backend"));
}

#[tokio::test]
async fn a_preflight_passes_the_door_and_carries_no_credential() {
    let backend = behind().await;
    let set =
        closed(&backend).var("ENVIRONMENT", "development").var("BACKEND_AUTH", "Bearer hidden");
    let server = start(set).await;
    let headers = "origin: https://page.example\r\naccess-control-request-method: PUT\r\n";
    assert_eq!(status(&ask(&server.url(), "OPTIONS /x", headers).await), 200);
    assert!(!backend.last().head.contains("hidden"));
    for (line, headers) in [
        ("OPTIONS /x", "origin: https://page.example\r\n"),
        ("GET /x", headers),
        ("OPTIONS /x", "access-control-request-method: PUT\r\n"),
    ] {
        assert_eq!(status(&ask(&server.url(), line, headers).await), 401, "{line} {headers}");
    }
    assert_eq!(backend.received().len(), 1);
}

/// The runtime opens a socket with `GET` whatever the method, and a route that ignores `Upgrade` answers with its body.
#[tokio::test]
async fn no_method_but_get_opens_a_socket_behind() {
    let backend = behind().await;
    let server = with_door(&backend).await;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let asked = async |method: &str, headers: &str| {
        let request = format!("{method} /x HTTP/1.1\r\nhost: a\r\n{headers}{upgrade}\r\n");
        crate::support::backend::first(&server.url(), request).await
    };
    let page = "origin: https://page.example\r\naccess-control-request-method: PUT\r\n";
    let stranger = asked("OPTIONS", page).await;
    assert!(!stranger.starts_with("HTTP/1.1 2") && !stranger.contains("behind"), "{stranger}");
    assert!(backend.received().is_empty(), "{:?}", backend.received());
    let key = format!("x-api-key: {KEY}\r\n");
    for (method, body) in
        [("POST", "content-length: 0\r\n"), ("OPTIONS", ""), ("HEAD", ""), ("DELETE", "")]
    {
        let before = backend.received().len();
        let answer = asked(method, &format!("{key}{body}")).await;
        for received in backend.received().iter().skip(before) {
            assert_eq!(received.target(), format!("{method} /x"), "{answer}");
            assert_eq!(received.header("upgrade"), None, "{answer}");
        }
    }
}

#[tokio::test]
async fn a_key_that_may_only_read_changes_nothing_behind() {
    let backend = behind().await;
    let set = closed(&backend).var("ENVIRONMENT", "development");
    let server = start(set.var("MCP_JWT_SECRET", "jwt-secret-of-this-test-0123456789abcdef")).await;
    let token = hs256(
        "jwt-secret-of-this-test-0123456789abcdef",
        json!({ "sub": "reader", "scope": "read", "exp": 4_000_000_000_u64 }),
    );
    let header = format!("authorization: Bearer {token}\r\n");
    let of = async |line: &str, more: &str| {
        status(&ask(&server.url(), line, &format!("{header}{more}")).await)
    };
    assert_eq!((of("GET /x", "").await, of("HEAD /x", "").await), (200, 200));
    for name in ["x-http-method-override", "X-HTTP-Method", "x-method-override"] {
        assert_eq!(of("GET /x", &format!("{name}: DELETE\r\n")).await, 200);
        assert!(!backend.last().head.contains("DELETE"), "{:?}", backend.last());
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"] {
        assert_eq!(of(&format!("{method} /x"), "").await, 403, "{method}");
    }
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
                   sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let request = format!("GET /x HTTP/1.1\r\nhost: a\r\n{header}{upgrade}\r\n");
    let answer = crate::support::backend::first(&server.url(), request).await;
    assert!(answer.starts_with("HTTP/1.1 403"), "{answer}");
    assert_eq!(backend.received().len(), 5);
    saw_none_of(&backend, &[&token]);
}

#[tokio::test]
async fn the_limit_of_a_caller_counts_requests_to_the_backend() {
    let backend = behind().await;
    let set = closed(&backend).var("ENVIRONMENT", "development").var("RATE_LIMIT", "3");
    let server = start(set).await;
    let header = format!("x-api-key: {KEY}\r\n");
    for _ in 0..3 {
        assert_eq!(status(&ask(&server.url(), "GET /x", &header).await), 200);
    }
    assert_eq!(status(&ask(&server.url(), "GET /x", &header).await), 429);
    assert_eq!(backend.received().len(), 3);
}

/// `BACKEND_PATHS=all`.
#[tokio::test]
async fn the_mcp_endpoints_are_the_backends_where_it_has_all_paths() {
    let backend = Backend::answering(|_| {
        answer(
            "200 OK\r\ncontent-type: application/json\r\naccess-control-allow-origin: *",
            "{\"of\":\"backend\"}",
        )
    })
    .await;
    let set = closed(&backend).var("ENVIRONMENT", "development").var("BACKEND_PATHS", "all");
    let server = start(set).await;
    let client = Client::new(&server.url()).with("x-api-key", KEY);
    let answer = client.post(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).await;
    assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({ "of": "backend" })));
    for line in
        ["GET /sse", "POST /messages?sessionId=x", "DELETE /mcp", "GET /mcp/", "DELETE /sessions"]
    {
        let answer = ask(&server.url(), line, &format!("x-api-key: {KEY}\r\n")).await;
        assert!(answer.ends_with("\"backend\"}"), "{line}: {answer}");
        assert_eq!(backend.last().target(), line);
    }
    let received = backend.received().len();
    for line in ["GET /health", "GET /", "GET /admin/keys", "GET /metrics"] {
        ask(&server.url(), line, &format!("x-api-key: {ADMIN}\r\n")).await;
    }
    assert_eq!(status(&ask(&server.url(), "POST /mcp", "").await), 401);
    let page = "origin: http://localhost:3000\r\naccess-control-request-method: POST\r\n";
    let preflight = ask(&server.url(), "OPTIONS /mcp", page).await;
    assert!(status(&preflight) == 204 && preflight.contains("X-SiteBay-Token"), "{preflight}");
    let foreign = format!("origin: https://evil.example\r\nx-api-key: {KEY}\r\n");
    assert_eq!(status(&ask(&server.url(), "POST /mcp", &foreign).await), 403);
    assert_eq!(backend.received().len(), received, "these are answered here");
    let page = format!("origin: http://localhost:3000\r\nx-api-key: {KEY}\r\n");
    let answer = ask(&server.url(), "POST /mcp", &page).await.to_lowercase();
    assert!(answer.contains("access-control-allow-origin: http://localhost:3000\r\n"), "{answer}");
    assert!(answer.contains("mcp-session-id"), "a page may read it: {answer}");
    saw_none_of(&backend, &[KEY, ADMIN]);
    for path in ["/mcp/server-card", "/.well-known/mcp.json", "/.well-known/ai-catalog.json", "/"] {
        let text = ask(&server.url(), &format!("GET {path}"), "").await;
        assert_eq!(status(&text), 200, "{path}");
        assert!(!text.contains("sitebay_") && !text.contains("SiteBay"), "{path}: {text}");
    }
    let refused: Vec<Value> =
        lines::lines(&server).into_iter().filter(|l| l["status"] == 403).collect();
    assert_eq!(refused.len(), 1);
}

/// This server behind itself, as another one: sessions, streams and the wire of 2024-11-05 pass through.
#[tokio::test]
async fn an_mcp_server_behind_serves_every_wire_through() {
    let behind = start(options()).await;
    let set = options().var("BACKEND_URL", &behind.url()).var("BACKEND_PATHS", "all");
    let server = start(set.var("MCP_API_KEY", KEY).var("BACKEND_ACCESS", "door")).await;
    let client = Client::new(&server.url()).with("x-api-key", KEY).connect().await;
    let answer = client.call("slow", json!({ "ms": 600, "steps": 3 })).await;
    assert!(answer.text.contains("\"result\""), "{answer:?}");
    assert_eq!(client.call("whoami", json!({})).await.result()["isError"], json!(null));
    let ended = client.send(reqwest::Method::DELETE).send().await.unwrap();
    assert_eq!(ended.status(), 204);
    let stateless = Client::new(&server.url()).with("x-api-key", KEY);
    let called =
        crate::support::stateless::ask(&stateless, "tools/list", json!({}), json!({})).await;
    assert!(called.text.contains("whoami"), "{called:?}");
    let request = format!("GET /sse HTTP/1.1\r\nhost: a\r\nx-api-key: {KEY}\r\n\r\n");
    let mut stream =
        tokio::net::TcpStream::connect(server.url().replace("http://", "")).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    let mut heard = Vec::new();
    wait::done("the endpoint is named", async {
        while !String::from_utf8_lossy(&heard).contains("event: endpoint") {
            tokio::io::AsyncReadExt::read_buf(&mut stream, &mut heard).await.unwrap();
        }
    })
    .await;
    assert!(lines::lines(&server).iter().all(|line| line["route"] == "backend"));
}

#[tokio::test]
async fn a_request_that_may_change_something_is_in_the_audit_and_so_is_a_refusal() {
    let backend = behind().await;
    let jwt = "jwt-secret-of-this-test-0123456789abcdef";
    let server = Wrangler::start(&[
        ("ENVIRONMENT", "development"),
        ("BACKEND_URL", &backend.url),
        ("BACKEND_ACCESS", "door"),
        ("MCP_API_KEY", KEY),
        ("MCP_ADMIN_KEY", ADMIN),
        ("MCP_JWT_SECRET", jwt),
    ])
    .await;
    let reader = hs256(jwt, json!({ "sub": "r", "scope": "read", "exp": 4_000_000_000_u64 }));
    let reader = format!("authorization: Bearer {reader}\r\n");
    let key = format!("x-api-key: {KEY}\r\n");
    assert_eq!(status(&ask(server.url(), "DELETE /refused?a=b", &reader).await), 403);
    assert_eq!(status(&ask(server.url(), "GET /read", &key).await), 200);
    assert_eq!(status(&ask(server.url(), "DELETE /thing?a=b", &key).await), 200);
    let entries = wait::until("both are in the audit", async || {
        let answer =
            ask(server.url(), "GET /admin/audit", &format!("x-api-key: {ADMIN}\r\n")).await;
        let body = &answer[answer.find('{').unwrap_or(0)..=answer.rfind('}').unwrap_or(0)];
        let page: Value = serde_json::from_str(body).map_err(|_| answer.clone())?;
        let entries = page["entries"].as_array().cloned().unwrap_or_default();
        if entries.len() == 2 { Ok(entries) } else { Err(answer) }
    })
    .await;
    let words = |entry: &Value| {
        ["action", "effect", "outcome"].map(|name| entry[name].as_str().unwrap().to_owned())
    };
    let all: Vec<_> = entries.iter().map(words).collect();
    assert!(all.contains(&["DELETE /thing", "write", "passed-on"].map(str::to_owned)), "{all:?}");
    assert!(
        all.contains(&["DELETE /refused", "refusal", "beyond-scope"].map(str::to_owned)),
        "{all:?}"
    );
    server.end().await;
}
