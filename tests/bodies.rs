use std::time::Duration;

use futures_util::stream;
use reqwest::{Body, Method};
use serde_json::{Value, json};
use xtask::server::Options;

use crate::support::{Answer, Client, lines, options, server, start, stateless};

const LIMIT: usize = 4 * 1024 * 1024;
const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// With and without a session, because different rooms read the two.
async fn both(url: &str) -> [Client; 2] {
    [Client::new(url), Client::new(url).connect().await]
}

#[tokio::test]
async fn broken_bodies_are_parse_errors() {
    let server = server().await;
    for client in both(&server.url()).await {
        client.post("{").await.refused(400, -32700);
        client.post("").await.refused(400, -32700);
        client.post(&b"\xff\xfe{}"[..]).await.refused(400, -32700);
        client
            .post(&b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p\xc3\"}"[..])
            .await
            .refused(400, -32700);
    }
}

#[tokio::test]
async fn what_is_not_json_rpc_is_an_invalid_request() {
    let server = server().await;
    for client in both(&server.url()).await {
        for body in ["1", "{}", "[]", r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#] {
            client.post(body).await.refused(400, -32600);
        }
        let id = r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#;
        client.post(id).await.refused(400, -32600);
    }
}

#[tokio::test]
async fn other_media_types_are_refused() {
    let server = server().await;
    for client in both(&server.url()).await {
        let text = client.clone().with("content-type", "text/plain");
        text.post(PING).await.refused(415, -32000);
        client.clone().without("content-type").post(PING).await.refused(415, -32000);
        let stream_only = client.clone().with("accept", "text/event-stream");
        stream_only.post(PING).await.refused(406, -32000);
        let html = client.clone().with("accept", "text/html");
        html.post(PING).await.refused(406, -32000);
    }
    let any = Client::new(&server.url()).with("accept", "*/*").connect().await;
    assert_eq!(any.post(PING).await.status, 200);
    let charset = any.with("content-type", "application/json; charset=utf-8");
    assert_eq!(charset.post(PING).await.status, 200);
}

#[tokio::test]
async fn a_refusal_carries_the_id_of_its_request_where_a_client_would_wait_for_it() {
    let server = server().await;
    let nowhere = Client::new(&server.url());
    let session = nowhere.clone().connect().await;
    let ping = r#"{"jsonrpc":"2.0","id":"a-1","method":"ping"}"#;
    for (client, status) in [
        (nowhere.clone(), 400),
        (session.clone().with("mcp-protocol-version", "1.0"), 400),
        (session.clone().with("accept", "text/html"), 406),
        (session.clone().with("content-type", "text/plain"), 415),
    ] {
        let answer = client.post(ping).await;
        answer.refused(status, -32000);
        assert_eq!(
            (&answer.json()["id"], &answer.json()["jsonrpc"]),
            (&json!("a-1"), &json!("2.0"))
        );
    }
    let closed = start(options().var("ENVIRONMENT", "production")).await;
    let answer = Client::new(&closed.url()).post(ping).await;
    answer.refused(503, -32000);
    assert_eq!(answer.json()["id"], "a-1");
    // Where the id is not known, it is no JSON-RPC.
    let large = session.post("x".repeat(LIMIT + 1)).await;
    large.refused(413, -32000);
    assert_eq!((&large.json()["id"], &large.json()["jsonrpc"]), (&Value::Null, &Value::Null));
    // Where nothing waits for an id, it is null.
    let told = r#"{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}"#;
    let told = nowhere.post(told).await.text;
    assert!(told.starts_with(r#"{"jsonrpc":"2.0","id":null,"#), "{told}");
}

#[tokio::test]
async fn who_takes_json_alone_gets_answers_in_one_piece() {
    let server = server().await;
    let client = Client::new(&server.url()).with("accept", "application/json");
    let able = json!({ "elicitation": {} });
    for version in ["2025-03-26", "2025-11-25"] {
        let session = client.clone().connect_fully(version, able.clone()).await;
        assert_eq!(session.post(PING).await.status, 200);
        let slow = session.call_with_progress("slow", json!({ "ms": 400, "steps": 3 })).await;
        assert_eq!((slow.is_stream(), slow.tool_text().as_str()), (false, "done"), "{slow:?}");
    }
    let batching = client.clone().connect_as("2025-03-26").await;
    let call = |id: u32| {
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": { "name": "slow", "arguments": { "ms": 300 } } })
    };
    let batch = batching.post(json!([call(1), call(2)]).to_string()).await;
    assert_eq!(batch.json().as_array().map(Vec::len), Some(2), "{batch:?}");
    let slow = json!({ "name": "slow", "arguments": { "ms": 400, "steps": 3 } });
    let slow = stateless::ask(&client, "tools/call", slow, json!({})).await;
    assert_eq!((slow.is_stream(), slow.tool_text().as_str()), (false, "done"), "{slow:?}");
    // Listening needs a stream.
    let listen = json!({ "notifications": { "toolsListChanged": true } });
    let listening = stateless::ask(&client, "subscriptions/listen", listen, json!({})).await;
    listening.refused(406, -32000);
}

#[tokio::test]
async fn who_takes_json_alone_is_asked_nothing_and_told_so() {
    let server = server().await;
    let client = Client::new(&server.url()).with("accept", "application/json");
    let able = json!({ "elicitation": {}, "roots": {} });
    let session = client.clone().connect_with(able.clone()).await;
    // The call ends at the question, as an error of its own request.
    let asked = session.call("ask", json!({})).await;
    asked.refused(200, -32000);
    assert_eq!(asked.json()["id"], 1, "{asked:?}");
    assert!(asked.text.contains("Accept must include text/event-stream"), "{asked:?}");
    let line = lines::of_tool(&server, "ask").await;
    assert_eq!((&line["outcome"], &line["code"]), (&json!("stopped"), &json!(-32000)), "{line}");
    // It leaves the other requests of its batch.
    let batching = client.connect_fully("2025-03-26", able).await;
    let call = |id: u32, tool: &str, arguments: Value| {
        json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call",
            "params": { "name": tool, "arguments": arguments } })
    };
    let slow = json!({ "ms": 400, "steps": 2 });
    let batch = json!([call(1, "roots", json!({})), call(2, "slow", slow)]);
    let batch = batching.post(batch.to_string()).await.json();
    assert_eq!((&batch[0]["id"], &batch[0]["error"]["code"]), (&json!(1), &json!(-32000)));
    assert_eq!(batch[1]["result"]["content"][0]["text"], "done", "{batch}");
}

