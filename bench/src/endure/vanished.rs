//! Clients that vanish without a word: half of them by a reset, half by silence.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result};
use tokio::time::sleep;

use super::{
    Found, Size,
    host::{Host, session},
};
use crate::{counts::listen, http::Connection, messages::Caller};

/// Comments come every 20 s; the runtime takes longer to notice some resets.
const NOTICED: Duration = Duration::from_secs(75);
/// Sockets that the server may have for itself: to the sandbox, say.
const OWN: usize = 10;

pub(super) async fn run(bundle: PathBuf, size: Size) -> Result<Found> {
    let host = Host::start(bundle, &[]).await?;
    let clients = size.of(60, 500);
    host.is_prompt().await?;
    let before = host.sockets();
    let mut silent = Vec::new();
    for number in 0..clients {
        let connection = begun(host.port, number).await?;
        match number % 2 {
            0 => connection.reset()?,
            _ => silent.push(connection),
        }
    }
    let mut found = Found::default();
    found.did(format!("{clients} clients with a stream or a call under way, then gone"));
    found.check(host.is_prompt().await?, || "others wait".to_owned());
    // Those that keep silent still have a connection, as far as anyone can see.
    let kept = silent.len();
    left(&host, &mut found, before, kept, "reset").await;
    for connection in silent {
        connection.reset()?;
    }
    left(&host, &mut found, before, 0, "silent").await;
    found.check(host.is_prompt().await?, || "others wait".to_owned());
    Ok(found)
}

/// A client in the middle of something: a listen stream, a session's stream, or a call.
async fn begun(port: u16, number: usize) -> Result<Connection> {
    let caller = Caller::at("/mcp");
    let mut connection = Connection::open(port).await?;
    let (request, first) = match number % 3 {
        0 => (listen(&caller), &b"acknowledged"[..]),
        1 => (caller.stream(&session(port).await?, None), &b"connected"[..]),
        _ => {
            let session = session(port).await?;
            (caller.streamed(&session, "slow", r#"{"ms":30000,"steps":300}"#), &b"progress"[..])
        }
    };
    connection.begin(&request).await?;
    connection.until(first).await?.then_some(connection).context("no stream")
}

/// Waits until the server let go of all but these.
async fn left(host: &Host, found: &mut Found, before: Option<usize>, kept: usize, who: &str) {
    let Some(before) = before else {
        return;
    };
    let mut now = usize::MAX;
    for _ in 0..NOTICED.as_secs() {
        now = host.sockets().unwrap_or_default();
        if now <= before + kept + OWN {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    found.did(format!("{who}: {before} sockets before, {now} after, {kept} connections open"));
    found.check(now <= before + kept + OWN, || format!("{who}: {now} sockets are still open"));
}
