//! All logs of a device, from the lines of its servers to batches.
//!
//! Invariant: nothing leaves that is not redacted, and no line has a number that another had. Lines are numbered when they
//! leave, so that what was dropped in memory leaves no hole in the numbers.

use std::collections::BTreeMap;

use crate::{
    batch::{Batch, Pending, batches},
    buffer::{Buffer, Moment, SourceId, Waiting},
    intake::{Captured, Intake},
    record::{Level, Record},
    redact::{Carry, Line, Redactor},
    sequence::Sequence,
    split::RawLine,
    text,
};

/// The logs of a device.
#[derive(Debug)]
pub struct Capture {
    redactor: Redactor,
    sequence: Sequence,
    sources: BTreeMap<SourceId, State>,
    buffer: Buffer,
}

#[derive(Debug)]
struct State {
    intake: Intake,
    carry: Carry,
    run: u64,
}

/// A line that comes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// Which start of the server it is from.
    pub run: u64,
    /// How grave it is.
    pub level: Level,
    /// The line.
    pub line: RawLine,
}

impl Capture {
    /// One that takes these secrets out and gives these numbers.
    pub fn new(redactor: Redactor, sequence: Sequence) -> Self {
        Self { redactor, sequence, sources: BTreeMap::new(), buffer: Buffer::default() }
    }

    /// Knows other secrets from now on.
    pub fn set_redactor(&mut self, redactor: Redactor) {
        self.redactor = redactor;
    }

    /// The numbers, whose limit is stored before a flush.
    pub const fn sequence(&mut self) -> &mut Sequence {
        &mut self.sequence
    }

    /// Takes a line.
    pub fn line(&mut self, id: &SourceId, incoming: Incoming, now: Moment) {
        let Incoming { run, level, line } = incoming;
        let new = || State { intake: Intake::new(now.mono_ms), carry: Carry::default(), run };
        let (state, buffer) =
            (self.sources.entry(id.clone()).or_insert_with(new), &mut self.buffer);
        let before = std::mem::replace(&mut state.run, run);
        if before != run {
            state.intake.end(|kept| buffer.push(id, now, before, kept));
        }
        state.intake.push(line, level, now.mono_ms, |kept| buffer.push(id, now, run, kept));
    }

    /// Ends a source: its counts are given out, and what is known of it is forgotten.
    pub fn end(&mut self, id: &SourceId, now: Moment) {
        if let Some(mut state) = self.sources.remove(id) {
            state.intake.end(|kept| self.buffer.push(id, now, state.run, kept));
        }
    }

    /// When a batch is due, by the monotonic clock. None: nothing waits.
    pub fn due_at(&self, has_viewer: bool) -> Option<u64> {
        let since_ms = self.buffer.since_ms()?;
        let (lines, bytes) = (self.buffer.len(), self.buffer.bytes());
        Some(Pending { lines, bytes, since_ms }.due_at(has_viewer))
    }

    /// Gives out the counts of sources that wrote nothing new for a while. Call it every few seconds.
    pub fn tick(&mut self, now: Moment) {
        for (id, state) in &mut self.sources {
            state.intake.tick(now.mono_ms, |kept| self.buffer.push(id, now, state.run, kept));
        }
    }

    /// The limit of numbers to store before [`Self::flush`]. None: enough are reserved.
    pub fn to_reserve(&self) -> Option<u64> {
        self.sequence.to_reserve(u64::try_from(self.buffer.len()).unwrap_or(u64::MAX))
    }

    /// Everything that waits, redacted and numbered. What has no number yet waits on.
    pub fn flush(&mut self) -> Vec<Batch> {
        let mut waiting = self.buffer.take();
        let mut numbers = Vec::with_capacity(waiting.len());
        while numbers.len() < waiting.len() {
            let Some(number) = self.sequence.take() else { break };
            numbers.push(number);
        }
        let rest = waiting.split_off(numbers.len());
        self.buffer.put_back(rest);
        self.redact(&mut waiting);
        let records: Vec<Record> = numbers.into_iter().zip(waiting).map(record).collect();
        batches(&records)
    }

    fn redact(&mut self, waiting: &mut [(SourceId, Waiting)]) {
        let mut by_source: BTreeMap<SourceId, Vec<&mut Captured>> = BTreeMap::new();
        for (id, line) in waiting {
            by_source.entry(id.clone()).or_default().push(&mut line.line);
        }
        for (id, lines) in by_source {
            let mut ended = Carry::default();
            let carry = self.sources.get_mut(&id).map_or(&mut ended, |state| &mut state.carry);
            let texts = lines.into_iter().filter(|line| line.mark.is_none());
            let mut texts: Vec<Line<'_>> =
                texts.map(|line| Line { is_cut: line.missing > 0, text: &mut line.text }).collect();
            self.redactor.lines(&mut texts, carry);
        }
    }
}

