//! Sessions that are opened and left: nothing is stored, and memory comes back.

use std::{path::PathBuf, time::Duration};

use anyhow::Result;
use tokio::time::sleep;

use super::{
    Found, Size,
    host::{Host, written},
};
use crate::{contestant::Contestant, memory};

/// The allowed growth of memory between the first half and the second, in MB.
const GROWTH: u64 = 60;
const OPENING: Duration = Duration::from_secs(400);
/// The runtime evicts objects after 10 s without a request.
const PUT_AWAY: Duration = Duration::from_secs(12);

pub(super) async fn run(bundle: PathBuf, size: Size) -> Result<Found> {
    let host = Host::start(bundle, &[]).await?;
    let (sessions, batches) = size.of((400, 2), (10_000, 10));
    let mut memory = vec![host.memory()];
    let mut opened = 0;
    for _ in 0..batches {
        opened += memory::open(host.port, Contestant::Ours, sessions / batches, OPENING).await?;
        // Those of one batch are put away before the next.
        sleep(PUT_AWAY).await;
        memory.push(host.memory());
    }
    let mut found = Found::default();
    found.did(format!("{opened} sessions of one call opened and left"));
    found.did(format!("memory in MB, before and after each batch: {memory:?}"));
    found.check(opened == sessions, || format!("{} sessions did not open", sessions - opened));
    let half = memory.iter().take(memory.len() / 2 + 1).copied().max().unwrap_or_default();
    let end = memory.last().copied().unwrap_or_default();
    found.check(end <= half + GROWTH, || format!("memory grew from {half} to {end} MB"));
    let written = written(&host.server.storage().join("sitebay-mcp-SessionAgent"));
    found.did(format!("{written} objects of sessions wrote a row"));
    found.check(written == 0, || format!("{written} abandoned sessions left rows"));
    found.check(host.is_prompt().await?, || "others wait".to_owned());
    Ok(found)
}
