//! Which requests are sent again. When, and after how long, is for [`catalogue::retry`] to say.
//!
//! Invariant: only what may be repeated is.

use std::time::Duration;

use crate::api::{error::ApiError, request::Repeat};
use mcp_platform::{NetworkFailure, OutboundResponse};

pub(crate) use catalogue::retry::Next;

/// Decides after the try with this number (from 1).
pub(crate) fn next(
    repeat: &Repeat,
    outcome: &Result<OutboundResponse, ApiError>,
    tries: u32,
    left: Duration,
    now_ms: u64,
    noise: u8,
) -> Next {
    let outcome: Result<&OutboundResponse, &NetworkFailure> = match (repeat, outcome) {
        (Repeat::Never, _) => return Next::Accept,
        (_, Ok(response)) => Ok(response),
        (_, Err(ApiError::NoAnswer { failure, .. })) => Err(failure),
        (_, Err(_)) => return Next::Accept,
    };
    catalogue::retry::next(outcome, tries, left, now_ms, noise)
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_server::testing::answer;

    fn lost(failure: NetworkFailure) -> Result<OutboundResponse, ApiError> {
        Err(ApiError::NoAnswer { failure, tries: 1 })
    }

    fn after(outcome: Result<OutboundResponse, ApiError>, tries: u32, left: u64) -> Next {
        next(&Repeat::Safe, &outcome, tries, Duration::from_secs(left), 784_111_777_000, 0)
    }

    #[test]
    fn pauses_grow_and_tries_end() {
        let broken = || lost(NetworkFailure::Broken("reset".into()));
        assert_eq!(after(broken(), 1, 25), Next::Pause(Duration::from_millis(250)));
        assert_eq!(after(broken(), 3, 25), Next::Pause(Duration::from_secs(1)));
        assert_eq!(after(broken(), 4, 25), Next::Accept);
        assert_eq!(after(broken(), 1, 0), Next::Accept);
        assert_eq!(after(lost(NetworkFailure::TooLarge(1)), 1, 25), Next::Accept);
        assert_eq!(after(Ok(answer(500, "")), 1, 25), Next::Accept);
        assert_eq!(after(Err(ApiError::TooManyRedirects), 1, 25), Next::Accept);
    }

    #[test]
    fn the_service_says_how_long_to_wait() {
        let asks =
            |text: &str| Ok(OutboundResponse { retry_after: Some(text.into()), ..answer(503, "") });
        assert_eq!(after(asks("3"), 1, 25), Next::Pause(Duration::from_secs(3)));
        let date = "Sun, 06 Nov 1994 08:49:42 GMT";
        assert_eq!(after(asks(date), 1, 25), Next::Pause(Duration::from_secs(5)));
        assert_eq!(after(asks("120"), 1, 25), Next::TooLong(Duration::from_secs(120)));
        assert_eq!(after(asks("later"), 1, 25), Next::Pause(Duration::from_millis(250)));
    }

    #[test]
    fn what_changes_something_is_not_repeated_without_a_key() {
        let lost = lost(NetworkFailure::Broken("reset".into()));
        let left = Duration::from_secs(20);
        assert_eq!(next(&Repeat::Never, &lost, 1, left, 0, 0), Next::Accept);
        let keyed = Repeat::Keyed("k".into());
        assert!(matches!(next(&keyed, &lost, 1, left, 0, 0), Next::Pause(_)));
    }
}
