//! One event to many streams: how long until the last of them has it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::task::JoinSet;

use crate::{
    contestant::{Built, Contestant},
    counts::listen,
    http::Connection,
    load::start,
    messages::Caller,
    timed::Spread,
    workerd::Process,
};

/// Whose streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Streams {
    /// `subscriptions/listen`, of one subject.
    Listen,
    /// GET streams of sessions that share an object.
    Subject,
    /// GET streams of sessions with an object each.
    Session,
}

impl Streams {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Listen, Self::Subject, Self::Session];

    /// How tables call them.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Listen => "`listen` streams of one subject",
            Self::Subject => "GET streams, placement `subject`",
            Self::Session => "GET streams, placement `session`",
        }
    }

    fn contestant(self) -> Contestant {
        if self == Self::Subject { Contestant::Subject } else { Contestant::Quiet }
    }
}

/// How one event reached many streams.
#[derive(Debug, Clone, Copy)]
pub struct Fanout {
    /// Whose.
    pub streams: Streams,
    /// How many.
    pub count: usize,
    /// Until the last had it, in milliseconds.
    pub last: Spread,
}

/// The notification on every stream.
const NEWS: &[u8] = b"list_changed";

/// Sends events to so many streams.
///
/// # Errors
/// Where a stream breaks or an event does not come.
pub async fn run(built: &Built, streams: Streams, count: usize, events: usize) -> Result<Fanout> {
    let who = streams.contestant();
    let mut worker = built.worker(who);
    // With a limit, the hub hears of sessions when SiteBay has accepted the caller's token.
    worker.vars.retain(|(name, _)| name != "RATE_LIMIT");
    worker.vars.push(("RATE_LIMIT".to_owned(), "off".to_owned()));
    let process = Process::start(&worker).await?;
    // Sessions that share an object are those of a caller with a token; others are alike.
    let caller = who.caller();
    let mut open = Vec::new();
    for _ in 0..count {
        open.push(opened(process.port, streams, &caller).await?);
    }
    let mut took = Vec::new();
    for _ in 0..events {
        let (all, time) = event(process.port, open, &caller).await?;
        open = all;
        took.push(time.as_secs_f64() * 1_000.0);
    }
    Ok(Fanout { streams, count, last: Spread::of(took) })
}

async fn opened(port: u16, streams: Streams, caller: &Caller) -> Result<Connection> {
    let mut connection = Connection::open(port).await?;
    let (request, first) = match streams {
        Streams::Listen => (listen(caller), &b"acknowledged"[..]),
        _ => {
            let session = start(&mut connection, caller, caller).await?;
            (caller.stream(&session, None), &b"connected"[..])
        }
    };
    let head = connection.begin(&request).await?;
    let begun = head.status == 200 && connection.until(first).await?;
    begun.then_some(connection).with_context(|| format!("no stream: {}", head.status))
}

/// One event: all streams again, and how long until the last had it.
async fn event(
    port: u16,
    open: Vec<Connection>,
    caller: &Caller,
) -> Result<(Vec<Connection>, Duration)> {
    let mut teller = Connection::open(port).await?;
    let mut waiting = JoinSet::new();
    for mut stream in open {
        waiting.spawn(async move {
            stream.body.clear();
            let heard = stream.until(NEWS).await?;
            heard.then_some(stream).context("a stream ended without the event")
        });
    }
    let began = Instant::now();
    teller.ask(&caller.stateless_call("notify", "{}")).await?;
    let mut open = Vec::new();
    while let Some(heard) = waiting.join_next().await {
        open.push(heard??);
    }
    Ok((open, began.elapsed()))
}
