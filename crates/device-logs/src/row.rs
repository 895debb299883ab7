//! What the device's object does with a batch: it checks it, redacts it once more, stores it as a row, and acknowledges it.
//!
//! Invariant: a record is stored once. A batch is acknowledged after its row was written, by the highest number that is
//! stored; what is not above that number is not stored again.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    batch::{Batch, BatchHead, MAX_LINES, batches},
    gzip::{self, InflateError},
    record::{MAX_SEQUENCE, Record},
    redact::{Carry, Line, Redactor},
};

/// What is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refused {
    /// It cannot be inflated.
    #[error("the batch cannot be read: {0}")]
    File(#[from] InflateError),
    /// A line is no record, or one beyond its limits.
    #[error("line {0} of the batch is no record")]
    Line(usize),
    /// Its numbers do not rise, or are not those of its head.
    #[error("the sequence numbers of the batch are not those of its head")]
    Order,
    /// It has more records than a batch may have.
    #[error("the batch has more than {MAX_LINES} records")]
    TooMany,
}

/// When a batch was received: the first line of its row, a gzip file of its own, so that the batch is not packed anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// The time of the Worker, in milliseconds since the epoch.
    #[serde(rename = "received")]
    pub received_ms: u64,
}

impl Receipt {
    /// Reads a line. None: it is none, but a record.
    pub fn from_line(line: &[u8]) -> Option<Self> {
        line.starts_with(br#"{"received":"#).then(|| serde_json::from_slice(line).ok())?
    }

    fn file(self) -> Vec<u8> {
        // Fails for maps whose keys are no text; a receipt has none.
        let mut line = serde_json::to_vec(&self).unwrap_or_default();
        line.push(b'\n');
        gzip::compress(&line)
    }
}

/// A batch as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// What is in it.
    pub head: BatchHead,
    /// When it was received, in milliseconds since the epoch.
    pub received_ms: u64,
    /// A receipt and its records, as lines of JSON in gzip files one after the other.
    pub file: Vec<u8>,
}

/// What becomes of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// It is stored already: it is acknowledged again.
    Known,
    /// A row to store. It may have fewer records than the batch, of which some were stored before.
    New(Row),
}

/// Reads a batch. `stored` is the highest number that is stored, 0 for none.
///
/// # Errors
/// If it is not as it should be; nothing of it is to be stored.
pub fn receive(
    batch: &Batch,
    stored: u64,
    received_ms: u64,
    redactor: &Redactor,
) -> Result<Received, Refused> {
    let head = &batch.head;
    let is_range = (1..=head.last).contains(&head.first) && head.last <= MAX_SEQUENCE;
    if !is_range {
        return Err(Refused::Order);
    }
    if head.last <= stored {
        return Ok(Received::Known);
    }
    let mut records = read(batch)?;
    let sent = records.len();
    records.retain(|record| record.sequence > stored);
    let is_changed = redact(&mut records, redactor) || records.len() < sent;
    let mut file = Receipt { received_ms }.file();
    if is_changed {
        let anew = batches(&records);
        anew.iter().for_each(|batch| file.extend_from_slice(&batch.file));
    } else {
        file.extend_from_slice(&batch.file);
    }
    let mut head = recount(&records, head);
    // A gap may begin among what is stored.
    head.first = head.first.max(stored.saturating_add(1));
    Ok(Received::New(Row { head, received_ms, file }))
}

fn read(batch: &Batch) -> Result<Vec<Record>, Refused> {
    let text = gzip::inflate(&batch.file, gzip::MAX_BATCH)?;
    let text = text.strip_suffix(b"\n").unwrap_or(&text);
    let mut records: Vec<Record> = Vec::new();
    for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
        if at >= MAX_LINES {
            return Err(Refused::TooMany);
        }
        let record = Record::from_line(line).filter(Record::is_within_limits);
        let record = record.ok_or(Refused::Line(at.saturating_add(1)))?;
        let is_after = records.last().is_none_or(|last| last.sequence < record.sequence);
        if !is_after || record.sequence < batch.head.first {
            return Err(Refused::Order);
        }
        records.push(record);
    }
    let ends = records.last().is_some_and(|last| last.sequence == batch.head.last);
    if ends { Ok(records) } else { Err(Refused::Order) }
}

/// Redacts each source by itself.
fn redact(records: &mut [Record], redactor: &Redactor) -> bool {
    let mut sources: Vec<_> =
        records.iter().map(|record| (record.source, record.server.clone())).collect();
    sources.sort_unstable();
    sources.dedup();
    let mut is_changed = false;
    for (source, server) in sources {
        let own = records.iter_mut().filter(|one| one.source == source && one.server == server);
        let mut lines: Vec<_> =
            own.map(|one| Line { text: &mut one.message, is_cut: false }).collect();
        is_changed |= redactor.lines(&mut lines, &mut Carry::default());
    }
    is_changed
}

