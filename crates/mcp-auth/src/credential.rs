//! The credential that a call acts with.

use crate::secret::Secret;

/// A credential of one service. It is sent to that service alone.
#[derive(Debug, Clone)]
pub struct Credential {
    /// The service's base URL without trailing slash, such as `https://my.sitebay.org`.
    pub base_url: String,
    /// The bearer token: the server's own or the caller's. None: calls answer how to set one.
    pub token: Option<Secret>,
}
