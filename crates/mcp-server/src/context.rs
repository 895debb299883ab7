//! The context of a tool call: the caller, the platform, and the channel to the client.
//!
//! Invariant: a tool reaches the world only through its context, so the same tool runs in a
//! session, and on the host in a test.

use std::{rc::Rc, time::Duration};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    changes::Changes,
    client_request::{ClientRequest, Stop, StopReason, validated},
    execution::{Begun, Execution, Idempotency, Recorded, Step, TARGET},
    notifier::{ChangeEvent, Notifier},
    registry::Registry,
    remote::Remote,
    result_store::ResultStore,
    stages::Stages,
    tasks::Tasks,
    telemetry::{audit::Audit, record::RequestRecord},
    tool_selection::ToolSelection,
    upstream_selection::UpstreamSelection,
};
use mcp_auth::{credential::Credential, principal::Principal};
use mcp_platform::SharedPlatform;
use mcp_protocol::{
    capabilities::ClientCapabilities, implementation::Implementation, log_level::LoggingLevel,
};

/// How a person agrees to what destroys something (`MCP_CONSENT`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Consent {
    /// They are asked where the client can ask; elsewhere the model says that they agreed.
    #[default]
    Person,
    /// The model says so.
    Argument,
    /// They are asked; a client that cannot ask is refused.
    Refuse,
}

/// How often to look, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks, at the beginning.
    pub every: Duration,
    /// From the first look to the last.
    pub at_most: Duration,
}

/// What is reported while something is waited for.
#[derive(Debug, Clone, Copy)]
pub struct WaitReport<'a> {
    /// The progress when the wait begins.
    pub from: f64,
    /// The total, where it is known. While something is waited for, the progress stays below it.
    pub total: Option<f64>,
    /// What is waited for.
    pub message: &'a str,
}

impl WaitReport<'_> {
    /// The progress after so many milliseconds: more than after fewer.
    fn progress(&self, waited_ms: u64) -> f64 {
        let seconds = Duration::from_millis(waited_ms).as_secs_f64();
        match self.total {
            // Half of what is left after a minute, three quarters after three.
            Some(total) => self.from + (total - self.from) * seconds / (seconds + 60.0),
            None => self.from + seconds,
        }
    }
}

/// The context of one call.
#[derive(Clone)]
pub struct Context {
    /// The caller.
    pub principal: Rc<Principal>,
    /// The program that the person uses.
    pub client: Rc<Implementation>,
    /// The credential that this call acts with.
    pub credential: Rc<Credential>,
    /// Items on one page of a list.
    pub page_size: usize,
    /// How a person agrees.
    pub consent: Consent,
    /// Which tools of this server the caller wants to see.
    pub choice: ToolSelection,
    /// Which upstreams the caller wants at the common door.
    pub upstreams: UpstreamSelection,
    /// The tools, resources and prompts of this server.
    pub registry: &'static Registry,
    /// Other servers behind the door through which the caller came. None: there are none.
    pub remote: Option<Rc<dyn Remote>>,
    /// The runtime.
    pub platform: SharedPlatform,
    /// The way back to the client while the call runs.
    pub notifier: Rc<dyn Notifier>,
    /// Where the work of the call is done.
    pub execution: Rc<dyn Execution>,
    /// The audit.
    pub audit: Rc<dyn Audit>,
    /// The changes of this call.
    pub changes: Rc<Changes>,
    /// The request's log record.
    pub record: Rc<RequestRecord>,
    /// The caller's tasks. None: the server cannot keep any.
    pub tasks: Option<Rc<dyn Tasks>>,
    /// Where results are kept that are too large for an answer. None: nowhere.
    pub result_store: Option<Rc<dyn ResultStore>>,
    /// The objects of stages. None: the server keeps none.
    pub stages: Option<Rc<dyn Stages>>,
}

impl Context {
    /// Asks for the permission to change something that a second time would change again. What the
    /// person must be asked is asked before: in some eras nothing can be asked after.
    ///
    /// # Errors
    /// A [`Stop`] to pass on with `?`: the work goes on elsewhere, the client took the request back, or
    /// this very request has begun before.
    pub async fn begin(&self) -> Result<Begun, Stop> {
        self.begin_with(Idempotency::Once).await
    }

    /// The same for a change that is the same however often it is made.
    ///
    /// # Errors
    /// A [`Stop`] to pass on with `?`.
    pub async fn begin_idempotent(&self) -> Result<Begun, Stop> {
        self.begin_with(Idempotency::Repeatable).await
    }

