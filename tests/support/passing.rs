//! Time that passes for a server.

use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use xtask::{clock::Clock, server::Options, skips::skip};

/// Time that passes: the clock of a server is moved, or where this machine cannot do that, the test
/// waits.
pub struct Passing {
    clock: Option<Clock>,
    moved: AtomicI64,
}

impl Passing {
    /// Time of servers that go by a clock of their own.
    pub fn moved() -> Self {
        let clock = Clock::new().expect("the compiler works");
        Self { clock, moved: AtomicI64::new(0) }
    }

    /// The same where the test does not wait: None, and it is skipped, where a clock cannot be moved.
    pub fn only_moved(test: &str) -> Option<Self> {
        let time = Self::moved();
        if time.clock.is_none() {
            skip(test, "no C compiler");
        }
        time.clock.is_some().then_some(time)
    }

    /// Time of servers whose clock cannot be moved, such as `wrangler`'s.
    pub fn real() -> Self {
        Self { clock: None, moved: AtomicI64::new(0) }
    }

    /// The options of a server for which it passes.
    pub fn of(&self, options: Options) -> Options {
        match &self.clock {
            Some(clock) => clock.of(options),
            None => options,
        }
    }

    /// Lets so many seconds pass.
    pub async fn pass(&self, seconds: u32) {
        match &self.clock {
            Some(clock) => {
                let passed = i64::from(seconds);
                let moved = self.moved.fetch_add(passed, Ordering::Relaxed) + passed;
                clock.set(moved).unwrap();
            }
            // Real time: there is no other.
            None => tokio::time::sleep(Duration::from_secs(seconds.into())).await,
        }
    }
}
