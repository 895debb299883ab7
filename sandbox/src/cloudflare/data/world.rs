//! All accounts and tokens, and what moves with the clock.

use serde::{Deserialize, Serialize};

use crate::cloudflare::access::Token;
use crate::cloudflare::data::{Account, WorkflowPlan, samples};
use crate::cloudflare::ids::Ids;
use crate::cloudflare::limits::Limits;
use crate::cloudflare::options::Options;
use crate::cloudflare::problem::Problem;
use crate::engine::clock::{Clock, Time};

/// The moment a clock that stands still starts at: 2026-11-20T12:00:00Z.
const START: i64 = 1_795_176_000;

/// Everything the API shows and changes.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) options: Options,
    pub(crate) clock: Clock,
    pub(crate) accounts: Vec<Account>,
    pub(crate) tokens: Vec<Token>,
    pub(crate) limits: Limits,
    pub(crate) ids: Ids,
    /// How the next workflow instances go. The one given last counts.
    pub(crate) plans: Vec<WorkflowPlan>,
}

/// A point of a dataset of Analytics Engine.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
#[serde(default)]
pub struct DataPoint {
    /// `index1`.
    pub index: String,
    /// `blob1` and those after it.
    pub blobs: Vec<String>,
    /// `double1` and those after it.
    pub doubles: Vec<f64>,
    /// `_sample_interval`: how many points it stands for; 0 counts as 1.
    pub sample_interval: u32,
    /// How many such points to write; 0 counts as 1.
    pub count: u32,
    /// How long ago it was written, in seconds.
    pub seconds_ago: u32,
}

impl World {
    /// The initial data.
    pub(crate) fn new(options: &Options) -> Self {
        let start = Time::from_timestamp(START, 0).unwrap_or_default();
        let clock = if options.frozen { Clock::standing(start) } else { Clock::running() };
        let mut ids = Ids::default();
        let accounts = samples::accounts(&mut ids, options.samples, clock.now());
        let tokens = samples::tokens(&mut ids, clock.now());
        Self {
            options: options.clone(),
            clock,
            accounts,
            tokens,
            limits: Limits::default(),
            ids,
            plans: Vec::new(),
        }
    }

    /// An account.
    pub(crate) fn account(&self, id: &str) -> Result<&Account, Problem> {
        self.accounts.iter().find(|account| account.id == id).ok_or_else(Problem::denied)
    }

    /// An account to change.
    pub(crate) fn account_mut(&mut self, id: &str) -> Result<&mut Account, Problem> {
        self.accounts.iter_mut().find(|account| account.id == id).ok_or_else(Problem::denied)
    }

    /// The account that a zone belongs to.
    pub(crate) fn account_of_zone(&self, zone: &str) -> Option<String> {
        let has = |account: &&Account| account.zones.iter().any(|known| known.id == zone);
        self.accounts.iter().find(has).map(|account| account.id.clone())
    }

    /// Makes true what became due since the last look.
    pub(crate) fn settle(&mut self) {
        let now = self.clock.now();
        for account in &mut self.accounts {
            for namespace in &mut account.namespaces {
                namespace.entries.retain(|_, entry| entry.expires.is_none_or(|end| end > now));
            }
        }
    }
}
