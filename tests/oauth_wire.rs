//! Responses to OAuth clients, byte by byte. `INSTA_UPDATE=always cargo xtask test wire` accepts a change.

use reqwest::Method;

use crate::support::{
    Answer,
    oauth::{App, SITEBAY_TOKEN, Tokens, get, send, sent_to, server},
    options, start,
    stateless::call,
};

/// The parts that differ from run to run.
const CHANGING: [(&str, &str); 1] = [(r"http://127\.0\.0\.1:\d+", "http://[server]")];
/// The headers that a client goes by.
const READ: [&str; 4] =
    ["access-control-allow-origin", "cache-control", "content-type", "www-authenticate"];

macro_rules! snapshot {
    ($name:literal, $text:expr) => {
        let text = $text;
        insta::with_settings!({ filters => CHANGING, omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!($name, text);
        });
    };
}

fn shown(of: &str, answer: &Answer) -> String {
    let headers = READ.iter().filter_map(|name| {
        let value = answer.headers.get(*name)?.to_str().ok()?;
        Some(format!("{name}: {value}\n"))
    });
    let headers: String = headers.collect();
    format!("{of}\nHTTP {}\n{headers}\n{}\n", answer.status, answer.text)
}

async fn shown_documents(url: &str, paths: &[&str]) -> String {
    let mut all = Vec::new();
    for path in paths {
        all.push(shown(path, &get(&format!("{url}{path}")).await));
    }
    all.join("\n")
}

#[tokio::test]
async fn the_documents_of_oauth_are_as_clients_know_them() {
    let server = server().await;
    let paths = [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-protected-resource/mcp/?toolsets=dns",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/.well-known/jwks.json",
        "/.well-known/oauth-protected-resource/other",
    ];
    snapshot!("oauth_documents", shown_documents(&server.url(), &paths).await);
}

#[tokio::test]
async fn the_challenges_of_oauth_are_as_clients_know_them() {
    let server = server().await;
    let mut all = Vec::new();
    for (path, bearer) in [
        ("/mcp", None),
        ("/mcp/?toolsets=dns", None),
        ("/mcp?auth=a-key", None),
        ("/mcp", Some("Bearer smat_forged")),
        ("/mcp", Some("Basic eDp5")),
        ("/messages?sessionId=x", None),
    ] {
        let url = format!("{}{path}", server.url());
        let headers = [("authorization", bearer.unwrap_or_default())];
        let headers = if bearer.is_some() { &headers[..] } else { &[] };
        let answer = send(Method::POST, &url, headers, "{}".into()).await;
        all.push(shown(&format!("POST {path} {}", bearer.unwrap_or("without a token")), &answer));
    }
    let app = App::register(&server.url()).await;
    let page = app.ask(&[("scope", "read")]).await;
    let fields = [("scope", "read"), ("token", SITEBAY_TOKEN), ("answer", "allow")];
    let code = sent_to(&app.answer(&page, &fields).await, "code").unwrap();
    let client = app.client(&Tokens::of(&app.redeem(&code).await).access);
    let beyond = call(&client, "sitebay_delete_site", serde_json::json!({})).await;
    all.push(shown("POST /mcp, a call beyond the token's scopes", &beyond));
    snapshot!("oauth_challenges", all.join("\n"));
}

#[tokio::test]
async fn what_oauth_clients_read_where_there_is_no_oauth() {
    let mut all = Vec::new();
    for (of, options) in [
        ("open, in development", options()),
        ("closed", options().var("ENVIRONMENT", "production")),
        ("with a key", options().var("MCP_API_KEY", "a-key-of-the-operator")),
    ] {
        let server = start(options).await;
        let url = format!("{}/register", server.url());
        all.push(shown(of, &send(Method::POST, &url, &[], "{}".into()).await));
    }
    snapshot!("oauth_absent", all.join("\n"));
}
