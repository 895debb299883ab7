//! How the stand-in for bindings behaves.

use std::path::PathBuf;

/// How the stand-in behaves.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The port to listen on; 0 picks a free one.
    pub port: u16,
    /// Whether the clock stands still until it is moved. It then starts at 2026-11-20T12:00:00Z.
    pub frozen: bool,
    /// Statements to begin with: the database, and a text of them. `reset` runs them again.
    pub migrations: Vec<(String, String)>,
    /// Assets to begin with: their name, and the folder they are in.
    pub assets: Vec<(String, PathBuf)>,
}
