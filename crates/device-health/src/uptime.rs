//! Uptime of a server, from the intervals of its states.
//!
//! Invariant: every moment has one kind. Uptime is the time up by the time that could have been: the window without what was
//! planned and what is unknown. Time without a report is unknown, never up; the agent's journal fills it in afterwards.

use std::{collections::BTreeMap, ops::Range};

use serde::{Deserialize, Serialize};

/// Changes that are kept; before the oldest, time is unknown.
const MAX_CHANGES: usize = 10_000;
/// The time of a bar.
pub const BAR_MS: u64 = 3_600_000;

/// What a moment was like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The server answered calls.
    Up,
    /// It should have, and did not.
    Down,
    /// It was stopped on purpose.
    Planned,
    /// The device did not say.
    #[default]
    Unknown,
}

impl Kind {
    /// The kind of a state of a server, by the state's name. A degraded server answers calls.
    pub fn of_state(state: &str) -> Self {
        match state {
            "ready" | "degraded" => Self::Up,
            "disabled" | "stopped" | "stopping" => Self::Planned,
            "installing" | "starting" | "backoff" | "crash_loop" | "unapproved"
            | "misconfigured" => Self::Down,
            _ => Self::Unknown,
        }
    }
}

/// Time by kind, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Up.
    pub up: u64,
    /// Down.
    pub down: u64,
    /// Stopped on purpose.
    pub planned: u64,
    /// Not known.
    pub unknown: u64,
}

impl Totals {
    fn add(&mut self, kind: Kind, ms: u64) {
        let total = match kind {
            Kind::Up => &mut self.up,
            Kind::Down => &mut self.down,
            Kind::Planned => &mut self.planned,
            Kind::Unknown => &mut self.unknown,
        };
        *total = total.saturating_add(ms);
    }

    /// The uptime, from 0 to 1. None: there was no time in which the server should have been up.
    #[expect(clippy::cast_precision_loss, reason = "a window has fewer than 2^52 milliseconds")]
    pub fn uptime(&self) -> Option<f64> {
        let expected = self.up.saturating_add(self.down);
        (expected > 0).then(|| self.up as f64 / expected as f64)
    }
}

/// A change of state in the agent's journal, by the device's monotonic clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// When it was, in milliseconds of the monotonic clock.
    pub mono_ms: u64,
    /// The state that began.
    pub state: String,
}

/// The states of a server over time, in milliseconds since the epoch by the Worker's clock.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timeline {
    /// The kind that began, by the time of its beginning.
    changes: BTreeMap<u64, Kind>,
}

impl Timeline {
    /// Notes a kind that begins; what was noted of later times is not true any more. A device that is offline is unknown
    /// from the moment at which it was last seen.
    pub fn set(&mut self, at_ms: u64, kind: Kind) {
        drop(self.changes.split_off(&at_ms));
        if self.at(at_ms) != kind {
            self.changes.insert(at_ms, kind);
        }
        while self.changes.len() > MAX_CHANGES {
            self.changes.pop_first();
        }
    }

    /// The kind of a moment.
    pub fn at(&self, at_ms: u64) -> Kind {
        self.changes.range(..=at_ms).next_back().map(|(_, kind)| *kind).unwrap_or_default()
    }

    /// Fills in what is unknown in a range from the agent's journal, which it delivers on return. Its times count from
    /// the one at which it was sent (`sent_mono_ms`) and received (`received_ms`), so that no clock of the device is believed.
    pub fn fill(
        &mut self,
        range: Range<u64>,
        journal: &[JournalEntry],
        sent_mono_ms: u64,
        received_ms: u64,
    ) {
        let mut told = Self::default();
        for entry in journal {
            let ago = sent_mono_ms.saturating_sub(entry.mono_ms);
            told.set(received_ms.saturating_sub(ago), Kind::of_state(&entry.state));
        }
        let mut changes = self.changes.clone();
        for (part, kind) in self.intervals(range) {
            if kind == Kind::Unknown {
                changes.extend(told.intervals(part.clone()).map(|(told, kind)| (told.start, kind)));
                // What follows keeps its kind.
                let after = self.at(part.end);
                changes.entry(part.end).or_insert(after);
            }
        }
        self.changes = changes;
        let mut before = Kind::Unknown;
        self.changes.retain(|_, kind| std::mem::replace(&mut before, *kind) != *kind);
    }

    /// The intervals of a range, without a hole.
    fn intervals(&self, range: Range<u64>) -> impl Iterator<Item = (Range<u64>, Kind)> {
        let within = if range.is_empty() { range.start..range.start } else { range.clone() };
        let first = (within.start, self.at(within.start));
        let later = self.changes.range(within).filter(move |(at, _)| **at > first.0);
        let mut starts =
            std::iter::once(first).chain(later.map(|(at, kind)| (*at, *kind))).peekable();
        std::iter::from_fn(move || {
            let (start, kind) = starts.next()?;
            let end = starts.peek().map_or(range.end, |next| next.0);
            (start < end).then_some((start..end, kind))
        })
    }

    /// The time of each kind in a range.
    pub fn totals(&self, range: Range<u64>) -> Totals {
        let mut totals = Totals::default();
        for (part, kind) in self.intervals(range) {
            totals.add(kind, part.end.saturating_sub(part.start));
        }
        totals
    }

    /// The same by hours, which begin with those of UTC. The first and the last may be shorter.
    pub fn bars(&self, range: Range<u64>) -> Vec<(u64, Totals)> {
        let (mut bars, mut start) = (Vec::new(), range.start);
        while start < range.end {
            let hour = start.saturating_sub(start % BAR_MS);
            let end = hour.saturating_add(BAR_MS).min(range.end);
            bars.push((start, self.totals(start..end)));
            start = end;
        }
        bars
    }

