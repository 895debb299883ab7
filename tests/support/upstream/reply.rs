//! An answer as a program of steps: bytes, pauses, gates, and how it ends.

use std::{
    collections::VecDeque,
    io::{self, Write as _},
    sync::{Arc, Mutex},
    time::Duration,
};

use flate2::{Compression, write::GzEncoder};
use tokio::{
    io::AsyncWriteExt as _,
    net::tcp::OwnedWriteHalf,
    sync::{Notify, watch},
    time::sleep,
};

/// A place in an answer at which it waits until the test opens it.
#[derive(Debug, Clone)]
pub struct Gate(Arc<watch::Sender<(bool, bool)>>);

impl Gate {
    pub fn new() -> Self {
        Self(Arc::new(watch::Sender::new((false, false))))
    }

    /// Lets the answer go on, and every later one.
    pub fn open(&self) {
        self.0.send_modify(|(_, open)| *open = true);
    }

    /// Waits until an answer has come to it.
    pub async fn reached(&self) {
        let mut seen = self.0.subscribe();
        super::super::wait::done("an answer comes to the gate", seen.wait_for(|(here, _)| *here))
            .await
            .unwrap();
    }

    async fn pass(&self) {
        self.0.send_modify(|(here, _)| *here = true);
        self.0.subscribe().wait_for(|(_, open)| *open).await.unwrap();
    }
}

/// A part of a body whose bytes come while it is open: one for each stream.
#[derive(Debug, Clone)]
pub struct Feed(Arc<FeedInner>);

#[derive(Debug, Default)]
struct FeedInner {
    waiting: Mutex<(VecDeque<Vec<u8>>, bool)>,
    changed: Notify,
}

impl Feed {
    pub fn new() -> Self {
        Self(Arc::default())
    }

    /// Sends bytes as one HTTP chunk.
    pub fn chunk(&self, bytes: impl AsRef<[u8]>) {
        self.0.waiting.lock().unwrap().0.push_back(bytes.as_ref().to_vec());
        self.0.changed.notify_one();
    }

    /// Sends one event with this data.
    pub fn event(&self, data: &str) {
        self.chunk(format!("data: {data}\n\n"));
    }

    /// Ends this part: the reply goes on with its next step.
    pub fn end(&self) {
        self.0.waiting.lock().unwrap().1 = true;
        self.0.changed.notify_one();
    }

    /// The next chunk. None: the part has ended.
    async fn next(&self) -> Option<Vec<u8>> {
        loop {
            let (found, ended) = {
                let mut waiting = self.0.waiting.lock().unwrap();
                (waiting.0.pop_front(), waiting.1)
            };
            match found {
                None if !ended => self.0.changed.notified().await,
                found => return found,
            }
        }
    }
}

#[derive(Debug, Clone)]
enum Step {
    Write(Vec<u8>),
    Pause(Duration),
    Gate(Gate),
    Feed(Feed),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    /// One body with its length.
    Length,
    Chunked,
    /// The bytes are all of the answer, and the connection ends with them.
    Raw,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Whole,
    Cut,
    Hang,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    before: Vec<u8>,
    framing: Framing,
    steps: Vec<Step>,
    end: End,
}

impl Reply {
    /// A status with an empty body.
    pub fn status(status: u16) -> Self {
        let (headers, before, steps) = (Vec::new(), Vec::new(), Vec::new());
        Self { status, headers, before, framing: Framing::Length, steps, end: End::Whole }
    }

    /// 200 and this JSON, whether it is any or not.
    pub fn json(body: &str) -> Self {
        Self::status(200).header("content-type", "application/json").body(body)
    }

    /// 200 and a stream of events, chunk by chunk.
    pub fn events() -> Self {
        let stream = Self::status(200).header("content-type", "text/event-stream");
        Self { framing: Framing::Chunked, ..stream.header("cache-control", "no-cache") }
    }

    /// These bytes in the place of an HTTP answer, and then the end of the connection.
    pub fn raw(bytes: impl AsRef<[u8]>) -> Self {
        Self { framing: Framing::Raw, ..Self::status(200).body(bytes) }
    }

    /// Nothing, and the connection stays open.
    pub fn silence() -> Self {
        Self { framing: Framing::Raw, end: End::Hang, ..Self::status(200) }
    }

    /// Nothing, and the connection ends.
    pub fn cut_off() -> Self {
        Self { framing: Framing::Raw, ..Self::status(200) }
    }

    /// A header more, of which there may be several by one name.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// With another status.
    pub fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// The whole body, or more of it.
    pub fn body(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.steps.push(Step::Write(bytes.as_ref().to_vec()));
        self
    }

