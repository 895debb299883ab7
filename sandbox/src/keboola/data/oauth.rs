//! Codes and refresh tokens that Connection's OAuth has given out.

use crate::engine::clock::Time;

/// The one confidential client.
pub(crate) const CLIENT_ID: &str = "sandbox-client";
/// Its secret.
pub(crate) const CLIENT_SECRET: &str = "sandbox-client-secret";

/// A code, to be exchanged once.
#[derive(Debug, Clone)]
pub(crate) struct Code {
    pub(crate) text: String,
    pub(crate) redirect: String,
    pub(crate) project: u64,
    pub(crate) expires: Time,
}

/// What was given out and not used yet.
#[derive(Debug, Clone, Default)]
pub(crate) struct Grants {
    pub(crate) codes: Vec<Code>,
    /// Refresh tokens, each with its project and the end of its time.
    pub(crate) refresh: Vec<(String, u64, Time)>,
}
