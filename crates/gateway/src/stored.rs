//! The upstreams that administrators stored, as an isolate knows them.
//!
//! Invariant: what was read counts for [`FRESH`] seconds, so that the store is read at most once in that time; where it cannot
//! be read, what was known counts on, and the store is left alone for [`PAUSE`] seconds.

/// How long what was read is as good as new, in seconds.
pub const FRESH: u64 = 30;
/// How long the store is left alone after a failure, in seconds.
pub const PAUSE: u64 = 5;

/// An upstream as it is stored: its name, and the text of its settings.
pub type StoredUpstream = (String, String);

/// What an isolate knows of them.
#[derive(Debug, Default)]
pub struct KnownStored {
    rows: Option<Vec<StoredUpstream>>,
    /// When they were read or could not be, in seconds since 1970, and for how long that counts.
    read: Option<(u64, u64)>,
    has_failed: bool,
}

impl KnownStored {
    /// Whether a request that needs them must read them.
    pub fn is_due(&self, now_s: u64) -> bool {
        self.read.is_none_or(|(at, counts)| now_s.abs_diff(at) >= counts)
    }

    /// Whether it is known that there are none: they were read, and that still counts. Where they could not be read since, they
    /// are not known.
    pub fn are_none(&self, now_s: u64) -> bool {
        let is_empty = self.rows.as_ref().is_some_and(Vec::is_empty);
        is_empty && !self.has_failed && !self.is_due(now_s)
    }

    /// Notes that a request reads them. Others go on with what is known, if anything is.
    pub fn begin(&mut self, now_s: u64) {
        if self.rows.is_some() {
            self.read = Some((now_s, FRESH));
        }
    }

    /// Notes what was read, None where that failed. True: they are others than before.
    pub fn note(&mut self, read: Option<&[StoredUpstream]>, now_s: u64) -> bool {
        self.has_failed = read.is_none();
        let Some(rows) = read else {
            self.read = Some((now_s, PAUSE));
            return false;
        };
        self.read = Some((now_s, FRESH));
        let before = self.rows.as_deref().unwrap_or_default();
        let changed = before != rows;
        if changed || self.rows.is_none() {
            self.rows = Some(rows.to_vec());
        }
        changed
    }

    /// Whether they were read, or could not be.
    pub fn was_tried(&self) -> bool {
        self.read.is_some()
    }

    /// Whether they could not be read the last time.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> StoredUpstream {
        (name.to_owned(), "{}".to_owned())
    }

    #[test]
    fn they_are_read_once_in_thirty_seconds() {
        let mut known = KnownStored::default();
        assert!(known.is_due(1_000) && !known.was_tried());
        // Until something is known, nobody can go on without it.
        known.begin(1_000);
        assert!(known.is_due(1_000));
        assert!(known.note(Some(&[row("a")]), 1_000));
        assert!(!known.is_due(1_029) && known.is_due(1_030) && known.was_tried());
        known.begin(1_030);
        assert!(!known.is_due(1_030), "another request reads them");
        assert!(!known.note(Some(&[row("a")]), 1_031), "nothing changed");
        assert!(known.note(Some(&[]), 1_062));
    }

    #[test]
    fn an_empty_store_is_no_change_and_a_failure_changes_nothing() {
        let mut known = KnownStored::default();
        assert!(!known.note(Some(&[]), 1_000) && !known.is_due(1_001));
        assert!(known.note(Some(&[row("a")]), 1_040));
        assert!(!known.note(None, 1_080) && known.has_failed());
        assert!(!known.is_due(1_084) && known.is_due(1_085));
        assert!(!known.note(Some(&[row("a")]), 1_085) && !known.has_failed());
    }

    #[test]
    fn that_there_are_none_is_known_for_as_long_as_a_reading_counts() {
        let mut known = KnownStored::default();
        assert!(!known.are_none(1_000), "nothing was read");
        known.note(Some(&[]), 1_000);
        assert!(known.are_none(1_029) && !known.are_none(1_030));
        known.note(None, 1_030);
        assert!(!known.are_none(1_031), "they may be others now");
        known.note(Some(&[]), 1_035);
        assert!(known.are_none(1_036));
        known.note(Some(&[row("a")]), 1_065);
        assert!(!known.are_none(1_066));
    }

    #[test]
    fn a_clock_that_is_put_back_holds_nothing_for_ever() {
        let mut known = KnownStored::default();
        known.note(Some(&[]), 1_000);
        assert!(known.is_due(900));
    }
}
