//! A plan as a whole.

use serde::{Deserialize, Serialize};

use super::{
    action::{Action, Drift, Obstacle, Verb},
    deploy::plan_deploy,
    destroy::plan_destroy,
    digest::{self, PlanId},
    observed::Account,
};
use crate::{manifest::Stage, state::StageState};

/// How long a plan can be applied.
const GOOD_FOR_MS: u64 = 15 * 60_000;

/// What a plan is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intent {
    /// The stage shall be as the manifest has it.
    Deploy {
        /// Resources that are there under the right names are taken over.
        adopt: bool,
    },
    /// The stage shall be gone.
    Destroy {
        /// Buckets that are emptied, by their names in the manifest.
        empty: Vec<String>,
        /// The Worker that this server itself is.
        own_worker: Option<String>,
    },
}

impl Intent {
    /// Whether it is a destroy.
    pub const fn is_destroy(&self) -> bool {
        matches!(self, Self::Destroy { .. })
    }
}

/// What an apply would do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its id. None: it is only being made.
    #[serde(default)]
    id: Option<PlanId>,
    /// The stage.
    pub stage: String,
    /// The stage is protected, now or as it was recorded.
    pub is_protected: bool,
    /// Stands for the manifest.
    pub revision: String,
    /// What it is for.
    pub intent: Intent,
    /// How many plans of the stage were applied before: an id is good once.
    pub generation: u64,
    /// What is done, in the order in which it is done.
    pub actions: Vec<Action>,
    /// Why it cannot be applied.
    pub obstacles: Vec<Obstacle>,
    /// What others changed.
    pub drift: Vec<Drift>,
    /// What a person should know.
    pub warnings: Vec<String>,
    /// When it was made.
    pub made_ms: u64,
}

/// Makes a plan. `stage` is None where the manifest no longer has it: then only a destroy can be planned.
pub fn make(
    stage: Option<&Stage>,
    state: &StageState,
    account: &Account,
    intent: Intent,
    now_ms: u64,
) -> Plan {
    let mut plan = Plan {
        id: None,
        stage: stage.map_or_else(|| state.stage.clone(), |stage| stage.name.clone()),
        is_protected: state.is_protected || stage.is_some_and(|stage| stage.is_protected),
        revision: stage.map(|stage| stage.revision.clone()).unwrap_or_default(),
        intent,
        generation: state.generation,
        actions: Vec::new(),
        obstacles: account.unseen.iter().cloned().map(Obstacle::Unseen).collect(),
        drift: Vec::new(),
        warnings: Vec::new(),
        made_ms: now_ms,
    };
    match plan.intent.clone() {
        Intent::Deploy { adopt } => plan_deploy(&mut plan, stage, state, account, adopt),
        Intent::Destroy { empty, own_worker } => {
            plan_destroy(&mut plan, stage, state, account, &empty, own_worker.as_deref());
        }
    }
    plan.in_order();
    plan.id = Some(digest::of(&plan));
    plan
}

impl Plan {
    /// Its id.
    pub fn id(&self) -> PlanId {
        self.id.clone().unwrap_or_else(|| digest::of(self))
    }

    /// When it ends.
    pub const fn expires_ms(&self) -> u64 {
        self.made_ms.saturating_add(GOOD_FOR_MS)
    }

    /// Whether nothing stands in its way.
    pub const fn may_apply(&self) -> bool {
        self.obstacles.is_empty()
    }

    /// Whether applying it would change anything.
    pub fn changes(&self) -> bool {
        self.actions.iter().any(|action| action.verb.changes())
    }

    /// Whether it needs a step that no caller of MCP can take: something of a protected stage would be deleted.
    pub fn needs_unlock(&self) -> bool {
        let deletes = |action: &Action| action.verb == Verb::Delete;
        self.is_protected && (self.intent.is_destroy() || self.actions.iter().any(deletes))
    }

    /// How many actions have this verb.
    pub fn count(&self, verb: Verb) -> usize {
        self.actions.iter().filter(|action| action.verb == verb).count()
    }

    /// What others need comes first; what is deleted goes last, and in reverse.
    fn in_order(&mut self) {
        let (mut leaving, mut staying): (Vec<Action>, Vec<Action>) = self
            .actions
            .drain(..)
            .partition(|action| matches!(action.verb, Verb::Delete | Verb::Retain | Verb::Forget));
        staying.sort_by(|one, two| (one.kind, &one.resource).cmp(&(two.kind, &two.resource)));
        leaving.sort_by(|one, two| (two.kind, &two.resource).cmp(&(one.kind, &one.resource)));
        self.actions = staying;
        self.actions.append(&mut leaving);
    }
}
