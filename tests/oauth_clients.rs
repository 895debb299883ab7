//! OAuth with clients that people use.

use std::path::Path;

use reqwest::Method;
use serde_json::json;
use xtask::{paths, server::Server, skips::skip};

use crate::support::{
    browser::Browser,
    oauth::{App, SITEBAY_TOKEN, get, post, send, sent_to, server, ticket, with_oauth},
    passing::Passing,
    process::{StdioServer, node, python_script, script},
    start,
};

/// A server whose access tokens run out soon.
async fn hasty() -> Server {
    hasty_in(&Passing::real()).await
}

/// The same, with time that passes as the test wants.
async fn hasty_in(time: &Passing) -> Server {
    start(time.of(with_oauth().var("MCP_OAUTH_ACCESS_MAX_AGE", "3"))).await
}

/// `mcp-remote` as Cursor starts it, without a header.
fn remote(url: &str, home: &Path) -> StdioServer {
    let mut command = node();
    command
        .arg(paths::root().join("node_modules/mcp-remote/dist/proxy.js"))
        .arg(format!("{url}/mcp"))
        .env("MCP_REMOTE_CONFIG_DIR", home)
        .env("HOME", home)
        // It finds no browser to open.
        .env("PATH", home);
    StdioServer::start(command)
}

/// The address that it asks its person to visit.
async fn asked_to_visit(remote: &StdioServer, url: &str) -> String {
    let start = format!("{url}/authorize?");
    let log = remote.logged(&start).await;
    log.lines().find(|line| line.starts_with(&start)).unwrap().trim().to_owned()
}

/// Connects, lists, calls, and calls again after its access token ran out.
async fn uses(remote: &mut StdioServer, time: &Passing) {
    let hello = json!({
        "protocolVersion": "2025-11-25", "capabilities": {},
        "clientInfo": { "name": "cursor-like", "version": "1" },
    });
    assert_eq!(remote.request("initialize", hello).await["serverInfo"]["name"], "sitebay-mcp");
    remote.notify("notifications/initialized").await;
    for pause in [0, 4] {
        time.pass(pause).await;
        let call = json!({ "name": "echo", "arguments": { "text": "in" } });
        let result = remote.request("tools/call", call).await;
        assert_eq!(result["content"][0]["text"], "in", "{result}");
    }
}

/// Agrees on the page at this address, and goes where it leads.
async fn agrees(url: &str) {
    let page = get(url).await;
    let cookie = page.header("set-cookie").split(';').next().unwrap().to_owned();
    let ticket = ticket(&page);
    let fields = [
        ("ticket", ticket.as_str()),
        ("scope", "write"),
        ("token", SITEBAY_TOKEN),
        ("answer", "allow"),
    ];
    let (place, _) = url.split_once('?').unwrap();
    let sent = post(place, &fields, &[("cookie", &cookie)]).await;
    assert!(sent_to(&sent, "code").is_some(), "{sent:?}");
    let back = send(Method::GET, sent.header("location"), &[], String::new()).await;
    assert_eq!(back.status, 200, "{back:?}");
}

#[tokio::test]
async fn mcp_remote_signs_its_person_in_and_survives_an_expired_token_with_oauth() {
    let time = Passing::moved();
    let server = hasty_in(&time).await;
    let home = tempfile::tempdir().unwrap();
    let url = server.url();
    let mut first = remote(&url, home.path());
    agrees(&asked_to_visit(&first, &url).await).await;
    uses(&mut first, &time).await;
    first.end().await;
    // The next start makes no request.
    let mut second = remote(&url, home.path());
    uses(&mut second, &time).await;
    second.end().await;
}

#[tokio::test]
async fn a_person_with_chromium_agrees_to_mcp_remote_with_oauth() {
    let Some(chromium) = Browser::find() else {
        return skip("oauth, Chromium", "there is no Chromium (CHROMIUM)");
    };
    let time = Passing::moved();
    let server = hasty_in(&time).await;
    signs_in_by_chromium(&server.url(), &chromium, &time).await;
}

