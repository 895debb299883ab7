//! A client that asks and does not read.

use std::time::Duration;

use reqwest::RequestBuilder;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// A request whose answer waits in the buffers on its way.
pub struct Deaf {
    socket: TcpStream,
    text: Vec<u8>,
}

impl Deaf {
    /// Sends a request.
    pub async fn ask(request: RequestBuilder) -> Self {
        let request = request.header("connection", "close").build().unwrap();
        let (url, body) = (request.url(), request.body().and_then(|body| body.as_bytes()));
        let body = body.unwrap_or_default();
        let mut head = format!("{} {} HTTP/1.1\r\n", request.method(), url.path());
        head += &format!("host: {}\r\ncontent-length: {}\r\n", url.authority(), body.len());
        for (name, value) in request.headers() {
            head += &format!("{name}: {}\r\n", value.to_str().unwrap());
        }
        let socket = TcpSocket::new_v4().unwrap();
        // A small buffer, so that little waits in the kernel.
        socket.set_recv_buffer_size(4_096).unwrap();
        let mut socket = socket.connect(url.socket_addrs(|| None).unwrap()[0]).await.unwrap();
        socket.write_all(&[head.as_bytes(), b"\r\n", body].concat()).await.unwrap();
        Self { socket, text: Vec::new() }
    }

    /// The bytes read so far.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.text).unwrap()
    }

    /// Reads no further than to the first mention of this.
    pub async fn until(&mut self, what: &str) {
        while !String::from_utf8_lossy(&self.text).contains(what) {
            let mut byte = [0];
            let read = timeout(Duration::from_secs(30), self.socket.read(&mut byte)).await;
            assert_eq!(read.expect("in time").unwrap(), 1, "the answer ended before {what:?}");
            self.text.extend(byte);
        }
    }

    /// Reads all of the answer after all.
    pub async fn rest(mut self) -> String {
        let read = self.socket.read_to_end(&mut self.text);
        let read = timeout(Duration::from_secs(30), read).await;
        read.expect("the answer ends in time").unwrap();
        String::from_utf8_lossy(&self.text).into_owned()
    }
}
