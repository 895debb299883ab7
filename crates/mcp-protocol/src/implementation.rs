//! The program on the other side, as it calls itself (`Implementation`).

/// A program that speaks MCP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Implementation {
    /// Its name, cut to 64 bytes.
    pub name: String,
    /// Its version, cut to 32 bytes.
    pub version: String,
}
