//! What was measured of one subject in one time: gauges, counts and times by name.
//!
//! Invariant: a bucket has no more than [`MAX_NAMES`] names of each kind, so that a device cannot make it large. Names are open: a
//! Worker stores what a newer agent measures.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::histogram::Histogram;

/// Names of each kind.
pub const MAX_NAMES: usize = 48;
/// Bytes of a name.
const MAX_NAME: usize = 40;

/// Names that agent and Worker use. Times are in microseconds.
pub mod names {
    /// Processor of a server's processes, in percent of one core.
    pub const CPU: &str = "cpu";
    /// Their resident memory, in bytes.
    pub const RSS: &str = "rss";
    /// Their number.
    pub const PROCESSES: &str = "processes";
    /// Their open handles.
    pub const HANDLES: &str = "handles";
    /// Bytes that they read.
    pub const READ: &str = "read_bytes";
    /// Bytes that they wrote.
    pub const WRITTEN: &str = "written_bytes";
    /// Calls in flight.
    pub const IN_FLIGHT: &str = "in_flight";
    /// Sessions.
    pub const SESSIONS: &str = "sessions";
    /// Calls.
    pub const CALLS: &str = "calls";
    /// Calls that failed; with a kind, `errors_timeout`.
    pub const ERRORS: &str = "errors";
    /// How long calls took.
    pub const LATENCY: &str = "latency";
    /// How long starts took.
    pub const START: &str = "start";
    /// Restarts that were not asked for.
    pub const RESTARTS: &str = "restarts";
    /// The round trip of a ping.
    pub const PING: &str = "ping";
    /// Reconnects.
    pub const RECONNECTS: &str = "reconnects";
    /// Connections that went on where they were.
    pub const RESUMES: &str = "resumes";
    /// Lines of logs that were dropped.
    pub const DROPPED_LINES: &str = "dropped_lines";
    /// The disk that is free, in percent.
    pub const DISK_FREE: &str = "disk_free";
    /// The load of the machine.
    pub const LOAD: &str = "load";
    /// Memory of the machine that is in use, in percent.
    pub const MEMORY: &str = "memory";
}

/// The smallest, mean and largest value of a quantity.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Gauge {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    sum: f64,
    n: u64,
}

impl Gauge {
    const fn of(value: f64) -> Self {
        Self { min: value, max: value, sum: value, n: 1 }
    }

    /// The mean of the samples.
    #[expect(clippy::cast_precision_loss, reason = "there are fewer samples than 2^52")]
    pub fn mean(&self) -> f64 {
        self.sum / self.n.max(1) as f64
    }

    fn merge(&mut self, other: &Self) {
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.sum += other.sum;
        self.n = self.n.saturating_add(other.n);
    }
}

/// What was measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Bucket {
    /// Quantities that go up and down.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub gauges: BTreeMap<String, Gauge>,
    /// Events.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub counts: BTreeMap<String, u64>,
    /// Durations, in microseconds.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub times: BTreeMap<String, Histogram>,
}

impl Bucket {
    /// Adds a sample of a quantity. A value that is no number is none.
    pub fn gauge(&mut self, name: &str, value: f64) {
        if value.is_finite() && has_room(&self.gauges, name) {
            let add = |gauge: &mut Gauge| gauge.merge(&Gauge::of(value));
            let entry = self.gauges.entry(name.to_owned());
            entry.and_modify(add).or_insert_with(|| Gauge::of(value));
        }
    }

    /// Adds events.
    pub fn count(&mut self, name: &str, events: u64) {
        if has_room(&self.counts, name) {
            let count = self.counts.entry(name.to_owned()).or_default();
            *count = count.saturating_add(events);
        }
    }

    /// Adds a duration.
    pub fn time(&mut self, name: &str, micros: u64) {
        if has_room(&self.times, name) {
            self.times.entry(name.to_owned()).or_default().add(micros);
        }
    }

    /// Adds everything of another one.
    pub fn merge(&mut self, other: &Self) {
        for (name, gauge) in &other.gauges {
            if has_room(&self.gauges, name) {
                let entry = self.gauges.entry(name.clone());
                entry.and_modify(|own| own.merge(gauge)).or_insert(*gauge);
            }
        }
        for (name, events) in &other.counts {
            self.count(name, *events);
        }
        for (name, histogram) in &other.times {
            if has_room(&self.times, name) {
                self.times.entry(name.clone()).or_default().merge(histogram);
            }
        }
    }

    /// Whether nothing was measured.
    pub fn is_empty(&self) -> bool {
        self.gauges.is_empty() && self.counts.is_empty() && self.times.is_empty()
    }

    /// What a device sent, without names that are too long or too many, and without numbers that are none.
    #[must_use]
    pub fn bounded(self) -> Self {
        let mut bounded = Self::default();
        let is_number =
            |gauge: &Gauge| [gauge.min, gauge.max, gauge.sum].iter().all(|n| n.is_finite());
        bounded.merge(&Self {
            gauges: self.gauges.into_iter().filter(|(_, gauge)| is_number(gauge)).collect(),
            ..self
        });
        bounded
    }
}

fn has_room<T>(map: &BTreeMap<String, T>, name: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    map.contains_key(name)
        || (map.len() < MAX_NAMES
            && (1..=MAX_NAME).contains(&name.len())
            && name.bytes().all(is_name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_added_by_name() {
        let (mut one, mut other) = (Bucket::default(), Bucket::default());
        one.gauge(names::CPU, 1.0);
        one.gauge(names::CPU, 2.0);
        other.gauge(names::CPU, 6.0);
        other.gauge(names::RSS, f64::NAN);
        other.count(names::CALLS, 4);
        other.time(names::LATENCY, 70);
        one.merge(&other);
        let cpu = one.gauges[names::CPU];
        assert_eq!((cpu.min, cpu.mean(), cpu.max), (1.0, 3.0, 6.0));
        assert_eq!((one.counts[names::CALLS], one.times[names::LATENCY].count()), (4, 1));
        assert!(!one.gauges.contains_key(names::RSS) && !one.is_empty());
    }

    #[test]
    fn a_device_cannot_make_a_bucket_large() {
        let mut bucket = Bucket::default();
        for at in 0..1_000 {
            bucket.count(&format!("name_{at}"), 1);
        }
        bucket.count(&"x".repeat(41), 1);
        bucket.count("UPPER", 1);
        assert_eq!(bucket.counts.len(), MAX_NAMES);
        let sent: BTreeMap<String, u64> = (0..1_000).map(|at| (format!("n{at}"), 1)).collect();
        let sent = Bucket { counts: sent, ..Bucket::default() }.bounded();
        assert_eq!(sent.counts.len(), MAX_NAMES);
    }
}