    /// Forgets what was before this moment.
    pub fn forget(&mut self, before_ms: u64) {
        let kind = self.at(before_ms);
        self.changes = self.changes.split_off(&before_ms);
        if kind != Kind::Unknown {
            self.changes.entry(before_ms).or_insert(kind);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: u64 = 1_000;
    const M: u64 = 60 * S;
    const H: u64 = 60 * M;
    const DAY: u64 = 24 * H;

    fn entry(mono_ms: u64, state: &str) -> JournalEntry {
        JournalEntry { mono_ms, state: state.to_owned() }
    }

    /// A day: up, a crash, a planned stop, offline; then the journal tells of the time offline.
    #[test]
    fn statement_26_the_uptime_of_a_scripted_day_is_that_of_the_hand_calculation_to_the_second() {
        let mut line = Timeline::default();
        for (at, state) in [
            (H, "starting"),
            (H + 5 * S, "ready"),
            (6 * H, "backoff"),
            (6 * H + S, "starting"),
            (6 * H + 4 * S, "ready"),
            (10 * H, "stopping"),
            (10 * H + 2 * S, "stopped"),
            (11 * H, "starting"),
            (11 * H + 3 * S, "ready"),
        ] {
            line.set(at, Kind::of_state(state));
        }
        // Offline: last seen at 15:00, back at 18:00, still ready.
        line.set(15 * H, Kind::Unknown);
        line.set(18 * H, Kind::Up);
        let totals = line.totals(0..DAY);
        // Up: 1:00:05 to 6:00:00, 6:00:04 to 10:00, 11:00:03 to 15:00, 18:00 to 24:00.
        let up = (5 * H - 5 * S) + (4 * H - 4 * S) + (4 * H - 3 * S) + 6 * H;
        let down = 5 * S + 4 * S + 3 * S;
        assert_eq!(totals, Totals { up, down, planned: H, unknown: H + 3 * H });
        #[expect(clippy::cast_precision_loss, reason = "a day has few milliseconds")]
        let by_hand = up as f64 / (DAY - H - 4 * H) as f64;
        assert_eq!(totals.uptime(), Some(by_hand));

        // The agent ran on, and its server crashed for a minute. Its monotonic clock is of its own.
        let mono = 777_777 + 10 * H;
        let journal = [
            entry(mono - 4 * H - 30 * M, "ready"),
            entry(mono - 2 * H, "backoff"),
            entry(mono - 2 * H + M, "ready"),
        ];
        line.fill(15 * H..18 * H, &journal, mono, 18 * H);
        let filled = line.totals(0..DAY);
        let up = up + 3 * H - M;
        assert_eq!(filled, Totals { up, down: down + M, planned: H, unknown: H });

        let bars = line.bars(0..DAY);
        assert_eq!(bars.len(), 24);
        assert_eq!(bars[0].1, Totals { unknown: H, ..Totals::default() });
        assert_eq!(bars[6].1, Totals { up: H - 4 * S, down: 4 * S, ..Totals::default() });
        assert_eq!(bars[10].1, Totals { planned: H, ..Totals::default() });
        assert_eq!(bars[16].1, Totals { up: H - M, down: M, ..Totals::default() });
    }

    #[test]
    fn a_journal_changes_nothing_that_was_known() {
        let mut line = Timeline::default();
        line.set(100, Kind::Up);
        line.set(200, Kind::Unknown);
        line.set(300, Kind::Down);
        line.fill(0..400, &[entry(0, "stopped")], 400, 400);
        assert_eq!(line.totals(0..400), Totals { up: 100, down: 100, planned: 200, unknown: 0 });
        // A journal that begins later leaves what it does not know.
        let mut line = Timeline::default();
        line.fill(0..100, &[entry(60, "ready")], 100, 100);
        assert_eq!(line.totals(0..200), Totals { up: 40, unknown: 160, ..Totals::default() });
    }

    #[test]
    fn without_any_report_the_time_is_unknown_and_there_is_no_uptime() {
        let line = Timeline::default();
        assert_eq!(line.totals(5..15), Totals { unknown: 10, ..Totals::default() });
        assert_eq!(line.totals(5..15).uptime(), None);
        assert_eq!(line.totals(Range { start: 15, end: 5 }), Totals::default());
        assert_eq!(Kind::of_state("of a later version"), Kind::Unknown);
    }

    proptest! {
        #[test]
        fn every_moment_has_one_kind(
            changes in proptest::collection::vec((0_u64..1_000, 0_usize..4), 0..30),
            start in 0_u64..1_000, length in 0_u64..1_000, forgotten in 0_u64..1_000,
        ) {
            let kinds = [Kind::Up, Kind::Down, Kind::Planned, Kind::Unknown];
            let mut line = Timeline::default();
            let mut by_hand = vec![Kind::Unknown; 2_000];
            for (at, kind) in changes {
                line.set(at, kinds[kind]);
                by_hand[usize::try_from(at).unwrap()..].fill(kinds[kind]);
            }
            let mut totals = Totals::default();
            for at in start..start + length {
                totals.add(by_hand[usize::try_from(at).unwrap()], 1);
            }
            prop_assert_eq!(line.totals(start..start + length), totals);
            line.forget(forgotten);
            for at in forgotten..2_000 {
                prop_assert_eq!(line.at(at), by_hand[usize::try_from(at).unwrap()]);
            }
        }
    }
}
