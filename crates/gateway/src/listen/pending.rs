//! What was heard of one upstream and is not told yet: the changes of a burst are one.
//!
//! Invariant: bounded in number and bytes. An upstream that goes on announcing is listened to less and less often.

use std::{collections::BTreeSet, time::Duration};

use mcp_protocol::list_kind::ListKind;

use super::notice::Notice;

/// For how long the first changes of a burst wait for others.
const FIRST_WINDOW: Duration = Duration::from_millis(100);
/// The same for an upstream that never stops.
const LONGEST_WINDOW: Duration = Duration::from_secs(5);
/// Messages that are read of one burst.
const MAX_HEARD: usize = 1_000;
/// Bytes of the URIs of one burst.
const MAX_BYTES: usize = 64 << 10;

/// The changes of one burst.
#[derive(Debug, Default)]
pub(super) struct Pending {
    lists: Vec<ListKind>,
    uris: BTreeSet<String>,
    bytes: usize,
    heard: usize,
}

impl Pending {
    /// Whether more may be read.
    pub(super) fn has_room(&self) -> bool {
        self.heard < MAX_HEARD && self.bytes < MAX_BYTES
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lists.is_empty() && self.uris.is_empty()
    }

    /// Notes a change.
    pub(super) fn hear(&mut self, notice: Notice) {
        self.heard = self.heard.saturating_add(1);
        match notice {
            Notice::Lists(kinds) => self.compare(kinds),
            Notice::Updated(uri) => {
                let bytes = uri.len();
                if self.uris.insert(uri) {
                    self.bytes = self.bytes.saturating_add(bytes);
                }
            }
        }
    }

    /// Has lists compared.
    pub(super) fn compare(&mut self, kinds: &[ListKind]) {
        for kind in kinds {
            if !self.lists.contains(kind) {
                self.lists.push(*kind);
            }
        }
    }

    /// Takes the lists that may have changed.
    pub(super) fn take_lists(&mut self) -> Vec<ListKind> {
        std::mem::take(&mut self.lists)
    }

    /// Takes the resources that changed. From here on another burst is heard.
    pub(super) fn take_uris(&mut self) -> BTreeSet<String> {
        (self.bytes, self.heard) = (0, 0);
        std::mem::take(&mut self.uris)
    }
}

/// How long the next burst may be.
#[derive(Debug)]
pub(super) struct Pace {
    window: Duration,
    /// When the last burst was told, in milliseconds since 1970.
    told_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { window: FIRST_WINDOW, told_ms: 0 }
    }
}

impl Pace {
    /// The time for a burst whose first change is heard now.
    pub(super) fn next(&mut self, now_ms: u64) -> Duration {
        let rested = Duration::from_millis(now_ms.abs_diff(self.told_ms));
        self.window = match rested > self.window.saturating_mul(2) {
            true => FIRST_WINDOW,
            false => self.window.saturating_mul(2).min(LONGEST_WINDOW),
        };
        self.window
    }

    /// Notes that a burst was told.
    pub(super) fn told(&mut self, now_ms: u64) {
        self.told_ms = now_ms;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_changes_of_a_burst_are_one() {
        let mut pending = Pending::default();
        assert!(pending.is_empty());
        for _ in 0..9 {
            pending.hear(Notice::Lists(&[ListKind::Tools]));
            pending.hear(Notice::Lists(&[ListKind::Resources, ListKind::ResourceTemplates]));
            pending.hear(Notice::Updated("a:1".to_owned()));
        }
        assert_eq!(pending.take_lists().len(), 3);
        assert_eq!(pending.take_uris().len(), 1);
        assert!(pending.is_empty());
    }

    #[test]
    fn an_upstream_that_never_stops_is_told_of_less_often() {
        let (mut pace, mut now_ms) = (Pace::default(), 1_000_000);
        let windows: Vec<u128> = (0..9)
            .map(|_| {
                let window = pace.next(now_ms);
                now_ms += u64::try_from(window.as_millis()).unwrap();
                pace.told(now_ms);
                window.as_millis()
            })
            .collect();
        assert_eq!(windows, [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
        assert_eq!(pace.next(now_ms + 10_001), FIRST_WINDOW);
    }

    proptest! {
        #[test]
        fn what_waits_is_bounded(lengths in prop::collection::vec(0..9_000_usize, 0..40)) {
            let mut pending = Pending::default();
            for bytes in lengths {
                if pending.has_room() {
                    pending.hear(Notice::Updated("x".repeat(bytes)));
                }
            }
            let bytes: usize = pending.take_uris().iter().map(String::len).sum();
            prop_assert!(bytes < MAX_BYTES + 9_000);
        }
    }

    #[test]
    fn repeated_announcements_leave_no_room_either() {
        let mut pending = Pending::default();
        for _ in 0..MAX_HEARD {
            assert!(pending.has_room());
            pending.hear(Notice::Updated("a:1".to_owned()));
        }
        assert!(!pending.has_room());
        pending.take_uris();
        assert!(pending.has_room());
    }
}
