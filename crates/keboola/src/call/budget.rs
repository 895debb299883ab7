//! What one call may read of a project that may be of any size.
//!
//! Invariant: the answers of a call have at most [`MAX_BYTES`] together and [`MAX_ANSWER`] each, in at most
//! [`MAX_REQUESTS`] requests. What an answer may have is reserved before its request, and given back where it has less.
//! What is not read is reported, never passed over in silence.

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    task::{Poll, Waker},
};

use mcp_platform::NetworkFailure;

use super::{ending::ShortCircuit, state::State};
use crate::api::{Answer, ApiError, Client, Path, Service};

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
    /// Reads under way.
    reads: Cell<usize>,
    /// Reads that wait for what those under way give back.
    waiting: RefCell<Vec<Waker>>,
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
            reads: Cell::new(0),
            waiting: RefCell::default(),
        }
    }

    /// Waits until there is room for a whole answer, or nothing under way that could give any back.
    async fn room(&self) {
        poll_fn(|cx| {
            if self.bytes.get() >= MAX_ANSWER || self.reads.get() == 0 {
                return Poll::Ready(());
            }
            self.waiting.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
        .await;
    }

    /// Reads where there is something left.
    ///
    /// # Errors
    /// [`ApiError::UsedUp`] where there is not enough; the read's own.
    pub(crate) async fn take(
        &self,
        client: &Client<'_>,
        service: Service,
        path: Path,
        query: &[(&str, String)],
    ) -> Result<Answer, ApiError> {
        self.room().await;
        let (left, requests) = (self.bytes.get(), self.requests.get());
        if left == 0 || requests == 0 {
            return Err(ApiError::UsedUp);
        }
        self.requests.set(requests.saturating_sub(1));
        let at_most = left.min(MAX_ANSWER);
        self.bytes.set(left.saturating_sub(at_most));
        self.reads.update(|reads| reads.saturating_add(1));
        let answer = client.get_within(at_most, service, path, query).await;
        let is_cut =
            matches!(answer, Err(ApiError::NoAnswer { failure: NetworkFailure::TooLarge(_), .. }));
        let used = answer.as_ref().map_or(if is_cut { at_most } else { 0 }, Answer::len);
        self.bytes.update(|bytes| bytes.saturating_add(at_most.saturating_sub(used)));
        self.reads.update(|reads| reads.saturating_sub(1));
        self.waiting.take().into_iter().for_each(Waker::wake);
        match answer {
            Err(_) if is_cut && at_most < MAX_ANSWER => Err(ApiError::UsedUp),
            answer => answer,
        }
    }

    /// Reads from Storage where there is something left.
    pub(crate) async fn read(
        &self,
        state: &State<'_>,
        path: Path,
        query: &[(&str, String)],
    ) -> Result<Within, ShortCircuit> {
        match self.take(&state.client, Service::Storage, path, query).await {
            Ok(answer) => Ok(Within::Read(answer)),
            Err(ApiError::UsedUp | ApiError::OutOfTime) => Ok(Within::UsedUp),
            Err(error) if error.is_beyond_budget() => Ok(Within::TooLarge),
            Err(error) => Err(error.into()),
        }
    }
}

/// What was read; None where it does not fit into the call's budget.
pub(crate) fn within<T>(read: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match read {
        Err(error) if error.is_beyond_budget() => Ok(None),
        read => read.map(Some),
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
