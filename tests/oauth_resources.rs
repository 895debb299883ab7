//! The names under which OAuth clients know this server (RFC 9728): a client refuses metadata whose
//! `resource` is not the very URL that it uses.

use reqwest::Method;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use xtask::server::Server;

use crate::support::{
    Answer,
    oauth::{App, SITEBAY_TOKEN, Tokens, VERIFIER, get, send, sent_to, server},
};

/// Names of the endpoints: what a person enters, in all its spellings.
const SPELLINGS: [&str; 10] = [
    "/mcp",
    "/mcp/",
    "/mcp?toolsets=dns",
    "/mcp/?toolsets=dns,sites&readonly",
    "/mcp?x=%22a%20b%22&y[]=z",
    "/mcp?",
    "/sse",
    "/sse/",
    "/sse?toolsets=dns",
    "/sse/?readonly=1",
];

const HELLO: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#;

async fn asked(url: &str, headers: &[(&str, &str)]) -> Answer {
    let path = url.split('?').next().unwrap_or_default().trim_end_matches('/');
    let streams = path.ends_with("/sse");
    let (method, body) = if streams { (Method::GET, "") } else { (Method::POST, HELLO) };
    let own =
        [("content-type", "application/json"), ("accept", "application/json, text/event-stream")];
    send(method, url, &[&own, headers].concat(), body.to_owned()).await
}

/// The address of the metadata that a challenge names.
fn metadata_of(challenge: &str) -> &str {
    let after = challenge.split("resource_metadata=\"").nth(1).expect(challenge);
    after.split('"').next().unwrap()
}

async fn document(url: &str) -> Value {
    let answer = get(url).await;
    assert_eq!(answer.status, 200, "{url}: {answer:?}");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    answer.json()
}

#[tokio::test]
async fn the_challenge_leads_to_metadata_of_the_very_url_that_was_used() {
    let server = server().await;
    for spelling in SPELLINGS {
        let url = format!("{}{spelling}", server.url());
        for headers in [&[][..], &[("authorization", "Bearer smat_forged")]] {
            let refused = asked(&url, headers).await;
            assert_eq!(refused.status, 401, "{refused:?}");
            let place = metadata_of(refused.header("www-authenticate")).to_owned();
            let inserted = format!("/.well-known/oauth-protected-resource{spelling}");
            assert_eq!(place, format!("{}{inserted}", server.url()), "RFC 9728 §3.1");
            assert_eq!(document(&place).await["resource"], url);
        }
    }
}

#[tokio::test]
async fn a_token_for_the_url_that_was_used_works_there_and_at_every_other_name_of_the_server() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    for spelling in SPELLINGS {
        let url = format!("{}{spelling}", server.url());
        let page = app.ask(&[("resource", &url)]).await;
        assert_eq!(page.status, 200, "{spelling}: {page:?}");
        let fields = [("scope", "read"), ("token", SITEBAY_TOKEN), ("answer", "allow")];
        let code = sent_to(&app.answer(&page, &fields).await, "code").expect(spelling);
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", &app.redirect),
            ("code_verifier", VERIFIER),
            ("resource", &url),
        ];
        let tokens = Tokens::of(&app.token(&fields).await);
        let fields = [
            ("grant_type", "refresh_token"),
            ("refresh_token", tokens.refresh.as_str()),
            ("resource", &url),
        ];
        let tokens = Tokens::of(&app.token(&fields).await);
        for at in [spelling, "/mcp"] {
            let bearer = format!("Bearer {}", tokens.access);
            let headers = [("authorization", bearer.as_str())];
            let sent = open(&server, at, &headers).await;
            assert_eq!(sent, 200, "a token for {spelling} at {at}");
        }
    }
}

/// The status of a request whose answer may be a stream that does not end.
async fn open(server: &Server, path: &str, headers: &[(&str, &str)]) -> u16 {
    let url = format!("{}{path}", server.url());
    let http = reqwest::Client::new();
    let mut request = match path.starts_with("/sse") {
        true => http.get(url),
        false => http.post(url).header("content-type", "application/json").body(HELLO),
    };
    request = request.header("accept", "application/json, text/event-stream");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap().status().as_u16()
}

#[tokio::test]
async fn another_server_s_resource_is_refused_however_it_is_written() {
    let server = server().await;
    let app = App::register(&server.url()).await;
    let own = server.url();
    for other in [
        "https://other.example/mcp".to_owned(),
        format!("https://other.example/?{own}/mcp"),
        format!("{own}.other.example/mcp"),
        format!("{own}@other.example/mcp"),
        format!("{own}/other"),
        format!("{own}/other?/mcp"),
        format!("{own}/mcp//"),
        format!("{own}/mcp#fragment"),
        format!("{own}/.well-known/oauth-protected-resource/mcp"),
    ] {
        let sent = app.ask(&[("resource", &other)]).await;
        assert_eq!(sent_to(&sent, "error").as_deref(), Some("invalid_target"), "{other}");
        let fields =
            [("grant_type", "refresh_token"), ("refresh_token", "x"), ("resource", &other)];
        assert_eq!(app.token(&fields).await.json()["error"], "invalid_target", "{other}");
    }
    let nothing = get(&format!("{own}/.well-known/oauth-protected-resource/other")).await;
    assert_eq!(nothing.status, 404);
    assert!(nothing.json()["error_description"].is_string(), "{nothing:?}");
}

#[tokio::test]
async fn challenges_repeat_no_secret_and_no_endless_query() {
    let server = server().await;
    let endless = format!("/mcp?x={}", "x".repeat(4_000));
    for path in [
        "/mcp?auth=guessed-key",
        "/mcp?toolsets=dns&apiKey=guessed-key",
        "/sse?token=guessed-key",
        &endless,
    ] {
        let refused = asked(&format!("{}{path}", server.url()), &[]).await;
        let challenge = refused.header("www-authenticate").to_owned();
        let plain = path.split('?').next().unwrap();
        let place = format!("{}/.well-known/oauth-protected-resource{plain}", server.url());
        assert_eq!(metadata_of(&challenge), place);
        let (_, query) = path.split_once('?').unwrap();
        let said = document(&format!("{place}?{query}")).await;
        assert_eq!(said["resource"], format!("{}{plain}", server.url()));
    }
}

#[tokio::test]
async fn a_url_that_no_client_writes_breaks_no_header() {
    let server = server().await;
    for target in [
        r#"/mcp?a="b", evil="1"#,
        r"/mcp?a=b\",
        "/mcp?a=\u{fc}",
        r#"/.well-known/oauth-protected-resource/mcp?"},{"resource":"x"#,
    ] {
        let answer = raw(&server, target).await;
        assert!(!answer.contains("evil") && !answer.contains("b\\"), "{answer}");
        let whole = answer.contains(&format!(
            "resource_metadata=\"{}/.well-known/oauth-protected-resource/mcp\"",
            server.url()
        )) || answer.contains(&format!("\"resource\":\"{}/mcp\"", server.url()))
            || answer.starts_with("HTTP/1.1 400");
        assert!(whole, "{target}: {answer}");
    }
}

/// The answer to a request whose target is sent as it is.
async fn raw(server: &Server, target: &str) -> String {
    let host = server.url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&host).await.unwrap();
    let method = if target.starts_with("/mcp") { "POST" } else { "GET" };
    let head = format!(
        "{method} {target} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
