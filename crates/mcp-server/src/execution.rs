//! Work that changes the world: the permission to begin it, and steps that a restart does not repeat.
//!
//! Invariant: a change needs a [`Begun`], which only [`Context::begin`] gives. In a task every step is
//! written down before it is sent and after its answer came; one whose answer was lost is not sent
//! again.
//!
//! [`Context::begin`]: crate::context::Context::begin

use std::{cell::RefCell, time::Duration};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};

use crate::client_request::{Stop, StopReason};
use mcp_platform::SharedPlatform;

/// The key under which a task writes down what it changes.
pub(crate) const TARGET: &str = "target";

/// The permission to change something.
#[derive(Debug)]
pub struct Begun(pub(super) ());

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step<T> {
    /// With this outcome, now or in an earlier life of the task.
    Done(T),
    /// It may have been carried out: its answer was lost with an earlier life. Find out by reading.
    Unknown,
}

/// The recorded state of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recorded {
    /// Nothing: it has not begun.
    Nothing,
    /// It was about to be carried out.
    Intent,
    /// Its outcome, as JSON.
    Outcome(String),
}

/// Whether sending a request twice has a further effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Idempotency {
    /// A second time changes something again.
    Once,
    /// A second time changes nothing more.
    Repeatable,
}

/// Where a call's work is done: in place, or in a task that survives.
pub trait Execution {
    /// From here on the call may change something.
    fn begin(&self, effect: Idempotency) -> LocalBoxFuture<'static, Result<(), Stop>>;

    /// The recorded state of a step.
    fn recorded(&self, key: &str) -> Recorded;

    /// Writes down that a step is about to be carried out (None), or its outcome.
    fn record(
        &self,
        key: &str,
        outcome: Option<String>,
    ) -> LocalBoxFuture<'static, Result<(), Stop>>;

    /// The id of the task in which the work is done. None: it is done in place.
    fn task(&self) -> Option<String> {
        None
    }

    /// Waits. A run that is repeated waits only for what is left.
    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()>;

    /// Waits between two looks. A run that is repeated looks first.
    fn pause(&self, duration: Duration) -> LocalBoxFuture<'static, ()>;
}

/// The key of what a call is for, such as the project that the caller has. A call that becomes a task finds
/// there what it was asked for, however much later it runs.
pub const BOUND: &str = "bound";

/// Execution in the request itself, without persistence.
pub struct InPlace {
    platform: SharedPlatform,
    moves: bool,
    bound: RefCell<Option<String>>,
}

impl InPlace {
    /// Execution to the end.
    pub fn new(platform: SharedPlatform) -> Self {
        Self { platform, moves: false, bound: RefCell::default() }
    }

    /// Execution that goes on in a task as soon as it begins to change something.
    pub fn until_begun(platform: SharedPlatform) -> Self {
        Self { moves: true, ..Self::new(platform) }
    }

    /// Takes what was recorded under [`BOUND`], for the task in which the call goes on.
    pub fn take_bound(&self) -> Option<String> {
        self.bound.take()
    }
}

impl Execution for InPlace {
    fn begin(&self, _effect: Idempotency) -> LocalBoxFuture<'static, Result<(), Stop>> {
        let may = if self.moves { Err(Stop(StopReason::Moves)) } else { Ok(()) };
        ready(may).boxed_local()
    }

    fn recorded(&self, _key: &str) -> Recorded {
        Recorded::Nothing
    }

    fn record(
        &self,
        key: &str,
        outcome: Option<String>,
    ) -> LocalBoxFuture<'static, Result<(), Stop>> {
        if key == BOUND {
            *self.bound.borrow_mut() = outcome;
        }
        ready(Ok(())).boxed_local()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.platform.sleep(duration)
    }

    fn pause(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.platform.sleep(duration)
    }
}
