//! The client of the SiteBay REST API: requests, errors, paging, retries, redaction.

use crate::access::secret::Secret;

/// The SiteBay account that a call acts on.
#[derive(Debug, Clone)]
pub struct Account {
    /// The service's base URL without trailing slash, such as `https://my.sitebay.org`.
    pub base_url: String,
    /// The bearer token: the server's own or the caller's. None: calls answer how to set one.
    pub token: Option<Secret>,
}
