//! Clients that never read: their streams are closed with a reason, and no other client waits.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::{
    Found, Size,
    host::{Host, session},
};
use crate::{http::Connection, load::expected, messages::Caller};

/// The size of each change in bytes, and how many are announced at once: fewer than may wait.
const BYTES: usize = 1_000;
const AT_ONCE: usize = 7;
/// How often: in all it is more than the kernel buffers.
const TIMES: usize = 1_700;
/// The allowed growth of memory, in MB.
const GROWTH: u64 = 200;

pub(super) async fn run(bundle: PathBuf, size: Size) -> Result<Found> {
    let host = Host::start(bundle, &[]).await?;
    let clients = size.of(2, 25);
    let mut deaf = Vec::new();
    for _ in 0..clients {
        deaf.push(listener(host.port).await?);
    }
    let (before, mut most) = (host.memory(), 0);
    let caller = Caller::at("/mcp");
    let session = session(host.port).await?;
    let mut connection = Connection::open(host.port).await?;
    let flood = json!({ "count": AT_ONCE, "bytes": BYTES, "of": "changes" }).to_string();
    let flood = caller.tool(&session, "flood", &flood);
    let mut found = Found::default();
    for time in 0..TIMES {
        expected(&mut connection, &flood, b"flooded").await?;
        if time % 100 == 0 {
            most = most.max(host.memory());
            found.check(host.is_prompt().await?, || "others wait".to_owned());
        }
    }
    found.did(format!("{clients} listeners that read nothing of {} changes", AT_ONCE * TIMES));
    found.did(format!("memory: {before} MB before, {most} MB at most"));
    found.check(most < before + GROWTH, || format!("memory grew to {most} MB"));
    for (number, mut stream) in deaf.into_iter().enumerate() {
        let closed = stream.until(b": closed: the client does not read").await;
        found.check(closed.is_ok_and(|closed| closed), || {
            format!("listener {number} was not closed with its reason")
        });
    }
    Ok(found)
}

async fn listener(port: u16) -> Result<Connection> {
    let text = "x".repeat(BYTES);
    let uris: Vec<String> = (1..=AT_ONCE).map(|one| format!("flood://{one}/{text}")).collect();
    let filter = json!({ "notifications": { "resourceSubscriptions": uris } }).to_string();
    let fields = filter.get(1..filter.len() - 1).unwrap_or_default();
    let request = Caller::at("/mcp").stateless("subscriptions/listen", None, fields);
    let mut connection = Connection::open_narrow(port).await?;
    connection.begin(&request).await?;
    connection.until(b"acknowledged").await?.then_some(connection).context("no stream")
}
