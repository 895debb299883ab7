//! The record of one resource.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{manifest::Kind, plan::Observed};

/// How far the clocks of Cloudflare and of this server may differ.
const SKEW_MS: u64 = 120_000;

/// What is known of a resource's last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It was about to be made: it may be there.
    Creating,
    /// It is as it was recorded.
    Ready,
    /// It was about to be changed.
    Updating,
    /// It was about to be deleted: it may be gone.
    Deleting,
}

/// The record of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// Its kind.
    pub kind: Kind,
    /// Its name at Cloudflare, which is recorded before it is made.
    pub name: String,
    /// Its id at Cloudflare. None: its making was not answered.
    #[serde(default)]
    pub id: Option<String>,
    /// When it was made, where Cloudflare said so.
    #[serde(default)]
    pub made_ms: Option<u64>,
    /// The settings that it was given.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// What is known of its last change.
    pub status: Status,
    /// It stays when its stage is destroyed.
    #[serde(default)]
    pub is_retained: bool,
    /// Since when this status holds; where it is `Creating`, since the first attempt.
    pub at_ms: u64,
}

impl Row {
    /// Whether a resource of the right name may come from a step of this record whose answer was lost.
    pub fn may_have_made(&self, found: &Observed) -> bool {
        let is_new =
            found.made_ms.is_none_or(|made_ms| made_ms.saturating_add(SKEW_MS) >= self.at_ms);
        self.id.is_none()
            && self.status == Status::Creating
            && self.kind == found.kind
            && self.name == found.name
            && is_new
    }
}