/// The head as the records have it: what an agent claims of them does not count.
fn recount(records: &[Record], sent: &BatchHead) -> BatchHead {
    let mut head = BatchHead::default();
    for record in records {
        head.add(record, 0);
    }
    BatchHead { raw: sent.raw.min(u64::try_from(gzip::MAX_BATCH).unwrap_or(u64::MAX)), ..head }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Level, Mark, Source};

    fn record(sequence: u64, message: &str) -> Record {
        Record {
            sequence,
            time_ms: 5,
            mono_ms: 0,
            source: Source::Stderr,
            server: "a".to_owned(),
            run: 1,
            level: Level::Info,
            message: message.to_owned(),
            mark: Mark::default(),
        }
    }

    fn batch(records: &[Record]) -> Batch {
        batches(records).remove(0)
    }

    fn take(batch: &Batch, stored: u64) -> Result<Received, Refused> {
        receive(batch, stored, 9_000, &Redactor::shapes_only())
    }

    fn row(batch: &Batch, stored: u64) -> (Row, Vec<String>) {
        let Ok(Received::New(row)) = take(batch, stored) else { panic!("no row") };
        let text = gzip::inflate(&row.file, gzip::MAX_BATCH).unwrap();
        let text = String::from_utf8(text).unwrap();
        (row, text.lines().map(str::to_owned).collect())
    }

    #[test]
    fn a_row_is_the_receipt_and_the_batch_as_it_was_sent() {
        let sent = batch(&[record(3, "x"), record(5, "y")]);
        let (row, lines) = row(&sent, 2);
        assert!(row.file.ends_with(&sent.file), "it is not packed anew");
        assert_eq!(lines[0], r#"{"received":9000}"#);
        assert_eq!(Receipt::from_line(lines[0].as_bytes()), Some(Receipt { received_ms: 9_000 }));
        assert_eq!((lines.len(), row.head.first, row.head.last, row.head.lines), (3, 3, 5, 2));
        assert_eq!(Receipt::from_line(lines[1].as_bytes()), None);
    }

    #[test]
    fn a_batch_that_is_sent_again_is_not_stored_again() {
        let sent = batch(&[record(3, "x"), record(4, "y"), record(5, "z")]);
        assert_eq!(take(&sent, 5), Ok(Received::Known));
        assert_eq!(take(&sent, 6), Ok(Received::Known));
        // The agent put what it had into other batches after it was killed.
        let (row, lines) = row(&sent, 4);
        assert_eq!((row.head.first, row.head.last, lines.len()), (5, 5, 2));
    }

    #[test]
    fn what_an_old_agent_did_not_redact_is_redacted() {
        let sent = batch(&[record(1, "password: hunter2"), record(2, "fine")]);
        let (row, lines) = row(&sent, 0);
        assert!(lines[1].contains("password: •••(value)"), "{}", lines[1]);
        assert_eq!((row.head.lines, lines.len()), (2, 3));
    }

    #[test]
    fn a_batch_that_is_not_as_it_says_is_refused() {
        let good = batch(&[record(3, "x"), record(4, "y")]);
        let with = |head: BatchHead, text: &str| {
            let file = gzip::compress(text.as_bytes());
            take(&Batch { head, file }, 0)
        };
        let head = good.head.clone();
        let line = |sequence| record(sequence, "x").to_line();
        assert_eq!(with(head.clone(), "junk"), Err(Refused::Line(1)));
        assert_eq!(with(head.clone(), ""), Err(Refused::Line(1)));
        assert_eq!(with(head.clone(), &(line(4) + &line(3))), Err(Refused::Order));
        assert_eq!(with(head.clone(), &(line(3) + &line(3))), Err(Refused::Order));
        assert_eq!(with(head.clone(), &(line(2) + &line(4))), Err(Refused::Order));
        assert_eq!(with(head.clone(), &line(3)), Err(Refused::Order));
        assert_eq!(with(head.clone(), &line(0)), Err(Refused::Line(1)));
        let many: String = (1..=1_001).map(line).collect();
        assert_eq!(
            with(BatchHead { first: 1, last: 1_001, ..head.clone() }, &many),
            Err(Refused::TooMany)
        );
        for (first, last) in [(0, 4), (5, 4), (1, MAX_SEQUENCE + 1)] {
            let wrong =
                Batch { head: BatchHead { first, last, ..head.clone() }, file: good.file.clone() };
            assert_eq!(take(&wrong, 0), Err(Refused::Order));
        }
        let bomb = gzip::compress(&vec![b' '; gzip::MAX_BATCH + 1]);
        assert!(matches!(
            take(&Batch { head, file: bomb }, 0),
            Err(Refused::File(InflateError::TooLarge(_)))
        ));
        // Nor does it count what its head claims.
        let lie =
            BatchHead { lines: 9, t0: 0, t1: u64::MAX, servers: vec!["x".to_owned()], ..good.head };
        let (row, _) = row(&Batch { head: lie, file: good.file }, 0);
        assert_eq!(
            (row.head.lines, row.head.t0, row.head.t1, row.head.servers),
            (2, 5, 5, vec!["a".to_owned()])
        );
    }
}
