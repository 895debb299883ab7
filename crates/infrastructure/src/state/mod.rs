//! What is kept of a stage, and its lock: the state machine of the stage's object.
//!
//! [`StageState`] is stored as JSON in one object per stage. [`StageState::handle`] answers one [`Request`], and the object stores
//! the state where [`Answer::has_changed`] says so, before it answers.
//!
//! Invariants:
//! - One operation runs in a stage at a time, under a lease. Every lease has a higher fencing number than those before it, and
//!   a write with a lower one is refused: a task that was thought dead changes nothing.
//! - A plan is applied once, by the subject that it was offered to, before it ends, and only while it is still the plan that
//!   the account gives.
//! - A destroy that did not end blocks everything but its own continuation.
//! - What would be deleted of a protected stage needs an [`Unlock`], which no [`Request`] can make: [`UnlockRequest`] does.
//!
//! ```text
//!            Offer                     Begin                      End, all done
//!  idle ───────────────► idle + offer ───────► running ─────────────────────────► idle
//!                                               │  ▲
//!                              lease ends, or   │  │ Continue
//!                              End with failures▼  │
//!                                              unfinished
//! ```

mod begin;
mod handle;
mod operation;
mod row;
#[cfg(test)]
mod tests;

pub use handle::{Answer, Refusal, Request, RowChange, UnlockRequest};
pub use operation::{Lease, Offer, Operation, Progress, Unlock};
pub use row::{Row, Status};

use std::collections::BTreeMap;

use mcp_platform::record::Record;
use serde::{Deserialize, Serialize};

/// The form of the state that this version writes.
pub const FORM: u32 = 1;

/// What is kept of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StageState {
    /// The form in which it was written. What a newer version wrote is read by no older one.
    pub form: u32,
    /// The stage.
    pub stage: String,
    /// The stage was protected when something was last applied to it.
    pub is_protected: bool,
    /// How many plans were applied.
    pub generation: u64,
    /// The highest fencing number that was given out.
    pub fencing: u64,
    /// What this server made, by the names of the manifest.
    pub rows: BTreeMap<String, Row>,
    /// The operation that runs or did not end.
    pub operation: Option<Operation>,
    /// Plans that can be applied.
    pub offers: Vec<Offer>,
    /// Ids of plans that were applied.
    pub used: Vec<String>,
    /// The unlock of a protected stage.
    pub unlock: Option<Unlock>,
}

impl Default for StageState {
    fn default() -> Self {
        Self::new("")
    }
}

impl StageState {
    /// The state of a stage of which nothing was made.
    pub fn new(stage: &str) -> Self {
        Self {
            form: FORM,
            stage: stage.to_owned(),
            is_protected: false,
            generation: 0,
            fencing: 0,
            rows: BTreeMap::new(),
            operation: None,
            offers: Vec::new(),
            used: Vec::new(),
            unlock: None,
        }
    }

    /// Whether this version can read it.
    pub const fn is_known(&self) -> bool {
        self.form <= FORM
    }
}

impl Record for StageState {}
impl Record for Request {}
impl Record for UnlockRequest {}
impl Record for Answer {}
