//! Upstreams that change, and that say of themselves what is not so.
//!
//! §8 of the statements of the gateway: "Upstream HTTP", "Protocol lies", "Clients".

use serde_json::{Value, json};

use crate::support::{
    Client,
    gateway::{Front, before, opens_sessions, stand},
    upstream::{Reply, Upstream, any, http, mcp::Era, rpc, tool},
    wait,
};

const DONE: &str = r#"{"content":[{"type":"text","text":"done"}]}"#;

/// A deployment adds an era to the one that is in use.
#[tokio::test]
async fn an_era_that_is_added_disturbs_no_call() {
    let (upstream, worker) = stand(Era::Session("2025-11-25")).await;
    let fronts = Front::both(&worker, "/mcp").await;
    for front in &fronts {
        front.call("t_count", json!({})).await.result();
    }
    upstream.speak(Era::Both);
    for (place, front) in fronts.iter().enumerate() {
        assert_eq!(front.call("t_count", json!({})).await.tool_text(), (place + 3).to_string());
    }
}

/// Ids of sessions that no client can send back are refused, and only they.
#[tokio::test]
async fn strange_ids_of_sessions_end_no_more_than_the_request() {
    let hello = r#"{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}"#;
    let ids = [
        ("with spaces", "a b".to_owned()),
        ("long", "x".repeat(10_000)),
        ("empty", String::new()),
        ("no ASCII", "größe".to_owned()),
    ];
    for (what, id) in ids {
        let upstream = Upstream::start().await;
        let sent = id.clone();
        upstream.on(rpc("initialize").times(2), move |request| {
            request.result(hello).header("Mcp-Session-Id", &sent)
        });
        opens_sessions(&upstream);
        upstream.on(tool("change"), |request| request.result(DONE));
        let worker = before(&[("t", &upstream.url(), json!({}))]).await;
        for front in Front::both(&worker, "/mcp").await {
            let mut text = String::new();
            for _ in 0..4 {
                text = front.call("t_change", json!({})).await.text;
                if text.contains("done") {
                    break;
                }
            }
            assert!(text.contains("done"), "{what}: {text}");
        }
    }
}

/// Refusals of every version, and discoveries that are lies, are answered and not tried for ever.
#[tokio::test]
async fn an_upstream_with_no_version_in_common_is_named_as_such() {
    let refusals: [(&str, &str); 4] = [
        ("no version", r#"{"code":-32022,"message":"no","data":{"supported":[]}}"#),
        (
            "the same version",
            r#"{"code":-32022,"message":"no","data":{"supported":["2026-07-28"]}}"#,
        ),
        (
            "an unknown version",
            r#"{"code":-32022,"message":"no","data":{"supported":["2099-01-01"]}}"#,
        ),
        ("no list", r#"{"code":-32022,"message":"no"}"#),
    ];
    for (what, refusal) in refusals {
        let upstream = Upstream::start().await;
        upstream.on(http("POST"), move |request| {
            let text = format!(r#"{{"jsonrpc":"2.0","id":{},"error":{refusal}}}"#, request.id());
            Reply::json(&text).with_status(400)
        });
        let worker = before(&[("t", &upstream.url(), json!({}))]).await;
        for front in Front::both(&worker, "/mcp").await {
            let names = front.tools().await;
            assert!(names.contains(&"sitebay_list_sites".to_owned()), "{what}");
            assert!(!names.iter().any(|name| name.starts_with("t_")), "{what}");
            let refused = front.call("t_change", json!({})).await;
            assert_eq!(refused.result()["isError"], true, "{what}");
            assert!(refused.tool_text().starts_with("Nothing was sent"), "{what}: {refused:?}");
        }
        assert!(upstream.recorded().len() < 40, "{what}: {}", upstream.recorded().len());
    }
}

/// HTTP with SSE: where messages go is on the same origin, or nowhere.
#[tokio::test]
async fn an_endpoint_elsewhere_is_never_sent_anything() {
    let elsewhere = Upstream::start().await;
    let foreign = format!("{}/messages", elsewhere.origin());
    let endpoints = [
        foreign.clone(),
        foreign.replacen("http:", "", 1),
        "javascript:alert(1)".to_owned(),
        "https://127.0.0.1/messages".to_owned(),
        format!("http://user:secret@{}/x", elsewhere.origin().trim_start_matches("http://")),
        String::new(),
    ];
    for endpoint in endpoints {
        let upstream = Upstream::start().await;
        let event = format!("event: endpoint\ndata: {endpoint}\n\n");
        upstream.on(http("GET"), move |_| Reply::events().chunk(&event).hang());
        let setting = json!({ "era": "sse", "timeouts": { "headers": 1, "lists": 1, "idle": 1 } });
        let url = format!("{}/sse", upstream.origin());
        let worker = before(&[("t", &url, setting)]).await;
        for front in Front::both(&worker, "/mcp").await {
            let names = front.tools().await;
            assert!(names.contains(&"sitebay_list_sites".to_owned()), "{endpoint}");
            assert!(!names.iter().any(|name| name.starts_with("t_")), "{endpoint}");
        }
        assert_eq!(elsewhere.count(&any()), 0, "{endpoint}");
    }
}

/// What a session in front had behind ends with it.
#[tokio::test]
async fn the_end_of_a_session_ends_its_calls_and_sessions_behind() {
    let (upstream, worker) = stand(Era::Session("2025-11-25")).await;
    let client = Client::new(&worker.url()).connect().await;
    let calling = client.clone();
    let call = tokio::spawn(async move { calling.call("t_wait", json!({})).await });
    wait::holds("the call runs", || upstream.executions("wait") == 1).await;
    assert_eq!(upstream.sessions(), 1);
    assert!(client.delete().await.status.is_success());
    wait::holds("the session behind ends", || upstream.sessions() == 0).await;
    wait::holds("its call is over", || call.is_finished()).await;
    assert_eq!(upstream.count(&tool("wait")), 1);
}

/// Statement 15: nobody cancels a call of another session, whatever its id.
#[tokio::test]
async fn an_id_of_another_session_cancels_nothing() {
    let (upstream, worker) = stand(Era::Session("2025-11-25")).await;
    let one = Client::new(&worker.url()).connect().await;
    let other = Client::new(&worker.url()).connect().await;
    let calling = one.clone();
    let call = tokio::spawn(async move { calling.call("t_wait", json!({})).await });
    wait::holds("the call runs", || upstream.executions("wait") == 1).await;
    let behind = upstream.received(&tool("wait")).await.json()["id"].clone();
    for id in [json!(1), behind, json!("1"), Value::Null] {
        let params = json!({ "requestId": id });
        let cancel =
            json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
        other.post(cancel.to_string()).await;
    }
    other.call("t_count", json!({})).await.result();
    assert!(upstream.cancelled().is_empty());
    upstream.release();
    assert_eq!(call.await.unwrap().tool_text(), "released");
}
