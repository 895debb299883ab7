//! One run of a task's tool: from its beginning to its end, to a question, or to a pause.
//!
//! Invariant: a run may be dropped wherever it waits but for the answer to a side effect. The next one
//! finds every answer and every step's outcome written down, and comes to the same place.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    rc::Rc,
    task::{Poll, Waker},
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, pending, ready},
};
use serde_json::Value;

use super::{TaskEvent, TaskRecord};
use crate::{
    client_request::{Stop, StopReason, named},
    execution::{Execution, Idempotency, Recorded},
    notifier::{ChangeEvent, Notifier},
};
use mcp_platform::SharedPlatform;
use mcp_protocol::{
    capabilities::ClientCapabilities, content::CallToolResult, log_level::LoggingLevel, raw,
    stateless::mrtr::KeyedRequest,
};

/// Waits up to this long keep the run in memory; longer ones end it until its object's alarm.
const MAX_WAIT_IN_MEMORY: Duration = Duration::from_secs(1);

/// The operations that a run needs of its object.
pub trait TaskStore {
    /// Keeps the task as it is now.
    fn save(&self) -> LocalBoxFuture<'static, Result<(), String>>;

    /// Sends an event to the task's followers.
    fn emit(&self, told: &TaskEvent);

    /// Announces a change to the subject's listeners.
    fn announce(&self, news: ChangeEvent);
}

/// Why a run is over.
#[derive(Debug)]
pub enum RunEnd {
    /// The tool ended.
    Ended(Result<CallToolResult, Stop>),
    /// It goes on at this time, in milliseconds since 1970.
    Sleeps(u64),
    /// The client took it back.
    Cancelled,
}

/// One run.
pub struct TaskRun {
    kept: Rc<RefCell<TaskRecord>>,
    keeper: Rc<dyn TaskStore>,
    platform: SharedPlatform,
    /// Questions that had their answers in this run.
    answered: Cell<usize>,
    /// Waits that this run came by.
    sleeps: Cell<usize>,
    /// Side effects under way.
    under_way: Cell<usize>,
    sleeps_until: Cell<Option<u64>>,
    cancelled: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl TaskRun {
    /// A run of a task.
    pub fn new(
        kept: Rc<RefCell<TaskRecord>>,
        keeper: Rc<dyn TaskStore>,
        platform: SharedPlatform,
    ) -> Self {
        Self {
            kept,
            keeper,
            platform,
            answered: Cell::new(0),
            sleeps: Cell::new(0),
            under_way: Cell::new(0),
            sleeps_until: Cell::new(None),
            cancelled: Cell::new(false),
            waker: RefCell::default(),
        }
    }

    /// Ends the run as soon as no side effect is under way.
    pub fn cancel(&self) {
        self.cancelled.set(true);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.borrow_mut().take() {
            waker.wake();
        }
    }

    /// Ends the run until `until`.
    fn park(&self, until: u64) -> LocalBoxFuture<'static, ()> {
        self.sleeps_until.set(Some(until));
        pending().boxed_local()
    }

    fn answers(&self, questions: Vec<KeyedRequest>) -> Result<Vec<Value>, Stop> {
        let questions = named(questions, self.answered.get());
        let kept = self.kept.borrow();
        let answer = |asked: &KeyedRequest| {
            let digest = asked.question.digest();
            let mut answers = kept.order.start.answers.iter();
            let found = answers.find(|one| one.key == asked.key && one.question == digest)?;
            raw::value(&found.answer).ok()
        };
        let answers: Vec<Option<Value>> = questions.iter().map(answer).collect();
        let count = questions.len();
        let open: Vec<KeyedRequest> = questions
            .into_iter()
            .zip(&answers)
            .filter_map(|(asked, answer)| answer.is_none().then_some(asked))
            .collect();
        if open.is_empty() {
            self.answered.set(self.answered.get().saturating_add(count));
            return Ok(answers.into_iter().flatten().collect());
        }
        if !kept.order.start.can_ask {
            return Err(Stop::unanswered("the client cannot be asked after the work has begun"));
        }
        let can = kept.order.start.capabilities;
        match open.iter().map(|asked| asked.question.needs()).find(|needs| !can.has(*needs)) {
            Some(needs) => Err(Stop(StopReason::MissingCapability(needs))),
            None => Err(Stop(StopReason::Suspended(open))),
        }
    }
}