    async fn begin_with(&self, effect: Idempotency) -> Result<Begun, Stop> {
        self.go_on()?;
        self.execution.begin(effect).await?;
        // The name of a request that may come again is used up by now: the work that was agreed to begins, so that
        // what its client reads of it is true.
        if effect == Idempotency::Repeatable || self.notifier.nonce().is_none() {
            self.go_on()?;
        }
        self.changes.begin();
        Ok(Begun(()))
    }

    /// From here on something runs elsewhere for the call that it must end where its client leaves: it goes on without
    /// its client, and finds out by [`Self::is_cancelled`]. A task is ended by
    /// [`Toolset::take_back`](crate::toolset::Toolset::take_back) instead.
    pub fn outlive_client(&self) {
        self.changes.outlive_client();
    }

    /// Goes on unless the client took the request back.
    fn go_on(&self) -> Result<(), Stop> {
        if self.is_cancelled() { Err(Stop::cancelled()) } else { Ok(()) }
    }

    /// Carries out one side effect under a name of its own in this call. In a task it is written
    /// down before and after, and never carried out twice.
    ///
    /// # Errors
    /// A [`Stop`] to pass on with `?`: it could not be written down.
    pub async fn step<T: Serialize + DeserializeOwned>(
        &self,
        _begun: &Begun,
        key: &str,
        effect: impl Future<Output = T>,
    ) -> Result<Step<T>, Stop> {
        self.read_step(key, effect).await
    }

