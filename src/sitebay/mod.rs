//! The client of the SiteBay REST API: requests, errors, paging, retries, redaction.
//!
//! Invariant: a change is sent at most once, unless it carries an `Idempotency-Key`; every call
//! ends within [`CALL_BUDGET`].

mod client;
mod detail;
mod error;
#[cfg(test)]
pub(crate) mod fake;
mod paging;
mod redact;
mod redirect;
mod request;
mod retry;
mod time;

pub(crate) use client::{CALL_BUDGET, Client};
pub(crate) use detail::{Detail, cut};
pub(crate) use error::ApiError;
pub(crate) use paging::Listing;
pub(crate) use redact::{PLACEHOLDER, redact};
pub(crate) use request::{Answer, Repeat, Request, encode_part};
pub(crate) use time::{is_rfc3339, rfc3339};

use crate::access::secret::Secret;

/// The SiteBay account that a call acts on.
#[derive(Debug, Clone)]
pub struct Account {
    /// The service's base URL without trailing slash, such as `https://my.sitebay.org`.
    pub base_url: String,
    /// The bearer token: the server's own or the caller's. None: calls answer how to set one.
    pub token: Option<Secret>,
}
