//! A search in the log of one device, and what a download has of it.
//!
//! Invariant: a search reads no more than [`MAX_READ`] bytes and finds no more than [`MAX_HITS`] records, and says where it
//! stopped and why.

use aho_corasick::AhoCorasick;
use thiserror::Error;

use crate::{
    gzip::Lines,
    record::{Level, Record},
    row::Receipt,
};

/// Records that a search finds at most.
pub const MAX_HITS: usize = 1_000;
/// Bytes of lines that it reads at most.
pub const MAX_READ: usize = 64 * 1024 * 1024;
/// The longest time that it covers.
pub const MAX_SPAN_MS: u64 = 24 * 3_600 * 1_000;
/// Bytes of a text that is looked for.
const MAX_TEXT: usize = 256;
/// How far the clock of a device may be behind the receipt, as that of one that was offline, or before it, and is believed.
const MAX_BEHIND_MS: u64 = 7 * 86_400_000;
const MAX_AHEAD_MS: u64 = 5 * 60_000;

/// What is looked for.
#[derive(Debug, Clone)]
pub struct Query {
    /// The earliest time, in milliseconds since the epoch.
    from_ms: u64,
    /// The latest.
    to_ms: u64,
    server: Option<String>,
    level: Level,
    text: Option<AhoCorasick>,
}

/// A question that is not searched for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum QueryError {
    /// The end is before the beginning, or too far behind it.
    #[error("expected a time of at most 24 hours that ends after its beginning")]
    Span,
    /// The text is too long.
    #[error("expected a text of at most {MAX_TEXT} bytes")]
    Text,
}

impl Query {
    /// A search for records of a time, both ends included.
    ///
    /// # Errors
    /// If it is no time, or too long.
    pub fn new(from_ms: u64, to_ms: u64) -> Result<Self, QueryError> {
        let span = to_ms.checked_sub(from_ms).filter(|span| *span <= MAX_SPAN_MS);
        let query = Self { from_ms, to_ms, server: None, level: Level::Debug, text: None };
        span.map(|_| query).ok_or(QueryError::Span)
    }

    /// Only of this server.
    #[must_use]
    pub fn server(self, server: &str) -> Self {
        Self { server: Some(server.to_owned()), ..self }
    }

    /// Only those that are as grave or graver.
    #[must_use]
    pub fn level(self, level: Level) -> Self {
        Self { level, ..self }
    }

    /// Only those with this text, in either case of ASCII letters.
    ///
    /// # Errors
    /// If it is too long.
    pub fn text(self, text: &str) -> Result<Self, QueryError> {
        if text.is_empty() {
            return Ok(Self { text: None, ..self });
        }
        if text.len() > MAX_TEXT {
            return Err(QueryError::Text);
        }
        let finder = AhoCorasick::builder().ascii_case_insensitive(true).build([text]);
        Ok(Self { text: Some(finder.map_err(|_| QueryError::Text)?), ..self })
    }

    fn fits(&self, record: &Record, received_ms: Option<u64>) -> bool {
        let time_ms = believed_ms(record.time_ms, received_ms);
        (self.from_ms..=self.to_ms).contains(&time_ms)
            && self.server.as_ref().is_none_or(|server| *server == record.server)
            && record.level >= self.level
            && self.text.as_ref().is_none_or(|text| text.is_match(&record.message))
    }
}

/// The time of a record: the device's, unless it cannot be right; then the time of receipt.
pub fn believed_ms(time_ms: u64, received_ms: Option<u64>) -> u64 {
    let Some(received_ms) = received_ms else { return time_ms };
    let earliest = received_ms.saturating_sub(MAX_BEHIND_MS);
    let latest = received_ms.saturating_add(MAX_AHEAD_MS);
    if (earliest..=latest).contains(&time_ms) { time_ms } else { received_ms }
}

/// Why a search stopped before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It has [`MAX_HITS`] records.
    Hits,
    /// It has read [`MAX_READ`] bytes.
    Read,
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The record.
    pub record: Record,
    /// When it was received. None: its row does not say.
    pub received_ms: Option<u64>,
}

/// A search that goes on from object to object, and then over the rows: each is read with [`crate::gzip::Reader`].
#[derive(Debug)]
pub struct Search {
    query: Query,
    /// Only what is behind this number.
    after: u64,
    hits: Vec<Hit>,
    read: usize,
    received_ms: Option<u64>,
    last: u64,
    stopped: Option<Stopped>,
}

impl Search {
    /// One that begins behind this number; 0 is the beginning.
    pub const fn new(query: Query, after: u64) -> Self {
        Self {
            query,
            after,
            hits: Vec::new(),
            read: 0,
            received_ms: None,
            last: after,
            stopped: None,
        }
    }

    /// What was found, in order.
    pub fn hits(&self) -> &[Hit] {
        &self.hits
    }

    /// Why it stopped, and the number behind which a search goes on. None: it has read everything.
    pub fn stopped(&self) -> Option<(Stopped, u64)> {
        self.stopped.map(|why| (why, self.last))
    }
}

