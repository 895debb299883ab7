//! The client of the SiteBay REST API: requests, errors, paging, retries, redaction.
//!
//! Invariant: a change is sent at most once, unless it carries an `Idempotency-Key`; every call
//! ends within [`CALL_BUDGET`].

mod client;
mod detail;
mod error;
mod paging;
mod redact;
mod request;
mod retry;

pub use client::{CALL_BUDGET, Client};
pub use detail::{Detail, cut};
pub use error::ApiError;
pub use paging::Listing;
pub use redact::{PLACEHOLDER, redact};
pub use request::{ApiResponse, Repeat, Request, encode_part};
