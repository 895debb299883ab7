//! The scenes that run while the clock is moved.

use std::time::{Duration, Instant};

use anyhow::Result;
use tokio::time::sleep;

use super::{DAY, HOUR, Moved, PUT_AWAY};
use crate::{
    endure::{
        Found,
        host::{PATIENCE, is_answer, response, session},
    },
    http::request,
    messages::Caller,
};

impl Moved<'_> {
    /// They run out, and others begin; one of a clock that was ahead is good after it was put right.
    pub(super) async fn sessions(&mut self, found: &mut Found) -> Result<()> {
        let old = session(self.host.port).await?;
        self.expect(found, "a new session", &old, 200).await?;
        self.clock.set(DAY + 1)?;
        self.expect(found, "a session of yesterday", &old, 404).await?;
        let ahead = session(self.host.port).await?;
        self.expect(found, "a new session a day later", &ahead, 200).await?;
        self.clock.set(-HOUR)?;
        self.expect(found, "a session of a clock that was ahead", &ahead, 200).await?;
        let back = session(self.host.port).await?;
        self.expect(found, "a new session an hour earlier", &back, 200).await?;
        self.clock.set(0)
    }

    /// A session that its client ended stays ended, at every setting of the clock.
    pub(super) async fn ended_sessions(&mut self, found: &mut Found) -> Result<()> {
        let ended = session(self.host.port).await?;
        let (status, _) = self.ask(&Caller::at("/mcp").delete(&ended)).await?;
        found.check(status == 204, || format!("a session could not be ended: {status}"));
        self.wake_at(DAY + 5).await?;
        self.wake_at(0).await?;
        self.expect(found, "an ended session after a day and back", &ended, 404).await?;
        self.clock.set(-HOUR)?;
        self.expect(found, "an ended session an hour earlier", &ended, 404).await?;
        self.clock.set(0)
    }

    /// A caller that ended all sessions can begin others, also where the clock went back, and end those.
    pub(super) async fn all_ended(&mut self, found: &mut Found) -> Result<()> {
        let delete = request("DELETE", "/sessions", &[], "");
        let first = session(self.host.port).await?;
        self.expect(found, "a new session", &first, 200).await?;
        let mut known = vec![first];
        for clock in [0, -HOUR, -HOUR] {
            self.clock.set(clock)?;
            let (status, text) = self.ask(&delete).await?;
            found.check(status == 204, || format!("DELETE /sessions: {status} {text}"));
            for session in &known {
                self.expect(found, "a session that was ended with all others", session, 404)
                    .await?;
            }
            match self.new_session().await? {
                Some(session) => known.push(session),
                None => found.lost.push(format!("no new session at {clock} s")),
            }
        }
        self.clock.set(0)
    }

    /// A nonce is not accepted twice, also where the clock says that its state is valid again.
    pub(super) async fn answers_given_once(&mut self, found: &mut Found) -> Result<()> {
        for (number, until) in [(0, 601), (1, HOUR)] {
            let second = self.second_round(&format!("clock{number}.example.com")).await?;
            self.clock.set(601)?;
            let late = self.round(&second).await?;
            found.check(late.get("error").is_some(), || format!("accepted late: {late}"));
            self.clock.set(0)?;
            let taken = self.round(&second).await?;
            found.check(taken.get("result").is_some(), || format!("refused: {taken}"));
            let again = self.round(&second).await?;
            found.check(again.get("error").is_some(), || format!("accepted twice: {again}"));
            // Expired rows are removed.
            self.wake_at(until).await?;
            self.wake_at(0).await?;
            let again = self.round(&second).await?;
            found.check(again.get("error").is_some(), || format!("accepted twice: {again}"));
            self.clock.set(-HOUR)?;
            let again = self.round(&second).await?;
            found.check(again.get("error").is_some(), || format!("accepted twice: {again}"));
            self.clock.set(0)?;
        }
        let created = self.created();
        found.check(created == 2, || format!("{created} sites created for 2"));
        Ok(())
    }

    /// Calls that the clock is moved under end in an answer, and soon.
    pub(super) async fn calls_under_way(&mut self, found: &mut Found) -> Result<()> {
        let session = session(self.host.port).await?;
        let caller = Caller::at("/mcp");
        for clock in [HOUR, DAY] {
            let slow = caller.streamed(&session, "slow", r#"{"ms":1500,"steps":3}"#);
            let site = caller.tool(&session, "sitebay_list_sites", "{}");
            if let Some(sandbox) = self.host.server.sandbox() {
                let fault = sandbox::Fault::default();
                sandbox.inject(sandbox::Fault { delay_ms: Some(1_500), times: Some(1), ..fault });
            }
            let began = Instant::now();
            let moved = async {
                sleep(Duration::from_millis(700)).await;
                self.clock.set(clock)
            };
            let (streamed, asked, set) = tokio::join!(self.ask(&slow), self.ask(&site), moved);
            set?;
            let streamed = response(&streamed?.1)?;
            found.check(streamed.to_string().contains("done"), || format!("answered {streamed}"));
            let asked = response(&asked?.1)?;
            found.check(is_answer(&asked), || format!("answered {asked}"));
            found.check(began.elapsed() < Duration::from_secs(30), || {
                format!("a call took {:?} while the clock was moved", began.elapsed())
            });
            self.wake_at(0).await?;
        }
        Ok(())
    }

    /// A call that the clock goes back under ends, at the latest where the Worker gives up a silent stream,
    /// and says that it can be read on; a new session is served at once.
    pub(super) async fn call_over_a_step_back(&mut self, found: &mut Found) -> Result<()> {
        let session = session(self.host.port).await?;
        let slow = Caller::at("/mcp").streamed(&session, "slow", r#"{"ms":3000,"steps":6}"#);
        let began = Instant::now();
        let moved = async {
            sleep(Duration::from_millis(700)).await;
            self.clock.set(-HOUR)?;
            self.new_session().await
        };
        let (streamed, new) = tokio::join!(self.ask(&slow), moved);
        let ((_, text), took) = (streamed?, began.elapsed());
        let ended = response(&text).is_ok() || text.contains(": closed:");
        found.check(ended, || format!("a call ended in {text}"));
        found.check(took < PATIENCE, || format!("a call took {took:?} as the clock went back"));
        found.check(new?.is_some(), || "nobody could begin a session meanwhile".to_owned());
        found
            .did(format!("a call that the clock went back under ended after {} s", took.as_secs()));
        self.wake_at(0).await
    }

    /// Tasks go on, forward and back, and over a restart at another time.
    pub(super) async fn tasks(&mut self, found: &mut Found) -> Result<()> {
        for (clock, restart) in [(HOUR, false), (-HOUR, false), (HOUR, true), (-HOUR, true)] {
            let task = self.task().await?;
            self.clock.set(clock)?;
            if restart {
                self.host.server.restart().await?;
            } else if clock < 0 {
                sleep(PUT_AWAY).await;
            }
            let began = Instant::now();
            let ended = self.ended(&task).await?;
            found.check(ended == "completed", || {
                format!("after {clock} s a task is {ended} for {:?}", began.elapsed())
            });
            self.wake_at(0).await?;
        }
        Ok(())
    }

    /// A window that is used up refuses until it is over, not until the clock is where it was.
    pub(super) async fn limits(&mut self, found: &mut Found) -> Result<()> {
        let ping = Caller::at("/mcp").stateless_call("echo", r#"{"text":"hello"}"#);
        for clock in [0, -HOUR, -HOUR + 61, HOUR] {
            self.clock.set(clock)?;
            let (mut admitted, mut refused) = (0, 0);
            for _ in 0..30 {
                match self.ask(&ping).await?.0 {
                    200 => admitted += 1,
                    429 => refused += 1,
                    status => found.lost.push(format!("at {clock} s a call was answered {status}")),
                }
            }
            // A window may end between them.
            found.check(admitted > 0, || format!("at {clock} s nobody is let in"));
            found
                .check(refused > 0 || admitted <= 40, || format!("{admitted} let in at {clock} s"));
        }
        Ok(())
    }
}