impl Lines for Search {
    fn line(&mut self, line: &[u8]) -> bool {
        self.read = self.read.saturating_add(line.len());
        if self.read > MAX_READ {
            self.stopped = Some(Stopped::Read);
        } else if self.hits.len() >= MAX_HITS {
            self.stopped = Some(Stopped::Hits);
        } else if let Some(receipt) = Receipt::from_line(line) {
            self.received_ms = Some(receipt.received_ms);
        } else if let Some(record) = Record::from_line(line).filter(|one| one.sequence > self.after)
        {
            self.last = self.last.max(record.sequence);
            if self.query.fits(&record, self.received_ms) {
                self.hits.push(Hit { record, received_ms: self.received_ms });
            }
        }
        self.stopped.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        batch::batches,
        gzip::Reader,
        record::{Mark, Source},
        redact::Redactor,
        row::{Received, receive},
    };

    fn record(sequence: u64, time_ms: u64, level: Level, message: &str) -> Record {
        Record {
            sequence,
            time_ms,
            mono_ms: 0,
            source: Source::Stderr,
            server: if sequence.is_multiple_of(2) { "even" } else { "odd" }.to_owned(),
            run: 1,
            level,
            message: message.to_owned(),
            mark: Mark::default(),
        }
    }

    fn object(records: &[Record], received_ms: u64) -> Vec<u8> {
        let rows = batches(records).into_iter().flat_map(|batch| {
            let Ok(Received::New(row)) = receive(&batch, 0, received_ms, &Redactor::shapes_only())
            else {
                panic!("no row")
            };
            row.file
        });
        rows.collect()
    }

    fn search(query: Query, after: u64, objects: &[Vec<u8>]) -> Search {
        let mut search = Search::new(query, after);
        for object in objects {
            let mut reader = Reader::new(search);
            reader.push(object).unwrap();
            search = reader.finish().unwrap();
            if search.stopped().is_some() {
                break;
            }
        }
        search
    }

    fn found(query: Query, objects: &[Vec<u8>]) -> Vec<u64> {
        search(query, 0, objects).hits().iter().map(|hit| hit.record.sequence).collect()
    }

    fn all() -> Query {
        Query::new(0, MAX_SPAN_MS).unwrap()
    }

    #[test]
    fn records_are_found_by_time_server_level_and_text() {
        let records = [
            record(1, 1_000, Level::Info, "one Error"),
            record(2, 2_000, Level::Warning, "two"),
            record(3, 3_000, Level::Error, "three error"),
        ];
        let objects = [object(&records[..2], 3_000), object(&records[2..], 4_000)];
        assert_eq!(found(all(), &objects), [1, 2, 3]);
        assert_eq!(found(Query::new(2_000, 3_000).unwrap(), &objects), [2, 3]);
        assert_eq!(found(all().server("odd"), &objects), [1, 3]);
        assert_eq!(found(all().level(Level::Warning), &objects), [2, 3]);
        assert_eq!(found(all().text("ERROR").unwrap(), &objects), [1, 3]);
        assert_eq!(found(all().text("").unwrap(), &objects), [1, 2, 3]);
        assert_eq!(search(all(), 2, &objects).hits().len(), 1);
        assert_eq!(Query::new(2, 1).unwrap_err(), QueryError::Span);
        assert_eq!(Query::new(0, MAX_SPAN_MS + 1).unwrap_err(), QueryError::Span);
        assert_eq!(all().text(&"x".repeat(257)).unwrap_err(), QueryError::Text);
    }

    #[test]
    fn a_clock_that_cannot_be_right_is_not_believed() {
        let received = 1_795_939_200_000;
        let records =
            [record(1, 5, Level::Info, "1970"), record(2, received * 2, Level::Info, "2083")];
        let query = Query::new(received, received).unwrap();
        assert_eq!(found(query, &[object(&records, received)]), [1, 2]);
        assert_eq!(believed_ms(received - 600_000, Some(received)), received - 600_000);
        assert_eq!(believed_ms(5, None), 5);
    }

    #[test]
    fn a_search_stops_at_its_hits_and_goes_on_behind_them() {
        let records: Vec<Record> = (1..=2_500).map(|at| record(at, 1, Level::Info, "x")).collect();
        let objects: Vec<Vec<u8>> = records.chunks(700).map(|chunk| object(chunk, 1)).collect();
        let first = search(all(), 0, &objects);
        assert_eq!((first.hits().len(), first.stopped()), (MAX_HITS, Some((Stopped::Hits, 1_000))));
        let second = search(all(), 1_000, &objects);
        assert_eq!(
            (second.hits()[0].record.sequence, second.stopped()),
            (1_001, Some((Stopped::Hits, 2_000)))
        );
        let third = search(all(), 2_000, &objects);
        assert_eq!((third.hits().len(), third.stopped()), (500, None));
    }

    #[test]
    fn a_search_stops_at_what_it_has_read() {
        let long = "x".repeat(8_000);
        let records: Vec<Record> = (1..=900).map(|at| record(at, 1, Level::Info, &long)).collect();
        let one = object(&records, 1);
        let objects = vec![one; 12];
        let nothing = search(all().text("nothing").unwrap(), 0, &objects);
        assert_eq!(nothing.stopped().unwrap().0, Stopped::Read);
        assert!(nothing.hits().is_empty() && nothing.read < MAX_READ + 10_000);
    }
}
