//! Everything at once, as if an hour of many clients were pressed into minutes: every wire and version,
//! calls, streams, questions, tasks, connections that break, a SiteBay that fails now and then. Every
//! answer is the one that belongs to its question.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;

use super::{
    Found, Size,
    host::{Host, response, session_of, tool_text},
    wires::Wires,
};
use crate::{http::Connection, load, messages::Caller};

const CLIENTS: usize = 24;
/// Kinds of requests.
const KINDS: u64 = 19;
/// Between two faults of SiteBay's, each for a handful of its requests.
const FAULTS: Duration = Duration::from_secs(3);
/// The allowed growth of memory after the first half, in MB.
const GROWTH: u64 = 60;
/// The same in seconds, in which the runtime still compiles and its heap still grows.
const FIRST_GROWTH: u64 = 120;
/// The runtime's memory for an object that keeps rows and waits for its alarm, in KB, for any Worker.
const OBJECT: u64 = 40;
/// The same of the instance, in KB.
const INSTANCE: usize = 512;
/// An hour of so many clients, of which each asks once in ten seconds.
const HOUR: usize = CLIENTS * 360;

pub(super) async fn run(bundle: PathBuf, size: Size) -> Result<Found> {
    let host = Host::start(bundle, &[]).await?;
    let time = size.of(Duration::from_secs(6), Duration::from_secs(200));
    let until = Instant::now() + time;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(host.port, number, until));
    }
    let mut found = Found::default();
    let mut read = Vec::new();
    while Instant::now() < until {
        tokio::time::sleep(FAULTS.min(time / 4)).await;
        if let Some(sandbox) = host.server.sandbox() {
            let status = if is_first_half(until, time) { 429 } else { 503 };
            let fault = sandbox::Fault { status: Some(status), ..sandbox::Fault::default() };
            sandbox.inject(sandbox::Fault { times: Some(3), ..fault });
        }
        read.push(Read::of(&host).await?);
    }
    let mut asked = 0;
    while let Some(part) = clients.join_next().await {
        match part? {
            Ok(count) => asked += count,
            Err(error) => found.lost.push(format!("{error:#}")),
        }
    }
    read.push(Read::of(&host).await?);
    let hours = asked as f64 / HOUR as f64;
    found.did(format!(
        "{CLIENTS} clients for {} s, {asked} requests of {KINDS} kinds, as many as in {hours:.1} hours \
         where each asks once in ten seconds",
        time.as_secs()
    ));
    found.did(
        "sessions of 2025-03-26, 2025-06-18 and 2025-11-25, requests of 2026-07-28, the wire of \
         2024-11-05; held streams, questions, tasks, broken connections, SiteBay failing every 3 s",
    );
    let growth = if size == Size::Short { FIRST_GROWTH } else { GROWTH };
    level(&mut found, &read, growth);
    Ok(found)
}

/// The periodic readings of the server.
#[derive(Clone, Copy, Default)]
struct Read {
    /// In MB.
    memory: u64,
    /// Of the instance, in KB.
    instance: usize,
    /// Objects that keep rows.
    keeping: usize,
}

impl Read {
    async fn of(host: &Host) -> Result<Self> {
        let (memory, instance) = (host.memory(), host.instance().await?);
        Ok(Self { memory, instance, keeping: host.keeping() })
    }
}

/// Whether memory is at the end what it was at most in the first half, but for what the runtime has for objects with rows.
fn level(found: &mut Found, read: &[Read], growth: u64) {
    let at = |place: usize| read.get(place).copied().unwrap_or_default();
    let (half, end) = (at(read.len() / 2), at(read.len() - 1));
    // One moment may be one in which the collector has just given memory back.
    let first_half = read.iter().take(read.len() / 2 + 1).map(|read| read.memory);
    let most = first_half.max().unwrap_or_default();
    let memory: Vec<u64> =
        read.iter().step_by(read.len().div_ceil(12)).map(|read| read.memory).collect();
    found.did(format!(
        "memory in MB {memory:?}, {} at the end; of the instance {} KB; {} objects keep rows, {} in the \
         middle",
        end.memory, end.instance, end.keeping, half.keeping
    ));
    let more = end.keeping.saturating_sub(half.keeping) as u64 * OBJECT / 1_000;
    found.check(end.memory < most + growth + more, || {
        format!("memory grew from {most} to {} MB", end.memory)
    });
    found.check(end.instance <= half.instance + INSTANCE, || {
        format!("the instance's memory grew from {} to {} KB", half.instance, end.instance)
    });
}

