//! The circuit breaker of an upstream, in one isolate.
//!
//! ```text
//!            5 failures in a row                30 s later, one request
//!   closed ───────────────────────► open ─────────────────────────────► half-open
//!     ▲                              ▲                                      │
//!     │                              └──────────── it fails ────────────────┤
//!     └───────────────────────────────────── it succeeds ───────────────────┘
//! ```
//!
//! Invariant: only failures of the upstream count ([`Outcome::of`]), so that no caller can open it for others with requests
//! that are refused. There is no timer and no request of its own: time is given, and the probe is a caller's request.

use std::time::Duration;

use mcp_client::error::UpstreamError;

/// Failures in a row that open it.
pub const FAILURES: u32 = 5;
/// How long it stays open before a request is let through, and how long that one may take before another is.
pub const OPEN_FOR: Duration = Duration::from_secs(30);
/// The longest `Retry-After` that is kept.
pub const MAX_HOLD: Duration = Duration::from_secs(60);

/// How a request of an upstream ended, as its breaker sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The upstream answered, be it with an error.
    Answered,
    /// The upstream failed.
    Failed,
}

impl Outcome {
    /// The outcome of a request that ended so. A result with `isError`, a JSON-RPC error and a 4xx are answers.
    pub fn of<T>(ended: &Result<T, UpstreamError>) -> Self {
        match ended {
            Err(error) if error.counts_against_health() => Self::Failed,
            _ => Self::Answered,
        }
    }
}

/// A request is not let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused {
    /// How long until one may be, in milliseconds; at least 1.
    pub retry_after_ms: u64,
}

/// A request that was let through. One that ends without an outcome is [given back](Breaker::give_back).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Admitted {
    /// The number of the probe that it is, where it is the one request of a half-open breaker.
    probe: Option<u32>,
}

/// The state of one upstream. Times are milliseconds of one clock; one that is put back holds no request for longer than
/// [`OPEN_FOR`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breaker {
    failures: u32,
    /// Until when no request is let through. None: it is closed, and all are.
    open_until: Option<u64>,
    /// The probe that is on its way.
    probe: Option<u32>,
    /// Probes so far.
    probes: u32,
}

impl Breaker {
    /// Asks to send a request. One that is let through is followed by [`Self::ended`], or by [`Self::give_back`] where its
    /// caller went away.
    ///
    /// # Errors
    /// Where it is open, or half-open and its one request is on its way.
    pub fn admit(&mut self, now_ms: u64) -> Result<Admitted, Refused> {
        let latest = now_ms.saturating_add(millis(OPEN_FOR));
        let Some(until) = self.open_until.map(|until| until.min(latest)) else {
            return Ok(Admitted { probe: None });
        };
        self.open_until = Some(until);
        if now_ms < until {
            return Err(Refused { retry_after_ms: until.saturating_sub(now_ms) });
        }
        // The next caller waits for the outcome of this one, but not for ever.
        self.open_until = Some(latest);
        self.probes = self.probes.wrapping_add(1);
        self.probe = Some(self.probes);
        Ok(Admitted { probe: self.probe })
    }

    /// Takes back a request of which nobody learns how it ended. That is no failure of the upstream, and the next request may
    /// find out.
    pub fn give_back(&mut self, admitted: Admitted) {
        // What happened since then counts.
        if admitted.probe.is_some() && self.probe == admitted.probe {
            (self.open_until, self.probe) = (Some(0), None);
        }
    }

    /// Notes how a request ended.
    pub fn ended(&mut self, outcome: Outcome, now_ms: u64) {
        self.probe = None;
        match outcome {
            Outcome::Answered => (self.failures, self.open_until) = (0, None),
            Outcome::Failed => {
                self.failures = self.failures.saturating_add(1);
                if self.failures >= FAILURES {
                    self.open_until = Some(now_ms.saturating_add(millis(OPEN_FOR)));
                }
            }
        }
    }

    /// Its state in a word: `closed`, `open` or `half-open`.
    pub fn state(&self, now_ms: u64) -> &'static str {
        match self.open_until {
            None => "closed",
            Some(until) if now_ms < until => "open",
            Some(_) => "half-open",
        }
    }
}

/// The wish of an upstream to be left alone for a while (`Retry-After`). It belongs to the upstream together with the
/// credential that it refused, so that one person's limit does not hold back another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hold {
    until: u64,
}

impl Hold {
    /// Asks to send a request.
    ///
    /// # Errors
    /// Where the upstream wants none yet.
    pub fn admit(self, now_ms: u64) -> Result<(), Refused> {
        match self.until.saturating_sub(now_ms) {
            0 => Ok(()),
            // A clock that was put back must not hold for longer than a wish can last.
            left => Err(Refused { retry_after_ms: left.min(millis(MAX_HOLD)) }),
        }
    }

    /// Notes a wish. One for longer than a minute is kept for a minute.
    pub fn note(&mut self, retry_after: Duration, now_ms: u64) {
        let until = now_ms.saturating_add(millis(retry_after.min(MAX_HOLD)));
        self.until = self.until.max(until);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use mcp_client::error::Phase;
    use proptest::{collection::vec, prelude::*};

    use super::*;
    use Outcome::{Answered, Failed};

    fn failing(times: u32) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..times {
            breaker.admit(1_000).unwrap();
            breaker.ended(Failed, 1_000);
        }
        breaker
    }

