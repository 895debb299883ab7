//! Limits the outbound requests that strangers can cause by address, without an object: those for client
//! metadata documents, and those that redeem a code at the OpenID provider.
//!
//! Invariant: requests are counted when they begin, so that many at the same time pass no limit. Each
//! isolate counts for itself.

use std::cell::RefCell;

use super::Server;
use crate::{platform::clock::now_s, state};
use mcp_auth::failed_attempts::{CountedAttempt, FailedAttempts};

/// Outbound requests that one address may cause in a minute.
const MAX_FETCHES: u32 = 20;

thread_local! {
    static FETCHES: RefCell<FailedAttempts> = RefCell::new(state::attempts());
}

/// Counts an outbound request for the address that asks. None: it caused too many.
pub(super) fn begin(server: &Server<'_>) -> Option<CountedAttempt> {
    // On Cloudflare every request has an address; elsewhere all share one.
    let address = server.address.as_deref().unwrap_or_default();
    FETCHES.with_borrow_mut(|fetches| fetches.begin(MAX_FETCHES, address, now_s()).ok())
}

/// Takes back the count of a request that was worth it.
pub(super) fn forgive(counted: CountedAttempt) {
    FETCHES.with_borrow_mut(|fetches| fetches.forgive(counted));
}
