//! When rows become one object in R2, and which.
//!
//! Invariant: the range of an object is decided once and stored ([`Plan`]) before it is put; after a crash the same object is
//! put again, and never one that overlaps with it. Rows are deleted after the put has returned.

use serde::{Deserialize, Serialize};

use crate::{
    index::IndexRow,
    key::{ObjectKey, Owner, Retention},
    row::Row,
};

/// How long a row waits for others.
pub const MAX_AGE_MS: u64 = 15 * 60 * 1_000;
/// Bytes of rows that become an object at once.
pub const MAX_BYTES: u64 = 4 * 1024 * 1024;

/// A row as the table has it, without its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// Its first sequence number.
    pub first: u64,
    /// Its last.
    pub last: u64,
    /// When it was received, in milliseconds since the epoch.
    pub received_ms: u64,
    /// Bytes of its file.
    pub bytes: u64,
}

/// When the rows are due, in milliseconds since the epoch; it may be past. None: there are none.
///
/// `oldest_ms` is the receipt of the oldest row, `bytes` those of all rows.
pub const fn due_at(oldest_ms: Option<u64>, bytes: u64) -> Option<u64> {
    match oldest_ms {
        Some(oldest_ms) if bytes >= MAX_BYTES => Some(oldest_ms),
        Some(oldest_ms) => Some(oldest_ms.saturating_add(MAX_AGE_MS)),
        None => None,
    }
}

/// An object that is to be put. It is stored before that, and deleted with the rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its key, with the range of its rows.
    pub key: ObjectKey,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
}

impl Plan {
    /// The next object: the oldest rows, in their order, until there are enough bytes. None: there is no row.
    ///
    /// A plan that is stored is carried out in place of a new one.
    pub fn new(owner: Owner, class: Retention, rows: &[Stored]) -> Option<Self> {
        let oldest = rows.first()?;
        let (mut last, mut count, mut bytes) = (oldest.last, 0_u64, 0_u64);
        for row in rows.iter().take_while(|row| row.first >= oldest.first) {
            if bytes >= MAX_BYTES {
                break;
            }
            (last, count) = (row.last, count.saturating_add(1));
            bytes = bytes.saturating_add(row.bytes);
        }
        let received_ms = oldest.received_ms;
        let key = ObjectKey { owner, class, received_ms, first: oldest.first, last };
        Some(Self { key, rows: count, bytes })
    }

    /// The object of these rows, which are those of the plan in their order, and its row in the index. None: they are not.
    pub fn object(&self, rows: &[Row]) -> Option<(Vec<u8>, IndexRow)> {
        let (first, last) = (rows.first()?, rows.last()?);
        let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let is_whole = first.head.first == self.key.first && last.head.last == self.key.last;
        if !is_whole || count != self.rows {
            return None;
        }
        let file = rows.iter().flat_map(|row| &row.file).copied().collect();
        Some((file, IndexRow::of(self, rows)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{batch::BatchHead, gzip};

    fn owner() -> Owner {
        Owner::new("main", "laptop").unwrap()
    }

    fn stored(at: u64, bytes: u64) -> Stored {
        Stored { first: at * 10 + 1, last: at * 10 + 10, received_ms: at * 1_000, bytes }
    }

    fn row(at: u64) -> Row {
        let (first, last, server) = (at * 10 + 1, at * 10 + 10, format!("s{}", at % 3));
        let head =
            BatchHead { first, last, lines: 10, raw: 0, t0: at, t1: at + 5, servers: vec![server] };
        Row { head, received_ms: at * 1_000, file: gzip::compress(format!("{at}\n").as_bytes()) }
    }

    #[test]
    fn rows_are_due_when_the_oldest_waited_or_there_are_enough_bytes() {
        assert_eq!(due_at(None, 0), None);
        assert_eq!(due_at(Some(5), MAX_BYTES - 1), Some(5 + MAX_AGE_MS));
        assert_eq!(due_at(Some(5), MAX_BYTES), Some(5));
    }

    #[test]
    fn a_plan_has_the_oldest_rows_and_its_object_joins_their_files() {
        let table: Vec<Stored> = (1..=9).map(|at| stored(at, MAX_BYTES / 4)).collect();
        let plan = Plan::new(owner(), Retention::R7, &table).unwrap();
        assert_eq!((plan.key.first, plan.key.last, plan.rows), (11, 50, 4));
        // As it is stored, and read after a crash.
        let text = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
        let rows: Vec<Row> = (1..=4).map(row).collect();
        let (file, index) = plan.object(&rows).unwrap();
        assert_eq!(gzip::inflate(&file, 100).unwrap(), b"1\n2\n3\n4\n");
        assert_eq!((index.first, index.last, index.lines), (11, 50, 40));
        assert_eq!((index.t0, index.t1), (1, 4_000));
        assert_eq!(index.servers, ["s1", "s2", "s0"]);
        assert!(plan.object(&rows[1..]).is_none() && plan.object(&rows[..3]).is_none());
        assert!(Plan::new(owner(), Retention::R7, &[]).is_none());
    }

    /// 100 devices × 5 servers, each with 20 lines a minute, by a clock that is a number.
    #[test]
    fn statement_24_a_month_of_logs_of_100_devices_is_at_most_300_000_puts() {
        const MONTH_MS: u64 = 30 * 24 * 3_600 * 1_000;
        let (mut puts, mut inserts) = (0_u64, 0_u64);
        for device in 0..100_u64 {
            let mut table: Vec<Stored> = Vec::new();
            let mut now_ms = device * 277;
            while now_ms < MONTH_MS {
                let bytes = 1_000 * u64::try_from(table.len()).unwrap();
                if due_at(table.first().map(|row| row.received_ms), bytes)
                    .is_some_and(|due| due <= now_ms)
                {
                    let plan = Plan::new(owner(), Retention::R30, &table).unwrap();
                    table.drain(..usize::try_from(plan.rows).unwrap());
                    puts += 1;
                }
                // A batch each 30 s: 50 lines of 200 bytes, a tenth of which are left after compression.
                let first = now_ms + 1;
                let row = Stored { first, last: first + 49, received_ms: now_ms, bytes: 1_000 };
                table.push(row);
                inserts += 1;
                now_ms += crate::batch::MAX_WAIT_MS;
            }
            puts += u64::from(!table.is_empty());
        }
        assert!(puts <= 300_000, "{puts}");
        assert!(puts > 250_000 && inserts > 8_000_000, "{puts} puts, {inserts} inserts");
    }
}
