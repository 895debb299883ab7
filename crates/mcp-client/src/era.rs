//! Which wire an upstream speaks, and what was agreed with it.

use mcp_protocol::version::Version;
use serde_json::value::RawValue;

use crate::session::SessionId;

/// The wire of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// 2026-07-28: every request stands for itself.
    Stateless,
    /// Streamable HTTP with `initialize`, 2025-03-26 to 2025-11-25.
    Session,
    /// HTTP with SSE, 2024-11-05.
    Sse,
}

impl Era {
    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stateless => "stateless",
            Self::Session => "session",
            Self::Sse => "sse",
        }
    }

    /// Reads the name in the configuration; None for others, `auto` included.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Stateless, Self::Session, Self::Sse].into_iter().find(|era| era.as_str() == text)
    }
}

/// What an upstream said about itself.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// The wire.
    pub era: Era,
    /// The version that was agreed on.
    pub version: Version,
    /// `serverInfo`, unread.
    pub server_info: Option<Box<RawValue>>,
    /// `capabilities`, unread: an object.
    pub capabilities: Box<RawValue>,
    /// `instructions`.
    pub instructions: Option<String>,
    /// The session, where the upstream opened one.
    pub session: Option<SessionId>,
}
