//! The lines of one source: not too many, and equal ones once.
//!
//! Invariant: every line that comes in is given out, or counted in exactly one mark that is given out.

use crate::{
    record::{Level, Mark},
    split::RawLine,
    text::clean,
};

/// Lines that a source may write in [`WINDOW_MS`].
pub const LINES: u32 = 200;
/// The time in which it may write them.
pub const WINDOW_MS: u64 = 10_000;
/// Lines that a source may write at once after it was quiet.
pub const BURST: u32 = 1_000;
/// After this time, a count is given out also where no other line follows.
const PATIENCE_MS: u64 = 10_000;

/// A line that is to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    /// Its text, clean and not yet redacted.
    pub text: String,
    /// Bytes at its end that are missing.
    pub missing: u64,
    /// How grave it is.
    pub level: Level,
    /// Lines that it stands for.
    pub mark: Mark,
}

impl Captured {
    /// A line that says how many others are not there.
    fn marker(text: String, level: Level, mark: Mark) -> Self {
        Self { text, missing: 0, level, mark }
    }

    /// The place of lines for which there was no room.
    pub(crate) fn gap(missing: u64, from: u64) -> Self {
        let text = format!("{missing} lines are missing: there was no room for them");
        Self::marker(text, Level::Warning, Mark { missing, from, ..Mark::default() })
    }
}

/// What a source may still write: tokens, of which [`LINES`] are added each window.
#[derive(Debug, Clone, Copy)]
struct Rate {
    tokens: u32,
    window_began_ms: u64,
}

impl Rate {
    fn allows(&mut self, now_ms: u64) -> bool {
        let windows = now_ms.saturating_sub(self.window_began_ms) / WINDOW_MS;
        if windows > 0 {
            let began = windows.saturating_mul(WINDOW_MS);
            self.window_began_ms = self.window_began_ms.saturating_add(began);
            let windows = u32::try_from(windows).unwrap_or(u32::MAX);
            self.tokens = self.tokens.saturating_add(windows.saturating_mul(LINES)).min(BURST);
        }
        let allowed = self.tokens.checked_sub(1);
        self.tokens = allowed.unwrap_or_default();
        allowed.is_some()
    }
}

/// Lines in a row that are counted.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    lines: u64,
    since_ms: u64,
}

impl Count {
    fn add(&mut self, now_ms: u64) {
        if self.lines == 0 {
            self.since_ms = now_ms;
        }
        self.lines = self.lines.saturating_add(1);
    }

    fn take_if(&mut self, is_due: impl FnOnce(&Self) -> bool) -> Option<u64> {
        let is_due = self.lines > 0 && is_due(self);
        is_due.then(|| std::mem::take(self).lines)
    }

    const fn is_old(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.since_ms) >= PATIENCE_MS
    }
}

/// The intake of one source. Times are of the monotonic clock.
#[derive(Debug)]
pub struct Intake {
    rate: Rate,
    last: Option<(RawLine, Level)>,
    repeated: Count,
    dropped: Count,
}

impl Intake {
    /// One that begins now, with a full burst.
    pub const fn new(now_ms: u64) -> Self {
        let none = Count { lines: 0, since_ms: 0 };
        let rate = Rate { tokens: BURST, window_began_ms: now_ms };
        Self { rate, last: None, repeated: none, dropped: none }
    }

    /// Takes a line, and gives out what is to be kept: counts that end with it, and the line.
    pub fn push(
        &mut self,
        line: RawLine,
        level: Level,
        now_ms: u64,
        mut keep: impl FnMut(Captured),
    ) {
        if self.last.as_ref().is_some_and(|last| last.0 == line && last.1 == level) {
            self.repeated.add(now_ms);
            return self.tick(now_ms, keep);
        }
        if !self.rate.allows(now_ms) {
            self.end_repeats(&mut keep, |_| true);
            self.last = None;
            self.dropped.add(now_ms);
            return;
        }
        self.end(&mut keep);
        let captured = Captured {
            text: clean(&line.text),
            missing: line.missing,
            level,
            mark: Mark::default(),
        };
        keep(captured);
        self.last = Some((line, level));
    }

    /// Gives out the counts that waited long enough.
    pub fn tick(&mut self, now_ms: u64, mut keep: impl FnMut(Captured)) {
        self.end_drops(&mut keep, |count| count.is_old(now_ms));
        self.end_repeats(&mut keep, |count| count.is_old(now_ms));
    }

    /// Gives out all counts, at the end of the source or of a start of its server.
    pub fn end(&mut self, mut keep: impl FnMut(Captured)) {
        self.end_drops(&mut keep, |_| true);
        self.end_repeats(&mut keep, |_| true);
        self.last = None;
    }

