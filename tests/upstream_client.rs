//! The client of other servers, in the runtime: streams that are read while they arrive and aborted when nobody reads
//! them, and the eras of this server behind itself.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};

use crate::support::{Client, server, wait};

/// A server that writes what a test says, and counts the clients that left.
struct Scripted {
    port: u16,
    /// Lets it write the next part.
    go: Arc<Semaphore>,
    left: Arc<AtomicUsize>,
}

const HEAD: &str =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

impl Scripted {
    /// Writes these parts to each client, the first at once and each other when it is let. Then it waits until the client leaves.
    async fn start(parts: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (go, left) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
        let (going, leaving, parts) = (go.clone(), left.clone(), parts.to_vec());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(serve(socket, parts.clone(), going.clone(), leaving.clone()));
            }
        });
        Self { port, go, left }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/mcp", self.port)
    }

    async fn is_left(&self) {
        wait::holds("the client left", || self.left.load(Ordering::SeqCst) > 0).await;
    }
}

async fn serve(
    mut socket: TcpStream,
    parts: Vec<&'static str>,
    go: Arc<Semaphore>,
    left: Arc<AtomicUsize>,
) {
    let mut request = [0; 4096];
    let read = socket.read(&mut request).await.unwrap_or_default();
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            go.acquire().await.unwrap().forget();
        }
        if part.is_empty() {
            return;
        }
        let _ = socket.write_all(part.as_bytes()).await;
    }
    if read > 0 && matches!(socket.read(&mut request).await, Ok(0) | Err(_)) {
        left.fetch_add(1, Ordering::SeqCst);
    }
}

/// A chunk of a body.
macro_rules! chunk {
    ($text:literal) => {
        concat!("9\r\n", $text, "\r\n")
    };
}

async fn open(client: &Client, url: &str, chunks: u32) -> Value {
    let answer = client.call("open_stream", json!({ "url": url, "chunks": chunks })).await;
    let text = answer.tool_text();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// The texts of the chunks that came.
fn texts(opened: &Value) -> Vec<&str> {
    let chunks = opened["chunks"].as_array().unwrap_or_else(|| panic!("{opened}"));
    chunks.iter().map(|chunk| chunk[0].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_stream_is_read_as_it_arrives_and_aborted_when_it_is_dropped() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let scripted = Scripted::start(&[HEAD, chunk!("data: 1\n\n")]).await;
    // The body has no end.
    scripted.go.add_permits(1);
    let opened = open(&client, &scripted.url(), 1).await;
    assert_eq!(texts(&opened), ["data: 1\n\n"]);
    assert_eq!((&opened["type"], &opened["end"]), (&json!("text/event-stream"), &json!("dropped")));
    scripted.is_left().await;
}

#[tokio::test]
async fn the_headers_of_a_stream_come_before_its_body() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let scripted = Scripted::start(&[HEAD]).await;
    let opened = open(&client, &scripted.url(), 0).await;
    assert_eq!((&opened["status"], &opened["end"]), (&json!(200), &json!("dropped")));
    scripted.is_left().await;
}

#[tokio::test]
async fn a_stream_tells_an_end_from_a_break() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    for (parts, end) in [
        (&[HEAD, chunk!("data: 1\n\n"), "0\r\n\r\n"], "ended"),
        (&[HEAD, chunk!("data: 1\n\n"), ""], "broken"),
    ] {
        let scripted = Scripted::start(parts).await;
        scripted.go.add_permits(2);
        let opened = open(&client, &scripted.url(), 9).await;
        assert_eq!(opened["end"], end, "{opened}");
    }
}

#[tokio::test]
async fn headers_that_do_not_come_are_given_up_and_the_fetch_is_aborted() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let scripted = Scripted::start(&["HTTP/1.1 200 OK\r\nContent-"]).await;
    assert_eq!(open(&client, &scripted.url(), 1).await, json!("TimedOut(2s)"));
    scripted.is_left().await;
}

#[tokio::test]
async fn a_redirect_is_an_answer_like_others() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let moved = "HTTP/1.1 307 Moved\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n";
    let scripted = Scripted::start(&[moved]).await;
    let opened = open(&client, &scripted.url(), 1).await;
    assert_eq!((&opened["status"], &opened["end"]), (&json!(307), &json!("ended")));
}

/// What the client of `server` made of a tool of another one.
async fn ask(client: &Client, arguments: Value) -> Value {
    let answer = client.call("ask_upstream", arguments).await;
    let text = answer.tool_text();
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

#[tokio::test]
async fn this_server_is_an_upstream_in_every_era() {
    let (front, behind) = (server().await, server().await);
    let client = Client::new(&front.url()).connect().await;
    for (path, era, found, version) in [
        ("/mcp", None, "stateless", "2026-07-28"),
        ("/mcp", Some("stateless"), "stateless", "2026-07-28"),
        ("/mcp", Some("session"), "session", "2025-11-25"),
        // The older wire carries the younger version where both ends know it.
        ("/sse", Some("sse"), "sse", "2025-11-25"),
    ] {
        let url = format!("{}{path}", behind.url());
        let mut arguments =
            json!({ "url": url, "tool": "slow", "arguments": { "ms": 600, "steps": 2 } });
        if let Some(era) = era {
            arguments["era"] = era.into();
        }
        let said = ask(&client, arguments).await;
        assert_eq!((&said["era"], &said["version"]), (&json!(found), &json!(version)), "{said}");
        assert_eq!(said["session"], json!(found == "session"), "{said}");
        let lines = said["lines"].as_array().unwrap();
        assert!(lines.last().unwrap().as_str().unwrap().contains("\"done\""), "{said}");
        if found != "sse" {
            assert_eq!(lines[0], "progress 1", "{said}");
            assert!(said["tools"].as_u64().unwrap() > 10, "{said}");
        }
    }
}

#[tokio::test]
async fn an_upstream_that_is_down_is_unreachable() {
    let server = server().await;
    let client = Client::new(&server.url()).connect().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    drop(listener);
    let said = ask(&client, json!({ "url": url, "tool": "echo" })).await;
    assert!(said.as_str().unwrap().contains("Unreachable"), "{said}");
}
