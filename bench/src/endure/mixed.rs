//! Everything at once, as if an hour of many clients were pressed into minutes: every answer is the
//! one that belongs to its question.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use tokio::task::JoinSet;

use super::{
    Found, Size,
    host::{Host, response, session, tool_text},
};
use crate::{http::Connection, load, messages::Caller};

const CLIENTS: usize = 24;
/// What memory may be at the end beside its first half, in MB.
const GROWTH: u64 = 200;

pub(super) async fn run(bundle: PathBuf, size: Size) -> Result<Found> {
    let host = Host::start(bundle, &[]).await?;
    let time = size.of(Duration::from_secs(6), Duration::from_secs(240));
    let until = Instant::now() + time;
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        clients.spawn(client(host.port, number, until));
    }
    let mut found = Found::default();
    tokio::time::sleep(time / 2).await;
    let half = host.memory();
    let mut asked = 0;
    while let Some(part) = clients.join_next().await {
        match part? {
            Ok(count) => asked += count,
            Err(error) => found.lost.push(format!("{error:#}")),
        }
    }
    let end = host.memory();
    found.did(format!("{CLIENTS} clients for {} s, {asked} requests of ten kinds", time.as_secs()));
    found.did(format!("memory: {half} MB in the middle, {end} MB at the end"));
    found.check(end < half + GROWTH, || format!("memory grew from {half} to {end} MB"));
    Ok(found)
}

/// A client that begins a session, uses it in every way and ends it, again and again.
async fn client(port: u16, number: usize, until: Instant) -> Result<usize> {
    let mut asked = 0;
    let mut noise = Noise(number as u64 + 1);
    while Instant::now() < until {
        let mut one = Client::new(port).await?;
        for step in 0..20 + noise.next() % 30 {
            let what = noise.next() % 10;
            let text = format!("{number}-{asked}-{step}");
            one.step(what, &text).await.with_context(|| format!("kind {what}, {text}"))?;
            asked += 1;
        }
        one.end().await?;
    }
    Ok(asked)
}

struct Client {
    connection: Connection,
    caller: Caller,
    session: String,
}

impl Client {
    async fn new(port: u16) -> Result<Self> {
        let connection = Connection::open(port).await?;
        let session = session(port).await?;
        Ok(Self { connection, caller: Caller::at("/mcp"), session })
    }

    /// One request of a kind, and whether its answer is the right one.
    async fn step(&mut self, kind: u64, text: &str) -> Result<()> {
        let (caller, session) = (&self.caller, self.session.as_str());
        let said = format!(r#"{{"text":"{text}"}}"#);
        let page = |path| Caller::at(path);
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
            6 => self.has(page("/mcp").stateless("server/discover", None, ""), "supportedV").await,
            7 => {
                self.told(caller.tool(session, "big", r#"{"bytes":70000}"#), &"x".repeat(70_000))
                    .await
            }
            8 => self.refused(caller.call(&format!("{session}x")), 404).await,
            _ => self.has(caller.tool(session, "no such tool", "{}"), "\"error\"").await,
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
