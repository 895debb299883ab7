//! The units of the price list: requests to objects, rows written, bytes stored.
//!
//! Counted in processes of their own, by `counting/counting.js` around the same bundle: each call of a
//! stub is a request, each row of SQL, key or alarm that is written is a row. Bytes are those of the
//! storage's files.

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;
use tokio::time::sleep;

use crate::{
    contestant::{Built, Contestant},
    http::{Connection, request},
    load::{expected, start},
    messages::{Caller, HELLO},
    workerd::Process,
};

/// The counted actions, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Act {
    /// `initialize`.
    Initialize,
    /// `notifications/initialized`, the first message of a session to its object.
    Initialized,
    /// A `tools/call` after that.
    Call,
    /// The extra cost of a caller's first messages: the lease of its limit, once a minute, and the
    /// question whether its sessions were ended, once in 30 s, for each isolate.
    First,
    /// A session of one call.
    Session,
    /// The session's long-lived stream, opened and closed.
    Stream,
    /// A message with a forged id.
    Forged,
    /// A message with another subject's id.
    Foreign,
    /// A message with an id that ran out.
    Expired,
    /// `DELETE` of a session that had no stream.
    Delete,
    /// A message with an id that was ended.
    Ended,
    /// One event to ten `listen` streams.
    Event,
    /// One call without a session.
    Stateless,
}

impl Act {
    /// How tables call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Initialize => "`initialize`",
            Self::Initialized => "`initialized`",
            Self::Call => "session `tools/call`",
            Self::First => "more in an isolate that does not know the caller",
            Self::Session => "whole session of one call",
            Self::Stream => "GET stream, opened and closed",
            Self::Forged => "message with a forged id",
            Self::Foreign => "message with somebody else's id",
            Self::Expired => "message with an id that ran out",
            Self::Delete => "DELETE",
            Self::Ended => "message with an ended id",
            Self::Event => "event to 10 `listen` streams",
            Self::Stateless => "stateless `tools/call`",
        }
    }
}

/// The cost of one action.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cost {
    /// Requests to objects.
    pub requests: f64,
    /// Rows, keys and alarms written.
    pub rows: f64,
    /// Runs of alarms, each billed as a request.
    pub alarms: f64,
    /// Alarms set, among the rows: each will run, and delete what is over.
    pub set: f64,
}

/// All counts.
#[derive(Debug, Default)]
pub struct Counts {
    /// The costs of actions.
    pub costs: BTreeMap<(Act, Contestant), Cost>,
    /// Bytes in files of an abandoned session of one call.
    pub stored: BTreeMap<Contestant, f64>,
}

/// How often an act is repeated.
const TIMES: usize = 20;
/// Work after a response is counted with it.
const AFTER: Duration = Duration::from_millis(100);

/// Counts.
///
/// # Errors
/// Where a contestant does not answer as it should.
pub async fn run(built: &Built) -> Result<Counts> {
    let mut counts = Counts::default();
    for who in [Contestant::Ours, Contestant::Subject, Contestant::McpAgent] {
        counts.of(built, who).await.with_context(|| who.name())?;
    }
    Ok(counts)
}

impl Counts {
    /// The cost of an action for a contestant.
    #[must_use]
    pub fn cost(&self, act: Act, who: Contestant) -> Option<Cost> {
        self.costs.get(&(act, who)).copied()
    }

