//! The scripted upstream does what a script says, and records what reached it.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::upstream::{
    Feed, Gate, NeverAccepts, Reply, Upstream, any, closed_port, http, rpc, tool,
};

const CALL: &str = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"echo"}}"#;

async fn post(upstream: &Upstream, body: &'static str) -> reqwest::Response {
    let sent = reqwest::Client::new().post(upstream.url()).header("X-Some", "value").body(body);
    sent.send().await.unwrap()
}

/// All that comes back over a socket for these bytes.
async fn raw(upstream: &Upstream, bytes: &[u8]) -> String {
    let address = upstream.origin().trim_start_matches("http://");
    let mut socket = TcpStream::connect(address).await.unwrap();
    socket.write_all(bytes).await.unwrap();
    let mut text = Vec::new();
    socket.read_to_end(&mut text).await.unwrap();
    String::from_utf8_lossy(&text).into_owned()
}

#[tokio::test]
async fn the_first_rule_that_fits_and_has_times_left_answers() {
    let upstream = Upstream::start().await;
    upstream
        .on(tool("echo").times(1), |_| Reply::status(503).header("retry-after", "1"))
        .on(rpc("tools/call").header("x-some", "value"), |request| {
            request.result(r#"{"big":12345678901234567890}"#)
        })
        .on(any().path("/mcp"), |request| request.error(-32601, "no"));
    let refused = post(&upstream, CALL).await;
    assert_eq!(
        (refused.status().as_u16(), &refused.headers()["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    let text = post(&upstream, CALL).await.text().await.unwrap();
    assert_eq!(text, r#"{"jsonrpc":"2.0","id":7,"result":{"big":12345678901234567890}}"#);
    let error = post(&upstream, r#"{"id":"a"}"#).await.text().await.unwrap();
    assert!(error.contains(r#""id":"a","error":{"code":-32601"#), "{error}");
    upstream.forget_rules();
    assert_eq!(post(&upstream, CALL).await.status(), 404);
    assert_eq!(upstream.count(&tool("echo")), 3);
}

#[tokio::test]
async fn headers_and_bodies_are_recorded_as_they_came() {
    let upstream = Upstream::start().await;
    let sent = b"POST /mcp?a=%2F HTTP/1.1\r\nhost: x\r\nX-Odd:  \xff\xfe\r\nx-odd: 2\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    upstream.on(http("POST"), |_| Reply::raw("HTTP/1.1 200 OK\r\nMcp-Session-Id: a\r\nMcp-Session-Id: b\r\ncontent-length: 0\r\n\r\n"));
    let answer = raw(&upstream, sent).await;
    assert_eq!(answer.matches("Mcp-Session-Id").count(), 2, "{answer}");
    let request = upstream.received(&http("POST")).await;
    assert_eq!(
        (request.path(), request.query(), request.body.as_slice()),
        ("/mcp", "a=%2F", &b"abcde"[..])
    );
    assert_eq!(request.values("x-ODD"), [b"\xff\xfe".as_slice(), b"2"]);
    assert_eq!((request.headers[1].0.as_str(), request.connection), ("X-Odd", 0));
    assert_eq!(upstream.connections(), [sent.to_vec()]);
    upstream.never_received("Authorization");
}

#[tokio::test]
#[should_panic(expected = "reached it")]
async fn bytes_that_reached_an_upstream_are_found() {
    let upstream = Upstream::start().await;
    post(&upstream, r#"{"secret":1}"#).await;
    upstream.never_received("secret");
}

#[tokio::test]
async fn a_body_comes_in_its_chunks_and_waits_at_a_gate() {
    let (upstream, gate) = (Upstream::start().await, Gate::new());
    let script = Reply::events()
        .chunk(": hello\n\n")
        .event("1")
        .pause(50)
        .gate(&gate)
        .chunk([0xe2, 0x82])
        .chunk([0xac]);
    upstream.on(any(), move |_| script.clone());
    let mut response = post(&upstream, CALL).await;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.chunk().await.unwrap().unwrap(), ": hello\n\n");
    gate.reached().await;
    gate.open();
    assert_eq!(response.text().await.unwrap(), "data: 1\n\n€");
}

#[tokio::test]
async fn one_request_can_be_answered_on_the_stream_of_another() {
    let (upstream, feed) = (Upstream::start().await, Feed::new());
    let stream = Reply::events().event("begins").feed(&feed).event("ends");
    upstream.on(http("GET"), move |_| stream.clone());
    let answers = feed.clone();
    upstream.on(http("POST"), move |request| {
        answers.event(&request.response("{}"));
        Reply::status(202)
    });
    let stream = reqwest::Client::new().get(upstream.url()).send().await.unwrap();
    assert_eq!(post(&upstream, CALL).await.status(), 202);
    feed.end();
    let text = stream.text().await.unwrap();
    let answer = "{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{}}";
    assert_eq!(text, format!("data: begins\n\ndata: {answer}\n\ndata: ends\n\n"));
}

#[tokio::test]
async fn a_small_body_can_stand_for_a_large_one() {
    let upstream = Upstream::start().await;
    upstream.on(any(), |_| Reply::status(200).gzip(vec![b' '; 10_000_000]));
    let response = post(&upstream, CALL).await;
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert!(response.bytes().await.unwrap().len() < 20_000);
    assert_eq!(upstream.received(&any()).await.text(), CALL);
}

#[tokio::test]
async fn an_answer_can_be_cut_or_hang_and_its_client_is_seen_to_leave() {
    let upstream = Upstream::start().await;
    upstream
        .on(any().times(1), |_| Reply::events().event("1").cut())
        .on(any().times(1), |_| Reply::cut_off())
        .on(any().times(1), |_| Reply::json("{").hang())
        .on(any(), |_| Reply::silence());
    assert!(post(&upstream, CALL).await.text().await.is_err());
    let client = reqwest::Client::new();
    assert!(client.post(upstream.url()).send().await.is_err());
    drop(post(&upstream, CALL).await);
    assert_eq!(upstream.left(&tool("echo")).await.request.body, CALL.as_bytes());
    let silent = client.get(upstream.url()).timeout(Duration::from_millis(300)).send().await;
    assert!(silent.unwrap_err().is_timeout());
    let left = upstream.left(&http("GET")).await;
    assert!(!left.is_answered && left.left_at.unwrap() > left.request.at);
}

#[tokio::test]
async fn an_answer_may_come_before_the_body() {
    let upstream = Upstream::start().await;
    upstream.on(http("PUT").early(), |_| {
        Reply::status(413)
            .preceded_by("HTTP/1.1 100 Continue\r\n\r\n")
            .header("connection", "close")
            .cut()
    });
    let answer = raw(&upstream, b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn all_connections_can_be_cut() {
    let upstream = Upstream::start().await;
    upstream.on(any(), |_| Reply::events().event("1").hang());
    let response = post(&upstream, CALL).await;
    assert_eq!(upstream.open_connections(), 1);
    upstream.cut_connections().await;
    assert!(response.text().await.is_err());
    assert_eq!(upstream.open_connections(), 0);
}

#[tokio::test]
async fn a_port_can_be_closed_or_never_accept() {
    let client = reqwest::Client::new();
    assert!(client.get(closed_port()).send().await.unwrap_err().is_connect());
    let never = NeverAccepts::start().await;
    let limited = client.get(never.url()).timeout(Duration::from_millis(500));
    assert!(limited.send().await.unwrap_err().is_timeout());
}
