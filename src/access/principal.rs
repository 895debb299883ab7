//! Who a request comes from, once admitted.
//!
//! Invariant: sessions and everything stored are bound to the [`Subject`], never to a token, so
//! that a refreshed token keeps the session.

use serde::{Deserialize, Serialize};

/// How the caller came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Way {
    /// Nothing is configured and the environment is development.
    Open,
    /// The key in `MCP_API_KEY`.
    ApiKey,
}

impl Way {
    /// The name that subjects, logs and tools use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::ApiKey => "api-key",
        }
    }
}

/// The keyed hash that names a caller: way in, issuer, id, and the SiteBay credential where the
/// caller brings one. Two callers with the same hash share what is bound to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Subject(pub [u8; 16]);

/// An admitted caller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// How the caller came in.
    pub way: Way,
    /// What everything of this caller is bound to.
    pub subject: Subject,
    /// Whether the caller brings its own SiteBay credential.
    pub own_credential: bool,
    /// When what it came in with runs out, in seconds since 1970. None: it does not.
    pub expires: Option<u32>,
}
