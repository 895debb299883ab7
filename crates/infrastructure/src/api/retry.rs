//! When a read is sent again, and after how long.
//!
//! Invariant: at most [`TRIES`] times, and never beyond the time left.

use std::time::Duration;

use mcp_platform::{NetworkFailure, OutboundResponse, time};

/// How often a read is sent at most.
const TRIES: u32 = 4;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Less time than this is not worth another try.
const WORTHWHILE: Duration = Duration::from_millis(500);

/// The pause before the next try, after the try with this number (from 1). None: the outcome stands.
pub(super) fn pause(
    outcome: &Result<OutboundResponse, NetworkFailure>,
    tries: u32,
    left: Duration,
    now_ms: u64,
    noise: u8,
) -> Option<Duration> {
    let is_passing = match outcome {
        Ok(response) => matches!(response.status, 429 | 502 | 503 | 504),
        Err(failure) => !matches!(failure, NetworkFailure::TooLarge(_)),
    };
    if tries >= TRIES || !is_passing {
        return None;
    }
    let asked = outcome.as_ref().ok().and_then(|response| retry_after(response, now_ms));
    let pause = asked.unwrap_or_else(|| backoff(tries, noise));
    (pause.saturating_add(WORTHWHILE) <= left).then_some(pause)
}

/// `Retry-After` in seconds or as an HTTP-date (RFC 9110 §10.2.3).
pub(super) fn retry_after(response: &OutboundResponse, now_ms: u64) -> Option<Duration> {
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
