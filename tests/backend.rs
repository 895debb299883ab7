//! `BACKEND_URL`: what reaches the server behind this one, and what comes back.
//!
//! Statement 26 of the gateway, and the lines about the backend of its list of bad input.

use std::time::Duration;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::sleep,
};
use xtask::server::Server;

use crate::support::{
    backend::{Backend, answer, ask, exchange},
    hasty, lines, options, start,
};

/// A backend that answers everything with `behind`.
pub async fn behind() -> Backend {
    Backend::answering(|_| answer("200 OK", "behind")).await
}

/// A server in front of this backend.
pub async fn before(backend: &Backend) -> Server {
    start(options().var("BACKEND_URL", &backend.url)).await
}

fn status(answer: &str) -> u16 {
    answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default()
}

/// The problem that an answer is.
fn problem(answer: &str) -> Value {
    assert!(answer.to_lowercase().contains("content-type: application/problem+json"), "{answer}");
    serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap_or_default()).unwrap()
}

#[tokio::test]
async fn a_path_that_is_not_answered_here_goes_to_the_backend_byte_for_byte() {
    let backend = behind().await;
    let server = before(&backend).await;
    for path in [
        "/x",
        "/%6dcp",
        "//mcp",
        "/MCP",
        "/mcp//",
        "/mcp/x",
        "/mcp%2f..%2fadmin",
        "/%2Fadmin%2fkeys",
        "/.well-known/acme-challenge/x",
        "/a;b=c,d/@:!$&'()*+",
        "/~a/b/?",
        "/x?a=%zz&b=%41&&c==?/..;",
        "/...",
        "/a/...b/.c",
        "/Health",
    ] {
        let answer = ask(&server.url(), &format!("GET {path}"), "").await;
        assert!(answer.ends_with("behind"), "{path}: {answer}");
        assert_eq!(backend.last().target(), format!("GET {path}"));
        assert_eq!(backend.last().header("host"), backend.url.strip_prefix("http://"));
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
        ask(&server.url(), &format!("{method} /x"), "").await;
        assert_eq!(backend.last().target(), format!("{method} /x"));
    }
}

#[tokio::test]
async fn own_paths_stay_own_and_a_path_that_the_runtime_would_change_is_refused() {
    let backend = behind().await;
    let server = before(&backend).await;
    for path in [
        "/",
        "/mcp",
        "/mcp/",
        "/sse",
        "/messages",
        "/sessions",
        "/health",
        "/metrics",
        "/admin/keys",
        "/admin/x",
        "/mcp/server-card",
        "/.well-known/mcp.json",
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-authorization-server",
        "/authorize",
        "/token",
        "/register",
        "/admin/../x",
    ] {
        // A stream would stay open.
        let answer = ask(&server.url(), &format!("PUT {path}"), "").await;
        assert!(!answer.ends_with("behind"), "{path}: {answer}");
    }
    for path in ["/mcp/../admin", "/a/%2e%2e/health", "/a/./b", "/a/..", "/a\\b", "/%2E/mcp"] {
        let answer = ask(&server.url(), &format!("GET {path}"), "").await;
        assert_eq!(problem(&answer)["status"], 400, "{path}: {answer}");
        assert!(problem(&answer)["detail"].as_str().unwrap().contains("BACKEND_URL"));
    }
    assert!(backend.received().is_empty(), "{:?}", backend.received());
}