    async fn of(&mut self, built: &Built, who: Contestant) -> Result<()> {
        let mut worker = built.worker(who);
        worker.counted = true;
        // The lease of a limit is a row of its own (`Act::First`).
        worker.vars.retain(|(name, _)| name != "RATE_LIMIT");
        worker.vars.push(("RATE_LIMIT".to_owned(), "off".to_owned()));
        let process = Process::start(&worker).await?;
        let mut connection = Connection::open(process.port).await?;
        let caller = who.caller();
        // One-time work of an isolate is not counted.
        start(&mut connection, &caller, &caller).await?;
        taken(&mut connection).await?;
        let files = stored(&process.storage());
        self.sessions(&mut connection, who, &caller).await?;
        let grown = stored(&process.storage()) - files;
        self.stored.insert(who, grown as f64 / TIMES as f64);
        if who != Contestant::McpAgent {
            self.stateless(&mut connection, who, &caller).await?;
        }
        self.ids(&mut connection, who, &caller).await?;
        if who != Contestant::McpAgent {
            worker.vars.push(("SESSION_MAX_AGE".to_owned(), "1".to_owned()));
            self.first(built, who, &caller).await?;
        }
        self.expired(&Process::start(&worker).await?, who, &caller).await
    }

    async fn first(&mut self, built: &Built, who: Contestant, caller: &Caller) -> Result<()> {
        let mut worker = built.worker(who);
        worker.counted = true;
        worker.vars.retain(|(name, _)| name != "RATE_LIMIT");
        worker.vars.push(("RATE_LIMIT".to_owned(), "100".to_owned()));
        let process = Process::start(&worker).await?;
        let mut connection = Connection::open(process.port).await?;
        start(&mut connection, caller, caller).await?;
        self.note(&mut connection, Act::First, who, 1).await?;
        let usual = self.cost(Act::Initialized, who).unwrap_or_default().requests;
        if let Some(cost) = self.costs.get_mut(&(Act::First, who)) {
            cost.requests -= usual;
        }
        Ok(())
    }

    async fn sessions(
        &mut self,
        connection: &mut Connection,
        who: Contestant,
        caller: &Caller,
    ) -> Result<()> {
        let mut sessions = Vec::new();
        for _ in 0..TIMES {
            let head = connection.ask(&caller.initialize()).await?;
            sessions.push(head.session.context("no session")?);
        }
        self.note(connection, Act::Initialize, who, TIMES).await?;
        for session in &sessions {
            connection.ask(&caller.initialized(session)).await?;
        }
        self.note(connection, Act::Initialized, who, TIMES).await?;
        for session in &sessions {
            expected(connection, &caller.call(session), HELLO).await?;
        }
        self.note(connection, Act::Call, who, TIMES).await?;
        let cost = |act| self.cost(act, who).unwrap_or_default();
        let parts = [cost(Act::Initialize), cost(Act::Initialized), cost(Act::Call)];
        let whole = Cost {
            requests: parts.iter().map(|part| part.requests).sum(),
            rows: parts.iter().map(|part| part.rows).sum(),
            alarms: parts.iter().map(|part| part.alarms).sum(),
            set: parts.iter().map(|part| part.set).sum(),
        };
        self.costs.insert((Act::Session, who), whole);
        Ok(())
    }

    async fn ids(
        &mut self,
        connection: &mut Connection,
        who: Contestant,
        caller: &Caller,
    ) -> Result<()> {
        let session = start(connection, caller, caller).await?;
        taken(connection).await?;
        // Another letter in the middle, where nothing is padding.
        let (before, after) = session.split_at(session.len() / 2);
        let forged = format!("{before}{}", after.replacen(|_: char| true, other(after), 1));
        refused(connection, &caller.call(&forged)).await?;
        self.note(connection, Act::Forged, who, 1).await?;
        if who != Contestant::McpAgent {
            let stranger = caller.clone().with_token("a stranger");
            refused(connection, &stranger.call(&session)).await?;
            self.note(connection, Act::Foreign, who, 1).await?;
        }
        {
            let mut stream = Connection::open(connection.port()).await?;
            let head = stream.begin(&caller.stream(&session, None)).await?;
            if head.status != 200 {
                bail!("a stream is refused: {}", head.status);
            }
            sleep(AFTER).await;
        }
        self.note(connection, Act::Stream, who, 1).await?;
        // One that never had a stream.
        let session = start(connection, caller, caller).await?;
        taken(connection).await?;
        connection.ask(&caller.delete(&session)).await?;
        // `McpAgent` clears a second later.
        sleep(Duration::from_secs(2)).await;
        self.note(connection, Act::Delete, who, 1).await?;
        refused(connection, &caller.call(&session)).await?;
        self.note(connection, Act::Ended, who, 1).await
    }

