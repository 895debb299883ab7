use reqwest::Method;
use serde_json::json;

use crate::support::{Client, events::Live, lines::of_tool, server};

#[tokio::test]
async fn a_quick_call_is_plain_json() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let answer = client.call("add", json!({ "a": 2, "b": 3 })).await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.result()["structuredContent"], json!({ "sum": 5.0 }));
    assert_eq!(client.call("echo", json!({ "text": "grüße 🌍" })).await.tool_text(), "grüße 🌍");
    assert_eq!(client.request("ping", json!({})).await.result(), json!({}));
}

#[tokio::test]
async fn a_call_streams_after_a_quarter_of_a_second_or_its_first_event() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    // Well below and well above: a loaded machine is late by more than a few milliseconds.
    let answer = client.call("slow", json!({ "ms": 1 })).await;
    assert!(!answer.is_stream(), "{answer:?}");
    let answer = client.call("slow", json!({ "ms": 1_000 })).await;
    assert!(answer.is_stream(), "{answer:?}");
    assert_eq!(answer.tool_text(), "done");
    let answer = client.call_with_progress("slow", json!({ "ms": 40, "steps": 2 })).await;
    assert!(answer.is_stream(), "{answer:?}");
}

#[tokio::test]
async fn progress_comes_in_order_and_only_to_those_who_asked() {
    let server = server().await;
    let client = Client::new(&server.url()).connect_as("2025-06-18").await;
    let answer = client.call_with_progress("slow", json!({ "ms": 600, "steps": 6 })).await;
    let events = answer.events();
    let progress: Vec<f64> =
        events.iter().filter_map(|event| event.json()["params"]["progress"].as_f64()).collect();
    assert_eq!(progress, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let unasked = client.call("slow", json!({ "ms": 600, "steps": 6 })).await;
    assert_eq!(unasked.events().len(), 1, "{unasked:?}");
}

#[tokio::test]
async fn only_the_newest_version_gets_a_priming_event_and_every_event_has_an_id() {
    let server = server().await;
    for (version, primed) in [("2025-03-26", false), ("2025-06-18", false), ("2025-11-25", true)] {
        let client = Client::new(&server.url()).connect_as(version).await;
        let answer = client.call_with_progress("slow", json!({ "ms": 300, "steps": 3 })).await;
        let events = answer.events();
        assert_eq!(events[0].data.is_empty(), primed, "{version}: {events:?}");
        let mut ids: Vec<_> = events.iter().map(|event| event.id.clone().unwrap()).collect();
        ids.dedup();
        assert_eq!(ids.len(), events.len(), "{version}: {events:?}");
    }
}

#[tokio::test]
async fn two_calls_with_one_id_each_get_their_own_answer() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let params = json!({ "name": "slow", "arguments": { "ms": 1_000, "steps": 2 },
                         "_meta": { "progressToken": 1 } });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let slow = client.send(Method::POST).body(call.to_string()).send().await.unwrap();
    let mut slow = Live::new(slow);
    // The first call runs while the second comes.
    slow.until(r#""progress":1.0"#).await;
    let echo = client.call("echo", json!({ "text": "mine" })).await;
    assert_eq!(echo.json()["id"], 1);
    let slow = slow.rest().await;
    assert!(slow.contains("done") && !slow.contains("mine"), "{slow}");
    assert_eq!(echo.tool_text(), "mine");
}

#[tokio::test]
async fn a_cancelled_call_ends_its_stream_without_an_answer() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let params = json!({ "name": "slow", "arguments": { "ms": 60_000, "steps": 600 },
                         "_meta": { "progressToken": 1 } });
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
    let call = client.send(Method::POST).body(call.to_string()).send().await.unwrap();
    let mut call = Live::new(call);
    call.until(r#""progress":1.0"#).await;
    let body = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(client.post(body).await.status, 202);
    let rest = call.rest().await;
    // It ended before the call would have, and without a response.
    assert!(!rest.contains(r#""progress":600.0"#), "{rest}");
    assert!(!rest.contains(r#""id":1"#), "{rest}");
}

#[tokio::test]
async fn a_result_too_large_to_send_is_an_error_that_says_so() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let fits = client.call("big", json!({ "bytes": 8_000_000 })).await;
    assert_eq!(fits.tool_text().len(), 8_000_000);
    let answer = client.call("big", json!({ "bytes": 8_500_000 })).await;
    assert_eq!(answer.result()["isError"], true);
    assert!(answer.tool_text().contains("too large"), "{}", answer.tool_text());
}

#[tokio::test]
async fn what_does_not_exist_is_named() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let tool = client.call("no_such_tool", json!({})).await;
    assert_eq!(tool.json()["error"]["code"], -32602);
    assert!(tool.text.contains("no_such_tool"));
    let method = client.request("no/such/method", json!({})).await;
    assert_eq!(method.json()["error"]["code"], -32601);
    let resource = client.request("resources/read", json!({ "uri": "sitebay://nothing" })).await;
    assert_eq!(resource.json()["error"]["code"], -32002);
    let cursor = client.request("tools/list", json!({ "cursor": "x" })).await;
    assert_eq!(cursor.json()["error"]["code"], -32602);
    let name = client.request("tools/call", json!({ "name": 1 })).await;
    assert_eq!(name.json()["error"]["code"], -32602);
}

#[tokio::test]
async fn a_response_of_the_client_is_accepted_whether_result_or_error() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    for body in [
        r#"{"jsonrpc":"2.0","id":99,"result":{}}"#,
        r#"{"jsonrpc":"2.0","id":99,"error":{"code":-1,"message":"no"}}"#,
    ] {
        let answer = client.post(body).await;
        assert_eq!((answer.status.as_u16(), answer.text.as_str()), (202, ""));
    }
}

#[tokio::test]
async fn a_call_goes_on_when_its_client_leaves() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let call = json!({ "name": "slow", "arguments": { "ms": 2_400, "steps": 6 },
                       "_meta": { "progressToken": 1 } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call });
    let sent = client.send(Method::POST).body(body.to_string()).send().await.unwrap();
    let mut live = Live::new(sent);
    live.until(r#""progress":1.0"#).await;
    let last = live.last_id();
    drop(live);
    // The object answers others meanwhile.
    assert_eq!(client.call("echo", json!({ "text": "on" })).await.tool_text(), "on");
    // The server notices with the next event that the client is gone, and the call goes on to its end.
    assert_eq!(of_tool(&server, "slow").await["outcome"], "done");
    let back = client.with("last-event-id", &last).get().await;
    let text = Live::new(back).rest().await;
    assert!(text.contains(r#""progress":6.0"#) && text.contains("done"), "{text}");
}
