//! What an operation needs to begin, and to go on.

use std::collections::BTreeMap;

use super::{
    StageState,
    handle::{Answer, Refusal},
    operation::{LEASE_MS, Lease, Operation, is_open},
};
use crate::plan::{Plan, PlanId};

/// Ids of applied plans that are remembered.
const MOST_USED: usize = 32;

impl StageState {
    /// Reads the id of a plan of this stage.
    pub(super) fn own_plan(&self, plan_id: &str) -> Result<PlanId, Refusal> {
        let plan_id: PlanId = plan_id.parse().map_err(|_| Refusal::MalformedPlan)?;
        if plan_id.stage() != self.stage {
            return Err(Refusal::OtherStage { of: plan_id.stage().to_owned() });
        }
        Ok(plan_id)
    }

    pub(super) fn begin(
        &mut self,
        plan: Plan,
        plan_id: &str,
        subject: String,
        holder: String,
        now_ms: u64,
    ) -> Result<Answer, Refusal> {
        self.may_begin(now_ms)?;
        let plan_id = self.check_shown(plan_id, &subject, now_ms)?;
        if plan.id() != plan_id || plan.generation != self.generation {
            return Err(Refusal::Changed { now: plan.id() });
        }
        if !plan.may_apply() {
            let obstacles: Vec<String> = plan.obstacles.iter().map(ToString::to_string).collect();
            return Err(Refusal::Obstacles { why: obstacles.join("; ") });
        }
        if self.needs_unlock(&plan) {
            self.check_unlock(&plan_id, now_ms)?;
            self.unlock = None;
        }
        self.offers.retain(|offer| offer.plan_id != plan_id);
        self.used.push(plan_id.to_string());
        let surplus = self.used.len().saturating_sub(MOST_USED);
        self.used.drain(..surplus);
        self.generation = self.generation.saturating_add(1);
        self.is_protected |= plan.is_protected;
        Ok(self.leased(plan, holder, subject, now_ms, BTreeMap::new()))
    }

    /// Whether a plan can only be applied with an unlock: also where the manifest no longer protects the stage.
    fn needs_unlock(&self, plan: &Plan) -> bool {
        plan.needs_unlock() || (self.is_protected && plan.intent.is_destroy())
    }

    /// Whether a plan is locked: it needs an unlock, and there is none that is open.
    pub fn is_locked(&self, plan: &Plan, now_ms: u64) -> Option<Refusal> {
        self.needs_unlock(plan).then(|| self.check_unlock(&plan.id(), now_ms).err()).flatten()
    }

    /// Reads the id of a plan that was shown to this person and can still be applied.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn check_shown(
        &self,
        plan_id: &str,
        subject: &str,
        now_ms: u64,
    ) -> Result<PlanId, Refusal> {
        let plan_id = self.own_plan(plan_id)?;
        self.check_offer(&plan_id, subject, now_ms)?;
        Ok(plan_id)
    }

    /// The text of a plan that was shown.
    pub fn shown_text(&self, plan_id: &PlanId) -> Option<&str> {
        let shown = self.offers.iter().find(|offer| offer.plan_id == *plan_id);
        shown.map(|offer| offer.text.as_str())
    }

    /// Goes on with what did not end: what is done stays done. A later life of the task that holds it goes on at once, as it
    /// was; another task waits for the end of the lease, needs an unlock of its own where the stage is protected, and tries again what
    /// failed. What runs by now may be another plan than the one that the person was shown.
    pub(super) fn resume(
        &mut self,
        holder: String,
        plan_id: &str,
        is_protected: bool,
        now_ms: u64,
    ) -> Result<Answer, Refusal> {
        let plan_id = self.own_plan(plan_id)?;
        let known = self.operation.as_ref().ok_or(Refusal::NothingUnfinished)?;
        if known.plan.id() != plan_id {
            return Err(Refusal::Changed { now: known.plan.id() });
        }
        let is_holder = known.holder == holder;
        let became_protected = is_protected && known.plan.intent.is_destroy();
        let needs_unlock = became_protected || self.needs_unlock(&known.plan);
        if !is_holder {
            self.check_idle(now_ms)?;
            if needs_unlock {
                self.check_unlock(&plan_id, now_ms)?;
                self.unlock = None;
            }
            self.is_protected |= is_protected;
        }
        let Operation { plan, subject, mut progress, .. } =
            self.operation.take().ok_or(Refusal::NothingUnfinished)?;
        if !is_holder {
            progress.retain(|_, progress| *progress == super::Progress::Done);
        }
        Ok(self.leased(plan, holder, subject, now_ms, progress))
    }

    fn leased(
        &mut self,
        plan: Plan,
        holder: String,
        subject: String,
        now_ms: u64,
        progress: BTreeMap<String, super::Progress>,
    ) -> Answer {
        self.fencing = self.fencing.saturating_add(1);
        let lease_until_ms = now_ms.saturating_add(LEASE_MS);
        self.operation =
            Some(Operation { plan, holder, subject, since_ms: now_ms, lease_until_ms, progress });
        let lease = Lease { fencing: self.fencing };
        Answer::Begun { lease, state: Box::new(self.clone()) }
    }

    /// Refuses while another task works on the stage.
    ///
    /// # Errors
    /// Which one.
    pub fn check_idle(&self, now_ms: u64) -> Result<(), Refusal> {
        match &self.operation {
            Some(operation) if operation.is_running(now_ms) => Err(Refusal::Busy {
                holder: operation.holder.clone(),
                since_ms: operation.since_ms,
            }),
            _ => Ok(()),
        }
    }

    fn may_begin(&self, now_ms: u64) -> Result<(), Refusal> {
        self.check_idle(now_ms)?;
        if self.is_blocked() { Err(Refusal::Unfinished) } else { Ok(()) }
    }

    /// Whether a destroy did not end: nothing but its continuation can be begun.
    pub fn is_blocked(&self) -> bool {
        self.operation.as_ref().is_some_and(|operation| operation.plan.intent.is_destroy())
    }

    fn check_offer(&self, plan_id: &PlanId, subject: &str, now_ms: u64) -> Result<(), Refusal> {
        let text = plan_id.to_string();
        if self.used.contains(&text) {
            return Err(Refusal::Used);
        }
        let mut shown = self.offers.iter().filter(|offer| offer.plan_id == *plan_id).peekable();
        if shown.peek().is_none() {
            return Err(Refusal::UnknownPlan);
        }
        let offer = shown.find(|offer| offer.subject == subject).ok_or(Refusal::OtherSubject)?;
        if !is_open(offer.since_ms, offer.until_ms, now_ms) {
            return Err(Refusal::Expired { until_ms: offer.until_ms });
        }
        Ok(())
    }

    fn check_unlock(&self, plan_id: &PlanId, now_ms: u64) -> Result<(), Refusal> {
        let is_for_it = self.unlock.as_ref().is_some_and(|unlock| {
            unlock.plan_id == *plan_id && is_open(unlock.since_ms, unlock.until_ms, now_ms)
        });
        let locked = || Refusal::Locked { stage: self.stage.clone(), plan_id: plan_id.clone() };
        if is_for_it { Ok(()) } else { Err(locked()) }
    }
}
