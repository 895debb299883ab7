//! The plan of a call, and its preview.

use mcp_protocol::content::CallToolResult;

use super::{Ended, Operate, Wish, answer, desk, failed, place::Place, steps::Cloud};
use crate::{
    plan::{Account, Action, Plan, Verb, make, observe},
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
    /// What is in the rest of it by now, where that is not what its plan says.
    pub(super) by_now: Vec<String>,
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
            Some(operation) => answer::rest_of(operation, &self.by_now),
            None => self.plan.question(),
        }
    }

    /// Whether the stage is protected, in the manifest or by what was applied to it.
    pub(super) const fn is_protected(&self) -> bool {
        self.plan.is_protected || self.state.is_protected
    }
}

impl<C: Cloud> Operate<'_, C> {
    /// Plans. A stage in which something runs is not even looked at, but for a preview.
    pub(super) async fn planned(&self, place: &Place) -> Result<Planned, Ended> {
        let mut state = desk::state(self.ctx, &place.name).await?;
        state.is_protected |= place.is_protected();
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
                let by_now = self.by_now(place, &state).await;
                return Ok(Planned { state, plan, continues: true, by_now });
            }
        }
        self.look(place, state).await
    }

    /// Plans anew from the account.
    pub(super) async fn look(&self, place: &Place, state: StageState) -> Result<Planned, Ended> {
        let account = self.account(place, &state).await;
        let now_ms = self.ctx.platform.now_ms();
        let plan = make(place.stage.as_ref(), &state, &account, self.intent(), now_ms);
        Ok(Planned { state, plan, continues: false, by_now: Vec::new() })
    }

    /// The account as it is, with the stages of the manifest to which names belong by now.
    async fn account(&self, place: &Place, state: &StageState) -> Account {
        self.cloud.start_over();
        let mut account = observe(self.cloud, place.stage.as_ref(), state).await;
        for one in &mut account.resources {
            one.owner = self.manifest.other_owner(one.kind, &one.name, &place.name);
        }
        account
    }

    /// What the rest of an operation would delete by now, where its plan has another number.
    async fn by_now(&self, place: &Place, state: &StageState) -> Vec<String> {
        let Some(operation) = &state.operation else { return Vec::new() };
        let account = self.account(place, state).await;
        let rest = operation.rest().filter(|action| action.verb == Verb::Delete);
        let changed = rest.filter_map(|action| {
            let found = account.by_id(action.kind, action.id.as_ref()?)?;
            let is_same = found.contents.count == action.contents.count;
            (!is_same)
                .then(|| Action { contents: found.contents.clone(), ..action.clone() }.label())
        });
        changed.chain(account.unseen.iter().map(ToString::to_string)).collect()
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
