//! The runs of a task's tool: when one begins, how it stops, and what it needs of its object.

use std::{panic::AssertUnwindSafe, rc::Rc};

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use worker::Result;

use super::{Inner, RUN_LEASE, SharedTask};
use crate::{
    objects::task_context::{self, TaskBlocked},
    platform::{object::wait_until, workers::WorkersPlatform},
    wiring,
};
use mcp_platform::Platform as _;
use mcp_protocol::{jsonrpc::INTERNAL_ERROR, log_level::LoggingLevel};
use mcp_server::{
    client_request::{Stop, StopReason},
    cold::cold,
    notifier::{ChangeEvent, Notifier as _},
    result_size::{MAX_RESULT, too_large},
    task::{RunEnd, Status, TaskEvent, TaskRun, TaskStore, drive},
    tasks::TaskOutcome,
};

/// Why a task ends whose person took the access back.
const ACCESS_REVOKED: &str = "the access with which this task was started was revoked. Some of its changes \
                          may have happened: check before you repeat it";

impl Inner {
    /// Lets the tool run, if it should and does not. A task that is held back waits for its alarm.
    pub(super) fn go_on(self: &Rc<Self>) {
        let kept = self.kept.borrow().clone();
        if let Some(kept) = kept.filter(|kept| kept.borrow().held.is_none() && self.is_due(kept)) {
            self.run_now(kept);
        }
    }

    /// Lets the tool run, if it does not yet.
    pub(super) fn run_now(self: &Rc<Self>, kept: SharedTask) {
        if !self.busy.replace(true) {
            let core = self.clone();
            let run = async move {
                let ran = AssertUnwindSafe(core.run(&kept)).catch_unwind().await;
                let cancelled = core.live.take().is_some_and(|run| run.is_cancelled());
                if let Err(halt) = ran.unwrap_or(Err(TaskBlocked::Panic)) {
                    core.halted(&kept, &halt, cancelled).await;
                }
                core.busy.set(false);
            };
            wait_until(&self.state, run.boxed_local());
        }
    }

    /// Ends a task that was cancelled, holds any other back, and stores one that is over once more. Where even that
    /// cannot be stored, the alarm that was set before the run tries again.
    async fn halted(&self, kept: &SharedTask, halt: &TaskBlocked, cancelled: bool) {
        let attempts = kept.borrow().attempts;
        kept.borrow_mut().back_off(halt.why().to_owned(), attempts, WorkersPlatform.now_ms());
        let (times, is_over) = (kept.borrow().attempts, kept.borrow().is_over());
        match is_over {
            true => log::error!("the end of a task failed: {halt}"),
            false => log::error!("a task's run failed {times} times in a row: {halt}"),
        }
        let stored = async {
            // One that has something to take back tries that again.
            if cancelled && !kept.borrow().is_over() && !self.takes_back(kept) {
                return self.end(kept, TaskOutcome::Cancelled).await;
            }
            self.save(kept).await?;
            let is_given_up = kept.borrow().given_up(WorkersPlatform.now_ms()).is_some();
            match is_given_up {
                // It would wake at once.
                true => self.wake_in(RUN_LEASE).await,
                false => self.wake_for(kept).await,
            }
        };
        if let Err(error) = stored.await {
            log::error!("a task's pause could not be stored: {error}");
        }
    }

    async fn run(self: &Rc<Self>, kept: &SharedTask) -> std::result::Result<(), TaskBlocked> {
        self.wake_in(RUN_LEASE).await?;
        if kept.borrow().is_cancelled {
            return Ok(self.take_back(kept, TaskOutcome::Cancelled).await?);
        }
        let given_up = kept.borrow().given_up(WorkersPlatform.now_ms());
        if let Some(why) = given_up {
            return Ok(self.fail(kept, why).await?);
        }
        let keeper = Rc::new(ObjectTaskStore { core: self.clone(), kept: kept.clone() });
        let run = Rc::new(TaskRun::new(kept.clone(), keeper, Rc::new(WorkersPlatform)));
        self.live.replace(Some(run.clone()));
        let (order, credential) = {
            let kept = kept.borrow();
            (kept.order.clone(), kept.credential.clone())
        };
        if task_context::is_revoked(&self.env, &order).await? {
            return Ok(self.fail(kept, ACCESS_REVOKED.to_owned()).await?);
        }
        let (start, noted) = (order.start.clone(), (self.record(kept), self.audit()));
        let ctx = task_context::context(&self.env, order, credential, &run, noted).await?;
        let call = task_context::call(ctx, start);
        if kept.borrow().is_over() {
            return Ok(());
        }
        let attempts = kept.borrow_mut().resume();
        let stopped = drive(call, run).await;
        let stored = self.stopped(kept, stopped, attempts).await;
        if stored.is_err() {
            kept.borrow_mut().attempts = attempts;
        }
        Ok(stored?)
    }

