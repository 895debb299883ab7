//! How measures are stored: a row for a quarter of an hour, and roll-ups for hours and days.
//!
//! Invariant: a minute that comes twice counts once, and a roll-up is made from its parts anew, so that late minutes of a
//! device that was offline find their place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    bucket::Bucket,
    recorder::{MINUTE_MS, Minute},
};

/// Subjects of a row: servers, and the device itself.
const MAX_SUBJECTS: usize = 64;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

/// The time that a row covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Span {
    /// A quarter of an hour, by minutes.
    Quarter,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

impl Span {
    /// Its length.
    pub const fn ms(self) -> u64 {
        match self {
            Self::Quarter => 15 * MINUTE_MS,
            Self::Hour => 60 * MINUTE_MS,
            Self::Day => DAY_MS,
        }
    }

    /// How long its rows are kept.
    pub const fn kept_ms(self) -> u64 {
        match self {
            Self::Quarter => 30 * DAY_MS,
            Self::Hour => 90 * DAY_MS,
            Self::Day => 731 * DAY_MS,
        }
    }

    /// When the row of this moment begins, in UTC.
    pub const fn start_of(self, at_ms: u64) -> u64 {
        match at_ms.checked_rem(self.ms()) {
            Some(within) => at_ms.saturating_sub(within),
            None => at_ms,
        }
    }

    /// Whether a row that began then is over.
    pub const fn is_over(self, start_ms: u64, now_ms: u64) -> bool {
        now_ms >= start_ms.saturating_add(self.ms()).saturating_add(self.kept_ms())
    }
}

/// A quarter of an hour: the minutes of each subject.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Quarter {
    /// When it begins, in milliseconds since the epoch.
    pub start_ms: u64,
    /// By subject and the minute's number.
    #[serde(default)]
    minutes: BTreeMap<String, BTreeMap<u64, Bucket>>,
}

impl Quarter {
    /// One without minutes.
    pub const fn new(start_ms: u64) -> Self {
        Self { start_ms, minutes: BTreeMap::new() }
    }

    /// Adds a minute, in the place of the same one. Returns whether it belongs here.
    pub fn add(&mut self, minute: Minute) -> bool {
        let Minute { subject, at_ms, bucket } = minute;
        let has_room = self.minutes.len() < MAX_SUBJECTS || self.minutes.contains_key(&subject);
        if Span::Quarter.start_of(at_ms) != self.start_ms || !has_room {
            return false;
        }
        let number = at_ms.saturating_sub(self.start_ms) / MINUTE_MS;
        self.minutes.entry(subject).or_default().insert(number, bucket.bounded());
        true
    }

    /// The minutes of a subject, with the time of each.
    pub fn minutes(&self, subject: &str) -> impl Iterator<Item = (u64, &Bucket)> {
        let minutes = self.minutes.get(subject).into_iter().flatten();
        let at = |number: u64| self.start_ms.saturating_add(number.saturating_mul(MINUTE_MS));
        minutes.map(move |(number, bucket)| (at(*number), bucket))
    }

    /// What all minutes of each subject are together.
    pub fn rolled_up(&self) -> RollUp {
        let mut all = RollUp::default();
        for (subject, minutes) in &self.minutes {
            minutes.values().for_each(|bucket| all.add(subject, bucket));
        }
        all
    }
}

/// What a longer time was like, by subject.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RollUp {
    /// By subject.
    #[serde(default)]
    pub subjects: BTreeMap<String, Bucket>,
}

impl RollUp {
    /// The roll-up of several, such as of four quarters or 24 hours.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::default();
        for part in parts {
            part.subjects.iter().for_each(|(subject, bucket)| all.add(subject, bucket));
        }
        all
    }

    fn add(&mut self, subject: &str, bucket: &Bucket) {
        if self.subjects.len() < MAX_SUBJECTS || self.subjects.contains_key(subject) {
            self.subjects.entry(subject.to_owned()).or_default().merge(bucket);
        }
    }
}

