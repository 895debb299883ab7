//! What a stand-in brings to the engine, and the state the two share.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::engine::call::Call;
use crate::engine::fault::Faults;
use crate::engine::record::Log;
use crate::engine::reply::Reply;

/// An API that is played: its data and how it answers.
pub(crate) trait Service: Sized + Send + 'static {
    /// Whether the record keeps credentials whole, for a service whose tests assert on them.
    const RECORDS_CREDENTIALS: bool;

    /// Answers a request to the API.
    fn answer(&mut self, call: &Call) -> Reply;

    /// Answers a control route that the engine does not have; `None` for one that is unknown.
    fn control(inner: &mut Inner<Self>, name: &str, call: &Call) -> Option<Reply>;

    /// The paths that faults may name a request by, still percent-encoded.
    fn fault_paths(call: &Call) -> Vec<String>;

    /// The answer of a fault that has a status and no body, in the API's error shape.
    fn failure(call: &Call, status: u16, reason: &str) -> Reply;

    /// Restores the initial data.
    fn reset(&mut self);
}

/// The state that a server's connections share with its handle.
#[derive(Debug)]
pub(crate) struct Shared<S> {
    inner: Mutex<Inner<S>>,
}

/// Everything that changes.
#[derive(Debug)]
pub(crate) struct Inner<S> {
    /// The API's own state.
    pub(crate) service: S,
    /// The requests so far.
    pub(crate) log: Log,
    /// The faults still to happen.
    pub(crate) faults: Faults,
}

impl<S: Service> Inner<S> {
    /// Forgets requests and faults and restores the initial data.
    pub(crate) fn reset(&mut self) {
        self.service.reset();
        self.log.clear();
        self.faults.clear();
    }
}

impl<S: Service> Shared<S> {
    /// The initial state.
    pub(crate) fn new(service: S) -> Self {
        let inner = Inner { service, log: Log::default(), faults: Faults::default() };
        Self { inner: Mutex::new(inner) }
    }

    /// Exclusive access. Never held across an await. A panic elsewhere does not matter here:
    /// the state is replaced field by field, and the test that panicked has failed already.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner<S>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
