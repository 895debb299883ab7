//! What one call may read of a project that may be of any size.
//!
//! Invariant: the answers of a call have at most [`MAX_BYTES`] together and [`MAX_ANSWER`] each, in at most
//! [`MAX_REQUESTS`] requests. What an answer may have is reserved before its request, and given back where it has less.
//! What is not read is reported, never passed over in silence.

use std::cell::Cell;

use futures_util::lock::Mutex;
use mcp_platform::NetworkFailure;

use super::{ending::ShortCircuit, state::State};
use crate::api::{Answer, ApiError, Path, Service};

/// Bytes of all answers. An isolate has 128 MB for everything.
pub(crate) const MAX_BYTES: usize = 32 * 1024 * 1024;
/// Bytes of one answer.
pub(crate) const MAX_ANSWER: usize = 8 * 1024 * 1024;
/// Requests.
pub(crate) const MAX_REQUESTS: usize = 200;

/// What is left for a call to read.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes: Cell<usize>,
    requests: Cell<usize>,
    /// Held by a read that leaves too little for another one beside it.
    last: Mutex<()>,
}

/// How a read within a budget ended.
#[derive(Debug)]
pub(crate) enum Within {
    /// It was read.
    Read(Answer),
    /// The answer is larger than one may be.
    TooLarge,
    /// There is nothing left for it.
    UsedUp,
}

impl Budget {
    /// One of which nothing is used.
    pub(crate) fn new() -> Self {
        Self {
            bytes: Cell::new(MAX_BYTES),
            requests: Cell::new(MAX_REQUESTS),
            last: Mutex::new(()),
        }
    }

    /// Reads from Storage where there is something left.
    pub(crate) async fn read(
        &self,
        state: &State<'_>,
        path: Path,
        query: &[(&str, String)],
    ) -> Result<Within, ShortCircuit> {
        // Near the end one is read at a time: what is reserved for it may be given back for the next one.
        let _alone = match self.bytes.get() < MAX_ANSWER.saturating_mul(2) {
            true => Some(self.last.lock().await),
            false => None,
        };
        let (left, requests) = (self.bytes.get(), self.requests.get());
        if left == 0 || requests == 0 {
            return Ok(Within::UsedUp);
        }
        self.requests.set(requests.saturating_sub(1));
        let at_most = left.min(MAX_ANSWER);
        self.bytes.set(left.saturating_sub(at_most));
        let answer = state.client.get_within(at_most, Service::Storage, path, query).await;
        let is_cut =
            matches!(answer, Err(ApiError::NoAnswer { failure: NetworkFailure::TooLarge(_), .. }));
        let used = answer.as_ref().map_or(if is_cut { at_most } else { 0 }, Answer::len);
        let unused = at_most.saturating_sub(used);
        self.bytes.set(self.bytes.get().saturating_add(unused));
        match answer {
            Ok(answer) => Ok(Within::Read(answer)),
            Err(_) if is_cut && at_most == MAX_ANSWER => Ok(Within::TooLarge),
            Err(ApiError::OutOfTime) => Ok(Within::UsedUp),
            Err(_) if is_cut => Ok(Within::UsedUp),
            Err(error) => Err(error.into()),
        }
    }
}

/// What was not read, and how to ask for less.
#[derive(Debug, Default)]
pub(crate) struct Incomplete(Vec<String>);

/// Names that are written out.
const MOST_NAMES: usize = 10;

impl Incomplete {
    /// Notes something.
    pub(crate) fn note(&mut self, what: impl Into<String>) {
        self.0.push(what.into());
    }

    /// Notes things of a kind by their names, if there are any.
    pub(crate) fn note_all(&mut self, what: &str, names: &[String]) {
        if names.is_empty() {
            return;
        }
        let shown = names.get(..MOST_NAMES).unwrap_or(names).join(", ");
        let more = names.len().saturating_sub(MOST_NAMES);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        self.note(format!("{what} {shown}{more}"));
    }

    /// The sentence of an answer; None where nothing is missing.
    pub(crate) fn text(self, narrower: &str) -> Option<String> {
        let missing = self.0.join("; ");
        let mib = MAX_BYTES / (1024 * 1024);
        (!missing.is_empty()).then(|| {
            format!(
                "This is incomplete. Not read: {missing}. One call reads up to {mib} MiB in {MAX_REQUESTS} \
                 requests. {narrower}"
            )
        })
    }
}
