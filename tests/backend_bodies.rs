//! Bodies on their way to the server behind this one and back: nothing is held, and nothing changes.
//!
//! Statement 24 of the gateway.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::{StreamExt as _, stream};
use sha1::{Digest as _, Sha1};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Notify, mpsc},
};
use xtask::server::Server;

use crate::support::{
    backend::{Backend, answer, ask, exchange},
    lines::lines,
    memory, options, start, wait,
};

/// 100 MiB.
const LARGE: u64 = 100 << 20;
/// How much more memory the runtime may have at most while they pass.
const FLAT: u64 = 40 << 20;

const PIECE: usize = 65_536;

async fn before(backend: &Backend) -> Server {
    start(options().var("BACKEND_URL", &backend.url)).await
}

async fn connect(server: &Server, request: &str) -> TcpStream {
    let address = server.url().replace("http://", "");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

/// Reads until there are these bytes.
async fn read_until(stream: &mut TcpStream, wanted: &str) -> String {
    let mut heard = Vec::new();
    wait::done(&format!("{wanted:?} arrives"), async {
        while !String::from_utf8_lossy(&heard).contains(wanted) {
            assert!(stream.read_buf(&mut heard).await.unwrap() > 0, "it ends before {wanted:?}");
        }
    })
    .await;
    String::from_utf8_lossy(&heard).into_owned()
}

/// A backend that takes an upload and says how many bytes it had.
async fn counting() -> Backend {
    Backend::handling(|mut exchange| {
        Box::pin(async move {
            let length = exchange.head.to_lowercase();
            let length = length.split("content-length: ").nth(1).and_then(|l| l.lines().next());
            let length: u64 = length.unwrap().parse().unwrap();
            let mut taken = 0;
            while taken < length {
                let Some(piece) = exchange.read().await else { return };
                taken += piece.len() as u64;
            }
            let _ = exchange.write(answer("200 OK", taken.to_string())).await;
        })
    })
    .await
}

/// A backend that sends so many bytes, as fast as they are taken, and counts them.
async fn sending(bytes: u64) -> (Backend, Arc<AtomicU64>) {
    let sent = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&sent);
    let backend = Backend::handling(move |mut exchange| {
        let sent = Arc::clone(&counted);
        Box::pin(async move {
            let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n");
            exchange.write(head).await.unwrap();
            let piece = vec![7; PIECE];
            while sent.load(Ordering::Relaxed) < bytes {
                if exchange.write(&piece).await.is_err() {
                    return;
                }
                sent.fetch_add(PIECE as u64, Ordering::Relaxed);
            }
        })
    })
    .await;
    (backend, sent)
}

#[tokio::test]
async fn an_upload_of_100_mib_passes_with_flat_memory() {
    let backend = counting().await;
    let server = before(&backend).await;
    ask(&server.url(), "POST /warm", "content-length: 0\r\n").await;
    let memory = memory::resident(&server);
    let pieces =
        stream::iter((0..LARGE / PIECE as u64).map(|_| Ok::<_, std::io::Error>(vec![7; PIECE])));
    let body = reqwest::Body::wrap_stream(pieces);
    let client = reqwest::Client::new();
    let sent = client.put(format!("{}/x", server.url())).header("content-length", LARGE).body(body);
    let answer = sent.send().await.unwrap().text().await.unwrap();
    assert_eq!(answer, LARGE.to_string());
    memory::bounded(&server, memory, FLAT);
}

#[tokio::test]
async fn a_download_of_100_mib_passes_with_flat_memory() {
    let (backend, _) = sending(LARGE).await;
    let server = before(&backend).await;
    let client = reqwest::Client::new();
    ask(&server.url(), "GET /health", "").await;
    let memory = memory::resident(&server);
    let got = client.get(format!("{}/x", server.url())).send().await.unwrap();
    let mut taken = 0;
    let mut body = got.bytes_stream();
    while let Some(piece) = body.next().await {
        taken += piece.unwrap().len() as u64;
    }
    assert_eq!(taken, LARGE);
    memory::bounded(&server, memory, FLAT);
}