    async fn stateless(
        &mut self,
        connection: &mut Connection,
        who: Contestant,
        caller: &Caller,
    ) -> Result<()> {
        expected(connection, &caller.stateless_call("echo", r#"{"text":"hello"}"#), HELLO).await?;
        self.note(connection, Act::Stateless, who, 1).await?;
        let mut streams = Vec::new();
        for _ in 0..10 {
            let mut stream = Connection::open(connection.port()).await?;
            stream.begin(&listen(caller)).await?;
            stream.until(b"acknowledged").await?;
            streams.push(stream);
        }
        taken(connection).await?;
        connection.ask(&caller.stateless_call("notify", "{}")).await?;
        for stream in &mut streams {
            stream.until(b"list_changed").await?;
        }
        self.note(connection, Act::Event, who, 1).await
    }

    async fn expired(&mut self, process: &Process, who: Contestant, caller: &Caller) -> Result<()> {
        let mut connection = Connection::open(process.port).await?;
        if who == Contestant::McpAgent {
            // It has no end: an old id is as good as any.
            return Ok(());
        }
        let head = connection.ask(&caller.initialize()).await?;
        let session = head.session.context("no session")?;
        sleep(Duration::from_millis(2_100)).await;
        taken(&mut connection).await?;
        refused(&mut connection, &caller.call(&session)).await?;
        self.note(&mut connection, Act::Expired, who, 1).await
    }

    async fn note(
        &mut self,
        connection: &mut Connection,
        act: Act,
        who: Contestant,
        times: usize,
    ) -> Result<()> {
        sleep(AFTER).await;
        let all = taken(connection).await?;
        let times = times as f64;
        let cost = Cost {
            requests: all.requests / times,
            rows: all.rows / times,
            alarms: all.alarms / times,
            set: all.set / times,
        };
        self.costs.insert((act, who), cost);
        Ok(())
    }
}

/// A stream of changes without a session.
#[must_use]
pub fn listen(caller: &Caller) -> Vec<u8> {
    let filter = r#""notifications":{"toolsListChanged":true}"#;
    caller.stateless("subscriptions/listen", None, filter)
}

/// The counts since the last call.
async fn taken(connection: &mut Connection) -> Result<Cost> {
    connection.ask(&request("GET", "/__counts", &[], "")).await?;
    let counted: Value = serde_json::from_slice(&connection.body).context("the counts")?;
    let number = |name: &str| counted.get(name).and_then(Value::as_f64).unwrap_or_default();
    let set = number("alarmsSet");
    Ok(Cost {
        requests: number("objectRequests"),
        rows: number("rowsWritten") + number("keysWritten") + set,
        alarms: number("alarmsRun"),
        set,
    })
}

async fn refused(connection: &mut Connection, request: &[u8]) -> Result<()> {
    match connection.ask(request).await?.status {
        404 => Ok(()),
        status => bail!("404 was expected, and {status} came: {}", connection.text()),
    }
}

/// A letter that a text does not begin with, of those that ids are made of.
fn other(text: &str) -> &'static str {
    if text.starts_with('a') { "b" } else { "a" }
}

/// The bytes in all files of objects.
#[must_use]
pub fn stored(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |path: &Path| match path.is_dir() {
        true => stored(path),
        // The runtime's own list of alarms, and the index of a log, which is memory.
        false if path.to_string_lossy().contains("metadata.sqlite") => 0,
        false if path.to_string_lossy().ends_with("-shm") => 0,
        false => fs::metadata(path).map_or(0, |file| file.len()),
    };
    entries.map(|entry| size(&entry.path())).sum()
}
