//! What the object of a stage is asked, and its answers.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    StageState,
    operation::{LEASE_MS, Lease, Offer, Progress, Unlock, is_open},
    row::Row,
};
use crate::plan::{Plan, PlanId};

/// Plans that are on offer at most.
const MOST_OFFERS: usize = 16;
/// Minutes for which a stage can be unlocked at most.
const MOST_MINUTES: u64 = 60;

/// What the object of a stage is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// The state as it is.
    Read,
    /// Keeps a plan that a person was shown, so that it can be applied.
    Offer {
        /// The plan.
        plan: Box<Plan>,
        /// Stands for the person.
        subject: String,
    },
    /// Begins to apply a plan.
    Begin {
        /// The plan that the account gives now.
        plan: Box<Plan>,
        /// The id that the caller sent, as it came.
        plan_id: String,
        /// Stands for the person.
        subject: String,
        /// The task that carries it out.
        holder: String,
    },
    /// Goes on with an operation that did not end.
    Continue {
        /// The task that carries it out from now on.
        holder: String,
        /// The plan whose rest the person agreed to, as it came.
        plan_id: String,
        /// The manifest protects the stage, maybe only by now.
        #[serde(default)]
        is_protected: bool,
    },
    /// Records a step, before it or after it. It renews the lease.
    Record {
        /// The lease.
        fencing: u64,
        /// The resource, by its name in the manifest.
        resource: String,
        /// Its record.
        row: RowChange,
        /// How its action ended.
        progress: Option<Progress>,
    },
    /// Says that the holder is alive.
    Renew {
        /// The lease.
        fencing: u64,
    },
    /// Gives the lease back.
    End {
        /// The lease.
        fencing: u64,
    },
}

/// Unlocks a protected stage for one plan. It is no [`Request`], so that nothing that answers a caller of MCP can make it:
/// the administrators' interface alone does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlockRequest {
    /// The plan, as it came.
    pub plan_id: String,
    /// For how long.
    pub minutes: u64,
    /// The administrator, for the audit.
    pub by: String,
}

/// What becomes of the record of a resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RowChange {
    /// It is as it was.
    Same,
    /// It is this one.
    Put {
        /// The record.
        row: Row,
    },
    /// There is none any more.
    Drop,
}

/// What the object answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The state.
    State(Box<StageState>),
    /// The plan can be applied.
    Offered(Offer),
    /// The operation runs, in this state.
    Begun {
        /// The lease.
        lease: Lease,
        /// The state.
        state: Box<StageState>,
    },
    /// It is recorded.
    Recorded,
    /// The stage is unlocked for the plan with this text.
    Unlocked {
        /// The unlock.
        unlock: Unlock,
        /// The plan as text.
        plan: String,
    },
    /// Nothing was changed.
    Refused(Refusal),
}

impl Answer {
    /// Whether the state is another one than before, and has to be stored.
    pub const fn has_changed(&self) -> bool {
        !matches!(self, Self::State(_) | Self::Refused(_))
    }
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    /// Another operation runs.
    #[error("The stage is busy: {holder} works on it since {}.", mcp_platform::time::rfc3339(*since_ms))]
    Busy {
        /// Its task.
        holder: String,
        /// Since when.
        since_ms: u64,
    },
    /// A destroy did not end.
    #[error(
        "A destroy of this stage did not end. Nothing else can be done before it is continued."
    )]
    Unfinished,
    /// There is no operation to continue.
    #[error("Nothing is unfinished in this stage.")]
    NothingUnfinished,
    /// The id has no form.
    #[error("`plan_id` is no id of a plan. Make a plan first, and send its id.")]
    MalformedPlan,
    /// The id is of another stage.
    #[error("That plan is for the stage `{of}`.")]
    OtherStage {
        /// Its stage.
        of: String,
    },
    /// The plan was applied.
    #[error("That plan was applied already: a plan is good once. Make a new one.")]
    Used,
    /// The plan is not known.
    #[error("There is no such plan, or it was made too long ago. Make a new one.")]
    UnknownPlan,
    /// The plan was made for another person.
    #[error("That plan was shown to another person. Make a plan of your own.")]
    OtherSubject,
    /// The plan has ended.
    #[error("That plan ended at {}. Make a new one.", mcp_platform::time::rfc3339(*until_ms))]
    Expired {
        /// When.
        until_ms: u64,
    },
    /// The account or the manifest is another one than when the plan was made.
    #[error(
        "Something has changed since that plan was made. Nothing was done. The plan is now {now}."
    )]
    Changed {
        /// The plan that they give now.
        now: PlanId,
    },
    /// Something stands in the way.
    #[error("The plan cannot be applied: {why}")]
    Obstacles {
        /// What.
        why: String,
    },
    /// The stage is protected.
    #[error(
        "The stage is protected. An administrator must unlock it for this plan first, outside of MCP: cargo xtask stage unlock {stage} {plan_id} --url URL --by NAME"
    )]
    Locked {
        /// The stage.
        stage: String,
        /// The plan.
        plan_id: PlanId,
    },
    /// The lease was given to another task.
    #[error("Another task has taken over.")]
    Fenced,
    /// An unlock that makes no sense.
    #[error("A stage is unlocked for 1 to {MOST_MINUTES} minutes.")]
    Minutes,
    /// A newer version wrote the state.
    #[error("A newer version of this server keeps the stage. Use that one.")]
    Newer,
}