fn record((sequence, (id, waiting)): (u64, (SourceId, Waiting))) -> Record {
    let Waiting { at, run, line, .. } = waiting;
    let mut message = line.text;
    text::cap(&mut message, line.missing);
    Record {
        sequence,
        time_ms: at.time_ms,
        mono_ms: at.mono_ms,
        source: id.source,
        server: id.server,
        run,
        level: line.level,
        message,
        mark: line.mark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{gzip, record::Source};

    fn id(server: &str) -> SourceId {
        SourceId { source: Source::Stderr, server: server.to_owned() }
    }

    fn capture(secrets: &[(&str, &str)]) -> Capture {
        let redactor = Redactor::new(secrets.iter().copied()).unwrap();
        Capture::new(redactor, Sequence::from_stored(None))
    }

    fn line(capture: &mut Capture, server: &str, text: &str, mono_ms: u64) {
        let now = Moment { time_ms: 1_000_000 + mono_ms, mono_ms };
        let incoming = Incoming { run: 1, level: Level::Info, line: RawLine::from(text) };
        capture.line(&id(server), incoming, now);
    }

    fn flush(capture: &mut Capture) -> Vec<Record> {
        if let Some(limit) = capture.to_reserve() {
            capture.sequence().reserved(limit);
        }
        let batches = capture.flush();
        let texts =
            batches.iter().map(|batch| gzip::inflate(&batch.file, gzip::MAX_BATCH).unwrap());
        let text = String::from_utf8(texts.collect::<Vec<_>>().concat()).unwrap();
        text.lines().map(|line| Record::from_line(line.as_bytes()).unwrap()).collect()
    }

    #[test]
    fn lines_leave_clean_redacted_short_and_numbered() {
        let mut capture = capture(&[("KEY", "secret-value")]);
        let long = format!("secret-{}", "x".repeat(9_000));
        line(&mut capture, "a", "\u{1b}[31mkey sec\u{1b}[0mret-", 1);
        line(&mut capture, "b", "between", 2);
        line(&mut capture, "a", "value!", 3);
        line(&mut capture, "a", &long, 4);
        assert_eq!(capture.due_at(false), Some(30_001));
        let records = flush(&mut capture);
        let texts: Vec<&str> = records.iter().map(|record| record.message.as_str()).collect();
        assert_eq!(texts[..3], ["key •••(KEY)", "between", "•••(KEY)!"]);
        assert!(texts[3].ends_with("…(+815 bytes)"), "{}", &texts[3][8_000..]);
        let numbers: Vec<u64> = records.iter().map(|record| record.sequence).collect();
        assert_eq!((numbers, capture.due_at(true)), (vec![1, 2, 3, 4], None));
    }

    #[test]
    fn a_value_that_goes_on_in_the_next_batch_is_known_there() {
        let mut capture = capture(&[("KEY", "0123456789abcdef")]);
        line(&mut capture, "a", "is 01234567", 1);
        assert_eq!(flush(&mut capture)[0].message, "is •••(KEY)");
        line(&mut capture, "a", "89abcdef.", 2);
        assert_eq!(flush(&mut capture)[0].message, "•••(KEY).");
    }

    #[test]
    fn without_a_stored_limit_lines_wait_on() {
        let mut capture = capture(&[]);
        line(&mut capture, "a", "one", 1);
        assert!(capture.flush().is_empty() && capture.due_at(false).is_some());
        assert_eq!(flush(&mut capture)[0].message, "one");
    }

    #[test]
    fn counts_of_a_source_that_ended_are_not_lost() {
        let mut capture = capture(&[]);
        for at in 0..5 {
            line(&mut capture, "a", "same", at);
        }
        let end = Moment { time_ms: 9, mono_ms: 9 };
        capture.end(&id("a"), end);
        let records = flush(&mut capture);
        assert_eq!((records.len(), records[1].mark.repeated), (2, 4));
        // The next start of a server has its own counts.
        line(&mut capture, "a", "same", 10);
        line(&mut capture, "a", "same", 11);
        let incoming = Incoming { run: 2, level: Level::Info, line: RawLine::from("same") };
        capture.line(&id("a"), incoming, Moment { time_ms: 12, mono_ms: 12 });
        capture.tick(Moment { time_ms: 1, mono_ms: 60_000 });
        let runs: Vec<_> =
            flush(&mut capture).iter().map(|record| (record.run, record.mark.repeated)).collect();
        assert_eq!(runs, [(1, 0), (1, 1), (2, 0)]);
    }

    /// As far as it is pure: exact counts, bounded memory, and the logs of others complete.
    #[test]
    fn statement_23_of_100_000_lines_in_10_s_the_dropped_are_counted_and_other_logs_are_complete() {
        let mut capture = capture(&[("KEY", "secret-value")]);
        let mut records = Vec::new();
        for at in 0..100_000_u64 {
            let mono_ms = at / 10;
            line(&mut capture, "loud", &format!("noise {at} {}", "x".repeat(300)), mono_ms);
            if at % 1_000 == 0 {
                line(&mut capture, "quiet", &format!("word {at}"), mono_ms);
            }
            assert!(capture.buffer.bytes() < 2 * 1024 * 1024);
            if capture.due_at(false).is_some_and(|due| due <= mono_ms) {
                records.extend(flush(&mut capture));
            }
        }
        capture.end(&id("loud"), Moment { time_ms: 0, mono_ms: 10_000 });
        records.extend(flush(&mut capture));
        let of = |server: &str| {
            records.iter().filter(|record| record.server == server).collect::<Vec<_>>()
        };
        assert_eq!(of("quiet").len(), 100);
        let loud = of("loud");
        let dropped: u64 = loud.iter().map(|record| record.mark.dropped).sum();
        let kept = loud.iter().filter(|record| record.mark.is_none()).count();
        assert_eq!((kept, dropped), (1_000, 99_000));
        assert!(records.is_sorted_by_key(|record| record.sequence));
    }
}