    /// The same for a request that changes nothing, and is to be sent once all the same: it needs no permission.
    ///
    /// # Errors
    /// A [`Stop`] to pass on with `?`: it could not be written down.
    pub async fn read_step<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        request: impl Future<Output = T>,
    ) -> Result<Step<T>, Stop> {
        match self.execution.recorded(key) {
            Recorded::Outcome(text) => {
                return Ok(serde_json::from_str(&text).map_or(Step::Unknown, Step::Done));
            }
            Recorded::Intent => return Ok(Step::Unknown),
            Recorded::Nothing => {}
        }
        self.execution.record(key, None).await?;
        let outcome = request.await;
        let text = serde_json::to_string(&outcome).unwrap_or_default();
        self.execution.record(key, Some(text)).await?;
        Ok(Step::Done(outcome))
    }

    /// Says what the call changes, for the audit. A task writes it down.
    ///
    /// # Errors
    /// A [`Stop`] to pass on with `?`: it could not be written down.
    pub async fn changes_what(&self, target: String) -> Result<(), Stop> {
        self.changes.set_target(target.clone());
        match self.execution.recorded(TARGET) {
            Recorded::Outcome(known) if known == target => Ok(()),
            _ => self.execution.record(TARGET, Some(target)).await,
        }
    }

    /// Finds something out that must stay the same in every run of a task.
    ///
    /// # Errors
    /// The error of the operation, or of recording its outcome.
    pub async fn once<T: Serialize + DeserializeOwned, E: From<Stop>>(
        &self,
        key: &str,
        found: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        if let Recorded::Outcome(text) = self.execution.recorded(key)
            && let Ok(known) = serde_json::from_str(&text)
        {
            return Ok(known);
        }
        let found = found.await?;
        let text = serde_json::to_string(&found).unwrap_or_default();
        self.execution.record(key, Some(text)).await?;
        Ok(found)
    }

    /// Looks every so often until there is something to see, at most so long. In a task nothing runs
    /// in between, and what was seen is written down under `key`.
    ///
    /// # Errors
    /// A [`Stop`] to pass on with `?`.
    pub async fn poll<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        pace: Pace,
        look: impl AsyncFnMut() -> Option<T>,
    ) -> Result<Option<T>, Stop> {
        self.poll_reporting(key, pace, None, look).await
    }

    /// The same with progress that grows after each look, so that a client which waits knows that the work goes on.
    ///
    /// # Errors
    /// A [`Stop`] to pass on with `?`.
    pub async fn poll_reporting<T: Serialize + DeserializeOwned>(
        &self,
        key: &str,
        pace: Pace,
        report: Option<&WaitReport<'_>>,
        mut look: impl AsyncFnMut() -> Option<T>,
    ) -> Result<Option<T>, Stop> {
        let since_key = format!("{key}:since");
        let now = || self.platform.now_ms();
        let since = match (self.execution.recorded(key), self.execution.recorded(&since_key)) {
            (Recorded::Outcome(seen), _) => return Ok(serde_json::from_str(&seen).ok()),
            (_, Recorded::Outcome(since)) => since.parse().unwrap_or_else(|_| now()),
            _ => {
                let since = now();
                self.execution.record(&since_key, Some(since.to_string())).await?;
                since
            }
        };
        let at_most = u64::try_from(pace.at_most.as_millis()).unwrap_or(u64::MAX);
        loop {
            if let Some(seen) = look().await {
                let text = serde_json::to_string(&seen).unwrap_or_default();
                self.execution.record(key, Some(text)).await?;
                return Ok(Some(seen));
            }
            let waited = now().saturating_sub(since);
            if waited >= at_most {
                return Ok(None);
            }
            if let Some(report) = report {
                self.progress(report.progress(waited), report.total, Some(report.message));
            }
            // Long work is polled less often: up to eight times the interval.
            let slower = Duration::from_millis(waited / 8).min(pace.every.saturating_mul(8));
            self.execution.pause(pace.every.max(slower)).await;
        }
    }

    /// Waits without blocking anything else; in a task without running.
    pub async fn sleep(&self, duration: Duration) {
        self.execution.sleep(duration).await;
    }

    /// Reports progress to the client. `progress` must increase with each report.
    /// Nothing is sent where the client gave no progress token.
    pub fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        self.notifier.progress(progress, total, message);
    }

    /// Sends a log message to the client, where it wants messages of this level.
    pub fn log(&self, level: LoggingLevel, logger: &str, data: impl Into<Value>) {
        self.notifier.log(level, logger, data.into());
    }

    /// Asks the client one question, or several in one round. In every era a tool sees only answers
    /// that fit their questions: a form has the fields that it declares, and no others.
    ///
    /// # Errors
    /// A [`Stop`] to pass on with `?`: the client cannot be asked, its answer does not fit, or the
    /// answer is yet to come.
    pub async fn ask<Q: ClientRequest>(&self, question: Q) -> Result<Q::Answers, Stop> {
        let questions = question.questions();
        let answers = self.notifier.ask(questions.clone()).await?;
        Q::answers(&mut validated(&questions, answers)?.into_iter())
    }

    /// Whether the client declared what these questions need.
    pub fn can_ask(&self, questions: &impl ClientRequest) -> bool {
        let capabilities = self.notifier.capabilities();
        questions.questions().iter().all(|asked| capabilities.has(asked.question.needs()))
    }

    /// Goes on only where the client declared this.
    ///
    /// # Errors
    /// A [`Stop`] to pass on with `?`.
    pub fn require(&self, needs: ClientCapabilities) -> Result<(), Stop> {
        let missing = needs.without(self.notifier.capabilities());
        if missing.is_empty() { Ok(()) } else { Err(Stop(StopReason::MissingCapability(missing))) }
    }

    /// Announces a change to every client that it concerns.
    pub fn announce(&self, news: ChangeEvent) {
        self.notifier.announce(news);
    }

    /// Whether the client took its request back. Work that can stop cleanly should.
    pub fn is_cancelled(&self) -> bool {
        self.notifier.is_cancelled()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::testing::FakePlatform;

    #[test]
    fn a_wait_reports_progress_that_grows_and_stays_below_its_total() {
        let fake = FakePlatform::new([]);
        let ctx = fake.context();
        let pace = Pace { every: Duration::from_secs(2), at_most: Duration::from_secs(7_200) };
        for (total, most) in [(Some(2.0), 2.0), (None, 7_202.0)] {
            let before = fake.reports().len();
            let report = WaitReport { from: 1.0, total, message: "at work" };
            let look = async || None::<()>;
            pollster::block_on(ctx.poll_reporting("k", pace, Some(&report), look)).unwrap();
            let lines = fake.reports().split_off(before);
            let value = |line: &String| line.split('/').next().unwrap().parse::<f64>().unwrap();
            let values: Vec<f64> = lines.iter().map(value).collect();
            assert!(values.len() > 50 && values.is_sorted_by(|one, next| one < next), "{values:?}");
            assert!(values[0] >= 1.0 && *values.last().unwrap() < most, "{values:?}");
        }
    }

    #[test]
    fn a_request_that_only_reads_is_a_step_without_a_permission() {
        let ctx = FakePlatform::new([]).context();
        let sent = Cell::new(0);
        let request = async { sent.replace(7) };
        let step = pollster::block_on(ctx.read_step("k", request)).unwrap();
        assert_eq!((step, sent.get()), (Step::Done(0), 7));
    }
}
