//! A request as it came over the wire, and its reading.

use std::{io, sync::Arc, time::Instant};

use serde_json::{Value, json};
use tokio::{io::AsyncReadExt as _, net::tcp::OwnedReadHalf};

use super::{record::Record, reply::Reply};

/// A request, byte by byte.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    /// Path and query as they were sent.
    pub target: String,
    /// Names in the case that was sent, and values as bytes, in their order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, without the framing of its chunks.
    pub body: Vec<u8>,
    /// The number of its connection, from 0.
    pub connection: usize,
    pub at: Instant,
}

impl Request {
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    pub fn query(&self) -> &str {
        self.target.split_once('?').map_or("", |(_, query)| query)
    }

    /// Every value of a header, as bytes.
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        let named = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_slice()).collect()
    }

    /// The first value of a header. Empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.values(name).first().map_or("", |value| std::str::from_utf8(value).unwrap())
    }

    pub fn has(&self, name: &str) -> bool {
        !self.values(name).is_empty()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` where it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The JSON-RPC method of the body. Empty where there is none.
    pub fn rpc(&self) -> String {
        self.json()["method"].as_str().unwrap_or_default().to_owned()
    }

    /// The tool that a `tools/call` names.
    pub fn tool(&self) -> String {
        let json = self.json();
        let named = json["params"]["name"].as_str().filter(|_| json["method"] == "tools/call");
        named.unwrap_or_default().to_owned()
    }

    /// The JSON-RPC id as text, to be put into a scripted answer.
    pub fn id(&self) -> String {
        self.json()["id"].to_string()
    }

    /// The JSON-RPC response with this result, whose bytes stay as they are.
    pub fn response(&self, result: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#, self.id())
    }

    /// A JSON answer with this result, whose bytes stay as they are.
    pub fn result(&self, result: &str) -> Reply {
        Reply::json(&self.response(result))
    }

    /// A JSON answer with an error.
    pub fn error(&self, code: i64, message: &str) -> Reply {
        let error = json!({ "code": code, "message": message });
        Reply::json(&format!(r#"{{"jsonrpc":"2.0","id":{},"error":{error}}}"#, self.id()))
    }
}

/// The reading side of a connection. It records every byte.
pub(super) struct Reader {
    socket: OwnedReadHalf,
    buffer: Vec<u8>,
    record: Arc<Record>,
    connection: usize,
}

impl Reader {
    pub(super) fn new(socket: OwnedReadHalf, record: Arc<Record>, connection: usize) -> Self {
        Self { socket, buffer: Vec::new(), record, connection }
    }

    /// The head of the next request: its body is empty still. None: the client has closed.
    pub(super) async fn head(&mut self) -> Option<Request> {
        loop {
            if let Some((length, request)) = parsed(&self.buffer, self.connection) {
                self.buffer.drain(..length);
                return Some(request);
            }
            self.more().await.ok()?;
        }
    }

    /// Reads the body that belongs to a head.
    pub(super) async fn body(&mut self, request: &mut Request) -> Option<()> {
        if request.header("transfer-encoding").eq_ignore_ascii_case("chunked") {
            while let Some(chunk) = self.chunk().await? {
                request.body.extend(chunk);
            }
            return Some(());
        }
        let length: usize = request.header("content-length").parse().unwrap_or_default();
        while self.buffer.len() < length {
            self.more().await.ok()?;
        }
        request.body.extend(self.buffer.drain(..length));
        Some(())
    }

    /// The next chunk of a body; the inner None is its end.
    async fn chunk(&mut self) -> Option<Option<Vec<u8>>> {
        loop {
            let size = httparse::parse_chunk_size(&self.buffer).expect("a chunk's size");
            let httparse::Status::Complete((start, size)) = size else {
                self.more().await.ok()?;
                continue;
            };
            let end = start + usize::try_from(size).unwrap();
            // Its line ends too; no client here sends trailers.
            if self.buffer.len() < end + 2 {
                self.more().await.ok()?;
                continue;
            }
            let chunk = self.buffer[start..end].to_vec();
            self.buffer.drain(..end + 2);
            return Some((size > 0).then_some(chunk));
        }
    }

    /// Waits until the client closes the connection.
    pub(super) async fn closed(&mut self) {
        while self.more().await.is_ok() {}
    }

    async fn more(&mut self) -> io::Result<()> {
        let mut bytes = vec![0; 65_536];
        let read = self.socket.read(&mut bytes).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.record.received(self.connection, &bytes[..read]);
        self.buffer.extend(&bytes[..read]);
        Ok(())
    }
}

fn parsed(bytes: &[u8], connection: usize) -> Option<(usize, Request)> {
    let mut headers = [httparse::EMPTY_HEADER; 128];
    let mut head = httparse::Request::new(&mut headers);
    let httparse::Status::Complete(length) = head.parse(bytes).expect("an HTTP request") else {
        return None;
    };
    let named = head.headers.iter().map(|field| (field.name.to_owned(), field.value.to_vec()));
    let request = Request {
        method: head.method.unwrap_or_default().to_owned(),
        target: head.path.unwrap_or_default().to_owned(),
        headers: named.collect(),
        body: Vec::new(),
        connection,
        at: Instant::now(),
    };
    Some((length, request))
}