/// Puts minutes into the quarters that they belong to. `load` reads the row that is stored, `store` writes it. A minute that a
/// device of a wrong clock dates into the future, or before [`Span::Quarter`]'s rows, has no place.
pub fn file_minutes(
    minutes: impl IntoIterator<Item = Minute>,
    received_ms: u64,
    mut load: impl FnMut(u64) -> Option<Quarter>,
    mut store: impl FnMut(Quarter),
) {
    let mut quarters: BTreeMap<u64, Quarter> = BTreeMap::new();
    let latest = received_ms.saturating_add(Span::Hour.ms());
    let is_kept = |minute: &Minute| {
        minute.at_ms <= latest && !Span::Quarter.is_over(minute.at_ms, received_ms)
    };
    for minute in minutes.into_iter().filter(is_kept) {
        let start_ms = Span::Quarter.start_of(minute.at_ms);
        let stored = || load(start_ms).unwrap_or_else(|| Quarter::new(start_ms));
        quarters.entry(start_ms).or_insert_with(stored).add(minute);
    }
    quarters.into_values().for_each(&mut store);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::names;

    fn minute(number: u64, calls: u64) -> Minute {
        let mut bucket = Bucket::default();
        bucket.count(names::CALLS, calls);
        bucket.time(names::LATENCY, calls * 100);
        Minute { subject: "echo".to_owned(), at_ms: number * MINUTE_MS, bucket }
    }

    fn filed(minutes: Vec<Minute>, stored: &mut BTreeMap<u64, Quarter>) {
        let mut new = Vec::new();
        let received = 40 * MINUTE_MS;
        file_minutes(
            minutes,
            received,
            |start| stored.get(&start).cloned(),
            |quarter| new.push(quarter),
        );
        stored.extend(new.into_iter().map(|quarter| (quarter.start_ms, quarter)));
    }

    #[test]
    fn a_minute_that_comes_twice_counts_once_and_a_late_one_finds_its_place() {
        let mut stored = BTreeMap::new();
        filed((10..40).map(|number| minute(number, number)).collect(), &mut stored);
        filed(vec![minute(20, 20), minute(3, 3), minute(200, 1)], &mut stored);
        assert_eq!(stored.len(), 3);
        let text = serde_json::to_string(&stored[&0]).unwrap();
        assert_eq!(serde_json::from_str::<Quarter>(&text).unwrap(), stored[&0]);
        let at: Vec<u64> = stored[&0].minutes("echo").map(|(at, _)| at / MINUTE_MS).collect();
        assert_eq!(at, [3, 10, 11, 12, 13, 14]);
        let quarters: Vec<RollUp> = stored.values().map(Quarter::rolled_up).collect();
        let hour = RollUp::of(&quarters);
        let calls: u64 = (10..40).sum::<u64>() + 3;
        assert_eq!(hour.subjects["echo"].counts[names::CALLS], calls);
        assert_eq!(hour.subjects["echo"].times[names::LATENCY].count(), 31);
        assert_eq!(RollUp::of([&hour]), hour);
    }

    #[test]
    fn a_row_takes_what_is_of_its_time_and_no_more_subjects_than_it_has_room_for() {
        let mut quarter = Quarter::new(0);
        assert!(!quarter.add(minute(15, 1)));
        for server in 0..100 {
            quarter.add(Minute { subject: server.to_string(), ..minute(1, 1) });
        }
        assert_eq!(quarter.rolled_up().subjects.len(), MAX_SUBJECTS);
    }

    #[test]
    fn rows_begin_at_round_times_and_end_after_theirs() {
        assert_eq!(Span::Day.start_of(DAY_MS + 5), DAY_MS);
        assert_eq!(Span::Hour.start_of(DAY_MS - 1), DAY_MS - 60 * MINUTE_MS);
        for span in [Span::Quarter, Span::Hour, Span::Day] {
            let end = span.ms() + span.kept_ms();
            assert!(!span.is_over(0, end - 1) && span.is_over(0, end));
        }
    }
}
