//! Lines that wait in memory for the next batch.
//!
//! Invariant: no source has more than [`MAX_SOURCE`] bytes and all have no more than [`MAX_ALL`]. The oldest lines go first;
//! a gap says how many, where they were.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    intake::Captured,
    record::{Mark, Source},
};

/// Bytes that one source may have.
pub const MAX_SOURCE: usize = 1024 * 1024;
/// Bytes that all sources may have together.
pub const MAX_ALL: usize = 16 * 1024 * 1024;
/// Bytes that a line takes beside its text.
const PER_LINE: usize = 128;

/// A source of a server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId {
    /// Where its lines come from.
    pub source: Source,
    /// The id of the server; empty for the agent's own lines.
    pub server: String,
}

/// A moment by both clocks of a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moment {
    /// The time of day, in milliseconds since the epoch.
    pub time_ms: u64,
    /// Milliseconds since the device started.
    pub mono_ms: u64,
}

/// A line that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// The number of its arrival, of all sources.
    arrival: u64,
    /// When it came.
    pub at: Moment,
    /// Which start of the server it is from.
    pub run: u64,
    /// The line.
    pub line: Captured,
}

impl Waiting {
    const fn bytes(&self) -> usize {
        self.line.text.len().saturating_add(PER_LINE)
    }
}

#[derive(Debug, Default)]
struct Queue {
    lines: VecDeque<Waiting>,
    bytes: usize,
}

/// The lines of all sources.
#[derive(Debug, Default)]
pub struct Buffer {
    queues: BTreeMap<SourceId, Queue>,
    bytes: usize,
    lines: usize,
    arrivals: u64,
}

impl Buffer {
    /// Adds a line, and makes room for it.
    pub fn push(&mut self, id: &SourceId, at: Moment, run: u64, line: Captured) {
        self.arrivals = self.arrivals.saturating_add(1);
        let line = Waiting { arrival: self.arrivals, at, run, line };
        self.bytes = self.bytes.saturating_add(line.bytes());
        self.lines = self.lines.saturating_add(1);
        if !self.queues.contains_key(id) {
            self.queues.insert(id.clone(), Queue::default());
        }
        let Some(queue) = self.queues.get_mut(id) else { return };
        queue.bytes = queue.bytes.saturating_add(line.bytes());
        queue.lines.push_back(line);
        while queue.bytes > MAX_SOURCE && evict(queue, &mut self.bytes, &mut self.lines) {}
        while self.bytes > MAX_ALL && self.evict_oldest() {}
    }

    /// Lines that wait.
    pub const fn len(&self) -> usize {
        self.lines
    }

    /// Whether none waits.
    pub const fn is_empty(&self) -> bool {
        self.lines == 0
    }

    /// Bytes that wait.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// When the oldest line came, by the monotonic clock.
    pub fn since_ms(&self) -> Option<u64> {
        self.queues
            .values()
            .filter_map(|queue| queue.lines.front())
            .map(|line| line.at.mono_ms)
            .min()
    }

    /// Takes all lines, in the order in which they came.
    pub fn take(&mut self) -> Vec<(SourceId, Waiting)> {
        let queues = std::mem::take(&mut self.queues);
        (self.bytes, self.lines) = (0, 0);
        let all = queues
            .into_iter()
            .flat_map(|(id, queue)| queue.lines.into_iter().map(move |line| (id.clone(), line)));
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|(_, line)| line.arrival);
        all
    }

    /// Puts lines back that could not be sent; they are older than all others.
    pub fn put_back(&mut self, lines: Vec<(SourceId, Waiting)>) {
        for (id, line) in lines.into_iter().rev() {
            self.bytes = self.bytes.saturating_add(line.bytes());
            self.lines = self.lines.saturating_add(1);
            let queue = self.queues.entry(id).or_default();
            queue.bytes = queue.bytes.saturating_add(line.bytes());
            queue.lines.push_front(line);
        }
        for queue in self.queues.values_mut() {
            while queue.bytes > MAX_SOURCE && evict(queue, &mut self.bytes, &mut self.lines) {}
        }
        while self.bytes > MAX_ALL && self.evict_oldest() {}
    }

    /// Takes out the oldest line of all of which more than a gap is left.
    fn evict_oldest(&mut self) -> bool {
        let with_lines = self.queues.values_mut().filter(|queue| queue.lines.len() > 1);
        let oldest = with_lines.min_by_key(|queue| queue.lines.front().map(|line| line.arrival));
        oldest.is_some_and(|queue| evict(queue, &mut self.bytes, &mut self.lines))
    }
}

