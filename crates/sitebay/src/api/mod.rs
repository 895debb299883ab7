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
pub use detail::Detail;
pub use error::ApiError;
pub(crate) use redact::KEYS;
pub use redact::{PLACEHOLDER, redact};
pub use request::{ApiResponse, Repeat, Request};

pub use catalogue::{Listing, encode_part, render::cut};
