//! The rows that an object keeps: each has an end, and one alarm clears what is over.
//!
//! Invariant: no row without an end, no alarm without a row. An object that never wrote a row costs
//! nothing while it sleeps.
//!
//! Hubs, tasks and OAuth grants keep their rows in a SQLite table (`sql`). Session objects and quotas, whose
//! few rows come and go, keep them in the key-value storage (`kv`). The reason is what is billed:
//! `CREATE TABLE` writes two rows, and the table goes with the last row. The end of a session writes two rows
//! in the key-value storage (`DELETE` in the counts of `cargo xtask bench --counts`), and four with a table.
//! In `docs/COST.md` the first event stream of a subject writes four rows, two of them for its hub's table.

mod kv;
mod sql;

use std::{cell::Cell, rc::Rc, time::Duration};

use worker::{Result, State};

use crate::platform::clock::now_s;
use kv::KeyValue;
use sql::Table;

/// Bytes of one row's text; a row may have 2 MB.
const PIECE: usize = 1_000_000;

/// A clock may be corrected by so many seconds: for so long a row that stands for "used" or "ended"
/// is kept behind the end of what it is about, which would be good again.
pub const CLOCK_ERROR: u64 = 7_200;

/// The text under a key of the key-value storage.
pub async fn text_at(state: &State, key: &str) -> Result<Option<String>> {
    // The plural form gives the runtime's own value, without a detour over serde.
    let found = state.storage().get_multiple(vec![key]).await?;
    Ok(found.get(&key.into()).as_string())
}

/// The rows of one object.
pub struct Rows {
    state: Rc<State>,
    /// When the alarm is due, in seconds since 1970; 0: not known yet.
    alarm: Cell<u64>,
    store: Store,
}

enum Store {
    Table(Table),
    KeyValue(KeyValue),
}

impl Rows {
    /// Rows in a SQLite table.
    pub fn in_table(state: Rc<State>) -> Self {
        let store = Store::Table(Table::new(state.clone()));
        Self { state, alarm: Cell::new(0), store }
    }

    /// Rows in the key-value storage.
    pub fn key_value(state: Rc<State>) -> Self {
        let store = Store::KeyValue(KeyValue::new(state.clone()));
        Self { state, alarm: Cell::new(0), store }
    }

    /// Writes a row that ends at `until`, in seconds since 1970.
    pub async fn put(&self, key: &str, text: &str, until: u64) -> Result<()> {
        self.write(key, text, until).await?;
        self.wake_at(until).await
    }

    /// The same in an object that sets its alarm itself.
    pub async fn write(&self, key: &str, text: &str, until: u64) -> Result<()> {
        match &self.store {
            Store::Table(table) => table.write(key, text, until).await,
            Store::KeyValue(rows) => rows.write(key, text, until).await,
        }
    }

    /// Reads a row. One whose end has come is there until the alarm takes it.
    pub async fn get(&self, key: &str) -> Result<Option<String>> {
        Ok(self.get_with_end(key).await?.map(|(_, text)| text))
    }

    /// The same with its end, in seconds since 1970.
    pub async fn get_with_end(&self, key: &str) -> Result<Option<(u64, String)>> {
        match &self.store {
            Store::Table(table) => table.get_with_end(key).await,
            Store::KeyValue(rows) => rows.get_with_end(key).await,
        }
    }

    /// Shows keys (behind the prefix) and texts of the rows whose keys begin like this, a few at a time:
    /// all of them may be more than there is memory. Texts in pieces are not for this.
    pub async fn each(&self, prefix: &str, show: &mut dyn FnMut(&str, &str)) -> Result<()> {
        match &self.store {
            Store::Table(table) => table.each(prefix, show).await,
            Store::KeyValue(rows) => rows.each(prefix, show).await,
        }
    }

    /// How many rows have keys that begin like this.
    pub async fn count(&self, prefix: &str) -> Result<usize> {
        if let Store::Table(table) = &self.store {
            return table.count(prefix).await;
        }
        let mut count = 0_usize;
        self.each(prefix, &mut |_, _| count = count.saturating_add(1)).await?;
        Ok(count)
    }

    /// Removes rows before their end; how many of them there were.
    pub async fn remove(&self, keys: Vec<String>) -> Result<usize> {
        match &self.store {
            Store::Table(table) => table.remove(keys).await,
            Store::KeyValue(rows) => rows.remove(keys).await,
        }
    }

    /// Removes all rows, and the alarm: the storage is what it was before the first row.
    pub async fn delete_all(&self) -> Result<()> {
        if let Store::Table(table) = &self.store {
            table.dropped();
        }
        self.woken();
        self.state.storage().delete_all().await
    }

    /// Notes that the alarm went off.
    pub fn woken(&self) {
        self.alarm.set(0);
    }

    /// The alarm's work: removes the expired rows, but for those that `longer` gives
    /// a later one. Where none is left, the storage is what it was before the first.
    pub async fn clear(&self, longer: &dyn Fn(&str) -> u64) -> Result<()> {
        self.woken();
        let next = match &self.store {
            Store::Table(table) => table.clear(longer).await?,
            Store::KeyValue(rows) => rows.clear(longer).await?,
        };
        match next {
            None => self.delete_all().await,
            Some(next) => self.wake_at(next).await,
        }
    }

    /// Sees to it that the alarm goes off at `until` or before.
    async fn wake_at(&self, until: u64) -> Result<()> {
        let known = match self.alarm.get() {
            0 => self.state.storage().get_alarm().await?.map(|at| at.unsigned_abs() / 1_000),
            at => Some(at),
        };
        if known.is_some_and(|at| at <= until) {
            self.alarm.set(known.unwrap_or_default());
            return Ok(());
        }
        // Known at once, so that no later alarm is set over it while this one is on its way.
        self.alarm.set(until);
        let pause = until.saturating_sub(now_s()).saturating_add(1);
        let set = self.state.storage().set_alarm(Duration::from_secs(pause)).await;
        if set.is_err() {
            self.alarm.set(0);
        }
        set
    }
}

/// A text in pieces that end between characters.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let piece = mcp_protocol::bytes::cut_text(rest, PIECE);
        rest = rest.get(piece.len()..).unwrap_or_default();
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_make_the_whole() {
        let text = "ü".repeat(1_200_000);
        let parts: Vec<&str> = pieces(&text).collect();
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| part.len() <= PIECE));
        assert_eq!(parts.concat(), text);
        assert_eq!(pieces("").count(), 0);
    }
}
