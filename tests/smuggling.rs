//! Requests that say two things at once, or what only this server may say: none of it lets anybody in.

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Duration, timeout},
};
use xtask::server::Server;

use crate::support::{Client, options, start};

const KEY: &str = "r1ght-key-of-this-test";
const BODY: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;

async fn closed() -> Server {
    start(options().var("MCP_API_KEY", KEY)).await
}

/// Everything that the server answers to these bytes, until it is silent.
async fn answers(server: &Server, bytes: &[u8]) -> String {
    let address = server.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(read)) = timeout(Duration::from_millis(700), stream.read(&mut buffer)).await {
        if read == 0 {
            break;
        }
        heard.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&heard).into_owned()
}

/// A request with these header lines.
fn post(lines: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\n{lines}content-length: {}\r\n\r\n{BODY}",
        BODY.len()
    )
}

#[tokio::test]
async fn a_header_that_comes_twice_or_in_pieces_lets_nobody_in() {
    let server = closed().await;
    let good = format!("authorization: Bearer {KEY}\r\n");
    assert!(answers(&server, post(&good).as_bytes()).await.starts_with("HTTP/1.1 200"));
    for lines in [
        format!("{good}authorization: Bearer wrong\r\n"),
        format!("authorization: Bearer wrong\r\n{good}"),
        format!("{good}{good}"),
        format!("authorization:\r\n Bearer {KEY}\r\n"),
        format!("authorization : Bearer {KEY}\r\n"),
        format!("authorization: Bearer {KEY}\0\r\n"),
        format!("authorization: Bearer\0{KEY}\r\n"),
        format!("x-note: \0\r\nauthorization: Bearer {KEY}, x\r\n"),
        format!("x-api-key: {KEY}\r\nx-api-key: wrong\r\n"),
    ] {
        let heard = answers(&server, post(&lines).as_bytes()).await;
        assert!(
            !heard.contains("HTTP/1.1 200") && !heard.contains("\"result\""),
            "{lines:?}: {heard}"
        );
    }
}

#[tokio::test]
async fn a_body_of_two_lengths_brings_no_second_request_in() {
    let server = closed().await;
    let hidden = format!("GET /admin/keys HTTP/1.1\r\nhost: localhost\r\n\r\n{}", post(""));
    for head in [
        "content-length: 4\r\ntransfer-encoding: chunked\r\n".to_owned(),
        format!("content-length: 5\r\ncontent-length: {}\r\n", 5 + hidden.len()),
        "transfer-encoding: chunked\r\ntransfer-encoding: identity\r\n".to_owned(),
        "transfer-encoding: xchunked\r\n".to_owned(),
    ] {
        let request = format!(
            "POST /mcp HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             authorization: Bearer {KEY}\r\n{head}\r\n0\r\n\r\n{hidden}"
        );
        let heard = answers(&server, request.as_bytes()).await;
        assert!(
            !heard.contains("HTTP/1.1 200") && !heard.contains("\"result\""),
            "{head:?}: {heard}"
        );
    }
    let fine = Client::new(&server.url()).with("x-api-key", KEY).initialize("2025-11-25").await;
    assert_eq!(fine.status, 200, "the server goes on");
}

#[tokio::test]
async fn what_only_this_server_says_is_nothing_from_a_client() {
    let server = closed().await;
    let mine = Client::new(&server.url()).with("x-api-key", KEY).connect().await;
    let names = ["x-internal-seal", "x-internal-principal", "x-internal-listener", "cf-worker"];
    for name in names {
        let lines = format!("{name}: anything\r\n");
        assert!(
            answers(&server, post(&lines).as_bytes()).await.starts_with("HTTP/1.1 401"),
            "{name}"
        );
        let fine = mine.clone().with(name, "anything").request("ping", json!({})).await;
        assert_eq!(fine.result(), json!({}), "{name} is written over");
        let foreign =
            mine.clone().with("x-sitebay-token", "another person's").with(name, "anything");
        assert_eq!(foreign.request("ping", json!({})).await.status, 404, "{name}");
    }
    let two = format!("{}, {}", mine.session(), mine.session());
    let two = mine.clone().with("mcp-session-id", &two).request("ping", json!({})).await;
    assert_eq!(two.status, 404, "{two:?}");
}

#[tokio::test]
async fn a_nul_in_a_name_reaches_nobody() {
    let server = closed().await;
    let client = Client::new(&server.url()).with("x-api-key", KEY).connect().await;
    for (tool, arguments) in [
        ("sitebay_get_site", json!({ "fqdn": "a\u{0}.example.com" })),
        ("sitebay_get_site\u{0}", json!({ "fqdn": "a.example.com" })),
        (
            "sitebay_site_edit_file",
            json!({ "fqdn": "a.example.com", "file_path": "wp-content/a\u{0}.php",
            "file_edit_using_search_replace_blocks":
                "<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE" }),
        ),
    ] {
        let answer = client.call(tool, arguments).await;
        assert!(
            answer.text.contains("isError\":true") || answer.text.contains("\"error\""),
            "{answer:?}"
        );
    }
    assert!(server.sandbox().unwrap().requests().is_empty());
}
