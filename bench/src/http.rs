//! A client that costs far less than what it measures: HTTP/1.1 over one connection that is kept,
//! requests that are ready-made bytes, answers that are read into the same buffers again.
//!
//! This is our own code because the client runs on the cores of the server that it measures, and no library costs
//! less: it neither builds a request nor allocates for an answer. The endurance runs also need answers that are read in
//! part, or not at all.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// After this long without a byte, an answer is lost.
const PATIENCE: Duration = Duration::from_secs(60);

/// A request as it goes over the wire.
#[must_use]
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let mut text = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in headers {
        text += &format!("{name}: {value}\r\n");
    }
    if !body.is_empty() {
        text += &format!("content-length: {}\r\n", body.len());
    }
    text += "\r\n";
    text += body;
    text.into_bytes()
}

/// How the rest of an answer is delimited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    Length(usize),
    Chunked,
    Nothing,
}

/// The beginning of an answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// The session that was started.
    pub session: Option<String>,
}

/// A connection, and what was read of it and not yet used.
#[derive(Debug)]
pub struct Connection {
    port: u16,
    stream: TcpStream,
    unread: Vec<u8>,
    rest: Rest,
    /// The body of the last answer.
    pub body: Vec<u8>,
}

impl Connection {
    /// Connects to this machine.
    ///
    /// # Errors
    /// If no program listens on the port.
    pub async fn open(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { port, stream, unread: Vec::new(), rest: Rest::Nothing, body: Vec::new() })
    }

    /// The same with a small receive buffer, so that little waits in the kernel.
    ///
    /// # Errors
    /// If no program listens on the port.
    pub async fn open_narrow(port: u16) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_recv_buffer_size(4_096)?;
        let stream = socket.connect(([127, 0, 0, 1], port).into()).await?;
        Ok(Self { port, stream, unread: Vec::new(), rest: Rest::Nothing, body: Vec::new() })
    }

    /// Sends bytes, and reads nothing.
    ///
    /// # Errors
    /// Where the connection breaks.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        Ok(self.stream.write_all(bytes).await?)
    }

    /// Goes away without a word: the other side sees a reset.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn reset(self) -> Result<()> {
        self.stream.set_zero_linger()?;
        Ok(())
    }

    /// The port at the other end.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// Where the connection breaks, or no byte comes for a minute.
    pub async fn ask(&mut self, request: &[u8]) -> Result<Head> {
        let head = self.begin(request).await?;
        self.body.clear();
        while self.more().await? {}
        Ok(head)
    }

    /// Sends a request and reads the beginning of the answer.
    ///
    /// # Errors
    /// Like [`Self::ask`].
    pub async fn begin(&mut self, request: &[u8]) -> Result<Head> {
        self.stream.write_all(request).await?;
        self.body.clear();
        let end = loop {
            if let Some(at) = find(&self.unread, b"\r\n\r\n") {
                break at;
            }
            self.fill().await?;
        };
        let (head, rest) = read_head(self.unread.get(..end).unwrap_or_default())?;
        self.unread.drain(..end + 4);
        self.rest = rest;
        Ok(head)
    }

    /// Reads some more of the body; false at its end.
    ///
    /// # Errors
    /// Like [`Self::ask`].
    pub async fn more(&mut self) -> Result<bool> {
        match self.rest {
            Rest::Nothing => Ok(false),
            Rest::Length(left) => {
                if left > 0 && self.unread.is_empty() {
                    self.fill().await?;
                }
                let taken = left.min(self.unread.len());
                self.body.extend(self.unread.drain(..taken));
                self.rest = if taken == left { Rest::Nothing } else { Rest::Length(left - taken) };
                Ok(self.rest != Rest::Nothing)
            }
            Rest::Chunked => self.chunk().await,
        }
    }

    /// Reads on until the body has this; false where it ends before.
    ///
    /// # Errors
    /// Like [`Self::ask`].
    pub async fn until(&mut self, what: &[u8]) -> Result<bool> {
        loop {
            if find(&self.body, what).is_some() {
                return Ok(true);
            }
            if !self.more().await? {
                return Ok(find(&self.body, what).is_some());
            }
        }
    }

    /// Forgets what was read of the body.
    pub fn forget(&mut self) {
        self.body.clear();
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the body has this.
    #[must_use]
    pub fn has(&self, what: &str) -> bool {
        find(&self.body, what.as_bytes()).is_some()
    }

    async fn chunk(&mut self) -> Result<bool> {
        let at = loop {
            match find(&self.unread, b"\r\n") {
                Some(at) => break at,
                None => self.fill().await?,
            }
        };
        let line = std::str::from_utf8(self.unread.get(..at).unwrap_or_default())?;
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
            .context("the size of a chunk")?;
        let (from, to) = (at + 2, at + 2 + size);
        while self.unread.len() < to + 2 {
            self.fill().await?;
        }
        self.body.extend_from_slice(self.unread.get(from..to).unwrap_or_default());
        self.unread.drain(..to + 2);
        if size == 0 {
            self.rest = Rest::Nothing;
        }
        Ok(size > 0)
    }

    async fn fill(&mut self) -> Result<()> {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.unread)).await;
        match read.context("no byte came for a minute")?? {
            0 => bail!("the connection was closed in the middle of an answer"),
            _ => Ok(()),
        }
    }
}

/// Where a text begins in another.
fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    let first = *what.first()?;
    let mut from = 0;
    while let Some(at) = text.get(from..)?.iter().position(|byte| *byte == first) {
        if text.get(from + at..)?.starts_with(what) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

fn read_head(head: &[u8]) -> Result<(Head, Rest)> {
    let text = std::str::from_utf8(head).context("a header that is not UTF-8")?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.get(9..12)).and_then(|code| code.parse().ok());
    let status = status.with_context(|| format!("not an answer: {text}"))?;
    let (mut session, mut rest) = (None, Rest::Nothing);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        let value = value.trim();
        if name.eq_ignore_ascii_case("content-length") {
            rest = Rest::Length(value.parse().context("Content-Length")?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            rest = Rest::Chunked;
        } else if name.eq_ignore_ascii_case("mcp-session-id") {
            session = Some(value.to_owned());
        }
    }
    Ok((Head { status, session }, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_an_answer_is_read() {
        let text = b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nMcp-Session-Id: abc";
        let head = Head { status: 200, session: Some("abc".to_owned()) };
        assert_eq!(read_head(text).unwrap(), (head, Rest::Length(12)));
        let text = b"HTTP/1.1 202 Accepted\r\nTransfer-Encoding: chunked";
        assert_eq!(read_head(text).unwrap(), (Head { status: 202, session: None }, Rest::Chunked));
        assert!(read_head(b"SSH-2.0").is_err());
    }

    #[test]
    fn a_text_is_found_behind_its_false_beginnings() {
        assert_eq!(find(b"aab aac", b"aac"), Some(4));
        assert_eq!(find(b"aa", b"aac"), None);
    }
}
