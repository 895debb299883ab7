//! The plan of a call, and its preview.

use mcp_protocol::content::CallToolResult;

use super::{Ended, Operate, Wish, answer, desk, failed, place::Place, steps::Cloud};
use crate::{
    plan::{Plan, make, observe},
    state::{Operation, Refusal, Request, StageState},
};

/// What would be done, from the records and the account as they are.
#[derive(Debug)]
pub(super) struct Planned {
    /// The records.
    pub(super) state: StageState,
    /// The plan. Where an operation is continued, it is that operation's.
    pub(super) plan: Plan,
    /// An operation that did not end is continued.
    pub(super) continues: bool,
}

impl Planned {
    /// Whether nothing would be changed, and nothing stands in the way of it.
    pub(super) fn has_nothing_to_do(&self) -> bool {
        !self.continues && !self.plan.changes() && self.plan.may_apply()
    }

    /// The operation that is continued.
    pub(super) fn operation(&self) -> Option<&Operation> {
        self.state.operation.as_ref().filter(|_| self.continues)
    }

    /// The plan as the person reads it.
    pub(super) fn question(&self) -> String {
        match self.operation() {
            Some(operation) => answer::rest_of(operation),
            None => self.plan.question(),
        }
    }
}

impl<C: Cloud> Operate<'_, C> {
    /// Plans. A stage in which something runs is not even looked at, but for a preview.
    pub(super) async fn planned(&self, place: &Place) -> Result<Planned, Ended> {
        let state = desk::state(self.ctx, &place.name).await?;
        if place.stage.is_none() && state.rows.is_empty() && state.operation.is_none() {
            // The words of the manifest, which name the stages that there are.
            let unknown = self.manifest.stage(&place.name).err();
            return failed(unknown.map(|why| why.to_string()).unwrap_or_default());
        }
        let now_ms = self.ctx.platform.now_ms();
        if !self.asked.is_preview
            && let Err(busy) = state.check_idle(now_ms)
        {
            return failed(format!("{busy} Nothing was done."));
        }
        if state.is_blocked() {
            if self.wish == Wish::Deploy && !self.asked.is_preview {
                let unfinished = Refusal::Unfinished;
                return failed(format!(
                    "{unfinished} Call {} with the stage `{}` to continue it.",
                    Wish::Destroy.tool(),
                    place.name
                ));
            }
            let unfinished = state.operation.as_ref().map(|operation| operation.plan.clone());
            if let (Wish::Destroy, Some(plan)) = (self.wish, unfinished) {
                return Ok(Planned { state, plan, continues: true });
            }
        }
        self.look(place, state).await
    }

    /// Plans anew from the account.
    pub(super) async fn look(&self, place: &Place, state: StageState) -> Result<Planned, Ended> {
        self.cloud.start_over();
        let account = observe(self.cloud, place.stage.as_ref(), &state).await;
        let now_ms = self.ctx.platform.now_ms();
        let plan = make(place.stage.as_ref(), &state, &account, self.intent(), now_ms);
        Ok(Planned { state, plan, continues: false })
    }

    /// Keeps a plan so that it can be applied by the person who is shown it.
    pub(super) async fn offer(&self, plan: &Plan) -> Result<(), Ended> {
        let offer = Request::Offer { plan: Box::new(plan.clone()), subject: self.subject() };
        desk::ask_or_hold(self.ctx, &plan.stage, &offer).await.map(drop)
    }

    /// The plan, and what to send next.
    pub(super) async fn preview(&self, planned: Planned) -> Result<CallToolResult, Ended> {
        let may_be_applied = planned.plan.may_apply() && planned.plan.changes();
        if may_be_applied && !planned.continues {
            self.offer(&planned.plan).await?;
        }
        let now_ms = self.ctx.platform.now_ms();
        Ok(answer::preview(self.wish, self.asked, &planned, now_ms))
    }
}
