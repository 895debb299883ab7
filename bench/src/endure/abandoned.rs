//! Sessions that are opened and left: nothing is stored, and memory comes back.

use std::{fs, path::Path, path::PathBuf, time::Duration};

use anyhow::Result;
use tokio::time::sleep;

use super::{Found, Size, host::Host};
use crate::{contestant::Contestant, memory};

/// What the local runtime makes for any object, used or not.
const EMPTY_OBJECT: u64 = 4_096;
/// What memory may grow by between the first half and the second, in MB.
const GROWTH: u64 = 150;
const OPENING: Duration = Duration::from_secs(400);
/// The runtime puts objects away that nobody asked for 10 s.
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
    let at = |place: usize| memory.get(place).copied().unwrap_or_default();
    let (half, end) = (at(memory.len() / 2), at(memory.len() - 1));
    found.check(end <= half + GROWTH, || format!("memory grew from {half} to {end} MB"));
    let written = written(&host.server.storage().join("sitebay-mcp-SessionAgent"));
    found.did(format!("{written} objects of sessions wrote a row"));
    found.check(written == 0, || format!("{written} abandoned sessions left rows"));
    found.check(host.is_prompt().await?, || "others wait".to_owned());
    Ok(found)
}

/// Objects that wrote anything.
fn written(folder: &Path) -> usize {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let wrote = |path: PathBuf| {
        let size = fs::metadata(&path).map_or(0, |file| file.len());
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("sqlite") => !path.ends_with("metadata.sqlite") && size != EMPTY_OBJECT,
            Some("sqlite-wal") => !path.to_string_lossy().contains("metadata") && size > 0,
            _ => false,
        }
    };
    files.filter(|file| wrote(file.path())).count()
}
