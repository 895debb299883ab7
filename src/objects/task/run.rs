//! The runs of a task's tool: when one begins, how it stops, and what it needs of its object.

use std::{panic::AssertUnwindSafe, rc::Rc};

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use worker::Result;

use super::{Core, LEASE, Shared};
use crate::{
    objects::task_context::{self, Halt},
    platform::{object::keep, workers::WorkersPlatform},
};
use mcp_platform::Platform as _;
use mcp_protocol::{jsonrpc::INTERNAL_ERROR, log_level::LogLevel};
use mcp_server::{
    ask::{Reason, Stop},
    notify::{News, Notifier as _},
    size::{MAX_RESULT, too_large},
    task::{Run, Status, Stopped, TaskKeeper, Told, drive},
    tasks::Ended,
};

/// Why a task ends whose person took the access back.
const TAKEN_BACK: &str = "the access with which this task was started was revoked. Some of its changes \
                          may have happened: check before you repeat it";

impl Core {
    /// Lets the tool run, if it should and does not. A task that is held back waits for its alarm.
    pub(super) fn go_on(self: &Rc<Self>) {
        let kept = self.kept.borrow().clone();
        if let Some(kept) = kept.filter(|kept| kept.borrow().held.is_none() && self.is_due(kept)) {
            self.run_now(kept);
        }
    }

    /// Lets the tool run, if it does not yet.
    pub(super) fn run_now(self: &Rc<Self>, kept: Shared) {
        if !self.busy.replace(true) {
            let core = self.clone();
            let run = async move {
                let ran = AssertUnwindSafe(core.run(&kept)).catch_unwind().await;
                let cancelled = core.live.take().is_some_and(|run| run.is_cancelled());
                if let Err(halt) = ran.unwrap_or(Err(Halt::Panic)) {
                    core.halted(&kept, &halt, cancelled).await;
                }
                core.busy.set(false);
            };
            keep(&self.state, run.boxed_local());
        }
    }

    /// Ends a task that was cancelled, and holds any other back. Where even that cannot be stored, the
    /// alarm that was set before the run tries again.
    async fn halted(&self, kept: &Shared, halt: &Halt, cancelled: bool) {
        let attempts = kept.borrow().attempts;
        kept.borrow_mut().hold(halt.why().to_owned(), attempts, WorkersPlatform.now_ms());
        let times = kept.borrow().attempts;
        log::error!("a task's run failed {times} times in a row: {halt}");
        let stored = async {
            if cancelled && !kept.borrow().is_over() {
                return self.end(kept, Ended::Cancelled).await;
            }
            self.save(kept).await?;
            self.wake_for(kept).await
        };
        if let Err(error) = stored.await {
            log::error!("a task's pause could not be stored: {error}");
        }
    }

    async fn run(self: &Rc<Self>, kept: &Shared) -> std::result::Result<(), Halt> {
        self.wake_in(LEASE).await?;
        let keeper = Rc::new(Keeper { core: self.clone(), kept: kept.clone() });
        let run = Rc::new(Run::new(kept.clone(), keeper, Rc::new(WorkersPlatform)));
        self.live.replace(Some(run.clone()));
        let (order, credential) = {
            let kept = kept.borrow();
            (kept.order.clone(), kept.credential.clone())
        };
        if task_context::is_taken_back(&self.env, &order).await? {
            let taken_back = Ended::Failed(INTERNAL_ERROR, TAKEN_BACK.to_owned());
            return Ok(self.end(kept, taken_back).await?);
        }
        let (start, record) = (order.start.clone(), self.record(kept));
        let ctx = task_context::context(&self.env, order, credential, &run, record).await?;
        let call = task_context::call(ctx, start);
        if kept.borrow().is_over() {
            return Ok(());
        }
        let attempts = kept.borrow_mut().release();
        let stopped = drive(call, run).await;
        let stored = self.stopped(kept, stopped).await;
        if stored.is_err() {
            kept.borrow_mut().attempts = attempts;
        }
        Ok(stored?)
    }

    /// Stores how a run stopped.
    async fn stopped(self: &Rc<Self>, kept: &Shared, stopped: Stopped) -> Result<()> {
        match stopped {
            Stopped::Sleeps(until) => {
                kept.borrow_mut().sleeps(until, WorkersPlatform.now_ms());
                self.save(kept).await?;
                self.wake_for(kept).await
            }
            Stopped::Cancelled => self.end(kept, Ended::Cancelled).await,
            Stopped::Ended(Err(Stop(Reason::Suspended(open)))) => {
                kept.borrow_mut().asked.clone_from(&open);
                self.becomes(kept, Status::InputRequired).await?;
                self.tell(&Told::Asks(open));
                self.wake_for(kept).await
            }
            Stopped::Ended(Err(Stop(Reason::Refused(error)))) => {
                self.end(kept, Ended::Failed(error.code, error.message)).await
            }
            Stopped::Ended(ended) => {
                let result = ended.unwrap_or_else(Stop::into_result);
                let mut text = result.to_json();
                if text.len() > MAX_RESULT {
                    text = too_large(text.len()).to_json();
                }
                self.end(kept, Ended::Completed(text)).await
            }
        }
    }
}

/// What a run needs of its object.
struct Keeper {
    core: Rc<Core>,
    kept: Shared,
}

impl TaskKeeper for Keeper {
    fn save(&self) -> LocalBoxFuture<'static, std::result::Result<(), String>> {
        let (core, kept) = (self.core.clone(), self.kept.clone());
        async move { core.save(&kept).await.map_err(|error| error.to_string()) }.boxed_local()
    }

    fn tell(&self, told: &Told) {
        // Messages below `info` are for those who asked for them, whom a task does not know.
        if !matches!(told, Told::Log(LogLevel::Debug, ..)) {
            self.core.tell(told);
        }
    }

    fn announce(&self, news: News) {
        self.core.announce(self.kept.borrow().order.principal.subject, news);
    }
}