    // Statement 20.
    #[test]
    fn five_failures_open_it_and_one_probe_closes_it() {
        assert!(failing(4).admit(1_000).is_ok());
        let mut breaker = failing(5);
        assert_eq!(breaker.admit(1_000), Err(Refused { retry_after_ms: 30_000 }));
        assert_eq!(breaker.admit(30_999), Err(Refused { retry_after_ms: 1 }));
        assert_eq!((breaker.state(30_999), breaker.state(31_000)), ("open", "half-open"));
        assert!(breaker.admit(31_000).is_ok());
        breaker.ended(Answered, 31_500);
        assert_eq!((breaker.state(31_500), breaker.failures), ("closed", 0));
        assert!((0..9).all(|_| breaker.admit(31_500).is_ok()));
    }

    #[test]
    fn half_open_it_lets_one_of_two_through() {
        let mut breaker = failing(5);
        assert!(breaker.admit(31_000).is_ok());
        assert_eq!(breaker.admit(31_000), Err(Refused { retry_after_ms: 30_000 }));
        breaker.ended(Failed, 32_000);
        assert_eq!(breaker.admit(61_999), Err(Refused { retry_after_ms: 1 }));
        assert!(breaker.admit(62_000).is_ok());
    }

    #[test]
    fn a_probe_whose_caller_went_away_does_not_hold_it_open() {
        let mut breaker = failing(5);
        assert!(breaker.admit(31_000).is_ok());
        assert!(breaker.admit(60_999).is_err());
        assert!(breaker.admit(61_000).is_ok());
    }

    #[test]
    fn a_probe_that_is_given_back_is_the_next_callers() {
        let mut breaker = failing(5);
        let probe = breaker.admit(31_000).unwrap();
        breaker.give_back(probe);
        assert_eq!(breaker.state(31_000), "half-open");
        assert!(breaker.admit(31_000).is_ok() && breaker.admit(31_000).is_err());
        // One that was let through before it opened says nothing.
        let mut breaker = failing(4);
        let early = breaker.admit(1_000).unwrap();
        breaker.ended(Failed, 1_000);
        breaker.give_back(early);
        assert!(breaker.admit(1_000).is_err());
        // Nor does a probe whose outcome is known by then.
        let mut breaker = failing(5);
        let probe = breaker.admit(31_000).unwrap();
        breaker.ended(Failed, 31_000);
        breaker.give_back(probe);
        assert!(breaker.admit(60_999).is_err(), "also where it failed at once");
    }

    #[test]
    fn a_clock_that_is_put_back_holds_no_request_for_longer() {
        let mut breaker = failing(5);
        assert_eq!(breaker.admit(0), Err(Refused { retry_after_ms: 30_000 }));
        assert!(breaker.admit(30_000).is_ok());
    }

    #[test]
    fn failures_that_answers_interrupt_do_not_open_it() {
        let mut breaker = failing(4);
        breaker.ended(Answered, 1_000);
        (0..4).for_each(|_| breaker.ended(Failed, 1_000));
        assert!(breaker.admit(1_000).is_ok());
    }

    #[test]
    fn refusals_are_answers() {
        let after = Duration::from_secs(10);
        for error in [
            UpstreamError::Unauthorized { challenge: None },
            UpstreamError::Forbidden { challenge: None },
            UpstreamError::SessionGone,
            UpstreamError::TooMany { status: 429, retry_after: None },
            UpstreamError::Refused { status: 400, quote: String::new() },
        ] {
            assert_eq!(Outcome::of::<()>(&Err(error.clone())), Answered, "{error}");
        }
        for error in [
            UpstreamError::Unavailable { status: 503, retry_after: None },
            UpstreamError::TimedOut { phase: Phase::Headers, after },
            UpstreamError::Cut,
        ] {
            assert_eq!(Outcome::of::<()>(&Err(error.clone())), Failed, "{error}");
        }
        assert_eq!(Outcome::of(&Ok(())), Answered);
    }

    #[test]
    fn a_wish_to_be_left_alone_is_kept_for_a_minute_at_most() {
        let mut hold = Hold::default();
        assert_eq!(hold.admit(0), Ok(()));
        hold.note(Duration::from_secs(5), 1_000);
        assert_eq!(hold.admit(2_000), Err(Refused { retry_after_ms: 4_000 }));
        hold.note(Duration::from_secs(1), 1_000);
        assert_eq!(hold.admit(6_000), Ok(()));
        hold.note(Duration::from_secs(86_400), 10_000);
        assert_eq!(hold.admit(10_000), Err(Refused { retry_after_ms: 60_000 }));
        assert_eq!(hold.admit(70_000), Ok(()));
    }

    proptest! {
        #[test]
        fn it_never_stays_open_for_longer_than_its_time(steps in vec((any::<bool>(), 0..40_000_u64), 0..60)) {
            let (mut breaker, mut now) = (Breaker::default(), 0_u64);
            for (fails, later) in steps {
                now = now.saturating_add(later);
                match breaker.admit(now) {
                    Ok(_) => breaker.ended(if fails { Failed } else { Answered }, now),
                    Err(refused) => prop_assert!((1..=30_000).contains(&refused.retry_after_ms)),
                }
            }
            prop_assert!(breaker.admit(now.saturating_add(30_000)).is_ok());
        }
    }
}
