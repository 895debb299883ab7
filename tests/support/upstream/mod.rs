//! Stand-ins for other people's MCP servers, on loopback.
//!
//! [`Upstream`] answers what a test scripts, byte by byte and with its timing, and records every byte
//! that reached it. [`mcp`] has small servers of each era on top of it, whose answers a script can
//! replace one by one. It works on sockets: an HTTP library refuses to send much of what a gateway
//! must survive.

pub mod mcp;
mod record;
mod reply;
mod request;
mod rule;

use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpSocket, TcpStream, tcp::OwnedWriteHalf},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use self::{record::Record, request::Reader, rule::Rules};
pub use self::{
    record::Recorded,
    reply::{Feed, Gate, Reply},
    request::Request,
    rule::{Match, any, http, rpc, tool},
};
use super::wait;

/// A server that answers where no rule of the script does.
pub trait Behaviour: Send + Sync {
    /// Answers a request. The future is dropped where the client leaves before its end. Returns whether
    /// the connection may be used again.
    fn answer<'a>(&'a self, request: &'a Request, out: Out<'a>) -> BoxFuture<'a, io::Result<bool>>;
}

/// The writing side of a request's connection.
pub struct Out<'a>(&'a mut OwnedWriteHalf);

impl Out<'_> {
    pub async fn reply(self, reply: Reply) -> io::Result<bool> {
        reply.write(self.0).await
    }

    /// Begins a stream of events with these headers beside the usual ones.
    pub async fn stream(&mut self, headers: &[(&str, &str)]) -> io::Result<()> {
        let mut head = String::from(
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n",
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        self.0.write_all(format!("{head}transfer-encoding: chunked\r\n\r\n").as_bytes()).await
    }

    /// Writes a part of the stream.
    pub async fn write(&mut self, text: &str) -> io::Result<()> {
        reply::write_chunk(self.0, text.as_bytes()).await
    }

    /// Ends the stream.
    pub async fn end(self) -> io::Result<bool> {
        self.0.write_all(b"0\r\n\r\n").await?;
        Ok(true)
    }
}

struct Shared {
    record: Arc<Record>,
    rules: Mutex<Rules>,
    behaviour: Option<Arc<dyn Behaviour>>,
    /// Grows where all connections are cut.
    cuts: watch::Sender<u64>,
}

/// A running upstream. Dropping it closes its port and its connections.
pub struct Upstream {
    origin: String,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    /// One that answers what its rules say, and 404 otherwise.
    pub async fn start() -> Self {
        Self::behaving(None).await
    }

