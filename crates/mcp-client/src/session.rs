//! Upstream sessions.

use mcp_auth::secret::Secret;

/// Bytes that a session id may have.
const MAX_SESSION_ID: usize = 1024;

/// The id that an upstream gave a session: visible ASCII of at most 1 KiB. It is never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionId(Secret);

impl SessionId {
    /// Reads an id; None where it is empty, too long, or has other characters. Two headers arrive as one with a comma
    /// and a space in it, which is none either.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= MAX_SESSION_ID;
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(Secret::new(text)))
    }

    /// The text, for the header and for a sealed store.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}