#[tokio::test]
async fn a_client_that_does_not_read_holds_the_backend_back() {
    let (backend, sent) = sending(LARGE).await;
    let server = before(&backend).await;
    ask(&server.url(), "GET /health", "").await;
    let memory = memory::resident(&server);
    let mut slow = connect(&server, "GET /x HTTP/1.1\r\nhost: a\r\n\r\n").await;
    // What was sent does not grow any more.
    let mut last = u64::MAX;
    wait::until("the backend is held back", async || {
        let now = sent.load(Ordering::Relaxed);
        // Real time: a backend that goes on shows it in this time.
        tokio::time::sleep(Duration::from_millis(500)).await;
        let is_still = now > 0 && now == last;
        last = now;
        if is_still { Ok(()) } else { Err(now) }
    })
    .await;
    assert!(last < LARGE / 2, "{last}");
    memory::bounded(&server, memory, FLAT);
    let mut rest = vec![0; PIECE];
    let mut taken = 0;
    while taken < LARGE {
        let read = wait::done("it goes on", slow.read(&mut rest)).await.unwrap();
        assert!(read > 0, "{taken}");
        taken += read as u64;
    }
}

#[tokio::test]
async fn a_backend_that_does_not_read_holds_the_client_back() {
    let go_on = Arc::new(Notify::new());
    let waits = Arc::clone(&go_on);
    let backend = Backend::handling(move |mut exchange| {
        let go_on = Arc::clone(&waits);
        Box::pin(async move {
            go_on.notified().await;
            let mut taken = 0;
            while taken < LARGE {
                taken += exchange.read().await.unwrap().len() as u64;
            }
            exchange.write(answer("200 OK", "all")).await.unwrap();
        })
    })
    .await;
    let server = before(&backend).await;
    ask(&server.url(), "GET /health", "").await;
    let memory = memory::resident(&server);
    let head = format!("POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: {LARGE}\r\n\r\n");
    let mut stream = connect(&server, &head).await;
    let piece = vec![7; PIECE];
    let mut sent = 0;
    // Real time: a server that takes more does so in this time.
    let pause = Duration::from_millis(700);
    while let Ok(written) = tokio::time::timeout(pause, stream.write(&piece)).await {
        sent += written.unwrap() as u64;
        assert!(sent < LARGE / 2, "the upload is held somewhere");
    }
    memory::bounded(&server, memory, FLAT);
    go_on.notify_one();
    while sent < LARGE {
        let left = usize::try_from(LARGE - sent).unwrap().min(PIECE);
        sent += stream.write(&piece[..left]).await.unwrap() as u64;
    }
    read_until(&mut stream, "all").await;
}

#[tokio::test]
async fn a_body_has_its_bytes_and_its_framing() {
    let backend = Backend::answering(|received| answer("200 OK", &received.body)).await;
    let server = before(&backend).await;
    let body: Vec<u8> = (0..=255).cycle().take(70_000).collect();
    for encoding in ["", "content-encoding: gzip\r\n", "content-encoding: x-own\r\n"] {
        let mut request = format!(
            "POST /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\n{encoding}content-length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend(&body);
        let heard = exchange(&server.url(), request).await;
        assert!(heard.ends_with(&body), "{encoding}");
        assert_eq!(backend.last().header("content-length"), Some("70000"));
        assert_eq!(backend.last().header("transfer-encoding"), None);
    }
    let chunked = "POST /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n\
                   3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    assert!(exchange(&server.url(), chunked).await.ends_with(b"abcde"));
    assert_eq!(backend.last().header("content-length"), None);
    for method in ["GET", "DELETE"] {
        let small = format!(
            "{method} /x HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 5\r\n\r\nhello"
        );
        assert!(exchange(&server.url(), small).await.ends_with(b"hello"), "{method}");
        assert_eq!(backend.last().body, b"hello");
    }
}

#[tokio::test]
async fn a_compressed_answer_is_byte_for_byte_the_same() {
    // Not even valid: nobody looks inside.
    let bytes: Vec<u8> =
        [0x1f, 0x8b, 8, 0].into_iter().chain((0..=255).cycle().take(9_000)).collect();
    let sent = bytes.clone();
    let backend = Backend::answering(move |received| {
        let encoding = received.target().rsplit('/').next().unwrap();
        let head = format!(
            "200 OK\r\ncontent-type: text/html\r\ncontent-encoding: {encoding}\r\nconnection: x"
        );
        answer(&head, &sent)
    })
    .await;
    let server = before(&backend).await;
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        for accepts in ["", "accept-encoding: gzip, br\r\n", "accept-encoding: identity\r\n"] {
            let request = format!(
                "GET /{encoding} HTTP/1.1\r\nhost: a\r\n{accepts}connection: close\r\n\r\n"
            );
            let heard = exchange(&server.url(), request).await;
            let end = heard.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
            let head = String::from_utf8_lossy(&heard[..end]).to_lowercase();
            assert!(head.contains(&format!("content-encoding: {encoding}")), "{head}");
            assert!(heard[end + 4..] == bytes, "{encoding} {accepts}");
            let received = backend.last();
            assert_eq!(received.header("accept-encoding").is_some(), !accepts.is_empty());
        }
    }
}

