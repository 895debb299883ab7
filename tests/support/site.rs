//! A web site of one page, which receives the page's messages.

use std::sync::Arc;

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
};

/// Something the page posted; it waits until this is answered.
pub struct Said {
    pub path: String,
    pub body: String,
    heard: oneshot::Sender<()>,
}

impl Said {
    pub fn answer(self) {
        let _ = self.heard.send(());
    }
}

/// A running site.
pub struct Site {
    port: u16,
    said: mpsc::Receiver<Said>,
}

/// The files of a site: the page at `/`, its script everywhere else.
struct Files {
    page: String,
    script: String,
}

impl Site {
    pub async fn start(page: String, script: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (tell, said) = mpsc::channel(8);
        let files = Arc::new(Files { page, script });
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A browser also opens connections that it never uses.
                tokio::spawn(serve(stream, Arc::clone(&files), tell.clone()));
            }
        });
        Self { port, said }
    }

    /// Its origin under one of the names of this machine.
    pub fn origin(&self, host: &str) -> String {
        format!("http://{host}:{}", self.port)
    }

    /// The page's next message.
    pub async fn said(&mut self) -> Said {
        self.said.recv().await.expect("the site runs")
    }
}

/// One request of a connection.
async fn serve(stream: TcpStream, files: Arc<Files>, tell: mpsc::Sender<Said>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let (line, length) = head(&mut stream).await?;
    let mut words = line.split(' ');
    let (method, path) = (words.next()?, words.next()?);
    let (kind, text) = match (method, path) {
        ("POST", path) => {
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.ok()?;
            let (heard, answered) = oneshot::channel();
            let body = String::from_utf8_lossy(&body).into_owned();
            tell.send(Said { path: path.to_owned(), body, heard }).await.ok()?;
            answered.await.ok()?;
            ("text/plain", "")
        }
        (_, path) if path == "/" || path.starts_with("/?") => ("text/html", files.page.as_str()),
        _ => ("text/javascript", files.script.as_str()),
    };
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(text.as_bytes()).await.ok()
}

/// The first line of a request, and the length of its body.
async fn head(stream: &mut BufReader<TcpStream>) -> Option<(String, usize)> {
    let mut lines = stream.lines();
    let first = lines.next_line().await.ok()??;
    let mut length = 0;
    while let Some(line) = lines.next_line().await.ok()?.filter(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    Some((first, length))
}