/// Puts a gap in the place of the two oldest lines of a source.
fn evict(queue: &mut Queue, bytes: &mut usize, lines: &mut usize) -> bool {
    let Some(first) = queue.lines.pop_front() else { return false };
    let Some(second) = queue.lines.pop_front() else {
        queue.lines.push_front(first);
        return false;
    };
    let before = first.bytes().saturating_add(second.bytes());
    let stands_for = |mark: &Mark| mark.lines().max(1);
    let missing = stands_for(&first.line.mark).saturating_add(stands_for(&second.line.mark));
    let gap = Waiting { line: Captured::gap(missing, 0), ..second };
    let freed = before.saturating_sub(gap.bytes());
    queue.bytes = queue.bytes.saturating_sub(freed);
    *bytes = bytes.saturating_sub(freed);
    *lines = lines.saturating_sub(1);
    queue.lines.push_front(gap);
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::record::Level;

    fn id(server: &str) -> SourceId {
        SourceId { source: Source::Stderr, server: server.to_owned() }
    }

    fn line(text: &str) -> Captured {
        let (text, level, mark) = (text.to_owned(), Level::Info, Mark::default());
        Captured { text, missing: 0, level, mark }
    }

    fn push(buffer: &mut Buffer, server: &str, text: &str) {
        buffer.push(&id(server), Moment::default(), 1, line(text));
    }

    #[test]
    fn lines_of_all_sources_leave_in_the_order_in_which_they_came() {
        let mut buffer = Buffer::default();
        for (server, text) in [("b", "1"), ("a", "2"), ("b", "3"), ("a", "4")] {
            push(&mut buffer, server, text);
        }
        let taken = buffer.take();
        let texts: Vec<&str> = taken.iter().map(|(_, line)| line.line.text.as_str()).collect();
        assert_eq!(texts, ["1", "2", "3", "4"]);
        assert!(buffer.is_empty() && buffer.bytes() == 0);
        push(&mut buffer, "a", "5");
        buffer.put_back(taken);
        assert_eq!((buffer.len(), buffer.take().last().unwrap().1.line.text.as_str()), (5, "5"));
    }

    #[test]
    fn a_source_without_room_loses_its_oldest_lines_and_others_lose_none() {
        let mut buffer = Buffer::default();
        push(&mut buffer, "quiet", "first");
        for _ in 0..300 {
            push(&mut buffer, "loud", &"x".repeat(8_000));
        }
        assert!(buffer.bytes() <= MAX_SOURCE + 1_000);
        let taken = buffer.take();
        assert_eq!(taken[0].1.line.text, "first");
        let mark = taken[1].1.line.mark;
        assert_eq!(mark.missing + u64::try_from(taken.len()).unwrap() - 2, 300);
    }

    #[test]
    fn all_sources_together_have_a_limit() {
        let mut buffer = Buffer::default();
        for server in 0..40 {
            for _ in 0..100 {
                push(&mut buffer, &server.to_string(), &"x".repeat(8_000));
            }
        }
        assert!(buffer.bytes() <= MAX_ALL, "{}", buffer.bytes());
        let lost: u64 = buffer.take().iter().map(|(_, line)| line.line.mark.lines().max(1)).sum();
        assert_eq!(lost, 4_000);
    }

    proptest! {
        #[test]
        fn what_is_missing_is_counted(
            lines in proptest::collection::vec((0_u8..4, 0_usize..16_000, 1_usize..60), 1..20),
        ) {
            let (mut buffer, mut all) = (Buffer::default(), 0);
            for (server, length, times) in lines {
                for _ in 0..times {
                    push(&mut buffer, &server.to_string(), &"x".repeat(length));
                    all += 1;
                }
            }
            prop_assert!(buffer.bytes() <= MAX_ALL);
            let taken = buffer.take();
            prop_assert!(taken.is_sorted_by_key(|(_, line)| line.arrival));
            let counted: u64 = taken.iter().map(|(_, line)| line.line.mark.lines().max(1)).sum();
            prop_assert_eq!(counted, all);
        }
    }
}
