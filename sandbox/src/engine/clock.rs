//! Wall-clock times, as the API writes and reads them.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, SecondsFormat, TimeDelta, Utc};

/// A moment in UTC.
pub(crate) type Time = DateTime<Utc>;

/// The present moment.
pub(crate) fn now() -> Time {
    Utc::now()
}

/// A moment as RFC 3339, in UTC.
pub(crate) fn text(time: Time) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The moment `minutes` before `time`, or `time` itself where the calendar ends.
pub(crate) fn minutes_before(time: Time, minutes: u64) -> Time {
    i64::try_from(minutes)
        .ok()
        .and_then(TimeDelta::try_minutes)
        .and_then(|delta| time.checked_sub_signed(delta))
        .unwrap_or(time)
}

/// The moment `minutes` after `time`, or `time` itself where the calendar ends.
pub(crate) fn minutes_after(time: Time, minutes: u64) -> Time {
    later(time, Duration::from_secs(minutes.saturating_mul(60)))
}

/// The moment some time after `time`, or `time` itself where the calendar ends.
pub(crate) fn later(time: Time, by: Duration) -> Time {
    let delta = TimeDelta::from_std(by).ok();
    delta.and_then(|delta| time.checked_add_signed(delta)).unwrap_or(time)
}

/// The moment a fixed number of minutes into the year the sample data starts in, so that two
/// sandboxes show the same dates.
pub(crate) fn sample(minutes: u64) -> Time {
    let start = DateTime::from_timestamp(1_735_732_800, 0).unwrap_or_default();
    let delta = i64::try_from(minutes).ok().and_then(TimeDelta::try_minutes);
    delta.and_then(|delta| start.checked_add_signed(delta)).unwrap_or(start)
}

/// Reads what the API accepts as a date-time: with an offset, without one (then UTC), or a day.
pub(crate) fn parse(text: &str) -> Option<Time> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, form) {
            return Some(time.and_utc());
        }
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?;
    Some(day.and_hms_opt(0, 0, 0)?.and_utc())
}

/// A clock that tests can move forward. It runs, or stands still between the moves.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    /// Where it stood at the start, if it stands still.
    fixed: Option<Time>,
    moved: Duration,
}

impl Clock {
    /// A clock that shows the real time until it is moved.
    pub(crate) const fn running() -> Self {
        Self { fixed: None, moved: Duration::ZERO }
    }

    /// A clock that only moves when told to.
    pub(crate) const fn standing(at: Time) -> Self {
        Self { fixed: Some(at), moved: Duration::ZERO }
    }

    /// What it shows.
    pub(crate) fn now(&self) -> Time {
        later(self.fixed.unwrap_or_else(now), self.moved)
    }

    /// Moves it forward.
    pub(crate) fn advance(&mut self, by: Duration) {
        self.moved = self.moved.saturating_add(by);
    }
}
