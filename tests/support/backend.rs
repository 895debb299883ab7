//! A server behind this one, byte by byte: it shows the bytes that reach it and answers with those of a test.

use std::{
    future::Future,
    io,
    pin::Pin,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its request line and headers, each byte a character.
    pub head: String,
    /// Its body, without the framing of chunks.
    pub body: Vec<u8>,
}

impl Received {
    /// Method and target.
    pub fn target(&self) -> &str {
        self.head.lines().next().unwrap().trim_end_matches(" HTTP/1.1")
    }

    /// A header; of several the first.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// A connection whose request's head was read.
pub struct Exchange {
    pub head: String,
    pub stream: TcpStream,
    /// Bytes behind the head that were read with it.
    rest: Vec<u8>,
}

impl Exchange {
    async fn begin(mut stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let mut read = Vec::new();
        loop {
            if let Some(end) = read.windows(4).position(|four| four == b"\r\n\r\n") {
                let rest = read.split_off(end + 4);
                let head = read[..end].iter().map(|byte| char::from(*byte)).collect();
                return Ok(Self { head, stream, rest });
            }
            if stream.read_buf(&mut read).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// The next bytes of the body, with their framing. None: the sender is gone.
    pub async fn read(&mut self) -> Option<Vec<u8>> {
        if !self.rest.is_empty() {
            return Some(std::mem::take(&mut self.rest));
        }
        let mut piece = vec![0; 65_536];
        let read = self.stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        piece.truncate(read);
        Some(piece)
    }

    /// The whole body.
    pub async fn body(&mut self) -> Option<Vec<u8>> {
        let head = self.received(Vec::new());
        let length = head.header("content-length").map(|length| length.parse().unwrap());
        let is_chunked = head.header("transfer-encoding").is_some();
        let mut raw = Vec::new();
        loop {
            let whole = match (length, is_chunked) {
                (Some(length), _) if raw.len() >= length => Some(raw.clone()),
                (None, true) => unchunked(&raw),
                (None, false) => Some(Vec::new()),
                _ => None,
            };
            if whole.is_some() {
                return whole;
            }
            raw.extend(self.read().await?);
        }
    }

    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    fn received(&self, body: Vec<u8>) -> Received {
        Received { head: self.head.clone(), body }
    }
}

/// The body of these chunks, once the last one is there.
fn unchunked(mut raw: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let end = raw.windows(2).position(|two| two == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&raw[..end]).ok()?, 16).ok()?;
        let chunk = raw.get(end + 2..end + 2 + length)?;
        raw = raw.get(end + 4 + length..)?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunk);
    }
}

type Handling = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A running server. Dropping it closes its port and its connections.
pub struct Backend {
    pub url: String,
    received: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl Backend {
    /// One that reads each request whole and answers it with these bytes, by its target.
    pub async fn answering(answer: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static) -> Self {
        let answer = Arc::new(answer);
        let all = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&all);
        let mut server = Self::handling(move |mut exchange| {
            let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
            Box::pin(async move {
                let Some(body) = exchange.body().await else { return };
                let received = exchange.received(body);
                let bytes = answer(&received);
                kept.lock().unwrap().push(received);
                let _ = exchange.write(bytes).await;
            })
        })
        .await;
        server.received = all;
        server
    }

    /// One that does with each request what the test says.
    pub async fn handling(handle: impl Fn(Exchange) -> Handling + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let handle = Arc::new(handle);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let handle = Arc::clone(&handle);
                connections.spawn(async move {
                    if let Ok(exchange) = Exchange::begin(stream).await {
                        handle(exchange).await;
                    }
                });
            }
        });
        Self { url, received: Arc::default(), task }
    }

    /// What reached it.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The last request that reached it.
    pub fn last(&self) -> Received {
        self.received().pop().expect("a request reached the backend")
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An answer of these lines and this body.
pub fn answer(head: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len();
    let mut bytes = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\n\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// All that a server answers to these bytes, whose request says `connection: close`.
pub async fn exchange(url: &str, request: impl AsRef<[u8]>) -> Vec<u8> {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(request.as_ref()).await.unwrap();
    let mut heard = Vec::new();
    let read = super::wait::done("the answer ends", stream.read_to_end(&mut heard)).await;
    // A server that refuses may reset the connection behind its answer.
    assert!(read.is_ok() || !heard.is_empty(), "{read:?}");
    heard
}

/// The same for a request with these header lines, as text.
pub async fn ask(url: &str, line: &str, headers: &str) -> String {
    let request =
        format!("{line} HTTP/1.1\r\nhost: mcp.example\r\n{headers}connection: close\r\n\r\n");
    String::from_utf8_lossy(&exchange(url, request).await).into_owned()
}

/// The beginning of what a server answers to these bytes.
pub async fn first(url: &str, request: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).await.unwrap();
    stream.write_all(request.as_ref()).await.unwrap();
    let mut heard = vec![0; 65_536];
    let read = super::wait::done("the answer begins", stream.read(&mut heard)).await.unwrap();
    String::from_utf8_lossy(&heard[..read]).into_owned()
}
