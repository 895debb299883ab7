//! The account as the two tools use it.

use std::time::Duration;

use mcp_server::{context::Context, execution::Begun};

use crate::{
    api::{Changes, Client, View},
    apply::{Executor, Failure, Made},
    manifest::Kind,
    plan::{Action, Observed, Observer, Unseen, Wanted},
};

/// An account: looked at, and changed once something has begun.
pub trait Cloud: Observer {
    /// What changes it.
    type Steps<'a>: Executor
    where
        Self: 'a;

    /// The steps of a stage with this Worker.
    fn steps<'a>(&'a self, begun: &'a Begun, worker: &'a str) -> Self::Steps<'a>;

    /// Starts the time of the requests anew.
    fn start_over(&self) {}
}

/// The account behind Cloudflare's REST API.
pub struct Rest<'a>(pub &'a Client<'a>);

impl Observer for Rest<'_> {
    async fn look(&self, kind: Kind, wanted: &Wanted) -> Result<Vec<Observed>, Unseen> {
        View(self.0).look(kind, wanted).await
    }
}

impl Cloud for Rest<'_> {
    type Steps<'a>
        = Changes<'a>
    where
        Self: 'a;

    fn steps<'a>(&'a self, begun: &'a Begun, worker: &'a str) -> Changes<'a> {
        Changes { client: self.0, begun, worker }
    }

    fn start_over(&self) {
        self.0.start_over();
    }
}

/// Steps that stop where the caller takes the work back.
pub(super) struct Watched<'a, E> {
    pub(super) steps: E,
    pub(super) ctx: &'a Context,
}

impl<E: Executor> Executor for Watched<'_, E> {
    async fn create(&self, action: &Action) -> Result<Made, Failure> {
        self.steps.create(action).await
    }

    async fn update(&self, action: &Action, id: &str) -> Result<(), Failure> {
        self.steps.update(action, id).await
    }

    async fn empty(&self, action: &Action, id: &str) -> Result<(), Failure> {
        self.steps.empty(action, id).await
    }

    async fn delete(&self, action: &Action, id: &str) -> Result<(), Failure> {
        self.steps.delete(action, id).await
    }

    async fn find(&self, kind: Kind, name: &str) -> Result<Vec<Observed>, Failure> {
        self.steps.find(kind, name).await
    }

    async fn read(&self, kind: Kind, id: &str) -> Result<Option<Observed>, Failure> {
        self.steps.read(kind, id).await
    }

    fn is_cancelled(&self) -> bool {
        self.ctx.is_cancelled()
    }

    fn now_ms(&self) -> u64 {
        self.steps.now_ms()
    }
}

/// The longest wait that is believed.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
