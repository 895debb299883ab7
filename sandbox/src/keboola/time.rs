//! Moments as Keboola writes them: local time of Prague's summer, with a zone without a colon.

use chrono::{FixedOffset, NaiveDate, NaiveDateTime, TimeDelta};

use crate::engine::clock::{self, Time};

/// The seconds the zone is ahead of UTC.
const AHEAD: i32 = 7200;

/// A moment such as `2026-08-17T07:39:18+0200`.
pub(crate) fn text(time: Time) -> String {
    match FixedOffset::east_opt(AHEAD) {
        Some(zone) => time.with_timezone(&zone).format("%Y-%m-%dT%H:%M:%S%z").to_string(),
        None => clock::text(time),
    }
}

/// A moment that may not have come; null then.
pub(crate) fn text_if(time: Option<Time>) -> Option<String> {
    time.map(text)
}

/// Reads a moment, a day, or a distance such as `-1 week` from `now`.
pub(crate) fn parse(text: &str, now: Time) -> Option<Time> {
    let text = text.trim();
    if let Some(time) = relative(text, now) {
        return Some(time);
    }
    if let Ok(time) = chrono::DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%z") {
        return Some(time.to_utc());
    }
    if let Ok(time) = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S") {
        return Some(time.and_utc());
    }
    if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        return Some(day.and_hms_opt(0, 0, 0)?.and_utc());
    }
    clock::parse(text)
}

fn relative(text: &str, now: Time) -> Option<Time> {
    if text == "now" {
        return Some(now);
    }
    let (number, unit) = text.split_once(' ')?;
    let number: i64 = number.parse().ok()?;
    let delta = match unit.trim_end_matches('s') {
        "second" => TimeDelta::try_seconds(number),
        "minute" => TimeDelta::try_minutes(number),
        "hour" => TimeDelta::try_hours(number),
        "day" => TimeDelta::try_days(number),
        "week" => TimeDelta::try_weeks(number),
        "month" => TimeDelta::try_days(number.checked_mul(30)?),
        _ => None,
    };
    now.checked_add_signed(delta?)
}
