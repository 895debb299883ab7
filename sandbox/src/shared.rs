//! The state that the server's connections share with the [`Sandbox`](crate::Sandbox) that owns it.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::data::World;
use crate::fault::Faults;
use crate::options::Options;
use crate::record::Log;

/// The options and everything that changes.
#[derive(Debug)]
pub(crate) struct Shared {
    /// The sandbox's options.
    pub(crate) options: Options,
    inner: Mutex<Inner>,
}

/// Everything that changes.
#[derive(Debug)]
pub(crate) struct Inner {
    /// The account's data.
    pub(crate) world: World,
    /// The requests so far.
    pub(crate) log: Log,
    /// The faults still to happen.
    pub(crate) faults: Faults,
}

impl Shared {
    /// The initial state.
    pub(crate) fn new(options: Options) -> Self {
        let inner =
            Inner { world: World::new(&options), log: Log::default(), faults: Faults::default() };
        Self { options, inner: Mutex::new(inner) }
    }

    /// Exclusive access. Never held across an await. A panic elsewhere does not matter here:
    /// the state is replaced field by field, and the test that panicked has failed already.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets requests and faults and restores the initial data and generation.
    pub(crate) fn reset(&self) {
        let world = World::new(&self.options);
        let mut inner = self.lock();
        inner.world = world;
        inner.log.clear();
        inner.faults.clear();
    }
}