    /// Bytes before the head, such as an interim answer.
    pub fn preceded_by(self, bytes: impl AsRef<[u8]>) -> Self {
        Self { before: bytes.as_ref().to_vec(), ..self }
    }

    /// Bytes as one HTTP chunk.
    pub fn chunk(self, bytes: impl AsRef<[u8]>) -> Self {
        Self { framing: Framing::Chunked, ..self.body(bytes) }
    }

    /// One event with this data, in a chunk of its own.
    pub fn event(self, data: &str) -> Self {
        self.chunk(format!("data: {data}\n\n"))
    }

    /// Waits before the next bytes.
    pub fn pause(mut self, ms: u64) -> Self {
        self.steps.push(Step::Pause(Duration::from_millis(ms)));
        Self { framing: self.streamed(), ..self }
    }

    /// Waits at a gate before the next bytes.
    pub fn gate(mut self, gate: &Gate) -> Self {
        self.steps.push(Step::Gate(gate.clone()));
        Self { framing: self.streamed(), ..self }
    }

    /// What a feed gives, as it comes.
    pub fn feed(mut self, feed: &Feed) -> Self {
        self.steps.push(Step::Feed(feed.clone()));
        Self { framing: self.streamed(), ..self }
    }

    /// A body in gzip: a few bytes stand for many where it repeats itself.
    pub fn gzip(self, body: impl AsRef<[u8]>) -> Self {
        let mut packed = GzEncoder::new(Vec::new(), Compression::best());
        packed.write_all(body.as_ref()).unwrap();
        self.header("content-encoding", "gzip").body(packed.finish().unwrap())
    }

    /// The connection ends here, in the middle of the body.
    pub fn cut(self) -> Self {
        Self { end: End::Cut, framing: self.streamed(), ..self }
    }

    /// The body neither goes on nor ends here.
    pub fn hang(self) -> Self {
        Self { end: End::Hang, framing: self.streamed(), ..self }
    }

    /// A body that has steps or no end has no length.
    fn streamed(&self) -> Framing {
        if self.framing == Framing::Raw { Framing::Raw } else { Framing::Chunked }
    }

    fn head(&self) -> Vec<u8> {
        let mut head = self.before.clone();
        head.extend(format!("HTTP/1.1 {} Scripted\r\n", self.status).as_bytes());
        for (name, value) in &self.headers {
            head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
        }
        let framing = match self.framing {
            Framing::Chunked => "transfer-encoding: chunked\r\n\r\n".to_owned(),
            _ if self.status == 204 || self.status == 304 => "\r\n".to_owned(),
            _ => format!("content-length: {}\r\n\r\n", self.length()),
        };
        head.extend(framing.as_bytes());
        head
    }

    fn length(&self) -> usize {
        let lengths = self.steps.iter().map(|step| match step {
            Step::Write(bytes) => bytes.len(),
            _ => 0,
        });
        lengths.sum()
    }

    /// Writes it; returns whether the connection may be used again.
    pub(super) async fn write(self, socket: &mut OwnedWriteHalf) -> io::Result<bool> {
        if self.framing != Framing::Raw {
            socket.write_all(&self.head()).await?;
        }
        for step in self.steps {
            match step {
                Step::Write(bytes) if self.framing == Framing::Chunked => {
                    write_chunk(socket, &bytes).await?;
                }
                Step::Write(bytes) => socket.write_all(&bytes).await?,
                // Real time: the script is about timing.
                Step::Pause(pause) => sleep(pause).await,
                Step::Gate(gate) => gate.pass().await,
                Step::Feed(feed) => {
                    while let Some(bytes) = feed.next().await {
                        write_chunk(socket, &bytes).await?;
                    }
                }
            }
        }
        match self.end {
            End::Hang => std::future::pending().await,
            End::Whole if self.framing == Framing::Chunked => {
                socket.write_all(b"0\r\n\r\n").await?;
                Ok(true)
            }
            End::Whole => Ok(self.framing == Framing::Length),
            End::Cut => Ok(false),
        }
    }
}

/// Writes one HTTP chunk. An empty one would be the body's end.
pub(super) async fn write_chunk(socket: &mut OwnedWriteHalf, bytes: &[u8]) -> io::Result<()> {
    if bytes.is_empty() {
        return Ok(());
    }
    let size = format!("{:x}\r\n", bytes.len());
    socket.write_all(&[size.as_bytes(), bytes, b"\r\n"].concat()).await
}