#[tokio::test]
async fn headers_of_one_connection_and_forged_ones_end_here() {
    let backend = Backend::answering(|_| {
        let head = "200 OK\r\nconnection: x-custom\r\nx-custom: hop\r\nkeep-alive: timeout=5\r\n\
                    proxy-authenticate: Basic\r\nx-internal-seal: forged\r\nx-kept: caf\u{e9}";
        answer(head, "ok")
    })
    .await;
    let server = before(&backend).await;
    let headers = "connection: x-custom, keep-alive\r\nx-custom: hop\r\nte: trailers\r\ntrailer: x\r\n\
                   proxy-authorization: Basic x\r\nexpect: 100-continue\r\nx-internal-seal: forged\r\n\
                   x-internal-listener: forged\r\nx-forwarded-for: 6.6.6.6\r\nforwarded: for=6.6.6.6\r\n\
                   x-forwarded-host: evil.example\r\nx-real-ip: 6.6.6.6\r\nx-kept: 1\r\nvia: 1.0 front\r\n";
    let answer = ask(&server.url(), "GET /x", headers).await;
    let head = backend.last().head.to_lowercase();
    for gone in
        ["x-custom", "te:", "trailer", "proxy-auth", "expect", "x-internal", "6.6.6.6", "evil"]
    {
        assert!(!head.contains(gone), "{gone}: {head}");
    }
    assert_eq!(backend.last().header("x-kept"), Some("1"));
    assert_eq!(backend.last().header("x-forwarded-host"), Some("mcp.example"));
    assert_eq!(backend.last().header("x-forwarded-proto"), Some("http"));
    assert!(backend.last().header("via").unwrap().starts_with("1.0 front, 1.1 sitebay-mcp-"));
    let answer = answer.to_lowercase();
    for gone in ["x-custom", "keep-alive", "proxy-auth", "x-internal"] {
        assert!(!answer.contains(gone), "{gone}: {answer}");
    }
    assert!(answer.contains("x-kept: caf"), "{answer}");
}

#[tokio::test]
async fn an_answer_keeps_its_status_and_its_headers() {
    let backend = Backend::answering(|received| match received.target() {
        "GET /cookies" => answer(
            "200 OK\r\nset-cookie: a=1; Expires=Wed, 09 Jun 2027 10:18:14 GMT\r\nset-cookie: b=2\r\nset-cookie: c=3",
            "",
        ),
        "GET /etag" => b"HTTP/1.1 304 Not Modified\r\netag: W/\"a\"\r\n\r\n".to_vec(),
        "GET /none" => b"HTTP/1.1 204 No Content\r\nx-a: b\r\n\r\n".to_vec(),
        "GET /part" => answer("206 Partial Content\r\ncontent-range: bytes 0-1/10", "ab"),
        "GET /beyond" => answer("416 Range Not Satisfiable\r\ncontent-range: bytes */10", ""),
        "GET /moved" => answer("307 Temporary Redirect\r\nlocation: /there?x", ""),
        "GET /away" => answer("302 Found\r\nlocation: https://other.example/", ""),
        "HEAD /x" => b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\n\r\n".to_vec(),
        "GET /hint" => {
            let mut hint = b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n".to_vec();
            hint.extend(answer("200 OK", "after"));
            hint
        }
        "GET /late" => answer("599 Odd", ""),
        _ => answer("404 Not Found\r\ncontent-type: text/html", "<p>backend's own"),
    })
    .await;
    let server = before(&backend).await;
    let get = async |line: &str| ask(&server.url(), line, "range: bytes=0-1\r\n").await;
    let cookies = get("GET /cookies").await.to_lowercase();
    assert_eq!(cookies.matches("set-cookie: ").count(), 3, "{cookies}");
    for (line, code, part) in [
        ("GET /etag", 304, "W/\"a\""),
        ("GET /none", 204, "b"),
        ("GET /part", 206, "bytes 0-1/10"),
        ("GET /beyond", 416, "bytes */10"),
        ("GET /moved", 307, "/there?x"),
        ("GET /away", 302, "https://other.example/"),
        ("HEAD /x", 200, "1234"),
        ("GET /hint", 200, "after"),
        ("GET /late", 599, "0"),
        ("GET /other", 404, "<p>backend's own"),
    ] {
        let answer = get(line).await;
        assert!(status(&answer) == code && answer.contains(part), "{line}: {answer}");
    }
    let part = backend.received().iter().find(|r| r.target() == "GET /part").unwrap().clone();
    assert_eq!(part.header("range"), Some("bytes=0-1"));
}

#[tokio::test]
async fn a_redirect_to_the_backends_own_address_leads_here() {
    let backend = Backend::answering(|received| {
        let host = received.header("host").unwrap();
        answer(&format!("307 Temporary Redirect\r\nlocation: http://{host}/x/?y"), "")
    })
    .await;
    let server = before(&backend).await;
    let answer = ask(&server.url(), "GET /x", "").await;
    assert!(answer.contains("http://mcp.example/x/?y\r\n"), "{answer}");
}