impl StageState {
    /// Answers one request.
    pub fn handle(&mut self, request: Request, now_ms: u64) -> Answer {
        if !self.is_known() {
            return Answer::Refused(Refusal::Newer);
        }
        let answer = match request {
            Request::Read => Ok(Answer::State(Box::new(self.clone()))),
            Request::Offer { plan, subject } => self.offer(&plan, subject, now_ms),
            Request::Begin { plan, plan_id, subject, holder } => {
                self.begin(*plan, &plan_id, subject, holder, now_ms)
            }
            Request::Continue { holder, plan_id, is_protected } => {
                self.resume(holder, &plan_id, is_protected, now_ms)
            }
            Request::Record { fencing, resource, row, progress } => {
                self.record(fencing, resource, row, progress, now_ms)
            }
            Request::Renew { fencing } => self.renewed(fencing, now_ms).map(|()| Answer::Recorded),
            Request::End { fencing } => self.end(fencing, now_ms),
        };
        answer.unwrap_or_else(Answer::Refused)
    }

    /// Unlocks it for one plan that was shown to a person, or that did not end.
    pub fn unlock(&mut self, request: UnlockRequest, now_ms: u64) -> Answer {
        if !self.is_known() {
            return Answer::Refused(Refusal::Newer);
        }
        let UnlockRequest { plan_id, minutes, by } = request;
        self.open(&plan_id, minutes, by, now_ms).unwrap_or_else(Answer::Refused)
    }

    fn offer(&mut self, plan: &Plan, subject: String, now_ms: u64) -> Result<Answer, Refusal> {
        if plan.stage != self.stage {
            return Err(Refusal::OtherStage { of: plan.stage.clone() });
        }
        let plan_id = plan.id();
        self.offers.retain(|offer| {
            is_open(offer.since_ms, offer.until_ms, now_ms)
                && !(offer.plan_id == plan_id && offer.subject == subject)
        });
        if self.offers.len() >= MOST_OFFERS {
            // A caller who asks for many plans ends their own first, and not one that waits for its unlock.
            let own = self.offers.iter().position(|offer| offer.subject == subject);
            self.offers.remove(own.unwrap_or_default());
        }
        let until_ms = now_ms.saturating_add(plan.expires_ms().saturating_sub(plan.made_ms));
        let text = plan.question();
        let offer = Offer { plan_id, subject, since_ms: now_ms, until_ms, text };
        self.offers.push(offer.clone());
        Ok(Answer::Offered(offer))
    }

    fn record(
        &mut self,
        fencing: u64,
        resource: String,
        row: RowChange,
        progress: Option<Progress>,
        now_ms: u64,
    ) -> Result<Answer, Refusal> {
        self.renewed(fencing, now_ms)?;
        match row {
            RowChange::Put { row } => drop(self.rows.insert(resource.clone(), row)),
            RowChange::Drop => drop(self.rows.remove(&resource)),
            RowChange::Same => {}
        }
        if let (Some(operation), Some(progress)) = (&mut self.operation, progress) {
            operation.progress.insert(resource, progress);
        }
        Ok(Answer::Recorded)
    }

    /// Checks a lease and renews it. One that ran out still holds while no other task has taken over.
    fn renewed(&mut self, fencing: u64, now_ms: u64) -> Result<(), Refusal> {
        let operation = self.operation.as_mut().filter(|_| fencing == self.fencing);
        let operation = operation.ok_or(Refusal::Fenced)?;
        operation.lease_until_ms = now_ms.saturating_add(LEASE_MS);
        Ok(())
    }

    fn end(&mut self, fencing: u64, now_ms: u64) -> Result<Answer, Refusal> {
        self.renewed(fencing, now_ms)?;
        match self.operation.take() {
            Some(operation) if !operation.is_done() => {
                self.operation = Some(super::Operation { lease_until_ms: 0, ..operation });
            }
            _ => {}
        }
        // The number is given up: nothing is written under it any more.
        self.fencing = self.fencing.saturating_add(1);
        Ok(Answer::Recorded)
    }

    /// The operation of this plan, where it did not end and does not run.
    fn unfinished(&self, plan_id: &PlanId, now_ms: u64) -> Option<&super::Operation> {
        let operation = self.operation.as_ref();
        operation.filter(|known| known.plan.id() == *plan_id && !known.is_running(now_ms))
    }

    fn open(
        &mut self,
        plan_id: &str,
        minutes: u64,
        by: String,
        now_ms: u64,
    ) -> Result<Answer, Refusal> {
        let plan_id = self.own_plan(plan_id)?;
        if !(1..=MOST_MINUTES).contains(&minutes) {
            return Err(Refusal::Minutes);
        }
        let is_shown = |offer: &&Offer| {
            offer.plan_id == plan_id && is_open(offer.since_ms, offer.until_ms, now_ms)
        };
        let shown = self.offers.iter().find(is_shown).map(|offer| offer.text.clone());
        let unfinished = || self.unfinished(&plan_id, now_ms).map(|it| it.plan.question());
        let plan = shown.or_else(unfinished).ok_or(Refusal::UnknownPlan)?;
        let until_ms = now_ms.saturating_add(minutes.saturating_mul(60_000));
        let unlock = Unlock { plan_id, by, since_ms: now_ms, until_ms };
        self.unlock = Some(unlock.clone());
        Ok(Answer::Unlocked { unlock, plan })
    }
}
