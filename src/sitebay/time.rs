//! Dates of the proleptic Gregorian calendar, as HTTP (RFC 9110 §5.6.7) and RFC 3339 write them.
//!
//! Invariant: years end at 9999; nothing here panics on any input.

const SECONDS_PER_DAY: u64 = 86_400;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Milliseconds since the epoch as `2026-11-20T08:00:00Z`.
pub(crate) fn rfc3339(ms: u64) -> String {
    let seconds = ms / 1000;
    let (year, month, day) = civil(seconds / SECONDS_PER_DAY);
    let rest = seconds % SECONDS_PER_DAY;
    let (hour, minute, second) = (rest / 3600, rest % 3600 / 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// An IMF-fixdate such as `Sun, 06 Nov 1994 08:49:37 GMT` in milliseconds since the epoch.
pub(crate) fn http_date(text: &str) -> Option<u64> {
    let mut parts = text.split_ascii_whitespace();
    parts.next().filter(|day| day.ends_with(','))?;
    let day = digits(parts.next()?)?;
    let name = parts.next()?;
    let month = MONTHS.iter().zip(1..).find(|(known, _)| **known == name)?.1;
    let year = digits(parts.next()?)?;
    let clock = parts.next()?;
    parts.next().filter(|zone| *zone == "GMT")?;
    let seconds = days(year, month, day)?.checked_mul(SECONDS_PER_DAY)?;
    seconds.checked_add(clock_seconds(clock)?)?.checked_mul(1000)
}

/// Whether the text is an RFC 3339 date-time of a day that exists.
pub(crate) fn is_rfc3339(text: &str) -> bool {
    parse_rfc3339(text).is_some()
}

fn parse_rfc3339(text: &str) -> Option<()> {
    let (date, rest) = (text.get(..10)?, text.get(11..)?);
    text.get(10..11).filter(|separator| matches!(*separator, "T" | "t"))?;
    let mut numbers = date.split('-');
    let year = fixed(numbers.next()?, 4)?;
    let month = fixed(numbers.next()?, 2)?;
    let day = fixed(numbers.next()?, 2)?;
    (1..=12).contains(&month).then_some(())?;
    (1..=month_length(year, month)).contains(&day).then_some(())?;
    clock_seconds(rest.get(..8)?)?;
    let zone = fraction_skipped(rest.get(8..)?)?;
    is_offset(zone).then_some(())
}

fn fraction_skipped(text: &str) -> Option<&str> {
    let Some(fraction) = text.strip_prefix('.') else {
        return Some(text);
    };
    let zone = fraction.trim_start_matches(|c: char| c.is_ascii_digit());
    (zone.len() < fraction.len()).then_some(zone)
}

fn is_offset(text: &str) -> bool {
    if matches!(text, "Z" | "z") {
        return true;
    }
    let Some(clock) = text.strip_prefix(['+', '-']) else {
        return false;
    };
    let Some((hours, minutes)) = clock.split_once(':') else {
        return false;
    };
    fixed(hours, 2).is_some_and(|h| h < 24) && fixed(minutes, 2).is_some_and(|m| m < 60)
}

/// `hh:mm:ss`, a leap second allowed.
fn clock_seconds(text: &str) -> Option<u64> {
    let mut numbers = text.split(':');
    let hour = fixed(numbers.next()?, 2).filter(|hour| *hour < 24)?;
    let minute = fixed(numbers.next()?, 2).filter(|minute| *minute < 60)?;
    let second = fixed(numbers.next()?, 2).filter(|second| *second <= 60)?;
    if numbers.next().is_some() {
        return None;
    }
    hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?.checked_add(second)
}

fn fixed(text: &str, length: usize) -> Option<u64> {
    (text.len() == length).then(|| digits(text))?
}

fn digits(text: &str) -> Option<u64> {
    let all = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse().ok())?
}

fn civil(days: u64) -> (u64, u64, u64) {
    let (mut year, mut month, mut left) = (1970_u64, 1_u64, days);
    while year < 9999
        && let Some(next) = left.checked_sub(year_length(year))
    {
        left = next;
        year = year.saturating_add(1);
    }
    while month < 12
        && let Some(next) = left.checked_sub(month_length(year, month))
    {
        left = next;
        month = month.saturating_add(1);
    }
    (year, month, left.saturating_add(1).min(31))
}

/// Days since the epoch; None for a day that does not exist or lies before the epoch.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=month_length(year, month)).contains(&day) {
        return None;
    }
    let years: u64 = (1970..year).map(year_length).sum();
    let months: u64 = (1..month).map(|earlier| month_length(year, earlier)).sum();
    years.checked_add(months)?.checked_add(day.checked_sub(1)?)
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

fn year_length(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

fn month_length(year: u64, month: u64) -> u64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
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
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777_000));
        for wrong in ["", "soon", "Sun, 31 Feb 2026 00:00:00 GMT", "Sun, 06 Nov 1994 08:49 GMT"] {
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
        ] {
            assert!(!is_rfc3339(wrong), "{wrong}");
        }
    }
}
