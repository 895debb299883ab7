//! Dates as HTTP (RFC 9110 §5.6.7) and RFC 3339 write them.
//!
//! Invariant: years end at 9999; nothing here reads a clock, which `SystemTime` does not have on Workers.

use std::time::UNIX_EPOCH;

use ::time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// The last second of the year 9999, in seconds since 1970.
const LAST: i64 = 253_402_300_799;

/// Milliseconds since the epoch as `2026-11-20T08:00:00Z`.
pub fn rfc3339(ms: u64) -> String {
    let seconds = i64::try_from(ms / 1000).unwrap_or(LAST).min(LAST);
    let at = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    // RFC 3339 has a text for every year from 0 to 9999.
    at.format(&Rfc3339).unwrap_or_default()
}

/// An HTTP-date such as `Sun, 06 Nov 1994 08:49:37 GMT` in milliseconds since the epoch; also in the two
/// obsolete forms, which a recipient must accept.
pub fn http_date(text: &str) -> Option<u64> {
    let since = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
    u64::try_from(since.as_millis()).ok()
}

/// Whether the text is an RFC 3339 date-time of a day that exists. The separator must be a `T`: the crate
/// accepts any character there, SiteBay does not.
pub fn is_rfc3339(text: &str) -> bool {
    let separator = text.as_bytes().get(10);
    separator.is_some_and(|byte| matches!(byte, b'T' | b't'))
        && OffsetDateTime::parse(text, &Rfc3339).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_moments_are_written_in_rfc_3339() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_795_161_599_999, "2026-11-20T07:59:59Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(ms), text);
        }
        assert!(rfc3339(u64::MAX).starts_with("9999-"));
    }

    #[test]
    fn an_http_date_is_read_and_nonsense_is_not() {
        for same in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(http_date(same), Some(784_111_777_000), "{same}");
        }
        for wrong in [
            "",
            "soon",
            "Sun, 31 Feb 2026 00:00:00 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Fri, 31 Dec 9999 24:00:00 GMT",
        ] {
            assert_eq!(http_date(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_days_that_exist_are_rfc_3339() {
        for right in
            ["2026-11-20T08:00:00Z", "2024-02-29t23:59:60.123z", "2026-11-20T08:00:00.5+05:30"]
        {
            assert!(is_rfc3339(right), "{right}");
        }
        for wrong in [
            "2026-11-20",
            "2026-11-20 08:00:00Z",
            "2026-11-20T08:00:00",
            "2026-02-29T08:00:00Z",
            "2026-13-01T08:00:00Z",
            "2026-11-20T24:00:00Z",
            "2026-11-20T08:00:00.Z",
            "2026-11-20T08:00:00+24:00",
            "2026-11-2éT08:00:00Z",
            "2026-11-20T08:00:00Z ",
            "",
        ] {
            assert!(!is_rfc3339(wrong), "{wrong}");
        }
    }
}