#[tokio::test]
async fn who_takes_json_alone_is_told_of_an_answer_that_was_lost_and_so_is_the_operator() {
    let server = start(Options { isolates: 2, ..options() }).await;
    let [of_objects, other] = server.urls().try_into().unwrap();
    let client = Client::new(&other).with("accept", "application/json").connect().await;
    let slow = client.call("slow", json!({ "ms": 60_000 }));
    let lost = async {
        // Real time: the call must run in its object before that breaks.
        tokio::time::sleep(Duration::from_millis(600)).await;
        Client::new(&of_objects).connect().await.call("panic", json!({ "when": "twice" })).await;
    };
    let (answer, ()) = tokio::join!(slow, lost);
    assert_eq!(answer.status, 500, "{answer:?}");
    assert!(answer.text.contains("may have happened"), "{answer:?}");
    let line = lines::line(&server, |line| line["outcome"] == "object-failed").await;
    assert_eq!((&line["status"], &line["route"]), (&json!(500), &json!("mcp")), "{line}");
}

#[tokio::test]
async fn a_byte_order_mark_before_a_body_is_skipped() {
    let server = server().await;
    let marked = |body: &str| format!("\u{feff}{body}");
    let session = Client::new(&server.url()).connect().await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":{"text":"a"}}}"#;
    assert_eq!(session.post(marked(call)).await.tool_text(), "a");
    let chunked = Body::wrap_stream(stream::iter([Ok::<_, std::io::Error>(marked(call))]));
    assert_eq!(session.post(chunked).await.tool_text(), "a");
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25"}}"#;
    assert_eq!(Client::new(&server.url()).post(marked(hello)).await.status, 200);
    session.post(marked(&marked(PING))).await.refused(400, -32700);
}

#[tokio::test]
async fn half_a_surrogate_pair_in_an_argument_is_a_replacement_character() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"sitebay_get_site","arguments":{"fqdn":"a\ud800b"}}}"#;
    let text = client.post(call).await.tool_text();
    assert!(text.contains("got the string \"a\u{fffd}b\""), "{text}");
}

#[tokio::test]
async fn a_body_over_four_mebibytes_is_refused_also_in_chunks() {
    let server = server().await;
    for client in both(&server.url()).await {
        client.post("x".repeat(LIMIT + 1)).await.refused(413, -32000);
        let chunks = (0..65).map(|_| Ok::<_, std::io::Error>("x".repeat(LIMIT / 64)));
        let chunked = Body::wrap_stream(stream::iter(chunks));
        client.post(chunked).await.refused(413, -32000);
    }
}

#[tokio::test]
async fn a_body_of_four_mebibytes_is_read_also_in_chunks() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let text = "x".repeat(LIMIT - 200);
    let body = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "echo", "arguments": { "text": text } },
    })
    .to_string();
    assert_eq!(client.post(body.clone()).await.tool_text().len(), text.len());
    let halves: Vec<_> = body.into_bytes().chunks(100_000).map(<[u8]>::to_vec).collect();
    let chunks = halves.into_iter().map(Ok::<_, std::io::Error>);
    let chunked = client.post(Body::wrap_stream(stream::iter(chunks))).await;
    assert_eq!(chunked.tool_text().len(), text.len());
}

#[tokio::test]
async fn deep_json_is_answered_and_does_no_harm() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"echo","arguments":{deep}}}}}"#
    );
    let answer = client.post(body).await;
    assert!(answer.status.as_u16() < 500, "{}", answer.status);
    assert_eq!(client.post(PING).await.status, 200);
}

#[tokio::test]
async fn other_methods_are_refused_with_what_is_allowed() {
    let server = server().await;
    let client = Client::new(&server.url());
    for method in [Method::PUT, Method::PATCH, Method::HEAD] {
        let answer = Answer::of(client.send(method.clone()).send().await.unwrap()).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), "GET, POST, DELETE, OPTIONS");
    }
}
