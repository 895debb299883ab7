//! The deadlines of an exchange: one timer for the time between two bytes and for the whole.
//!
//! Invariant: a timer is set only once nothing is there to be read, and is kept for the next wait. While the upstream waits for
//! an answer of ours, no deadline passes.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    task::Poll,
    time::Duration,
};

use futures_util::{FutureExt as _, future::LocalBoxFuture};

use mcp_platform::SharedPlatform;

use crate::{
    error::{Phase, UpstreamError},
    open_questions::AskedBy,
};

/// How often it is looked whether a question has its answer.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The deadlines of one exchange.
pub(crate) struct Deadline {
    platform: SharedPlatform,
    idle: Option<Duration>,
    whole: Option<Duration>,
    started_ms: u64,
    asked: AskedBy,
    /// Since when the deadlines stand still.
    still_since_ms: Option<u64>,
    timer: Option<LocalBoxFuture<'static, ()>>,
}

impl Deadline {
    /// Deadlines that count from now.
    pub(crate) fn new(
        platform: SharedPlatform,
        idle: Option<Duration>,
        whole: Option<Duration>,
    ) -> Self {
        let started_ms = platform.now_ms();
        let asked = AskedBy::default();
        Self { platform, idle, whole, started_ms, asked, still_since_ms: None, timer: None }
    }

    /// The same, standing still while one of these questions is open.
    pub(crate) fn while_answered(mut self, asked: AskedBy) -> Self {
        self.asked = asked;
        self
    }

    /// The questions of the exchange.
    pub(crate) fn asked(&mut self) -> &mut AskedBy {
        &mut self.asked
    }

    /// What is left of the whole.
    pub(crate) fn left(&self) -> Option<Duration> {
        let passed = Duration::from_millis(self.platform.now_ms().saturating_sub(self.started_ms));
        self.whole.map(|whole| whole.saturating_sub(passed))
    }

    /// Waits for a future, for so long at most as the deadlines allow.
    ///
    /// # Errors
    /// Where one of them passes.
    pub(crate) async fn wait<T>(
        &mut self,
        future: impl Future<Output = T>,
    ) -> Result<T, UpstreamError> {
        let idle = self.idle;
        let mut future = pin!(future);
        let mut waiting_since = None;
        poll_fn(|cx| {
            if let Poll::Ready(done) = future.as_mut().poll(cx) {
                return Poll::Ready(Ok(done));
            }
            loop {
                if self.goes_on() {
                    waiting_since = None;
                }
                let since = *waiting_since.get_or_insert_with(|| self.platform.now_ms());
                let left = match self.next_due(since, idle) {
                    Ok(Some(left)) => left,
                    Ok(None) => return Poll::Pending,
                    Err(late) => return Poll::Ready(Err(late)),
                };
                let timer = self.timer.get_or_insert_with(|| self.platform.sleep(left));
                if timer.poll_unpin(cx).is_pending() {
                    return Poll::Pending;
                }
                self.timer = None;
            }
        })
        .await
    }

    /// Lets the deadlines stand still or go on. True: they go on after they stood still.
    fn goes_on(&mut self) -> bool {
        let now = self.platform.now_ms();
        if self.asked.any_open() {
            self.still_since_ms.get_or_insert(now);
            return false;
        }
        let Some(since) = self.still_since_ms.take() else {
            return false;
        };
        self.started_ms = self.started_ms.saturating_add(now.saturating_sub(since));
        true
    }

    /// The time until the first deadline; None where there is none.
    fn next_due(
        &self,
        since_ms: u64,
        idle: Option<Duration>,
    ) -> Result<Option<Duration>, UpstreamError> {
        if self.still_since_ms.is_some() {
            return Ok(Some(LOOK_EVERY));
        }
        let now = self.platform.now_ms();
        let left = |from: u64, limit: Duration, phase: Phase| {
            let passed = Duration::from_millis(now.saturating_sub(from));
            let left = limit.saturating_sub(passed);
            if left.is_zero() {
                Err(UpstreamError::TimedOut { phase, after: limit })
            } else {
                Ok(left)
            }
        };
        let whole =
            self.whole.map(|limit| left(self.started_ms, limit, Phase::Whole)).transpose()?;
        let idle = idle.map(|limit| left(since_ms, limit, Phase::Idle)).transpose()?;
        Ok(match (whole, idle) {
            (Some(whole), Some(idle)) => Some(whole.min(idle)),
            (whole, idle) => whole.or(idle),
        })
    }
}
