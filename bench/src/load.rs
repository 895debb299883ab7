//! Load: as many connections as are wanted, each asking again as soon as it was answered, for a
//! given time. Every answer is looked at; one that is wrong fails the run.
//!
//! This is our own code because load generators such as `oha` and `wrk` repeat one request: they start no session for
//! each connection, and count an answer by its status, which is 200 also for a tool that failed.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::task::JoinSet;

use crate::{
    http::{Connection, Head},
    messages::{Caller, HELLO},
};

/// The repeated work of one connection.
#[derive(Debug, Clone)]
pub enum Work {
    /// The same request.
    Repeat {
        /// The request.
        request: Vec<u8>,
        /// The text that its response must contain.
        expect: &'static [u8],
    },
    /// A call in a session that is started first: one for all connections, or one for each.
    Call {
        /// The caller that starts it.
        open: Caller,
        /// The caller of the tool.
        rest: Caller,
        /// Whether each connection has its own.
        own: bool,
    },
    /// A session of one call: `initialize`, `initialized`, `tools/call`.
    Session {
        /// The caller that starts it.
        open: Caller,
        /// Where the rest of it goes.
        rest: Caller,
    },
}

/// The measurements.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Load {
    /// Done each second.
    pub rate: f64,
    /// Half of them took less, in milliseconds.
    pub p50: f64,
    /// All but one of a hundred took less, in milliseconds.
    pub p99: f64,
}

/// Runs work on this many connections for this long, once all of them are ready.
///
/// # Errors
/// Where an answer is wrong or missing.
pub async fn run(port: u16, work: &Work, connections: usize, time: Duration) -> Result<Load> {
    let mut ready = Vec::new();
    let mut shared = None;
    for _ in 0..connections {
        let mut connection = Connection::open(port).await?;
        let work = match work {
            Work::Call { open, rest, own } => {
                let known = shared.take().filter(|_| !own);
                let session = match known {
                    Some(session) => session,
                    None => start(&mut connection, open, rest).await?,
                };
                let request = rest.call(&session);
                shared = Some(session);
                Work::Repeat { request, expect: HELLO }
            }
            other => other.clone(),
        };
        ready.push((connection, work));
    }
    let began = Instant::now();
    let mut running = JoinSet::new();
    for (connection, work) in ready {
        running.spawn(one(connection, work, began + time));
    }
    let mut took = Vec::new();
    while let Some(done) = running.join_next().await {
        took.extend(done??);
    }
    Ok(summary(took, began.elapsed()))
}

/// One connection's part: how long each took, in microseconds.
async fn one(mut connection: Connection, work: Work, until: Instant) -> Result<Vec<u32>> {
    let mut took = Vec::with_capacity(65_536);
    while Instant::now() < until {
        let began = Instant::now();
        match &work {
            Work::Repeat { request, expect } => expected(&mut connection, request, expect).await?,
            Work::Session { open, rest } => {
                let session = start(&mut connection, open, rest).await?;
                expected(&mut connection, &rest.call(&session), HELLO).await?;
            }
            Work::Call { .. } => bail!("a call without a session"),
        }
        took.push(u32::try_from(began.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(took)
}

/// Starts a session; returns its id.
///
/// # Errors
/// Where it is refused.
pub async fn start(connection: &mut Connection, open: &Caller, rest: &Caller) -> Result<String> {
    let head = connection.ask(&open.initialize()).await?;
    let session = head.session.clone().with_context(|| refused(&head, connection))?;
    let head = connection.ask(&rest.initialized(&session)).await?;
    if !matches!(head.status, 200 | 202) {
        bail!(refused(&head, connection));
    }
    Ok(session)
}

/// Asks, and looks at the answer.
///
/// # Errors
/// Where it is not the one that is expected.
pub async fn expected(connection: &mut Connection, request: &[u8], expect: &[u8]) -> Result<()> {
    let head = connection.ask(request).await?;
    if head.status != 200 || !connection.body.windows(expect.len()).any(|part| part == expect) {
        bail!(refused(&head, connection));
    }
    Ok(())
}

fn refused(head: &Head, connection: &Connection) -> String {
    let text: String = connection.text().chars().take(500).collect();
    format!("a wrong answer: {} {text}", head.status)
}

fn summary(mut took: Vec<u32>, elapsed: Duration) -> Load {
    took.sort_unstable();
    let at = |part: f64| {
        let place = (took.len() as f64 * part) as usize;
        took.get(place.min(took.len().saturating_sub(1))).map_or(0.0, |us| f64::from(*us) / 1_000.0)
    };
    Load { rate: took.len() as f64 / elapsed.as_secs_f64(), p50: at(0.5), p99: at(0.99) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_is_its_rate_and_its_percentiles() {
        let load = summary((1..=1_000).map(|ms| ms * 1_000).collect(), Duration::from_secs(10));
        assert_eq!((load.rate, load.p50, load.p99), (100.0, 501.0, 991.0));
        assert_eq!(summary(Vec::new(), Duration::from_secs(1)), Load::default());
    }
}