/// Runs a tool until it ends, sleeps, or is taken back.
pub async fn drive(
    mut call: LocalBoxFuture<'static, Result<CallToolResult, Stop>>,
    run: Rc<TaskRun>,
) -> RunEnd {
    poll_fn(move |cx| {
        *run.waker.borrow_mut() = Some(cx.waker().clone());
        if run.cancelled.get() && run.under_way.get() == 0 {
            return Poll::Ready(RunEnd::Cancelled);
        }
        match (call.as_mut().poll(cx), run.sleeps_until.get()) {
            // A tool that was stopped because it was taken back did not end by itself.
            (Poll::Ready(Err(_)), _) if run.cancelled.get() => Poll::Ready(RunEnd::Cancelled),
            (Poll::Ready(ended), _) => Poll::Ready(RunEnd::Ended(ended)),
            (Poll::Pending, _) if run.cancelled.get() && run.under_way.get() == 0 => {
                Poll::Ready(RunEnd::Cancelled)
            }
            (Poll::Pending, Some(until)) if run.under_way.get() == 0 => {
                Poll::Ready(RunEnd::Sleeps(until))
            }
            (Poll::Pending, _) => Poll::Pending,
        }
    })
    .await
}

impl Notifier for TaskRun {
    fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        if let Some(message) = message {
            self.kept.borrow_mut().message = Some(message.to_owned());
        }
        self.keeper.emit(&TaskEvent::Progress(progress, total, message.map(str::to_owned)));
    }

    fn log(&self, level: LoggingLevel, logger: &str, data: Value) {
        self.keeper.emit(&TaskEvent::Log(level, logger.to_owned(), data));
    }

    fn announce(&self, news: ChangeEvent) {
        self.keeper.announce(news);
    }

    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        ready(self.answers(questions)).boxed_local()
    }

    fn capabilities(&self) -> ClientCapabilities {
        self.kept.borrow().order.start.capabilities
    }

    fn pause_stream(&self, _retry_ms: u32) {}

    fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }
}

