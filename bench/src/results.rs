//! Everything that one run found, and how long each part takes.

use std::time::Duration;

use anyhow::{Result, bail};
use xtask::exec::say;

use crate::{
    behind,
    contestant::{Built, Contestant},
    counts::{self, Counts},
    fanout::{self, Fanout, Streams},
    figure::Figure,
    growth::{self, Growth},
    http::Connection,
    load::{expected, start},
    machine::Machine,
    memory::{self, Memory},
    messages::HELLO,
    timed::{self, Plan, Timed},
    workerd::Process,
};

/// The results of a run.
#[derive(Debug)]
pub struct Results {
    /// Where.
    pub machine: Machine,
    /// How it was timed.
    pub plan: Plan,
    /// The timed figures.
    pub timed: Timed,
    /// Those of calls that pass through.
    pub behind: Timed,
    /// The counts.
    pub counts: Counts,
    /// Events to many.
    pub fanouts: Vec<Fanout>,
    /// Memory.
    pub memories: Vec<Memory>,
    /// The growth measurements.
    pub growth: Vec<Growth>,
    /// Bundles: raw and compressed.
    pub sizes: Vec<(Contestant, u64, u64)>,
}

/// How long a run may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// Some minutes: to see that it works.
    Quick,
    /// Half an hour: figures to show.
    Full,
}

impl Length {
    fn plan(self) -> Plan {
        match self {
            Self::Quick => Plan {
                rounds: 2,
                warm: Duration::from_millis(250),
                turns: 2,
                time: Duration::from_millis(250),
                starts: 2,
            },
            Self::Full => Plan {
                rounds: 9,
                warm: Duration::from_secs(2),
                turns: 4,
                time: Duration::from_millis(500),
                starts: 2,
            },
        }
    }

    /// Sessions whose memory is measured.
    fn sessions(self) -> &'static [usize] {
        if self == Self::Quick { &[1_000] } else { &[1_000, 10_000] }
    }
}

/// A contestant that is slow opens as many sessions as it can in this time.
const OPENING: Duration = Duration::from_secs(180);

/// Measures everything.
///
/// # Errors
/// Where a contestant does not answer as it should.
pub async fn run(length: Length) -> Result<Results> {
    let mut built = Built::new()?;
    built.line = line(&built).await?;
    let (machine, plan) = (Machine::here(), length.plan());
    let timed = timed::run(&built, plan, &Figure::ALL, &Contestant::ALL).await?;
    say("a server behind this one");
    let behind = behind::measure(&built, plan).await?;
    say("requests to objects, rows, bytes");
    let counts = counts::run(&built).await?;
    let fanouts = fanouts(&built).await?;
    say("growth");
    let growth = growth::run(&built, 1_000).await?;
    let memories = memories(&built, length).await?;
    let who = [
        Contestant::Ours,
        Contestant::Floor,
        Contestant::Classes,
        Contestant::McpAgent,
        Contestant::McpHandler,
    ];
    let size = |who| built.size(who).map(|(raw, gzip)| (who, raw, gzip));
    let sizes = who.into_iter().map(size).collect::<Result<_>>()?;
    Ok(Results { machine, plan, timed, behind, counts, fanouts, memories, growth, sizes })
}

/// The length of the line that ours writes for a call in a session, in bytes.
async fn line(built: &Built) -> Result<usize> {
    let who = Contestant::Ours;
    let process = Process::start(&built.worker(who)).await?;
    let mut connection = Connection::open(process.port).await?;
    let session = start(&mut connection, &who.caller(), &who.caller()).await?;
    expected(&mut connection, &who.caller().call(&session), HELLO).await?;
    // The runtime writes with a small delay.
    for _ in 0..100 {
        let log = process.log();
        if let Some(line) = log.lines().find(|line| line.contains("\"tools/call\"")) {
            return Ok(line.len());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("no line was written for a call: {}", process.log())
}

async fn fanouts(built: &Built) -> Result<Vec<Fanout>> {
    let mut fanouts = Vec::new();
    for streams in Streams::ALL {
        for count in [1, 10, 100, 1_000] {
            say(&format!("one event to {count} {}", streams.name()));
            fanouts.push(fanout::run(built, streams, count, 9).await?);
        }
    }
    Ok(fanouts)
}

async fn memories(built: &Built, length: Length) -> Result<Vec<Memory>> {
    let mut memories = Vec::new();
    for who in [Contestant::Ours, Contestant::Subject, Contestant::Floor, Contestant::McpAgent] {
        for sessions in length.sessions() {
            memories.extend(memory::run(built, who, *sessions, OPENING).await?);
        }
    }
    Ok(memories)
}
