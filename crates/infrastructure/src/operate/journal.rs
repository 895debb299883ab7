//! Records the steps of an operation in the object of its stage, and that one is under way in the task.

use std::cell::Cell;

use mcp_server::{
    client_request::Stop, context::Context, dispatch::note_change, execution::Recorded,
    toolset::Effect,
};

use super::desk;
use crate::{
    apply::{Halt, Journal},
    plan::{Action, Verb},
    state::{Answer, Operation, Progress, Refusal, Request, RowChange},
};

/// The key under which the task knows that a step is under way: a task that is cancelled ends after it.
const STEP: &str = "step";

/// The journal of an operation under a lease.
pub(super) struct StageJournal<'a> {
    pub(super) ctx: &'a Context,
    pub(super) stage: &'a str,
    pub(super) fencing: u64,
    pub(super) actions: &'a [Action],
    /// How many actions have ended.
    ended: Cell<u32>,
}

impl<'a> StageJournal<'a> {
    pub(super) fn new(
        ctx: &'a Context,
        stage: &'a str,
        fencing: u64,
        operation: &'a Operation,
    ) -> Self {
        let ended = u32::try_from(operation.progress.len()).unwrap_or(u32::MAX);
        let actions = &operation.plan.actions;
        Self { ctx, stage, fencing, actions, ended: Cell::new(ended) }
    }

    /// Notes that no step is under way where the work stopped in the middle of one: its intent is in the records of the stage.
    pub(super) async fn stopped(&self) -> Result<(), Stop> {
        match self.ctx.execution.recorded(STEP) {
            Recorded::Intent => self.ctx.execution.record(STEP, Some(String::new())).await,
            _ => Ok(()),
        }
    }

    /// Reports and audits the end of an action.
    fn note(&self, action: &Action, progress: &Progress) {
        let ended = self.ended.get().saturating_add(1);
        self.ended.set(ended);
        let (resource, verb) = (&action.resource, action.verb);
        if !verb.changes() {
            return;
        }
        let (outcome, code) = match progress {
            Progress::Done => ("done", None),
            Progress::Failed { code, .. } => ("failed", *code),
            Progress::Blocked { .. } => ("blocked", None),
        };
        let total = u32::try_from(self.actions.len()).unwrap_or(u32::MAX);
        let message = format!("{} {resource}: {outcome}", verb.name());
        self.ctx.progress(f64::from(ended), Some(f64::from(total)), Some(&message));
        let code = code.map(|code| format!(" code {code}")).unwrap_or_default();
        let target = format!("{}/{resource} {}{code}", self.stage, action.name);
        let effect = if verb == Verb::Delete { Effect::Destructive } else { Effect::Write };
        note_change(self.ctx, &format!("stage.{}", verb.name()), effect, target).end(outcome);
    }
}

impl Journal for StageJournal<'_> {
    async fn record(
        &self,
        resource: &str,
        row: RowChange,
        progress: Option<Progress>,
    ) -> Result<(), Halt> {
        let begins = progress.is_none() && matches!(row, RowChange::Put { .. });
        if begins {
            self.ctx.execution.record(STEP, None).await.map_err(unrecorded)?;
        }
        let (fencing, name) = (self.fencing, resource.to_owned());
        let request = Request::Record { fencing, resource: name, row, progress: progress.clone() };
        match desk::ask(self.ctx, self.stage, &request).await {
            Ok(Answer::Recorded) => {}
            Ok(Answer::Refused(Refusal::Fenced)) => return Err(Halt::Replaced),
            Ok(Answer::Refused(refusal)) => return Err(Halt::Unrecorded(refusal.to_string())),
            Ok(_) => return Err(Halt::Unrecorded("the answer fits another request".to_owned())),
            Err(why) => return Err(Halt::Unrecorded(why)),
        }
        let Some(progress) = progress else { return Ok(()) };
        if let Some(action) = self.actions.iter().find(|action| action.resource == resource) {
            self.note(action, &progress);
        }
        let ended = self.ctx.execution.record(STEP, Some(resource.to_owned())).await;
        ended.map_err(unrecorded)
    }
}

fn unrecorded(stop: Stop) -> Halt {
    Halt::Unrecorded(stop.into_message())
}