#[tokio::test]
async fn the_backend_answers_for_cors_on_its_own_paths() {
    let backend = Backend::answering(|_| {
        answer("200 OK\r\naccess-control-allow-origin: https://page.example\r\naccess-control-max-age: 7", "")
    })
    .await;
    let server = before(&backend).await;
    let headers = "origin: https://page.example\r\naccess-control-request-method: PUT\r\n";
    let answer = ask(&server.url(), "OPTIONS /x", headers).await.to_lowercase();
    assert_eq!(backend.last().header("access-control-request-method"), Some("PUT"));
    assert!(answer.contains("access-control-max-age: 7"), "{answer}");
    let asked =
        ask(&server.url(), "GET /x", "origin: https://page.example\r\n").await.to_lowercase();
    assert_eq!(asked.matches("access-control-allow-origin").count(), 1, "{asked}");
    assert!(!asked.contains("expose-headers"), "{asked}");
}

/// Statement 26.
#[tokio::test]
async fn a_backend_that_is_this_server_is_refused_at_the_first_request() {
    let mut server = crate::support::server().await;
    let port = server.url().rsplit(':').next().unwrap().to_owned();
    // By its address, and by another name for it, behind its own door.
    for (host, access) in [("127.0.0.1", "open"), ("localhost", "open"), ("localhost", "door")] {
        let own = format!("http://{host}:{port}");
        let set = options().var("BACKEND_URL", &own).var("BACKEND_ACCESS", access);
        server.restart_with(&set.var("MCP_API_KEY", "the key")).await.unwrap();
        let head = format!("host: 127.0.0.1:{port}\r\nx-api-key: the key\r\nconnection: close");
        let asked = format!("GET /x HTTP/1.1\r\n{head}\r\n\r\n");
        let answer = String::from_utf8_lossy(&exchange(&server.url(), asked).await).into_owned();
        assert_eq!(problem(&answer)["status"], 508, "{host}: {answer}");
        assert!(problem(&answer)["detail"].as_str().unwrap().starts_with("BACKEND_URL leads back"));
    }
    let set = options().var("BACKEND_URL", &server.url()).var("MCP_ADMIN_KEY", "the other key");
    server.restart_with(&set).await.unwrap();
    let head = format!("host: 127.0.0.1:{port}\r\nx-api-key: the other key\r\nconnection: close");
    let asked = format!("GET /admin/health HTTP/1.1\r\n{head}\r\n\r\n");
    let health = String::from_utf8_lossy(&exchange(&server.url(), asked).await).into_owned();
    assert!(health.contains("BACKEND_URL: expected another server"), "{health}");
    let all = lines::lines(&server);
    let asked = all.iter().filter(|line| line["route"] == "backend").count();
    assert_eq!(asked, 5, "a request by the own address is not sent, any other once: {all:#?}");
}

#[tokio::test]
async fn a_backend_that_is_down_is_502() {
    let gone = behind().await.url.clone();
    let server = start(options().var("BACKEND_URL", &gone)).await;
    let answer = ask(&server.url(), "GET /x", "").await;
    assert_eq!(problem(&answer)["status"], 502, "{answer}");
    assert_eq!(status(&ask(&server.url(), "GET /health", "").await), 200);
}

#[tokio::test]
async fn a_backend_that_breaks_the_connection_is_502() {
    for bytes in [&b""[..], b"HTTP/1.1 200", b"no HTTP at all\r\n\r\n"] {
        let backend = Backend::answering(move |_| bytes.to_vec()).await;
        let server = before(&backend).await;
        let answer = ask(&server.url(), "GET /x", "").await;
        assert_eq!(problem(&answer)["status"], 502, "{bytes:?}: {answer}");
    }
}

#[tokio::test]
async fn a_backend_that_does_not_begin_its_answer_is_504() {
    let backend = Backend::handling(|mut exchange| {
        Box::pin(async move { while exchange.read().await.is_some() {} })
    })
    .await;
    let server = start(hasty(options().var("BACKEND_URL", &backend.url))).await;
    for body in ["", "content-length: 0\r\n"] {
        let answer = ask(&server.url(), "POST /x", body).await;
        assert_eq!(problem(&answer)["status"], 504, "{answer}");
        assert!(problem(&answer)["detail"].as_str().unwrap().contains("BACKEND_URL"));
    }
}

