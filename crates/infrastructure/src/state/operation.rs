//! Operations, leases, offers and unlocks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::{Action, Plan, PlanId};

/// How long a lease holds without a word from its holder.
pub(super) const LEASE_MS: u64 = 120_000;

/// An apply or a destroy that runs or did not end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// The plan.
    pub plan: Plan,
    /// The task that carries it out.
    pub holder: String,
    /// Stands for the person who began it.
    pub subject: String,
    /// When it began.
    pub since_ms: u64,
    /// Until when its holder is taken to be alive.
    pub lease_until_ms: u64,
    /// How its actions ended, by the names of the manifest.
    #[serde(default)]
    pub progress: BTreeMap<String, Progress>,
}

impl Operation {
    /// Whether its holder is taken to be alive.
    pub const fn is_running(&self, now_ms: u64) -> bool {
        // A clock that went back makes no lease longer.
        now_ms < self.lease_until_ms && self.lease_until_ms <= now_ms.saturating_add(LEASE_MS)
    }

    /// The actions that are not done.
    pub fn rest(&self) -> impl Iterator<Item = &Action> {
        let is_done = |resource: &str| self.progress.get(resource) == Some(&Progress::Done);
        self.plan.actions.iter().filter(move |action| !is_done(&action.resource))
    }

    /// Whether every action is done.
    pub fn is_done(&self) -> bool {
        self.rest().next().is_none()
    }
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// It is done.
    Done,
    /// It failed.
    Failed {
        /// The reason, for the caller.
        why: String,
        /// Cloudflare's code.
        code: Option<i64>,
    },
    /// It was not tried.
    Blocked {
        /// The action that failed, by its name in the manifest.
        by: String,
    },
}

/// The right to carry out an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// It goes with every write.
    pub fencing: u64,
}

/// A plan that can be applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// The plan.
    pub plan_id: PlanId,
    /// Stands for the person to whom it was shown.
    pub subject: String,
    /// When it was shown.
    pub since_ms: u64,
    /// When it ends.
    pub until_ms: u64,
    /// The plan as text, which the administrator who unlocks it reads, and with which a later plan is compared.
    #[serde(default)]
    pub text: String,
}

/// An administrator's permission to apply one plan to a protected stage, once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlock {
    /// The plan.
    pub plan_id: PlanId,
    /// The administrator, for the audit.
    pub by: String,
    /// Since when it holds.
    pub since_ms: u64,
    /// Until when it holds.
    pub until_ms: u64,
}

/// Whether a window is open. One that lies in the future, after a clock went back, is not.
pub(super) const fn is_open(since_ms: u64, until_ms: u64, now_ms: u64) -> bool {
    since_ms <= now_ms && now_ms < until_ms
}
