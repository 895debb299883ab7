//! The id of a plan: the stage, and a digest of what was seen and what would be done.

use std::{fmt, fmt::Write as _, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::make::Plan;

/// The form of the digest. Another form is another id.
const FORM: u32 = 2;

/// The id of a plan, such as `preview-1.9f86d081884c7d65`. Apply is bound to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PlanId {
    stage: String,
    digest: String,
}

/// A text that is no id of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("that is no id of a plan: one looks like `preview-1.0123456789abcdef0123456789abcdef`")]
pub struct PlanIdError;

impl PlanId {
    /// The stage that the plan is for.
    pub fn stage(&self) -> &str {
        &self.stage
    }
}

impl fmt::Display for PlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.stage, self.digest)
    }
}

impl FromStr for PlanId {
    type Err = PlanIdError;

    fn from_str(text: &str) -> Result<Self, PlanIdError> {
        let (stage, digest) = text.split_once('.').ok_or(PlanIdError)?;
        let is_digit = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        let is_right = digest.len() == 32 && digest.bytes().all(is_digit);
        if !is_right || stage.is_empty() || stage.len() > 32 {
            return Err(PlanIdError);
        }
        Ok(Self { stage: stage.to_owned(), digest: digest.to_owned() })
    }
}

impl TryFrom<String> for PlanId {
    type Error = PlanIdError;

    fn try_from(text: String) -> Result<Self, PlanIdError> {
        text.parse()
    }
}

impl From<PlanId> for String {
    fn from(id: PlanId) -> Self {
        id.to_string()
    }
}

/// The id of a plan. Bytes are not part of it: those of a database in use change all the time.
pub(super) fn of(plan: &Plan) -> PlanId {
    let actions: Vec<_> = plan
        .actions
        .iter()
        .map(|action| {
            let lost = (action.contents.count, action.empties, action.is_retained);
            let what = (action.verb, &action.resource, action.kind, &action.name, &action.id);
            (what, action.made_ms, &action.settings, &action.changes, lost)
        })
        .collect();
    let stage = (&plan.stage, &plan.revision, &plan.intent, plan.generation, plan.is_protected);
    let seen = (FORM, stage, actions, &plan.obstacles, &plan.drift, &plan.warnings);
    // Only text and numbers are in it, which always have a text.
    let text = serde_json::to_string(&seen).unwrap_or_default();
    let mut digest = String::new();
    for byte in Sha256::digest(text.as_bytes()).iter().take(16) {
        let _ = write!(digest, "{byte:02x}");
    }
    PlanId { stage: plan.stage.clone(), digest }
}
