//! The same call again and again, and streams opened and closed: memory does not grow with what was
//! asked, neither that of the process nor that of the instance, with a heap that is capped.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use tokio::{task::JoinSet, time::sleep};

use super::{
    Found, Size,
    host::{Host, session},
};
use crate::{
    counts::listen,
    http::{Connection, request},
    load::expected,
    messages::{Caller, HELLO},
};

/// Connections that call.
const CALLERS: usize = 16;
/// Parts of a series, after each of which memory is read.
const PARTS: usize = 10;
/// The allowed growth of memory between the most in the first half of a series and its end, in MB; the leak of one
/// closure for each call is 70 MB.
const GROWTH: u64 = 30;
/// The allowed growth of the instance in the same time, in KB: two pages of WebAssembly.
const INSTANCE: usize = 128;
/// Comments come every 20 s: by then clients that left are noticed.
const NOTICED: Duration = Duration::from_secs(24);

pub(super) async fn run(bundle: PathBuf, size: Size) -> Result<Found> {
    let host = Host::start(bundle, &[]).await?;
    let mut found = Found::default();
    // The first 10,000 fill what the collector lets lie.
    let calls = size.of(32_000, 200_000);
    for stateless in [false, true] {
        let era = if stateless { "without a session" } else { "in sessions" };
        let mut read = Vec::new();
        let mut callers = Vec::new();
        for _ in 0..CALLERS {
            callers.push((Connection::open(host.port).await?, request_of(&host, stateless).await?));
        }
        for _ in 0..PARTS {
            callers = part(callers, calls / PARTS / CALLERS).await?;
            read.push((host.memory(), host.instance().await?));
        }
        level(&mut found, &format!("{calls} calls {era}"), &read);
    }
    streams(&host, size, &mut found).await?;
    Ok(found)
}

async fn request_of(host: &Host, stateless: bool) -> Result<Vec<u8>> {
    let caller = Caller::at("/mcp");
    Ok(match stateless {
        true => caller.stateless_call("echo", r#"{"text":"hello"}"#),
        false => caller.call(&session(host.port).await?),
    })
}

type Calling = Vec<(Connection, Vec<u8>)>;

/// So many calls on each connection.
async fn part(callers: Calling, times: usize) -> Result<Calling> {
    let mut calling = JoinSet::new();
    for (mut connection, request) in callers {
        calling.spawn(async move {
            for _ in 0..times {
                expected(&mut connection, &request, HELLO).await?;
            }
            anyhow::Ok((connection, request))
        });
    }
    calling.join_all().await.into_iter().collect()
}

/// Streams that are open, and then gone, again and again.
async fn streams(host: &Host, size: Size, found: &mut Found) -> Result<()> {
    // What is allocated once, and the tables that are bounded, are full after four rounds.
    let (rounds, count) = size.of((2, 30), (8, 300));
    let (mut read, mut most) = (vec![(host.memory(), host.instance().await?)], 0);
    for _ in 0..rounds {
        let mut open = Vec::new();
        for number in 0..count {
            open.push(stream(host.port, number % 3).await?);
        }
        most = most.max(host.memory());
        for stream in open {
            stream.reset()?;
        }
        sleep(NOTICED.min(size.of(Duration::from_secs(1), NOTICED))).await;
        read.push((host.memory(), host.instance().await?));
    }
    let first = read.get(1).map_or(0, |(_, instance)| *instance);
    let each = first.saturating_sub(read.first().map_or(0, |(_, instance)| *instance)) as f64;
    found.did(format!(
        "{count} streams at a time: {:.1} KB of the instance's memory for each, {most} MB with all open",
        each / count as f64
    ));
    level(found, &format!("{} streams opened and gone", rounds * count), &read);
    Ok(())
}

async fn stream(port: u16, kind: usize) -> Result<Connection> {
    let caller = Caller::at("/mcp");
    let (request, first) = match kind {
        0 => (listen(&caller), &b"acknowledged"[..]),
        1 => (caller.stream(&session(port).await?, None), &b"connected"[..]),
        _ => (request("GET", "/sse", &[("accept", "text/event-stream")], ""), &b"endpoint"[..]),
    };
    let mut connection = Connection::open(port).await?;
    connection.begin(&request).await?;
    connection.until(first).await?.then_some(connection).context("no stream")
}

/// Notes what was read, and whether the series ends where its first half was: at the most of it, as the collector
/// gives the process's memory back at a time of its own.
fn level(found: &mut Found, what: &str, read: &[(u64, usize)]) {
    let memory: Vec<u64> = read.iter().map(|(memory, _)| *memory).collect();
    let at = |place: usize| read.get(place).copied().unwrap_or_default();
    let ((_, small), (end, large)) = (at(read.len() / 2), at(read.len() - 1));
    let half = memory.iter().take(read.len() / 2 + 1).copied().max().unwrap_or_default();
    let instance: Vec<usize> = read.iter().map(|(_, instance)| *instance).collect();
    found.did(format!("{what}: memory in MB {memory:?}, of the instance in KB {instance:?}"));
    found.check(end <= half + GROWTH, || format!("{what}: memory grew from {half} to {end} MB"));
    found.check(large <= small + INSTANCE, || {
        format!("{what}: the instance's memory grew from {small} to {large} KB")
    });
}