/// Whether the first half of the time goes on.
fn is_first_half(until: Instant, time: Duration) -> bool {
    Instant::now() + time / 2 < until
}

/// A client that begins a session, uses it in every way and ends it, again and again.
async fn client(port: u16, number: usize, until: Instant) -> Result<usize> {
    let mut asked = 0;
    let mut noise = Noise(number as u64 + 1);
    while Instant::now() < until {
        let mut one = Client::new(port, number).await?;
        for step in 0..20 + noise.next() % 30 {
            let what = noise.next() % KINDS;
            let text = format!("{number}-{asked}-{step}");
            one.step(what, &text).await.with_context(|| format!("kind {what}, {text}"))?;
            asked += 1;
        }
        one.end().await?;
    }
    Ok(asked)
}

struct Client {
    number: usize,
    connection: Connection,
    caller: Caller,
    session: String,
    wires: Wires,
}

impl Client {
    async fn new(port: u16, number: usize) -> Result<Self> {
        let connection = Connection::open(port).await?;
        let caller = Caller::at("/mcp").with_token(&format!("client-{number}"));
        let session = session_of(port, &caller).await?;
        let wires = Wires::open(port, &caller, &session).await?;
        Ok(Self { number, connection, caller, session, wires })
    }

    /// One request of a kind, and whether its answer is the right one.
    async fn step(&mut self, kind: u64, text: &str) -> Result<()> {
        let (caller, session) = (&self.caller, self.session.as_str());
        let said = format!(r#"{{"text":"{text}"}}"#);
        match kind {
            0 => self.told(caller.tool(session, "echo", &said), text).await,
            1 => self.told(caller.stateless_call("echo", &said), text).await,
            2 => {
                let sum = format!(r#"{{"a":{},"b":1}}"#, text.len());
                self.told(caller.tool(session, "add", &sum), &(text.len() + 1).to_string()).await
            }
            3 => {
                let slow = r#"{"ms":60,"steps":3}"#;
                self.told(caller.streamed(session, "slow", slow), "done").await
            }
            4 => self.has(caller.ask(session, "tools/list", "{}"), "inputSchema").await,
            5 => self.has(caller.ask(session, "ping", "{}"), "\"result\":{}").await,
            6 => self.has(caller.stateless("server/discover", None, ""), "supportedV").await,
            7 => {
                self.told(caller.tool(session, "big", r#"{"bytes":70000}"#), &"x".repeat(70_000))
                    .await
            }
            8 => self.refused(caller.call(&format!("{session}x")), 404).await,
            9 => self.has(caller.tool(session, "no such tool", "{}"), "\"error\"").await,
            10 => self.wires.old_call(text).await,
            11 => self.wires.change(session).await,
            12 => self.wires.broken(session).await,
            13 => self.wires.question(text).await,
            14 => self.wires.task(text).await,
            15 => self.wires.site(self.number).await,
            16 => self.wires.older("2025-03-26", text).await,
            17 => self.wires.older("2025-06-18", text).await,
            _ => self.has(caller.ask(session, "prompts/list", "{}"), "\"prompts\"").await,
        }
    }

    async fn told(&mut self, request: Vec<u8>, text: &str) -> Result<()> {
        self.connection.ask(&request).await?;
        let answer = response(&self.connection.text())?;
        ensure!(tool_text(&answer) == Some(text), "answered {answer}");
        Ok(())
    }

    async fn has(&mut self, request: Vec<u8>, what: &str) -> Result<()> {
        let head = self.connection.ask(&request).await?;
        ensure!(self.connection.has(what), "answered {} {}", head.status, self.connection.text());
        Ok(())
    }

    async fn refused(&mut self, request: Vec<u8>, status: u16) -> Result<()> {
        let head = self.connection.ask(&request).await?;
        ensure!(head.status == status, "answered {}", head.status);
        Ok(())
    }

    /// Ends the session, which is then unknown.
    async fn end(mut self) -> Result<()> {
        self.refused(self.caller.delete(&self.session), 204).await?;
        self.refused(self.caller.call(&self.session), 404).await?;
        let caller = &self.caller;
        load::start(&mut self.connection, caller, caller).await.map(drop)
    }
}

/// Numbers that look random and are the same in each run (xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}
