//! Measures on the device: a bucket a minute for each subject, shipped every few minutes.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::bucket::Bucket;

/// The time of a bucket.
pub const MINUTE_MS: u64 = 60_000;
/// How often buckets are shipped while a person looks at the device.
pub const VIEWED_MS: u64 = 60_000;
/// How often they are shipped otherwise.
pub const UNVIEWED_MS: u64 = 300_000;
/// Buckets that wait while the device is offline; the oldest go first.
const MAX_WAITING: usize = 20_000;

/// What a minute of a subject was like.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Minute {
    /// The server's id; empty for the device itself.
    #[serde(default)]
    pub subject: String,
    /// When the minute began, in milliseconds since the epoch.
    pub at_ms: u64,
    /// What was measured.
    #[serde(flatten)]
    pub bucket: Bucket,
}

/// The measures of a device.
#[derive(Debug, Clone, Default)]
pub struct Recorder {
    at_ms: u64,
    open: BTreeMap<String, Bucket>,
    waiting: VecDeque<Minute>,
    lost: u64,
}

impl Recorder {
    /// The bucket of a subject now.
    pub fn bucket(&mut self, subject: &str, now_ms: u64) -> &mut Bucket {
        self.close(now_ms);
        self.open.entry(subject.to_owned()).or_default()
    }

    /// Closes the minute if it is over. A clock that went back ends it as well.
    fn close(&mut self, now_ms: u64) {
        let minute = minute_of(now_ms);
        if minute == self.at_ms {
            return;
        }
        let at_ms = std::mem::replace(&mut self.at_ms, minute);
        for (subject, bucket) in std::mem::take(&mut self.open) {
            self.waiting.push_back(Minute { subject, at_ms, bucket });
        }
        while self.waiting.len() > MAX_WAITING {
            self.waiting.pop_front();
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// Whether what waits is due.
    pub fn is_due(&self, shipped_ms: u64, now_ms: u64, has_viewer: bool) -> bool {
        let pause = if has_viewer { VIEWED_MS } else { UNVIEWED_MS };
        now_ms.abs_diff(shipped_ms) >= pause
    }

    /// The minutes that are over, at most so many. They wait until [`Self::shipped`].
    pub fn due(&mut self, now_ms: u64, most: usize) -> Vec<Minute> {
        self.close(now_ms);
        self.waiting.iter().take(most).cloned().collect()
    }

    /// Notes that so many were received.
    pub fn shipped(&mut self, minutes: usize) {
        self.waiting.drain(..minutes.min(self.waiting.len()));
    }

    /// Minutes for which there was no room.
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}

/// The beginning of the minute.
pub(crate) const fn minute_of(now_ms: u64) -> u64 {
    now_ms.saturating_sub(now_ms % MINUTE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bucket::names;

    #[test]
    fn a_minute_is_shipped_when_it_is_over_and_kept_until_it_was_received() {
        let mut recorder = Recorder::default();
        recorder.bucket("echo", 60_000).count(names::CALLS, 1);
        recorder.bucket("echo", 119_999).count(names::CALLS, 2);
        assert!(recorder.due(119_999, 10).is_empty());
        recorder.bucket("", 120_000).gauge(names::LOAD, 0.5);
        let due = recorder.due(130_000, 10);
        assert_eq!((due.len(), due[0].at_ms, due[0].bucket.counts[names::CALLS]), (1, 60_000, 3));
        assert_eq!(recorder.due(130_000, 10), due, "it waits");
        recorder.shipped(1);
        let text = serde_json::to_string(&recorder.due(180_000, 10)).unwrap();
        assert_eq!(
            text,
            r#"[{"subject":"","at_ms":120000,"gauges":{"load":{"min":0.5,"max":0.5,"sum":0.5,"n":1}}}]"#
        );
        assert!(recorder.is_due(0, 60_000, true) && !recorder.is_due(0, 60_000, false));
        assert!(recorder.is_due(0, 300_000, false));
    }

    #[test]
    fn a_device_that_is_long_offline_keeps_its_last_minutes() {
        let mut recorder = Recorder::default();
        for minute in 0..20_010 {
            recorder.bucket("a", minute * MINUTE_MS).count(names::CALLS, 1);
        }
        recorder.bucket("a", 0).count(names::CALLS, 1);
        assert_eq!((recorder.waiting.len(), recorder.lost()), (MAX_WAITING, 10));
    }
}