impl Execution for TaskRun {
    fn begin(&self, _effect: Idempotency) -> LocalBoxFuture<'static, Result<(), Stop>> {
        ready(Ok(())).boxed_local()
    }

    fn recorded(&self, key: &str) -> Recorded {
        match self.kept.borrow().step(key) {
            None => Recorded::Nothing,
            Some(None) => Recorded::Intent,
            Some(Some(outcome)) => Recorded::Outcome(outcome.clone()),
        }
    }

    fn record(
        &self,
        key: &str,
        outcome: Option<String>,
    ) -> LocalBoxFuture<'static, Result<(), Stop>> {
        let under_way = self.under_way.get();
        let (ends, begins) = (outcome.is_some(), outcome.is_none());
        let before = self.kept.borrow_mut().record(key, outcome);
        match before {
            Some(None) if ends => self.under_way.set(under_way.saturating_sub(1)),
            _ if begins => self.under_way.set(under_way.saturating_add(1)),
            _ => {}
        }
        let saved = self.keeper.save();
        // The tool would go on in the same turn where nothing is waited for.
        let is_over = self.cancelled.get() && self.under_way.get() == 0;
        async move {
            saved
                .await
                .map_err(|why| Stop::unanswered(format!("the task could not be stored: {why}")))?;
            if is_over { pending().await } else { Ok(()) }
        }
        .boxed_local()
    }

    fn task(&self) -> Option<String> {
        Some(self.kept.borrow().order.id.clone())
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        if duration <= MAX_WAIT_IN_MEMORY {
            return self.platform.sleep(duration);
        }
        let place = self.sleeps.get();
        self.sleeps.set(place.saturating_add(1));
        let (key, now) = (format!("sleep:{place}"), self.platform.now_ms());
        let most = now.saturating_add(millis(duration));
        let recorded = match self.recorded(&key) {
            Recorded::Outcome(until) => until.parse().ok(),
            _ => None,
        };
        // One that is further away is of a clock that went back.
        let until = recorded.filter(|until| *until <= most).unwrap_or(most);
        // Kept with the task when the run ends here.
        self.kept.borrow_mut().record(&key, Some(until.to_string()));
        if until <= now { ready(()).boxed_local() } else { self.park(until) }
    }

    fn pause(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        if duration <= MAX_WAIT_IN_MEMORY {
            return self.platform.sleep(duration);
        }
        self.park(self.platform.now_ms().saturating_add(millis(duration)))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use pollster::block_on;

    use super::*;
    use crate::{
        context::Context,
        dispatch::note_change,
        task::record::tests::kept,
        telemetry::audit::{Audit, AuditEntry},
        testing::FakePlatform,
        toolset::Effect,
    };

    struct Nowhere;

    impl TaskStore for Nowhere {
        fn save(&self) -> LocalBoxFuture<'static, Result<(), String>> {
            ready(Ok(())).boxed_local()
        }

        fn emit(&self, _told: &TaskEvent) {}

        fn announce(&self, _news: ChangeEvent) {}
    }

    #[derive(Default)]
    struct Kept(RefCell<Vec<(String, &'static str)>>);

    impl Audit for Kept {
        fn wants_reads(&self) -> bool {
            true
        }

        fn note(&self, entry: AuditEntry) {
            self.0.borrow_mut().push((entry.action, entry.outcome));
        }
    }

    #[test]
    fn what_a_task_changes_is_noted_once_however_often_it_is_run() {
        let (kept, audit) = (Rc::new(RefCell::new(kept())), Rc::new(Kept::default()));
        for _ in 0..2 {
            let fake = FakePlatform::new([]);
            let run = Rc::new(TaskRun::new(kept.clone(), Rc::new(Nowhere), fake.clone()));
            let (audit, background) = (audit.clone(), fake.context());
            let own = run.clone();
            let ctx = Context { notifier: own.clone(), execution: own, audit, ..background };
            let call = async move {
                let begun = ctx.begin().await?;
                let make = async {
                    note_change(&ctx, "query", Effect::Write, "thing".to_owned()).end("done");
                };
                ctx.step(&begun, "make", make).await?;
                ctx.sleep(Duration::from_secs(7_200)).await;
                Ok(CallToolResult::text("done"))
            };
            let stopped = block_on(drive(call.boxed_local(), run));
            assert!(matches!(stopped, RunEnd::Sleeps(_)), "{stopped:?}");
        }
        assert_eq!(*audit.0.borrow(), [("query".to_owned(), "done")]);
    }

    #[test]
    fn a_tool_that_begins_nothing_more_because_it_was_cancelled_ends_as_cancelled() {
        let kept = Rc::new(RefCell::new(kept()));
        let run = Rc::new(TaskRun::new(kept, Rc::new(Nowhere), FakePlatform::new([])));
        let own = run.clone();
        let call = async move {
            own.record("send", None).await?;
            own.cancel();
            if own.is_cancelled() {
                Err(Stop::cancelled())
            } else {
                Ok(CallToolResult::text("done"))
            }
        };
        let stopped = block_on(drive(call.boxed_local(), run));
        assert!(matches!(stopped, RunEnd::Cancelled), "{stopped:?}");
    }

    #[test]
    fn a_tool_that_is_cancelled_during_a_side_effect_goes_no_further_than_its_outcome() {
        let kept = Rc::new(RefCell::new(kept()));
        let run = Rc::new(TaskRun::new(kept.clone(), Rc::new(Nowhere), FakePlatform::new([])));
        let (own, went_on) = (run.clone(), Rc::new(Cell::new(false)));
        let goes_on = went_on.clone();
        let call = async move {
            own.record("send", None).await?;
            own.cancel();
            own.record("send", Some("null".to_owned())).await?;
            goes_on.set(true);
            Ok(CallToolResult::text("done"))
        };
        let stopped = block_on(drive(call.boxed_local(), run));
        assert!(matches!(stopped, RunEnd::Cancelled) && !went_on.get(), "{stopped:?}");
        assert_eq!(kept.borrow().step("send"), Some(&Some("null".to_owned())));
    }
}
