//! Batches that were sent and not acknowledged yet, or cannot be sent.
//!
//! Invariant: a batch leaves when it was acknowledged, or when there is no room; then one record says which numbers are
//! missing. After a reconnect everything that is here is sent again, in order.

use std::collections::VecDeque;

use crate::{
    batch::{Batch, BatchHead, batches},
    buffer::Moment,
    intake::Captured,
    record::{Record, Source},
};

/// Bytes that a gap takes.
const GAP_BYTES: usize = 512;

/// What waits to be acknowledged.
#[derive(Debug)]
pub struct Outbox {
    batches: VecDeque<Batch>,
    /// The batches at the front that became a gap.
    gap: Option<Gap>,
    bytes: usize,
    most: usize,
}

#[derive(Debug, Clone, Copy)]
struct Gap {
    first: u64,
    last: u64,
    lines: u64,
    at: Moment,
}

impl Outbox {
    /// One for so many bytes of compressed batches.
    pub const fn new(most: usize) -> Self {
        Self { batches: VecDeque::new(), gap: None, bytes: 0, most }
    }

    /// Adds a batch, and makes room for it.
    pub fn push(&mut self, batch: Batch, now: Moment) {
        self.bytes = self.bytes.saturating_add(batch.file.len());
        self.batches.push_back(batch);
        while self.bytes.saturating_add(GAP_BYTES) > self.most && self.batches.len() > 1 {
            let Some(oldest) = self.batches.pop_front() else { break };
            self.bytes = self.bytes.saturating_sub(oldest.file.len());
            let BatchHead { first, last, lines, .. } = oldest.head;
            let (first, lines) = match self.gap {
                Some(gap) => (gap.first, gap.lines.saturating_add(lines)),
                None => (first, lines),
            };
            self.gap = Some(Gap { first, last, lines, at: now });
        }
    }

    /// Notes that everything up to this number is stored.
    pub fn acknowledged(&mut self, sequence: u64) {
        self.gap = self.gap.filter(|gap| gap.last > sequence);
        while self.batches.front().is_some_and(|batch| batch.head.last <= sequence) {
            if let Some(batch) = self.batches.pop_front() {
                self.bytes = self.bytes.saturating_sub(batch.file.len());
            }
        }
    }

    /// What is to be sent after a reconnect, in order.
    pub fn unacknowledged(&self) -> impl Iterator<Item = Batch> {
        let gap = self.gap.into_iter().flat_map(|gap| batches(&[gap.record()]));
        gap.chain(self.batches.iter().cloned())
    }

    /// Bytes of the batches.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether everything is acknowledged.
    pub fn is_empty(&self) -> bool {
        self.gap.is_none() && self.batches.is_empty()
    }
}

impl Gap {
    /// It has the last of the missing numbers, so that it is between what is there.
    fn record(self) -> Record {
        let Captured { text, level, mark, .. } = Captured::gap(self.lines, self.first);
        Record {
            sequence: self.last,
            time_ms: self.at.time_ms,
            mono_ms: self.at.mono_ms,
            source: Source::Agent,
            server: String::new(),
            run: 0,
            level,
            message: text,
            mark,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        record::{Level, Mark},
        redact::Redactor,
        row::{Received, receive},
    };

    fn batch(range: std::ops::RangeInclusive<u64>) -> Batch {
        let record = |sequence: u64| Record {
            sequence,
            time_ms: 1,
            mono_ms: 1,
            source: Source::Stderr,
            server: "a".to_owned(),
            run: 1,
            level: Level::Info,
            message: format!("{:x}", u128::from(sequence).pow(3) << 20),
            mark: Mark::default(),
        };
        let records: Vec<Record> = range.map(record).collect();
        batches(&records).remove(0)
    }

    #[test]
    fn without_room_the_oldest_batches_become_one_gap() {
        let mut outbox = Outbox::new(2_000);
        for first in (1..1_000).step_by(10) {
            outbox.push(batch(first..=first + 9), Moment::default());
            assert!(outbox.bytes() < 2_000);
        }
        let sent: Vec<Batch> = outbox.unacknowledged().collect();
        let gap = &sent[0].head;
        assert_eq!((gap.first, gap.lines, gap.last + 1), (1, 1, sent[1].head.first));
        assert_eq!(sent.last().unwrap().head.last, 1_000);
        outbox.acknowledged(gap.last);
        assert_eq!(outbox.unacknowledged().next().unwrap(), sent[1]);
        outbox.acknowledged(1_000);
        assert!(outbox.is_empty() && outbox.bytes() == 0);
    }

    proptest! {
        /// As far as it is pure: whatever is lost between agent and object, and after whatever restart of either.
        #[test]
        fn statement_22_every_line_is_stored_once(
            steps in proptest::collection::vec((1_u64..30, any::<bool>(), any::<bool>(), 0_u64..20), 1..40),
        ) {
            let mut outbox = Outbox::new(usize::MAX);
            let (mut next, mut stored, mut lines) = (1, 0, 0);
            let mut deliver = |batch: &Batch, stored: &mut u64| {
                match receive(batch, *stored, 1, &Redactor::shapes_only()).unwrap() {
                    Received::Known => {}
                    Received::New(row) => {
                        assert!(row.head.first > *stored, "none twice");
                        *stored = row.head.last;
                        lines += row.head.lines;
                    }
                }
            };
            for (count, arrives, is_acknowledged, killed) in steps {
                let new = batch(next..=next + count - 1);
                next += count;
                outbox.push(new, Moment::default());
                // What is not acknowledged is sent again, and the acknowledgement may be lost.
                if arrives {
                    outbox.unacknowledged().for_each(|batch| deliver(&batch, &mut stored));
                }
                if is_acknowledged {
                    outbox.acknowledged(stored);
                }
                // An agent that was killed puts what is on its disk into other batches.
                if let Some(size) = killed.checked_sub(10).filter(|size| *size > 0) {
                    let first = outbox.unacknowledged().next().map_or(next, |batch| batch.head.first);
                    outbox = Outbox::new(usize::MAX);
                    for first in (first..next).step_by(usize::try_from(size).unwrap()) {
                        outbox.push(batch(first..=(first + size).min(next) - 1), Moment::default());
                    }
                }
            }
            outbox.unacknowledged().for_each(|batch| deliver(&batch, &mut stored));
            prop_assert_eq!((stored, lines), (next - 1, next - 1));
        }
    }
}