    fn end_repeats(
        &mut self,
        keep: &mut impl FnMut(Captured),
        is_due: impl FnOnce(&Count) -> bool,
    ) {
        if let Some(repeated) = self.repeated.take_if(is_due) {
            let level = self.last.as_ref().map_or(Level::Info, |last| last.1);
            let mark = Mark { repeated, ..Mark::default() };
            keep(Captured::marker(format!("repeated {repeated} times"), level, mark));
        }
    }

    fn end_drops(&mut self, keep: &mut impl FnMut(Captured), is_due: impl FnOnce(&Count) -> bool) {
        if let Some(dropped) = self.dropped.take_if(is_due) {
            let text = format!(
                "{dropped} lines were dropped: more than {LINES} lines in {} s",
                WINDOW_MS / 1_000
            );
            let mark = Mark { dropped, ..Mark::default() };
            keep(Captured::marker(text, Level::Warning, mark));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(kept: &[Captured]) -> Vec<&str> {
        kept.iter().map(|line| line.text.as_str()).collect()
    }

    #[test]
    fn equal_lines_in_a_row_are_kept_once_and_counted() {
        let (mut intake, mut kept) = (Intake::new(0), Vec::new());
        for (at, line) in ["a", "a", "a", "b", "a", "a"].iter().enumerate() {
            let at = u64::try_from(at).unwrap();
            intake.push(RawLine::from(*line), Level::Info, at, |line| kept.push(line));
        }
        assert_eq!(texts(&kept), ["a", "repeated 2 times", "b", "a"]);
        intake.tick(5_000, |line| kept.push(line));
        assert_eq!(kept.len(), 4, "more may follow");
        intake.tick(10_005, |line| kept.push(line));
        assert_eq!(texts(&kept)[4..], ["repeated 1 times"]);
        // It goes on: the line is not kept again.
        intake.push(RawLine::from("a"), Level::Info, 10_006, |line| kept.push(line));
        intake.end(|line| kept.push(line));
        assert_eq!(texts(&kept)[5..], ["repeated 1 times"]);
    }

    #[test]
    fn a_flood_is_cut_to_its_burst_and_its_rate_with_the_exact_count() {
        let (mut intake, mut kept) = (Intake::new(0), Vec::new());
        for at in 0..30_000_u64 {
            let line = RawLine::from(format!("line {at}").as_str());
            intake.push(line, Level::Info, at, |line| kept.push(line));
        }
        intake.end(|line| kept.push(line));
        let lines = kept.iter().filter(|line| line.mark.is_none()).count();
        assert_eq!(lines, 1_400, "1,000 at once, and 200 after each of two windows");
        let dropped: Vec<u64> =
            kept.iter().map(|line| line.mark.dropped).filter(|dropped| *dropped > 0).collect();
        assert_eq!(dropped, [9_000, 9_800, 9_800]);
        assert!(kept[1_000].text.starts_with("9000 lines were dropped"), "{}", kept[1_000].text);
    }

    #[test]
    fn repeats_before_a_drop_are_told_before_it() {
        let (mut intake, mut kept) = (Intake::new(0), Vec::new());
        for at in 0..BURST {
            intake.push(RawLine::from(at.to_string().as_str()), Level::Info, 0, |_| ());
        }
        for line in ["999", "dropped", "later"] {
            let now_ms = if line == "later" { WINDOW_MS } else { 1 };
            intake.push(RawLine::from(line), Level::Info, now_ms, |line| kept.push(line));
        }
        let counts: Vec<_> =
            kept.iter().map(|line| (line.mark.repeated, line.mark.dropped)).collect();
        assert_eq!(counts, [(1, 0), (0, 1), (0, 0)]);
    }

    proptest! {
        #[test]
        fn every_line_is_kept_or_counted_once(
            lines in proptest::collection::vec((0_u8..3, 0_u64..40, 1_u32..400), 0..60),
        ) {
            let (mut intake, mut kept, mut now, mut all) = (Intake::new(0), Vec::new(), 0, 0_u64);
            for (line, pause, times) in lines {
                for time in 0..times {
                    now += pause;
                    // Every other group is of lines that differ.
                    let text = if line == 0 { time.to_string() } else { line.to_string() };
                    intake.push(RawLine::from(text.as_str()), Level::Info, now, |line| kept.push(line));
                    all += 1;
                }
            }
            intake.end(|line| kept.push(line));
            let counted: u64 = kept.iter().map(|line| line.mark.lines().max(1)).sum();
            prop_assert_eq!(counted, all);
        }
    }
}
