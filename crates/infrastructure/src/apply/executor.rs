//! What carries out steps, and what records them.

use std::time::Duration;

use thiserror::Error;

use crate::{
    manifest::Kind,
    plan::{Action, Observed},
    state::{Progress, RowChange},
};

/// What was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its id.
    pub id: String,
    /// When, where Cloudflare says so.
    pub made_ms: Option<u64>,
}

/// Sends the steps to Cloudflare, each once and never again.
pub trait Executor {
    /// Makes a resource.
    ///
    /// # Errors
    /// Why it was not made, or may have been.
    fn create(&self, action: &Action) -> impl Future<Output = Result<Made, Failure>>;

    /// Changes settings of the resource with this id.
    ///
    /// # Errors
    /// Why they were not changed.
    fn update(&self, action: &Action, id: &str) -> impl Future<Output = Result<(), Failure>>;

    /// Deletes what is in a bucket, where there is no more in it than `action.contents` says. What is gone
    /// already is no failure.
    ///
    /// # Errors
    /// Why it was not emptied.
    fn empty(&self, action: &Action, id: &str) -> impl Future<Output = Result<(), Failure>>;

    /// Deletes the resource with this id.
    ///
    /// # Errors
    /// Why it was not deleted.
    fn delete(&self, action: &Action, id: &str) -> impl Future<Output = Result<(), Failure>>;

    /// Looks for the resources with a name.
    ///
    /// # Errors
    /// Where they cannot be seen.
    fn find(&self, kind: Kind, name: &str) -> impl Future<Output = Result<Vec<Observed>, Failure>>;

    /// Reads the resource with an id. None: it is gone.
    ///
    /// # Errors
    /// Where it cannot be seen.
    fn read(&self, kind: Kind, id: &str)
    -> impl Future<Output = Result<Option<Observed>, Failure>>;

    /// Whether the work is to stop before the next step.
    fn is_cancelled(&self) -> bool {
        false
    }

    /// The time.
    fn now_ms(&self) -> u64;
}

impl<E: Executor> Executor for &E {
    async fn create(&self, action: &Action) -> Result<Made, Failure> {
        (**self).create(action).await
    }

    async fn update(&self, action: &Action, id: &str) -> Result<(), Failure> {
        (**self).update(action, id).await
    }

    async fn empty(&self, action: &Action, id: &str) -> Result<(), Failure> {
        (**self).empty(action, id).await
    }

    async fn delete(&self, action: &Action, id: &str) -> Result<(), Failure> {
        (**self).delete(action, id).await
    }

    async fn find(&self, kind: Kind, name: &str) -> Result<Vec<Observed>, Failure> {
        (**self).find(kind, name).await
    }

    async fn read(&self, kind: Kind, id: &str) -> Result<Option<Observed>, Failure> {
        (**self).read(kind, id).await
    }

    fn is_cancelled(&self) -> bool {
        (**self).is_cancelled()
    }

    fn now_ms(&self) -> u64 {
        (**self).now_ms()
    }
}

/// Records steps in the object of the stage.
pub trait Journal {
    /// Records what becomes of a resource's record, and how its action ended. It is durable when this
    /// returns.
    ///
    /// # Errors
    /// Where it was not recorded: then nothing more may be sent.
    fn record(
        &self,
        resource: &str,
        row: RowChange,
        progress: Option<Progress>,
    ) -> impl Future<Output = Result<(), Halt>>;
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// There is one of this name.
    Exists,
    /// There is none.
    Gone,
    /// It was refused, and nothing was done.
    Refused,
    /// It may have been done: no answer came, or none that can be read.
    Doubt,
    /// It is to be sent later: nothing was done.
    Later(Duration),
}

/// A step that failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{why}")]
pub struct Failure {
    /// What kind it is.
    pub kind: FailureKind,
    /// Cloudflare's code.
    pub code: Option<i64>,
    /// The reason, for the caller. It names no id.
    pub why: String,
}

/// Why the work stops before its end. It goes on where it stopped.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Halt {
    /// A step could not be recorded, or another task has taken over.
    #[error("the work stopped: {0}")]
    Unrecorded(String),
    /// Another task has the lease by now.
    #[error("another task has taken over")]
    Replaced,
    /// Cloudflare asks to wait.
    #[error("Cloudflare asks to wait {} s", .0.as_secs())]
    Wait(Duration),
    /// The caller took the work back.
    #[error("the work was cancelled")]
    Cancelled,
}
