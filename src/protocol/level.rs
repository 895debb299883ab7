//! Levels of log messages (MCP `server/utilities/logging`; RFC 5424 §6.2.1).

use serde::{Deserialize, Serialize};

/// How severe a message is; later ones are more so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are the levels")]
pub enum Level {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}