    /// One that behaves so where no rule says otherwise.
    pub async fn behaving(behaviour: Option<Arc<dyn Behaviour>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::new(Shared {
            record: Arc::default(),
            rules: Mutex::default(),
            behaviour,
            cuts: watch::Sender::new(0),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self { origin, shared, task }
    }

    /// Its origin, without trailing slash.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The URL of its Streamable HTTP endpoint.
    pub fn url(&self) -> String {
        format!("{}/mcp", self.origin)
    }

    /// Adds a rule. The first rule that fits a request and has times left answers it.
    pub fn on(
        &self,
        matches: Match,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> &Self {
        self.shared.rules.lock().unwrap().add(matches, Arc::new(answer));
        self
    }

    /// Forgets all rules.
    pub fn forget_rules(&self) {
        self.shared.rules.lock().unwrap().clear();
    }

    /// The requests so far, oldest first.
    pub fn recorded(&self) -> Vec<Recorded> {
        self.shared.record.requests()
    }

    /// The requests so far that fit, oldest first.
    pub fn requests(&self, matches: &Match) -> Vec<Request> {
        let all = self.recorded().into_iter().map(|recorded| recorded.request);
        all.filter(|request| matches.fits(request)).collect()
    }

    /// How many requests fit.
    pub fn count(&self, matches: &Match) -> usize {
        self.requests(matches).len()
    }

    /// Waits for the first request that fits.
    pub async fn received(&self, matches: &Match) -> Request {
        let first = async || self.requests(matches).into_iter().next().ok_or("no such request");
        wait::until("the upstream receives a request", first).await
    }

    /// Waits until the client of a request that fits has left before the answer's end.
    pub async fn left(&self, matches: &Match) -> Recorded {
        let is_left =
            |recorded: &Recorded| recorded.left_at.is_some() && matches.fits(&recorded.request);
        let first = async || self.recorded().into_iter().find(is_left).ok_or("nobody has left");
        wait::until("the client of a request leaves", first).await
    }

    /// The bytes of each connection so far.
    pub fn connections(&self) -> Vec<Vec<u8>> {
        self.shared.record.connections()
    }

    /// How many connections are open.
    pub fn open_connections(&self) -> usize {
        self.shared.record.open()
    }

    /// Checks that these bytes are in nothing that reached it: no request line, header or body.
    #[track_caller]
    pub fn never_received(&self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        for received in self.connections() {
            let has = received.windows(bytes.len()).any(|window| window == bytes);
            let shown = String::from_utf8_lossy(&received);
            assert!(!has, "{:?} reached it:\n{shown}", String::from_utf8_lossy(bytes));
        }
    }

    /// Cuts all connections, as a server does that ends.
    pub async fn cut_connections(&self) {
        let connections = self.shared.record.count();
        self.shared.cuts.send_modify(|cuts| *cuts += 1);
        let record = &self.shared.record;
        wait::holds("the connections are cut", || record.are_closed(connections)).await;
    }
}

/// The URL of a port at which nothing listens.
pub fn closed_port() -> String {
    format!("http://127.0.0.1:{}/mcp", xtask::ports::free().unwrap())
}

/// A port to which no connection comes about: its queue is full, and it never accepts.
pub struct NeverAccepts {
    address: std::net::SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl NeverAccepts {
    pub async fn start() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        // The queue holds a few more than asked for.
        while let Ok(connected) =
            timeout(Duration::from_millis(200), TcpStream::connect(address)).await
        {
            waiting.push(connected.unwrap());
        }
        Self { address, _listener: listener, _waiting: waiting }
    }

    pub fn url(&self) -> String {
        format!("http://{}/mcp", self.address)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            Ok((stream, _)) = listener.accept() => {
                connections.spawn(connection(stream, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    // Small chunks must not wait for the acknowledgement of earlier ones.
    stream.set_nodelay(true).unwrap();
    let number = shared.record.opened();
    let mut cuts = shared.cuts.subscribe();
    tokio::select! {
        () = requests(stream, &shared, number) => {}
        _ = cuts.changed() => {}
    }
    shared.record.closed(number);
}

/// Answers the requests of a connection, one after the other.
async fn requests(stream: TcpStream, shared: &Shared, number: usize) {
    let (input, mut output) = stream.into_split();
    let mut reader = Reader::new(input, Arc::clone(&shared.record), number);
    while let Some(mut request) = reader.head().await {
        let early = shared.rules.lock().unwrap().take(&request, true);
        if early.is_none() && reader.body(&mut request).await.is_none() {
            return;
        }
        let noted = shared.record.requested(request.clone());
        let rule = early.or_else(|| shared.rules.lock().unwrap().take(&request, false));
        let answering = async {
            let out = Out(&mut output);
            match (rule, &shared.behaviour) {
                (Some(rule), _) => out.reply(rule(&request)).await,
                (None, Some(behaviour)) => behaviour.answer(&request, out).await,
                (None, None) => out.reply(Reply::status(404)).await,
            }
        };
        tokio::select! {
            done = answering => {
                shared.record.answered(noted);
                if !done.unwrap_or(false) {
                    return;
                }
            }
            () = reader.closed() => return shared.record.left(noted),
        }
    }
}
