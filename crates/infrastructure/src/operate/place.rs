//! The stage of a call.

use super::{Ended, Wish, failed};
use crate::manifest::{Manifest, Stage, StageError};

/// The stage that a call names.
#[derive(Debug)]
pub(super) struct Place {
    /// Its name; never an alias.
    pub(super) name: String,
    /// As the manifest has it. None: it no longer has it, and what is recorded of it can only be destroyed.
    pub(super) stage: Option<Stage>,
}

impl Place {
    /// Whether the manifest protects it.
    pub(super) fn is_protected(&self) -> bool {
        self.stage.as_ref().is_some_and(|stage| stage.is_protected)
    }

    pub(super) fn of(manifest: &Manifest, name: &str, wish: Wish) -> Result<Self, Ended> {
        match manifest.stage(name) {
            Ok(stage) => Ok(Self { name: stage.name.clone(), stage: Some(stage) }),
            Err(StageError::Unknown { name, .. }) if wish == Wish::Destroy => {
                Ok(Self { name, stage: None })
            }
            Err(error) => failed(error.to_string()),
        }
    }
}
