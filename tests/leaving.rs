//! Clients that leave while SiteBay is changing something: the change runs to its end, and the log and
//! the audit say how it ended.

use std::time::Duration;

use bench::{http::Connection, load, messages::Caller};
use sandbox::Fault;
use serde_json::{Value, json};
use tokio::time::sleep;
use xtask::server::Server;

use crate::{
    sse::{hello, open},
    support::{Client, lines, server, wait},
};

const SITE: &str = "site-1.example.com";
const TOOL: &str = "sitebay_toggle_waf_login_protection";

fn port(server: &Server) -> u16 {
    server.url().rsplit(':').next().unwrap().parse().unwrap()
}

fn arguments() -> Value {
    json!({ "fqdn": SITE, "enabled": true })
}

/// SiteBay takes this long for a change.
fn slow(server: &Server, ms: u64) {
    let method = Some("POST".into());
    server.sandbox().unwrap().inject(Fault { method, delay_ms: Some(ms), ..Fault::default() });
}

/// Waits until SiteBay has the change.
async fn sent(server: &Server) {
    let is_sent = || server.sandbox().unwrap().requests().iter().any(|sent| sent.method == "POST");
    wait::holds("SiteBay has the change", is_sent).await;
}

async fn line(server: &Server) -> Value {
    let line = lines::of_tool(server, TOOL).await;
    assert_eq!(line["sitebay_calls"], 1, "{line}");
    line
}

#[tokio::test]
async fn a_change_without_a_session_runs_to_its_end_when_its_client_leaves() {
    // Before the answer has begun, and when it streams.
    for after in [Duration::ZERO, Duration::from_millis(500)] {
        let server = server().await;
        slow(&server, 1_200);
        let mut connection = Connection::open(port(&server)).await.unwrap();
        let call = Caller::at("/mcp").stateless_call(TOOL, &arguments().to_string());
        connection.send(&call).await.unwrap();
        sent(&server).await;
        // Real time: an answer that streams begins after a quarter of a second.
        sleep(after).await;
        connection.reset().unwrap();
        assert_eq!(line(&server).await["outcome"], "done", "after {after:?}");
    }
}

#[tokio::test]
async fn a_change_in_a_session_runs_to_its_end_when_its_client_leaves() {
    let server = server().await;
    slow(&server, 1_000);
    let mut connection = Connection::open(port(&server)).await.unwrap();
    let caller = Caller::at("/mcp");
    let session = load::start(&mut connection, &caller, &caller).await.unwrap();
    connection.send(&caller.tool(&session, TOOL, &arguments().to_string())).await.unwrap();
    sent(&server).await;
    connection.reset().unwrap();
    assert_eq!(line(&server).await["outcome"], "done");
}

#[tokio::test]
async fn a_change_over_sse_runs_to_its_end_when_its_client_leaves() {
    let server = server().await;
    let (mut live, client) = open(&server.url(), "/sse").await;
    crate::sse::ask(&client, &mut live, 1, "initialize", hello("2024-11-05")).await;
    slow(&server, 1_000);
    let params = json!({ "name": TOOL, "arguments": arguments() });
    let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params });
    assert_eq!(client.post(call.to_string()).await.status, 202);
    sent(&server).await;
    drop(live);
    assert_eq!(line(&server).await["outcome"], "done");
}

#[tokio::test]
async fn a_change_that_sitebay_does_not_answer_is_unknown_in_the_log() {
    let server = server().await;
    let method = Some("POST".into());
    server.sandbox().unwrap().inject(Fault { method, cut: true, after: true, ..Fault::default() });
    let client = Client::new(&server.url()).connect().await;
    let answer = client.call(TOOL, arguments()).await;
    assert_eq!(answer.result()["isError"], true);
    let line = lines::of_tool(&server, TOOL).await;
    assert_eq!(line["outcome"], "unknown", "{line}");
}
