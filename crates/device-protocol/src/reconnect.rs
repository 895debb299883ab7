//! When a device connects again.
//!
//! Invariant: waits are random over their whole length ("full jitter":
//! <https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/>), because a deployment ends the sockets of
//! all devices at once. There is no last attempt.

use crate::close_code::AfterClose;

/// The longest wait before the first attempt, in milliseconds; it doubles with each one.
const FIRST_MS: u64 = 1_000;
/// The longest wait of all, in milliseconds.
pub const LONGEST_MS: u64 = 60_000;
/// The longest wait after a deployment, in milliseconds.
const SOON_MS: u64 = 2_000;
/// A connection of this length, in milliseconds, was a good one: waits begin anew.
pub const STABLE_MS: u64 = 60_000;
/// The longest `Retry-After` that is honoured, in milliseconds.
const LONGEST_RETRY_AFTER_MS: u64 = 3_600_000;

/// The wait before an attempt, counted from 0: a random part of 1, 2, 4 … 60 s.
pub fn wait_ms(attempt: u32, random: u64) -> u64 {
    let doubled = 1_u64.checked_shl(attempt).map_or(LONGEST_MS, |two| FIRST_MS.saturating_mul(two));
    up_to(doubled.min(LONGEST_MS), random)
}

/// A number from 0 to `longest`.
fn up_to(longest: u64, random: u64) -> u64 {
    let product = u128::from(random).saturating_mul(u128::from(longest).saturating_add(1));
    u64::try_from(product >> u64::BITS).unwrap_or(longest)
}

/// The attempts of a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempts {
    failed: u32,
    /// The wait after a deployment was short: the next one is not, until a connection was stable.
    was_soon: bool,
}

impl Attempts {
    /// Notes how long the connection lasted that has ended, or 0 for one that was refused.
    pub fn ended(&mut self, connected_ms: u64) {
        if connected_ms >= STABLE_MS {
            *self = Self::default();
        }
    }

    /// How long to wait, in milliseconds. `retry_after_ms`: what the server asked for. None: do not connect again.
    pub fn next_wait_ms(
        &mut self,
        after: AfterClose,
        retry_after_ms: Option<u64>,
        random: u64,
    ) -> Option<u64> {
        let wait = match after {
            AfterClose::Leave | AfterClose::Stop(_) => return None,
            AfterClose::ReconnectSoon if !self.was_soon => {
                self.was_soon = true;
                up_to(SOON_MS, random)
            }
            AfterClose::ReconnectSoon | AfterClose::Reconnect | AfterClose::Renew => {
                let wait = wait_ms(self.failed, random);
                self.failed = self.failed.saturating_add(1);
                wait
            }
        };
        let asked = retry_after_ms.unwrap_or_default().min(LONGEST_RETRY_AFTER_MS);
        Some(wait.saturating_add(asked))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::close_code::StopReason;

    #[test]
    fn waits_double_up_to_a_minute() {
        let longest = |attempt| wait_ms(attempt, u64::MAX);
        assert_eq!(
            [0, 1, 5, 6, 63, 64, u32::MAX].map(longest),
            [1_000, 2_000, 32_000, 60_000, 60_000, 60_000, 60_000]
        );
        assert_eq!(wait_ms(3, 0), 0);
        assert_eq!(wait_ms(3, u64::MAX / 2), 4_000);
    }

    #[test]
    fn a_device_returns_soon_after_a_deployment_but_only_once() {
        let mut attempts = Attempts::default();
        let mut next = |after| attempts.next_wait_ms(after, None, u64::MAX);
        let soon = AfterClose::ReconnectSoon;
        assert_eq!([next(soon), next(soon), next(soon)], [Some(2_000), Some(1_000), Some(2_000)]);
    }

    #[test]
    fn waits_begin_anew_after_a_stable_connection() {
        let mut attempts = Attempts::default();
        for (connected_ms, wait) in [(0, 1_000), (STABLE_MS - 1, 2_000), (STABLE_MS, 1_000)] {
            attempts.ended(connected_ms);
            let next = attempts.next_wait_ms(AfterClose::Reconnect, None, u64::MAX);
            assert_eq!(next, Some(wait));
        }
    }

    #[test]
    fn a_device_waits_as_it_is_asked_to_and_stops_where_it_must() {
        let mut attempts = Attempts::default();
        assert_eq!(attempts.next_wait_ms(AfterClose::Reconnect, Some(5_000), 0), Some(5_000));
        let hour = attempts.next_wait_ms(AfterClose::Reconnect, Some(u64::MAX), 0);
        assert_eq!(hour, Some(LONGEST_RETRY_AFTER_MS));
        for stop in [AfterClose::Leave, AfterClose::Stop(StopReason::Revoked)] {
            assert_eq!(attempts.next_wait_ms(stop, Some(1), 0), None);
        }
    }

    proptest! {
        #[test]
        fn a_wait_is_never_longer_than_its_attempt_allows(attempt: u32, random: u64) {
            prop_assert!(wait_ms(attempt, random) <= wait_ms(attempt, u64::MAX));
            prop_assert!(wait_ms(attempt, random) <= LONGEST_MS);
        }
    }
}
