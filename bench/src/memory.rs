//! Memory of `workerd` with many sessions: in use, and left alone.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::{task::JoinSet, time::sleep};
use xtask::exec::say;

use crate::{
    contestant::{Built, Contestant},
    counts::stored,
    http::Connection,
    load::{expected, start},
    messages::{Caller, HELLO},
    workerd::Process,
};

/// Memory, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Whose.
    pub who: Contestant,
    /// How many sessions were opened.
    pub sessions: usize,
    /// After a few requests.
    pub before: u64,
    /// With all sessions just used.
    pub open: u64,
    /// With all of them left for [`IDLE`].
    pub idle: u64,
    /// In files of objects.
    pub stored: u64,
}

/// The runtime evicts objects after 10 s without a request.
pub const IDLE: Duration = Duration::from_secs(25);
/// Connections that open sessions.
const CONNECTIONS: usize = 16;

/// Opens sessions of one call and leaves them; stops early when the time is over.
///
/// # Errors
/// Where one is refused.
pub async fn run(
    built: &Built,
    who: Contestant,
    sessions: usize,
    time: Duration,
) -> Result<Option<Memory>> {
    say(&format!("memory: {sessions} sessions of {}", who.name()));
    let process = Process::start(&built.worker(who)).await?;
    let resident = || process.resident();
    open(process.port, who, CONNECTIONS, time).await?;
    let Some(before) = resident() else {
        return Ok(None);
    };
    let opened = open(process.port, who, sessions, time).await?;
    let open = resident().context("the process ended")?;
    sleep(IDLE).await;
    let idle = resident().context("the process ended")?;
    let stored = stored(&process.storage());
    Ok(Some(Memory { who, sessions: opened, before, open, idle, stored }))
}

/// Opens sessions of one call, until the time is over; says how many.
///
/// # Errors
/// Where one is refused.
pub async fn open(port: u16, who: Contestant, sessions: usize, time: Duration) -> Result<usize> {
    let until = Instant::now() + time;
    let mut opening = JoinSet::new();
    for index in 0..CONNECTIONS {
        let share = sessions / CONNECTIONS + usize::from(index < sessions % CONNECTIONS);
        opening.spawn(share_of(port, who, share, until));
    }
    let mut opened = 0;
    while let Some(done) = opening.join_next().await {
        opened += done??;
    }
    Ok(opened)
}

async fn share_of(port: u16, who: Contestant, share: usize, until: Instant) -> Result<usize> {
    let mut connection = Connection::open(port).await?;
    let (open, rest) = match who {
        Contestant::Floor => (Caller::at("/open"), Caller::at("/named")),
        _ => (who.caller(), who.caller()),
    };
    for done in 0..share {
        if Instant::now() > until {
            return Ok(done);
        }
        let session = start(&mut connection, &open, &rest).await?;
        expected(&mut connection, &rest.call(&session), HELLO).await?;
    }
    Ok(share)
}
