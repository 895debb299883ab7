//! When a request is sent again, and after how long.
//!
//! Invariant: at most [`TRIES`] times, and never beyond the time left. Whether a request may be sent again at all is
//! for its service to say.

use std::time::Duration;

use mcp_platform::{NetworkFailure, OutboundResponse, time};

/// How often a request is sent at most.
pub const TRIES: u32 = 4;
/// Less time than this is not worth another try.
const WORTHWHILE: Duration = Duration::from_millis(500);
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// The decision after an attempt.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// The outcome stands.
    Accept,
    /// Try again after a pause.
    Pause(Duration),
    /// The service asks to wait longer than there is time.
    TooLong(Duration),
}

/// Decides after the try with this number (from 1) of a request that may be sent again. `noise` spreads the pauses of
/// several callers.
pub fn next(
    outcome: Result<&OutboundResponse, &NetworkFailure>,
    tries: u32,
    left: Duration,
    now_ms: u64,
    noise: u8,
) -> Next {
    if tries >= TRIES || !is_passing(outcome) {
        return Next::Accept;
    }
    let asked = outcome.ok().and_then(|response| retry_after(response, now_ms));
    let pause = asked.unwrap_or_else(|| backoff(tries, noise));
    match (pause.saturating_add(WORTHWHILE) <= left, asked) {
        (true, _) => Next::Pause(pause),
        (false, Some(wait)) => Next::TooLong(wait),
        (false, None) => Next::Accept,
    }
}

fn is_passing(outcome: Result<&OutboundResponse, &NetworkFailure>) -> bool {
    match outcome {
        Ok(response) => matches!(response.status, 429 | 502 | 503 | 504),
        Err(failure) => !matches!(failure, NetworkFailure::TooLarge(_)),
    }
}

/// `Retry-After` in seconds or as an HTTP-date (RFC 9110 §10.2.3).
pub fn retry_after(response: &OutboundResponse, now_ms: u64) -> Option<Duration> {
    let text = response.retry_after.as_deref()?.trim();
    match text.parse() {
        Ok(seconds) => Some(Duration::from_secs(seconds)),
        Err(_) => time::http_date(text).map(|at| Duration::from_millis(at.saturating_sub(now_ms))),
    }
}

/// 250, 500, 1000 ms, and up to a quarter more so that callers spread.
fn backoff(tries: u32, noise: u8) -> Duration {
    let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
    let spread = pause.saturating_mul(u32::from(noise)).checked_div(1024);
    pause.saturating_add(spread.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mcp_server::testing::answer;

    fn after(outcome: &Result<OutboundResponse, NetworkFailure>, tries: u32, left: u64) -> Next {
        next(outcome.as_ref(), tries, Duration::from_secs(left), 0, 0)
    }

    #[test]
    fn pauses_grow_and_tries_end() {
        let broken = Err(NetworkFailure::Broken("reset".into()));
        assert_eq!(after(&broken, 1, 25), Next::Pause(Duration::from_millis(250)));
        assert_eq!(after(&broken, 3, 25), Next::Pause(Duration::from_secs(1)));
        assert_eq!(after(&broken, 4, 25), Next::Accept);
        assert_eq!(after(&broken, 1, 0), Next::Accept);
        assert_eq!(after(&Err(NetworkFailure::TooLarge(1)), 1, 25), Next::Accept);
        assert_eq!(after(&Ok(answer(500, "")), 1, 25), Next::Accept);
        let Next::Pause(spread) = next(broken.as_ref(), 1, Duration::from_secs(25), 0, 255) else {
            panic!("no pause");
        };
        assert!((251..=313).contains(&spread.as_millis()), "{spread:?}");
    }

    #[test]
    fn the_service_says_how_long_to_wait() {
        let asks =
            |text: &str| Ok(OutboundResponse { retry_after: Some(text.into()), ..answer(503, "") });
        assert_eq!(after(&asks("3"), 1, 25), Next::Pause(Duration::from_secs(3)));
        assert_eq!(after(&asks("120"), 1, 25), Next::TooLong(Duration::from_secs(120)));
        assert_eq!(after(&asks("later"), 1, 25), Next::Pause(Duration::from_millis(250)));
    }
}
