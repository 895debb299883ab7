//! Bounded runs of faults and load. Each says what it lost, which must be nothing: a call without an
//! answer or with a wrong one, a stream that hangs, a change that was made twice, memory or rows that
//! stay.

mod abandoned;
mod deaf;
mod expiring;
mod faults;
mod host;
mod killed;
mod mixed;
mod moved;
mod repeated;
mod report;
mod vanished;
mod wires;

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use xtask::{
    bundle::{self, Flavour},
    exec::say,
};

pub use report::page;

/// How much of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// Seconds, as part of the tests.
    Short,
    /// Minutes.
    Full,
}

impl Size {
    /// The one or the other.
    fn of<T>(self, short: T, full: T) -> T {
        if self == Self::Short { short } else { full }
    }
}

/// A run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// `kill -9` in the middle of calls, streams and tasks.
    Killed,
    /// Sessions opened and left.
    Abandoned,
    /// Clients that vanish.
    Vanished,
    /// Clients that never read.
    Deaf,
    /// A SiteBay that fails in every way.
    Faults,
    /// Sessions that run out under load.
    Expiring,
    /// A clock that is put right.
    Moved,
    /// The same again and again.
    Repeated,
    /// Everything at once.
    Mixed,
}

impl Run {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Killed,
        Self::Abandoned,
        Self::Vanished,
        Self::Deaf,
        Self::Faults,
        Self::Expiring,
        Self::Moved,
        Self::Repeated,
        Self::Mixed,
    ];

    /// How the report calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Killed => "`kill -9` in the middle of calls, streams and tasks",
            Self::Abandoned => "sessions opened and left",
            Self::Vanished => "clients that vanish",
            Self::Deaf => "clients that never read",
            Self::Faults => "SiteBay fails",
            Self::Expiring => "sessions run out under load",
            Self::Moved => "the clock is moved",
            Self::Repeated => "the same again and again",
            Self::Mixed => "mixed traffic",
        }
    }
}

/// The results of a run.
#[derive(Debug, Clone, Default)]
pub struct Found {
    /// The counts of operations.
    pub did: Vec<String>,
    /// The losses.
    pub lost: Vec<String>,
}

impl Found {
    /// Notes what was done.
    fn did(&mut self, what: impl Into<String>) {
        self.did.push(what.into());
    }

    /// Notes a loss unless this holds.
    fn check(&mut self, holds: bool, lost: impl FnOnce() -> String) {
        if !holds {
            self.lost.push(lost());
        }
    }
}

/// A run that ended.
#[derive(Debug, Clone)]
pub struct Ended {
    /// Which.
    pub run: Run,
    /// Its findings.
    pub found: Found,
    /// How long it took.
    pub took: Duration,
}

/// Runs one.
///
/// # Errors
/// Where it could not be carried out.
pub async fn run(run: Run, size: Size) -> Result<Ended> {
    say(&format!("endurance: {}", run.name()));
    let bundle = bundle::build(Flavour::Fixtures)?.folder;
    let began = Instant::now();
    let found = match run {
        Run::Killed => killed::run(bundle, size).await,
        Run::Abandoned => abandoned::run(bundle, size).await,
        Run::Vanished => vanished::run(bundle, size).await,
        Run::Deaf => deaf::run(bundle, size).await,
        Run::Faults => faults::run(bundle, size).await,
        Run::Expiring => expiring::run(bundle, size).await,
        Run::Moved => moved::run(bundle, size).await,
        Run::Repeated => repeated::run(bundle, size).await,
        Run::Mixed => mixed::run(bundle, size).await,
    };
    let found = found.with_context(|| run.name())?;
    Ok(Ended { run, found, took: began.elapsed() })
}
