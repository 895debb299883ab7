//! The clock is moved while clients are at work: over the ends of what runs out, and back, as where a
//! wrong clock is put right. What is good is not refused, what was used is not good again.
//!
//! Codes and tokens of OAuth are in `tests/clock.rs`. Two things are the local runtime's: an alarm goes off
//! when it would have at the time at which it was set, so that the runtime is started again where alarms
//! matter; and in an object that is in use while the clock goes back, time stands still and no new timer
//! goes off, until it was put away or the clock is where it was.

mod scenes;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::time::sleep;
use xtask::{clock::Clock, server::Options};

use super::{
    Found, Size,
    host::{Host, PATIENCE, insist, response},
};
use crate::{
    http::Connection,
    messages::{Caller, HELLO},
};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;
/// The runtime evicts objects after 10 s without a request.
const PUT_AWAY: Duration = Duration::from_secs(12);
/// Requests in a minute.
const LIMIT: &str = "20";

pub(super) async fn run(bundle: PathBuf, size: Size) -> Result<Found> {
    let mut found = Found::default();
    let Some(clock) = Clock::new()? else {
        found.did("nothing: this machine has no C compiler, which moving the clock needs");
        return Ok(found);
    };
    let rounds = size.of(1, 2);
    for round in 0..rounds {
        let mut moved = Moved::start(&bundle, &clock, &[("CREDENTIAL_KEY", "")]).await?;
        moved.sessions(&mut found).await?;
        moved.ended_sessions(&mut found).await?;
        moved.all_ended(&mut found).await?;
        moved.answers_given_once(&mut found).await?;
        moved.calls_under_way(&mut found).await?;
        if round == 0 && size == Size::Full {
            moved.call_over_a_step_back(&mut found).await?;
        }
        drop(moved);
        let mut moved = Moved::start(&bundle, &clock, &[]).await?;
        moved.tasks(&mut found).await?;
        drop(moved);
        Moved::start(&bundle, &clock, &[("RATE_LIMIT", LIMIT)]).await?.limits(&mut found).await?;
    }
    found.did(format!(
        "{rounds} times: by a day and by an hour forward, by an hour back, over the ends of sessions, of \
         stored answers, of `requestState`, of windows of the limit, while calls and tasks ran"
    ));
    Ok(found)
}

/// A server, and its clock.
struct Moved<'a> {
    host: Host,
    clock: &'a Clock,
}

impl<'a> Moved<'a> {
    async fn start(bundle: &Path, clock: &'a Clock, vars: &[(&str, &str)]) -> Result<Self> {
        clock.set(0)?;
        Ok(Self { host: Host::with(clock.of(Options::new(bundle)), vars).await?, clock })
    }

    /// Moves the clock, and has the runtime find out which alarms are due.
    async fn wake_at(&mut self, seconds: i64) -> Result<()> {
        self.clock.set(seconds)?;
        self.host.server.restart().await?;
        // Alarms that are due go off.
        sleep(Duration::from_millis(500)).await;
        Ok(())
    }

    async fn ask(&self, request: &[u8]) -> Result<(u16, String)> {
        let mut connection = Connection::open(self.host.port).await?;
        let (head, _) = insist(&mut connection, request).await?;
        Ok((head.status, connection.text()))
    }

    async fn call(&self, session: &str) -> Result<u16> {
        let (status, text) = self.ask(&Caller::at("/mcp").call(session)).await?;
        let hello = std::str::from_utf8(HELLO)?;
        ensure!(status != 200 || text.contains(hello), "a wrong answer: {text}");
        Ok(status)
    }

    /// A session that answers. An isolate that does not know that the subject's sessions ended learns
    /// it with the first refusal; the client begins another session, as clients do.
    async fn new_session(&self) -> Result<Option<String>> {
        for _ in 0..2 {
            let session = session_or_none(self.host.port).await?;
            if let Some(session) = session
                && self.call(&session).await? == 200
            {
                return Ok(Some(session));
            }
        }
        Ok(None)
    }

    async fn expect(&self, found: &mut Found, what: &str, id: &str, status: u16) -> Result<()> {
        let answered = self.call(id).await?;
        found.check(answered == status, || format!("{what} was answered {answered}"));
        Ok(())
    }

    /// The parameters of a request that answers the question whether to create a site.
    async fn second_round(&self, fqdn: &str) -> Result<Value> {
        let team = "00007ea0-0000-4000-8000-000000000001";
        let mut params = json!({
            "name": "open_site", "arguments": { "fqdn": fqdn, "team_id": team },
        });
        let asked = self.round(&params).await?;
        let state = asked.pointer("/result/requestState").with_context(|| asked.to_string())?;
        params["requestState"] = state.clone();
        params["inputResponses"] =
            json!({ "agree": { "action": "accept", "content": { "agree": true } } });
        Ok(params)
    }

    async fn round(&self, params: &Value) -> Result<Value> {
        self.stateless("tools/call", "open_site", params, r#"{"elicitation":{}}"#).await
    }

    async fn stateless(
        &self,
        method: &str,
        name: &str,
        params: &Value,
        able: &str,
    ) -> Result<Value> {
        let request = Caller::at("/mcp").stateless_of(method, name, params, able);
        response(&self.ask(&request).await?.1)
    }

    async fn task(&self) -> Result<String> {
        let params = json!({ "name": "slow_compute", "arguments": { "seconds": 4 } });
        let begun = self.stateless("tools/call", "slow_compute", &params, FOLLOWS).await?;
        let id = begun.pointer("/result/taskId").and_then(Value::as_str);
        Ok(id.with_context(|| format!("no task: {begun}"))?.to_owned())
    }

    /// How a task ended, or what it is still doing.
    async fn ended(&self, task: &str) -> Result<String> {
        let began = Instant::now();
        loop {
            let look = json!({ "taskId": task });
            let seen = self.stateless("tasks/get", task, &look, FOLLOWS).await?;
            let status = seen.pointer("/result/status").and_then(Value::as_str);
            let status = status.with_context(|| seen.to_string())?.to_owned();
            if status != "working" || began.elapsed() > PATIENCE / 3 {
                return Ok(status);
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    fn created(&self) -> usize {
        let requests = self.host.server.sandbox().map(sandbox::Sandbox::requests);
        requests.unwrap_or_default().iter().filter(|request| request.method == "POST").count()
    }
}

const FOLLOWS: &str = r#"{"extensions":{"io.modelcontextprotocol/tasks":{}}}"#;

/// A session, where its first message is not refused.
async fn session_or_none(port: u16) -> Result<Option<String>> {
    let caller = Caller::at("/mcp");
    let mut connection = Connection::open(port).await?;
    let head = connection.ask(&caller.initialize()).await?;
    let session = head.session.context("no session")?;
    let head = connection.ask(&caller.initialized(&session)).await?;
    Ok((head.status != 404).then_some(session))
}