    /// Stores how a run stopped, before which so many in a row could not go on.
    async fn stopped(
        self: &Rc<Self>,
        kept: &SharedTask,
        stopped: RunEnd,
        attempts: u32,
    ) -> Result<()> {
        match stopped {
            RunEnd::Cancelled if self.takes_back(kept) => {
                self.take_back(kept, TaskOutcome::Cancelled).await
            }
            RunEnd::Ended(Err(Stop(StopReason::Held(why)))) => {
                kept.borrow_mut().back_off(why, attempts, WorkersPlatform.now_ms());
                let times = kept.borrow().attempts;
                log::warn!("a task cannot continue for now, {times} times in a row");
                self.save(kept).await?;
                self.wake_for(kept).await
            }
            RunEnd::Sleeps(until) => {
                kept.borrow_mut().sleeps(until, WorkersPlatform.now_ms());
                self.save(kept).await?;
                self.wake_for(kept).await
            }
            RunEnd::Cancelled => self.end(kept, TaskOutcome::Cancelled).await,
            RunEnd::Ended(Err(Stop(StopReason::Suspended(open)))) => {
                kept.borrow_mut().asked.clone_from(&open);
                self.becomes(kept, Status::InputRequired).await?;
                self.emit(&TaskEvent::Asks(open));
                self.wake_for(kept).await
            }
            RunEnd::Ended(Err(Stop(StopReason::Refused(error)))) => {
                self.end(kept, TaskOutcome::Failed(error.code, error.message)).await
            }
            RunEnd::Ended(ended) => {
                let result = ended.unwrap_or_else(Stop::into_result);
                let mut text = result.to_json();
                if text.len() > MAX_RESULT {
                    text = too_large(text.len()).to_json();
                }
                self.end(kept, TaskOutcome::Completed(text)).await
            }
        }
    }
}

/// Taking back what a task began elsewhere that ends before its tool does.
impl Inner {
    /// Whether the task may have something under way elsewhere that ends with it.
    pub(super) fn takes_back(&self, kept: &SharedTask) -> bool {
        let kept = kept.borrow();
        let has_begun = kept.status == Status::Working && !kept.steps.is_empty();
        has_begun && wiring::find(&kept.order.start.tool).is_some_and(|found| found.takes_back())
    }

    /// Ends a task whose tool may not go on, and what it has under way elsewhere.
    async fn fail(self: &Rc<Self>, kept: &SharedTask, why: String) -> Result<()> {
        let failed = TaskOutcome::Failed(INTERNAL_ERROR, why);
        match self.takes_back(kept) {
            true => self.take_back(kept, failed).await,
            false => self.end(kept, failed).await,
        }
    }

    /// Takes back what runs elsewhere for a task, as far as that can be done now, and ends it like this.
    async fn take_back(self: &Rc<Self>, kept: &SharedTask, ended: TaskOutcome) -> Result<()> {
        let outcome = self.taken_back(kept).await;
        let outcome = outcome.unwrap_or_else(|halt| Err(may_go_on(halt.why())));
        if outcome.is_err() {
            // Why may name things of the person's: it is in the task, which is theirs.
            log::warn!("what a task began elsewhere could not be ended there");
        }
        let said = outcome.unwrap_or_else(|why| why);
        let ended = ended.and_said(&said);
        kept.borrow_mut().has_taken_back(said);
        self.end(kept, ended).await
    }

    async fn taken_back(
        self: &Rc<Self>,
        kept: &SharedTask,
    ) -> std::result::Result<std::result::Result<String, String>, TaskBlocked> {
        let Some(found) = wiring::find(&kept.borrow().order.start.tool) else {
            return Ok(Ok(String::new()));
        };
        let keeper = Rc::new(ObjectTaskStore { core: self.clone(), kept: kept.clone() });
        // A run of its own: one that was cancelled records nothing more.
        let run = Rc::new(TaskRun::new(kept.clone(), keeper, Rc::new(WorkersPlatform)));
        let (order, credential) = {
            let kept = kept.borrow();
            (kept.order.clone(), kept.credential.clone())
        };
        let noted = (self.record(kept), self.audit());
        let ctx = task_context::context(&self.env, order, credential, &run, noted).await?;
        let ended = AssertUnwindSafe(cold(found.take_back(&ctx))).catch_unwind().await;
        Ok(ended.unwrap_or_else(|_| Err(may_go_on("the server failed"))))
    }
}

/// What the person reads where it could not even be tried.
fn may_go_on(why: &str) -> String {
    format!("What was begun elsewhere may go on: {why}.")
}

/// The operations that a run needs of its object.
struct ObjectTaskStore {
    core: Rc<Inner>,
    kept: SharedTask,
}

impl TaskStore for ObjectTaskStore {
    fn save(&self) -> LocalBoxFuture<'static, std::result::Result<(), String>> {
        let (core, kept) = (self.core.clone(), self.kept.clone());
        async move { core.save(&kept).await.map_err(|error| error.to_string()) }.boxed_local()
    }

    fn emit(&self, told: &TaskEvent) {
        // Messages below `info` are for those who asked for them, whom a task does not know.
        if !matches!(told, TaskEvent::Log(LoggingLevel::Debug, ..)) {
            self.core.emit(told);
        }
    }

    fn announce(&self, news: ChangeEvent) {
        self.core.announce(self.kept.borrow().order.principal.subject, news);
    }
}