#[tokio::test]
async fn an_upload_that_takes_its_time_and_a_silence_after_the_headers_are_not_late() {
    let backend = Backend::handling(|mut exchange| {
        Box::pin(async move {
            exchange.body().await.unwrap();
            exchange.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n").await.unwrap();
            // Real time: longer than the deadline, which is 1.5 s here.
            sleep(Duration::from_millis(2_500)).await;
            exchange.write("after").await.unwrap();
        })
    })
    .await;
    let server = start(hasty(options().var("BACKEND_URL", &backend.url))).await;
    let address = server.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = "POST /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 4\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    for byte in [b"a", b"b", b"c", b"d"] {
        // Real time: together longer than the deadline.
        sleep(Duration::from_millis(700)).await;
        stream.write_all(byte).await.unwrap();
    }
    let mut heard = String::new();
    stream.read_to_string(&mut heard).await.unwrap();
    assert!(heard.starts_with("HTTP/1.1 200") && heard.ends_with("after"), "{heard}");
}

#[tokio::test]
async fn trace_would_show_what_is_added_and_is_refused() {
    let backend = behind().await;
    let set = options().var("BACKEND_URL", &backend.url).var("BACKEND_AUTH", "Bearer hidden");
    let server = start(set).await;
    assert_eq!(problem(&ask(&server.url(), "TRACE /x", "").await)["status"], 405);
    assert!(backend.received().is_empty());
}

#[tokio::test]
async fn a_wrong_url_is_refused_and_told_to_administrators_alone() {
    let set = options().var("BACKEND_URL", "https://backend.example/hidden");
    let server = start(set.var("MCP_ADMIN_KEY", "the administrator's key")).await;
    let answer = ask(&server.url(), "GET /x", "").await;
    assert_eq!(problem(&answer)["status"], 503, "{answer}");
    let log = server.log();
    assert!(log.contains("BACKEND_URL: expected scheme, host and port") && !log.contains("hidden"));
    let key = "authorization: Bearer the administrator's key\r\n";
    let health = ask(&server.url(), "GET /admin/health", key).await;
    assert!(health.contains("BACKEND_URL: expected scheme"), "{health}");
    let public = ask(&server.url(), "GET /health", "").await;
    assert!(!public.contains("BACKEND") && public.contains("degraded"), "{public}");
}

#[tokio::test]
async fn without_a_backend_other_paths_are_not_found() {
    let server = crate::support::server().await;
    let answer = ask(&server.url(), "GET /x", "").await;
    assert!(status(&answer) == 404 && answer.contains("the MCP endpoint is /mcp"), "{answer}");
}

#[tokio::test]
async fn two_lengths_bring_no_second_request_to_the_backend() {
    let backend = behind().await;
    let server = before(&backend).await;
    let hidden = "GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n";
    for head in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n".to_owned(),
        format!("content-length: 5\r\ncontent-length: {}\r\n", 5 + hidden.len()),
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n".to_owned(),
        "transfer-encoding: xchunked\r\n".to_owned(),
        "content-length: +5\r\n".to_owned(),
        "content-length : 5\r\n".to_owned(),
    ] {
        let request = format!(
            "POST /x HTTP/1.1\r\nhost: mcp.example\r\nconnection: close\r\n{head}\r\n0\r\n\r\n{hidden}"
        );
        exchange(&server.url(), request).await;
    }
    let hidden = backend.received().into_iter().find(|received| {
        received.target().contains("hidden") || received.body.windows(6).any(|w| w == b"hidden")
    });
    assert!(hidden.is_none(), "{hidden:?}");
}

#[tokio::test]
async fn the_log_names_the_backend_and_what_it_took() {
    let backend = behind().await;
    let server = before(&backend).await;
    ask(&server.url(), "GET /secret/path?secret=query", "").await;
    let line = lines::line(&server, |line| line["route"] == "backend").await;
    assert!(line["upstream_ms"].is_u64(), "{line}");
    assert_eq!((&line["upstream_status"], &line["upstream_bytes"]), (&200.into(), &6.into()));
    assert!(!server.log().contains("secret"), "{}", server.log());
}
