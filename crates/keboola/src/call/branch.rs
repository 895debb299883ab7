//! The branch in which a call works.

use serde::{Deserialize, Serialize};

/// The branch in which a call works.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Branch {
    /// The default one.
    Main,
    /// A development branch, by its id.
    Development(String),
}

impl Branch {
    /// Its part of a path.
    pub(crate) fn segment(&self) -> &str {
        match self {
            Self::Main => "default",
            Self::Development(id) => id,
        }
    }

    /// The id of a development branch.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Self::Main => None,
            Self::Development(id) => Some(id),
        }
    }
}