/// `mcp-remote` has its person sign in with a browser, and is used over an expired token.
pub async fn signs_in_by_chromium(url: &str, chromium: &Path, time: &Passing) {
    let home = tempfile::tempdir().unwrap();
    let mut remote = remote(url, home.path());
    let page = asked_to_visit(&remote, url).await;
    let landed = script("consent.mjs", &[&chromium.to_string_lossy(), &page, SITEBAY_TOKEN]).await;
    assert!(landed.contains("/oauth/callback?code="), "{landed}");
    uses(&mut remote, time).await;
    remote.end().await;
}

#[tokio::test]
async fn the_typescript_client_v2_registers_with_oauth() {
    let server = hasty().await;
    let endpoint = format!("{}/mcp", server.url());
    script("oauth_client_v2.mjs", &[&endpoint, SITEBAY_TOKEN, "dynamic"]).await;
}

#[tokio::test]
async fn the_typescript_client_v2_is_known_by_its_document_with_oauth() {
    let server = hasty().await;
    let endpoint = format!("{}/mcp", server.url());
    script("oauth_client_v2.mjs", &[&endpoint, SITEBAY_TOKEN, "document"]).await;
}

#[tokio::test]
async fn the_python_sdk_registers_with_oauth() {
    let server = hasty().await;
    let endpoint = format!("{}/mcp", server.url());
    python_script("oauth.py, dynamic", "oauth.py", &[&endpoint, SITEBAY_TOKEN, "dynamic"]).await;
}

#[tokio::test]
async fn the_python_sdk_is_known_by_its_document_with_oauth() {
    let server = hasty().await;
    let endpoint = format!("{}/mcp", server.url());
    python_script("oauth.py, document", "oauth.py", &[&endpoint, SITEBAY_TOKEN, "document"]).await;
}

/// Spellings of the endpoint under which clients compare the resource.
const SPELLINGS: [&str; 3] = ["/mcp/", "/mcp?toolsets=dns", "/mcp/?toolsets=dns,sites"];

#[tokio::test]
async fn the_typescript_client_v2_takes_the_endpoint_with_slash_and_query_with_oauth() {
    let server = hasty().await;
    let endpoints = SPELLINGS.map(|spelling| format!("{}{spelling}", server.url()));
    let runs = endpoints.each_ref().map(|endpoint| async move {
        script("oauth_client_v2.mjs", &[endpoint, SITEBAY_TOKEN, "dynamic"]).await
    });
    futures_util::future::join_all(runs).await;
}

#[tokio::test]
async fn the_python_sdk_takes_the_endpoint_with_slash_and_query_with_oauth() {
    let server = hasty().await;
    let endpoints = SPELLINGS.map(|spelling| format!("{}{spelling}", server.url()));
    let runs = endpoints.each_ref().map(|endpoint| async move {
        let test = format!("oauth.py, {endpoint}");
        python_script(&test, "oauth.py", &[endpoint, SITEBAY_TOKEN, "dynamic"]).await
    });
    futures_util::future::join_all(runs).await;
}

/// The official suite's scenarios for authorization servers.
#[tokio::test]
async fn the_official_suite_passes_this_authorization_server_with_oauth() {
    let server = server().await;
    let app = App::register_for(&server.url(), "http://127.0.0.1/callback").await;
    let port = xtask::ports::free().unwrap();
    let results = tempfile::tempdir().unwrap();
    let mut suite = node();
    suite
        .arg(paths::root().join("node_modules/@modelcontextprotocol/conformance/dist/index.js"))
        .args(["authorization", "--url", &server.url(), "--client-id", &app.id])
        .args(["--resource", &format!("{}/mcp", server.url()), "--port", &port.to_string()])
        .arg("--output-dir")
        .arg(results.path());
    let mut suite = StdioServer::start(suite);
    let start = format!("{}/authorize?", server.url());
    let said = suite.said(&start).await;
    agrees(said.lines().find(|line| line.starts_with(&start)).unwrap()).await;
    let said = suite.said("Total:").await;
    assert!(said.contains("Total: 3 passed, 0 failed"), "{said}");
}
