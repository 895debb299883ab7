//! Clients that vanish in the middle of something: a third by a reset, a third by closing, a third in
//! silence, which cannot be distinguished from a client that listens, until they close, too.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use tokio::time::sleep;

use super::{
    Found, Size,
    host::{Host, session},
};
use crate::{
    counts::listen,
    http::{Connection, request},
    messages::Caller,
};

/// A reset is seen at once, a close at the next thing that is written: comments come every 20 s. One
/// more round, because the kernel takes the first write to a client that closed.
const NOTICED: Duration = Duration::from_secs(45);
/// Sockets that the server may have for itself: to the sandbox, say.
const OWN: usize = 2;

/// In the middle of what.
const KINDS: usize = 7;
/// The kind that waits with nothing under way, which the runtime ends by itself after 5 s.
const IDLE: usize = 6;

pub(super) async fn run(bundle: PathBuf, size: Size) -> Result<Found> {
    let host = Host::start(bundle, &[]).await?;
    let clients = size.of(63, 504);
    host.is_prompt().await?;
    let before = host.sockets().unwrap_or_default();
    let (mut closing, mut silent) = (Vec::new(), Vec::new());
    for number in 0..clients {
        let connection = begun(host.port, number % KINDS).await?;
        match number / KINDS % 3 {
            _ if number % KINDS == IDLE => connection.reset()?,
            0 => connection.reset()?,
            1 => closing.push(connection),
            _ => silent.push(connection),
        }
    }
    let mut found = Found::default();
    found.did(format!(
        "{clients} clients with one of {KINDS} things under way: a `listen` stream, a session's stream, \
         `/sse`, a streamed call of either era, half a request, nothing"
    ));
    found.check(host.is_prompt().await?, || "others wait".to_owned());
    let gone = clients - closing.len() - silent.len();
    left(&host, &mut found, before + closing.len() + silent.len(), gone, "reset").await;
    let gone = closing.len();
    drop(closing);
    left(&host, &mut found, before + silent.len(), gone, "closed").await;
    let gone = silent.len();
    for connection in silent {
        connection.reset()?;
    }
    left(&host, &mut found, before, gone, "were silent for a while, then reset").await;
    found.check(host.is_prompt().await?, || "others wait".to_owned());
    Ok(found)
}

/// A client in the middle of something.
async fn begun(port: u16, kind: usize) -> Result<Connection> {
    let caller = Caller::at("/mcp");
    let mut connection = Connection::open(port).await?;
    let slow = r#"{"ms":60000,"steps":300}"#;
    let (request, first) = match kind {
        0 => (listen(&caller), &b"acknowledged"[..]),
        1 => (caller.stream(&session(port).await?, None), &b"connected"[..]),
        2 => (request("GET", "/sse", &[("accept", "text/event-stream")], ""), &b"endpoint"[..]),
        3 => (caller.streamed(&session(port).await?, "slow", slow), &b"progress"[..]),
        4 => (caller.streamed_stateless("slow", slow), &b"progress"[..]),
        5 => {
            let whole = caller.initialize();
            connection.send(whole.get(..whole.len() - 20).unwrap_or_default()).await?;
            return Ok(connection);
        }
        _ => (caller.initialize(), &b"protocolVersion"[..]),
    };
    connection.begin(&request).await?;
    connection.until(first).await?.then_some(connection).context("no stream")
}

/// Waits until the server let go of all but these.
async fn left(host: &Host, found: &mut Found, kept: usize, gone: usize, how: &str) {
    let began = Instant::now();
    while sockets(host) > kept + OWN && began.elapsed() < NOTICED {
        sleep(Duration::from_millis(200)).await;
    }
    let (now, took) = (sockets(host), began.elapsed().as_secs_f64());
    found.did(format!("{gone} {how}: let go of within {took:.0} s"));
    found.check(now <= kept + OWN, || format!("{how}: {} sockets are still open", now - kept));
}

fn sockets(host: &Host) -> usize {
    host.sockets().unwrap_or_default()
}
