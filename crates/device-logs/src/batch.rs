//! Batches: what travels, and is stored, at a time.
//!
//! Invariant: the sequence numbers of a batch rise, and lie in `first..=last`; batches of a device do not overlap.

use serde::{Deserialize, Serialize};

use crate::{gzip, record::Record};

/// Bytes of records that a batch has at most.
pub const MAX_BYTES: usize = 256 * 1024;
/// Records that a batch has at most.
pub const MAX_LINES: usize = 1_000;
/// How long a line waits for others.
pub const MAX_WAIT_MS: u64 = 30_000;
/// How long it waits while a person looks at the log.
pub const VIEWED_WAIT_MS: u64 = 500;

/// What is in a batch. It travels in the header of its frame.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchHead {
    /// The sequence number of its first record.
    pub first: u64,
    /// That of its last.
    pub last: u64,
    /// Its records.
    pub lines: u64,
    /// Bytes of its records before they were compressed.
    pub raw: u64,
    /// The earliest time of a record by the device's clock, in milliseconds since the epoch.
    pub t0: u64,
    /// The latest.
    pub t1: u64,
    /// The servers whose lines it has.
    #[serde(default)]
    pub servers: Vec<String>,
}

/// A batch, compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// What is in it.
    pub head: BatchHead,
    /// Its records as lines of JSON in a gzip file.
    pub file: Vec<u8>,
}

impl BatchHead {
    /// Adds what a record says to it.
    pub(crate) fn add(&mut self, record: &Record, bytes: usize) {
        if self.lines == 0 {
            (self.first, self.t0) = (record.sequence, record.time_ms);
            if record.mark.from > 0 {
                self.first = record.mark.from.min(record.sequence);
            }
        }
        self.last = record.sequence;
        self.lines = self.lines.saturating_add(1);
        self.raw = self.raw.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        self.t0 = self.t0.min(record.time_ms);
        self.t1 = self.t1.max(record.time_ms);
        if !record.server.is_empty() && !self.servers.contains(&record.server) {
            self.servers.push(record.server.clone());
        }
    }
}

/// Puts records into as few batches as their limits allow. They are in the order of their numbers.
pub fn batches<'a>(records: impl IntoIterator<Item = &'a Record>) -> Vec<Batch> {
    let (mut batches, mut open) = (Vec::new(), Open::default());
    for record in records {
        let line = record.to_line();
        let is_full = open.text.len().saturating_add(line.len()) > MAX_BYTES
            || open.head.lines >= u64::try_from(MAX_LINES).unwrap_or(u64::MAX);
        if is_full {
            batches.extend(std::mem::take(&mut open).close());
        }
        open.head.add(record, line.len());
        open.text.push_str(&line);
    }
    batches.extend(open.close());
    batches
}

#[derive(Default)]
struct Open {
    head: BatchHead,
    text: String,
}

impl Open {
    fn close(self) -> Option<Batch> {
        let file = || gzip::compress(self.text.as_bytes());
        (self.head.lines > 0).then(|| Batch { file: file(), head: self.head.clone() })
    }
}

/// When the next batch is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pending {
    /// Records that wait.
    pub lines: usize,
    /// Their bytes.
    pub bytes: usize,
    /// When the oldest came, by the monotonic clock.
    pub since_ms: u64,
}

impl Pending {
    /// When a batch is due, by the monotonic clock; it may be past.
    pub const fn due_at(&self, has_viewer: bool) -> u64 {
        if self.lines >= MAX_LINES || self.bytes >= MAX_BYTES {
            return self.since_ms;
        }
        self.since_ms.saturating_add(if has_viewer { VIEWED_WAIT_MS } else { MAX_WAIT_MS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Level, Mark, Source};

    fn record(sequence: u64, message: &str) -> Record {
        Record {
            sequence,
            time_ms: 1_000 - sequence % 10,
            mono_ms: 0,
            source: Source::Stderr,
            server: format!("s{}", sequence % 2),
            run: 1,
            level: Level::Info,
            message: message.to_owned(),
            mark: Mark::default(),
        }
    }

    #[test]
    fn a_batch_is_full_at_its_lines_or_its_bytes() {
        let short: Vec<Record> = (1..=2_500).map(|sequence| record(sequence, "x")).collect();
        let heads: Vec<_> = batches(&short).into_iter().map(|batch| batch.head).collect();
        let ranges: Vec<_> = heads.iter().map(|head| (head.first, head.last, head.lines)).collect();
        assert_eq!(ranges, [(1, 1_000, 1_000), (1_001, 2_000, 1_000), (2_001, 2_500, 500)]);
        assert_eq!(
            (heads[0].t0, heads[0].t1, &heads[0].servers),
            (991, 1_000, &vec!["s1".to_owned(), "s0".to_owned()])
        );
        let long: Vec<Record> = (1..=100).map(|at| record(at, &"y".repeat(8_000))).collect();
        let long = batches(&long);
        assert!(long.len() > 3);
        for batch in &long {
            assert!(batch.head.raw <= u64::try_from(MAX_BYTES).unwrap());
            let text = gzip::inflate(&batch.file, gzip::MAX_BATCH).unwrap();
            assert_eq!(batch.head.raw, u64::try_from(text.len()).unwrap());
            assert!(batch.file.len() < text.len() / 10);
        }
        assert!(batches(&[]).is_empty());
    }

    #[test]
    fn a_batch_is_due_when_it_is_full_or_its_first_line_waited() {
        let pending = Pending { lines: 1, bytes: 10, since_ms: 100 };
        assert_eq!(pending.due_at(false), 30_100);
        assert_eq!(pending.due_at(true), 600);
        assert_eq!(Pending { lines: MAX_LINES, ..pending }.due_at(false), 100);
        assert_eq!(Pending { bytes: MAX_BYTES, ..pending }.due_at(false), 100);
    }
}
