//! Clients that leave while SiteBay is changing something: the change runs to its end, and the log and
//! the audit say how it ended.

use std::time::Duration;

use bench::{http::Connection, load, messages::Caller};
use futures_util::future::join_all;
use sandbox::Fault;
use serde_json::{Value, json};
use tokio::time::sleep;
use xtask::server::Server;

use crate::{
    sse::{hello, open},
    support::{Client, lines, new_site, options, server, start, wait},
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

/// A request without a session; `json_only`: of a client that takes no event stream.
fn stateless(tool: &str, arguments: &Value, json_only: bool) -> Vec<u8> {
    let call = Caller::at("/mcp").stateless_call(tool, &arguments.to_string());
    match json_only {
        true => {
            let call = String::from_utf8(call).unwrap();
            assert!(call.contains(", text/event-stream"), "{call}");
            call.replace(", text/event-stream", "").into_bytes()
        }
        false => call,
    }
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
    let runs = WAYS.map(async |(json_only, after)| {
        let server = server().await;
        slow(&server, 1_200);
        leave(&server, &stateless(TOOL, &arguments(), json_only), after).await;
        let way = format!("JSON only: {json_only}, after {after:?}");
        assert_eq!(line(&server).await["outcome"], "done", "{way}");
    });
    join_all(runs).await;
}

/// Clients that take an event stream and clients that do not; they leave before the answer has begun,
/// and when a stream would have.
const WAYS: [(bool, Duration); 4] = [
    (false, Duration::ZERO),
    (false, Duration::from_millis(500)),
    (true, Duration::ZERO),
    (true, Duration::from_millis(500)),
];

/// Sends a call that changes something, and leaves so long after SiteBay has the change.
async fn leave(server: &Server, call: &[u8], after: Duration) {
    let mut connection = Connection::open(port(server)).await.unwrap();
    connection.send(call).await.unwrap();
    sent(server).await;
    // Real time: an answer that streams begins after a quarter of a second.
    sleep(after).await;
    connection.reset().unwrap();
}

/// The runtime gives a call without a client 30 s of real time.
#[tokio::test]
#[ignore = "long: the runtime gives a call whose client left 30 s of real time"]
async fn a_change_that_outlasts_its_client_by_far_is_unknown_in_the_log() {
    let waits = WAYS.map(async |(json_only, after)| {
        // Without tasks the call itself waits until the site is made.
        let server = start(options().var("CREDENTIAL_KEY", "")).await;
        let (method, path) = (Some("GET".into()), Some("/site/*".into()));
        let body = Some(json!({ "status": "deploying" }).to_string());
        server.sandbox().unwrap().inject(Fault { method, path, body, ..Fault::default() });
        let call = stateless("sitebay_create_site", &new_site("late.example.com"), json_only);
        leave(&server, &call, after).await;
        // Real time: the runtime gives a call without a client 25 s.
        sleep(Duration::from_secs(27)).await;
        let line = lines::of_tool(&server, "sitebay_create_site").await;
        let way = format!("JSON only: {json_only}, after {after:?}");
        assert_eq!(line["outcome"], "unknown", "{way}");
    });
    join_all(waits).await;
}

#[tokio::test]
async fn a_call_that_changes_nothing_ends_when_its_client_leaves() {
    for json_only in [false, true] {
        let server = server().await;
        let mut connection = Connection::open(port(&server)).await.unwrap();
        let call = stateless("slow", &json!({ "ms": 60_000, "steps": 300 }), json_only);
        connection.send(&call).await.unwrap();
        // Real time: an answer that streams begins after a quarter of a second.
        sleep(Duration::from_millis(1_500)).await;
        connection.reset().unwrap();
        let line = lines::of_tool(&server, "slow").await;
        assert_eq!(line["outcome"], "left", "JSON only: {json_only}");
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