/// The median of what an event takes from the one end to the other.
async fn median_delay(
    url: &str,
    events: &mpsc::UnboundedSender<()>,
    wrote: &Mutex<Instant>,
) -> Duration {
    let mut delays = Vec::new();
    let mut stream = TcpStream::connect(url.replace("http://", "")).await.unwrap();
    stream
        .write_all(b"GET /events HTTP/1.1\r\nhost: a\r\naccept: text/event-stream\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut stream, "data: first").await;
    for _ in 0..31 {
        // The backend writes the next event once the last one is there: none waits for others.
        events.send(()).unwrap();
        read_until(&mut stream, "data: next").await;
        // Real time: it is what is measured.
        delays.push(wrote.lock().unwrap().elapsed());
    }
    delays.sort();
    delays[delays.len() / 2]
}

/// It is about real time, and shows it: how much later an event arrives than from the backend itself.
#[tokio::test]
async fn an_event_passes_as_soon_as_it_is_written() {
    let (events, asked) = mpsc::unbounded_channel();
    let (wrote, asked) =
        (Arc::new(Mutex::new(Instant::now())), Arc::new(tokio::sync::Mutex::new(asked)));
    let writes = Arc::clone(&wrote);
    let backend = Backend::handling(move |mut exchange| {
        let (wrote, asked) = (Arc::clone(&writes), Arc::clone(&asked));
        Box::pin(async move {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            let first = format!("{head}d\r\ndata: first\n\n\r\n");
            exchange.write(first).await.unwrap();
            let mut asked = asked.lock().await;
            for _ in 0..31 {
                asked.recv().await.unwrap();
                *wrote.lock().unwrap() = Instant::now();
                exchange.write("c\r\ndata: next\n\n\r\n").await.unwrap();
            }
        })
    })
    .await;
    let server = before(&backend).await;
    let direct = median_delay(&backend.url, &events, &wrote).await;
    let through = median_delay(&server.url(), &events, &wrote).await;
    println!("an event takes {direct:?} directly and {through:?} through the server (medians)");
    assert!(through < direct + Duration::from_millis(5), "{direct:?} {through:?}");
}

#[tokio::test]
async fn a_client_that_leaves_ends_the_request_to_the_backend() {
    let (told, mut left) = mpsc::unbounded_channel();
    let (begun, mut begins) = mpsc::unbounded_channel();
    let backend = Backend::handling(move |mut exchange| {
        let (told, begun) = (told.clone(), begun.clone());
        Box::pin(async move {
            begun.send(()).unwrap();
            if exchange.head.starts_with("GET /events") {
                let head =
                    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: first\n\n";
                exchange.write(head).await.unwrap();
            }
            while exchange.read().await.is_some() {}
            told.send(exchange.head.lines().next().unwrap().to_owned()).unwrap();
        })
    })
    .await;
    let server = before(&backend).await;
    let head = "HTTP/1.1\r\nhost: a\r\n";
    for (line, rest, wanted) in [
        ("GET /events", "\r\n", Some("data: first")),
        ("GET /silent", "\r\n", None),
        ("POST /upload", "content-length: 1000000\r\n\r\nhello", None),
        ("POST /chunked", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n", None),
        ("POST /waits", "content-length: 5\r\n\r\nhello", None),
    ] {
        let mut stream = connect(&server, &format!("{line} {head}{rest}")).await;
        wait::done("the request arrives", begins.recv()).await.unwrap();
        if let Some(wanted) = wanted {
            read_until(&mut stream, wanted).await;
        }
        // A side that only sends no more may still read.
        stream.set_zero_linger().unwrap();
        drop(stream);
        let ended = wait::done(&format!("{line} ends"), left.recv()).await.unwrap();
        assert!(ended.starts_with(line), "{ended}");
    }
    let of = |outcome| lines(&server).iter().filter(|line| line["outcome"] == outcome).count();
    wait::until("the log says that four left before the answer", async || {
        if of("backend-left") == 4 { Ok(()) } else { Err(server.log()) }
    })
    .await;
}

#[tokio::test]
async fn an_answer_that_comes_before_the_upload_ends_arrives() {
    let backend = Backend::handling(|mut exchange| {
        Box::pin(async move {
            exchange.write(answer("413 Content Too Large", "no more")).await.unwrap();
            while exchange.read().await.is_some() {}
        })
    })
    .await;
    let server = before(&backend).await;
    let head = "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 50000000\r\n\r\nhello";
    let mut stream = connect(&server, head).await;
    let heard = read_until(&mut stream, "no more").await;
    assert!(heard.starts_with("HTTP/1.1 413"), "{heard}");
}

#[tokio::test]
async fn both_bodies_stream_at_once() {
    let backend = Backend::handling(|mut exchange| {
        Box::pin(async move {
            exchange.write("HTTP/1.1 200 OK\r\nx-begun: yes\r\n\r\n").await.unwrap();
            while let Some(piece) = exchange.read().await {
                exchange.write(piece).await.unwrap();
            }
        })
    })
    .await;
    let server = before(&backend).await;
    let head = "POST /x HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut stream = connect(&server, head).await;
    read_until(&mut stream, "x-begun").await;
    for word in ["alpha", "gamma"] {
        stream.write_all(format!("5\r\n{word}\r\n").as_bytes()).await.unwrap();
        read_until(&mut stream, word).await;
    }
}

#[tokio::test]
async fn a_stream_that_the_backend_cuts_is_cut_and_not_ended_well() {
    let backend = Backend::handling(|mut exchange| {
        Box::pin(async move {
            let cut = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";
            exchange.write(cut).await.unwrap();
        })
    })
    .await;
    let server = before(&backend).await;
    let got = reqwest::get(format!("{}/x", server.url())).await.unwrap();
    assert!(got.bytes().await.is_err());
}

const UPGRADE: &str = "GET /socket HTTP/1.1\r\nhost: a\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                       sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
                       sec-websocket-protocol: chat, other\r\n\r\n";

/// RFC 6455 §4.2.2.
fn accepted(head: &str) -> String {
    let line = head.lines().find(|line| line.to_lowercase().starts_with("sec-websocket-key: "));
    let (_, key) = line.unwrap().split_once(": ").unwrap();
    STANDARD.encode(Sha1::digest(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11")))
}

#[tokio::test]
async fn a_socket_is_opened_through_and_carries_messages_both_ways() {
    let backend = Backend::handling(|mut exchange| {
        Box::pin(async move {
            let accept = accepted(&exchange.head);
            let head = format!(
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
                 sec-websocket-accept: {accept}\r\nsec-websocket-protocol: chat\r\n\r\n"
            );
            exchange.write(head).await.unwrap();
            // A frame of a client is masked; under a mask of zeros its text is plain.
            while let Some(frame) = exchange.read().await {
                let text = String::from_utf8_lossy(&frame).into_owned();
                if text.contains("ping!") {
                    exchange.write(b"\x81\x05pong!").await.unwrap();
                }
            }
        })
    })
    .await;
    let server = before(&backend).await;
    let mut socket = connect(&server, UPGRADE).await;
    let head = read_until(&mut socket, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(head.to_lowercase().contains("sec-websocket-protocol: chat\r\n"), "{head}");
    for _ in 0..3 {
        socket.write_all(b"\x81\x85\0\0\0\0ping!").await.unwrap();
        read_until(&mut socket, "pong!").await;
    }
}

#[tokio::test]
async fn a_socket_that_the_backend_refuses_is_refused_in_its_words() {
    let backend = Backend::answering(|_| answer("403 Forbidden", "no socket")).await;
    let server = before(&backend).await;
    let mut stream = connect(&server, UPGRADE).await;
    let heard = read_until(&mut stream, "no socket").await;
    assert!(heard.starts_with("HTTP/1.1 403"), "{heard}");
}
