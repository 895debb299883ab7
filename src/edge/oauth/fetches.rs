//! Limits the outbound requests that strangers can cause by address, without an object: those for client
//! metadata documents, and those that redeem a code at the OpenID provider.
//!
//! Invariant: requests are counted when they begin, so that many at the same time pass no limit. Each
//! isolate counts for itself.

use std::cell::RefCell;

use super::Server;
use crate::{access::attempts::Attempts, agents::rows::now_s};

/// Outbound requests that one address may cause in a minute.
const MAX_FETCHES: u32 = 20;

thread_local! {
    static FETCHES: RefCell<Attempts> = RefCell::default();
}

/// Counts an outbound request for the address that asks. False: it caused too many.
pub(super) fn begin(server: &Server<'_>) -> bool {
    let (address, now) = (address(server), now_s());
    FETCHES.with_borrow_mut(|fetches| {
        let may = fetches.pause_after(MAX_FETCHES, address, now).is_none();
        if may {
            fetches.failed(address, now);
        }
        may
    })
}

/// Takes back the count of a request that was worth it.
pub(super) fn forgive(server: &Server<'_>) {
    FETCHES.with_borrow_mut(|fetches| fetches.forgive(address(server)));
}

/// On Cloudflare every request has an address; elsewhere all share one.
fn address<'a>(server: &'a Server<'_>) -> &'a str {
    server.address.as_deref().unwrap_or_default()
}
