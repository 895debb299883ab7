//! Rows in a SQLite table.
//!
//! Version 0.1.0 kept all rows in the key-value storage. They move into the table in one pass at the
//! first use of the object; its alarm stays set. A row of the same key that is in the table then is from before a
//! rollback to 0.1.0, and is replaced: until all rows are moved, nothing is written to the table but what moves.

use std::{cell::Cell, rc::Rc};

use worker::{ListOptions, Result, SqlStorageValue, State};

use super::{
    kv::{AT_ONCE, Row, each, row_key},
    pieces,
};
use crate::platform::clock::now_s;

/// The table of the rows. A long text has further pieces, each in a row of its own, whose number the first one
/// knows. `expires` is in seconds since 1970.
///
/// There is no index by `expires`, and no hidden row number: each would be written with every row, and rows
/// written cost a thousand times what rows read cost. An object has few rows.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS rows (key TEXT NOT NULL, piece INTEGER NOT NULL, \
                     expires INTEGER NOT NULL, more INTEGER NOT NULL, value TEXT NOT NULL, \
                     PRIMARY KEY (key, piece)) WITHOUT ROWID";
const IS_THERE: &str = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'rows'";
const PUT: &str =
    "INSERT OR REPLACE INTO rows (key, piece, expires, more, value) VALUES (?, ?, ?, ?, ?)";
const GET: &str = "SELECT piece, expires, more, value FROM rows WHERE key = ? ORDER BY piece";
const EACH: &str =
    "SELECT key, value FROM rows WHERE key >= ? AND key < ? AND piece = 0 ORDER BY key";
const COUNT: &str = "SELECT count(*) FROM rows WHERE key >= ? AND key < ? AND piece = 0";
const REMOVE: &str =
    "DELETE FROM rows WHERE key IN (SELECT value FROM json_each(?)) RETURNING piece";
const OVER: &str = "SELECT DISTINCT key FROM rows WHERE expires <= ?";
const NEXT: &str = "SELECT min(expires) FROM rows WHERE expires > ?";
const CLEAR: &str =
    "DELETE FROM rows WHERE expires <= ? AND key NOT IN (SELECT value FROM json_each(?))";

/// The largest whole number that JavaScript counts exactly.
const MAX_NUMBER: i64 = (1 << 53) - 1;

/// The rows of one object.
pub(super) struct Table {
    state: Rc<State>,
    /// Whether the table is there, once that is known.
    is_made: Cell<Option<bool>>,
    /// Nothing is left in the key-value storage.
    moved: Cell<bool>,
}

/// A text that is put together from the rows under one key, in their order. Some of them may be left of a longer
/// text that was there before.
#[derive(Default)]
struct Pieces {
    text: String,
    until: u64,
    /// How many pieces there are behind the first one.
    more: u64,
    /// The next piece.
    next: u64,
}

impl Pieces {
    fn add(&mut self, piece: u64, until: u64, more: u64, text: &str) {
        if piece != self.next || (piece > 0 && piece > self.more) {
            return;
        }
        if piece == 0 {
            (self.until, self.more) = (until, more);
        }
        self.text.push_str(text);
        self.next = self.next.saturating_add(1);
    }

    /// The whole with its end. None: a piece is missing.
    fn end(self) -> Option<(u64, String)> {
        (self.next > self.more).then_some((self.until, self.text))
    }
}

impl Table {
    pub(super) fn new(state: Rc<State>) -> Self {
        Self { state, is_made: Cell::new(None), moved: Cell::new(false) }
    }

    pub(super) async fn write(&self, key: &str, text: &str, until: u64) -> Result<()> {
        self.move_old().await?;
        self.make_table()?;
        let mut pieces: Vec<&str> = pieces(text).collect();
        if pieces.is_empty() {
            pieces.push("");
        }
        let last = pieces.len().saturating_sub(1);
        for (piece, text) in pieces.into_iter().enumerate() {
            let more = if piece == 0 { last } else { 0 };
            self.insert((key, piece), until, more, text)?;
        }
        Ok(())
    }

    pub(super) async fn get_with_end(&self, key: &str) -> Result<Option<(u64, String)>> {
        self.move_old().await?;
        let mut whole = Pieces::default();
        self.read(GET, vec![key.into()], &mut |row| {
            let numbers = [number(row, 0), number(row, 1), number(row, 2)];
            if let ([Some(piece), Some(until), Some(more)], Some(text)) = (numbers, text(row, 3)) {
                whole.add(piece, until, more, text);
            }
        })?;
        Ok(whole.end())
    }

    pub(super) async fn each(&self, prefix: &str, show: &mut dyn FnMut(&str, &str)) -> Result<()> {
        self.move_old().await?;
        self.read(EACH, range(prefix), &mut |row| {
            if let (Some(key), Some(text)) = (text(row, 0), text(row, 1)) {
                show(key.strip_prefix(prefix).unwrap_or_default(), text);
            }
        })
    }

    pub(super) async fn count(&self, prefix: &str) -> Result<usize> {
        self.move_old().await?;
        let count = self.number(COUNT, range(prefix))?;
        Ok(count.and_then(|count| usize::try_from(count).ok()).unwrap_or_default())
    }

    pub(super) async fn remove(&self, keys: Vec<String>) -> Result<usize> {
        self.move_old().await?;
        let mut removed = 0_usize;
        if !keys.is_empty() {
            self.read(REMOVE, vec![array(&keys)], &mut |row| {
                removed = removed.saturating_add(usize::from(number(row, 0) == Some(0)));
            })?;
        }
        Ok(removed)
    }

    /// Notes that the whole storage is about to be removed. A row that is written while that is awaited
    /// finds no table, and makes one.
    pub(super) fn dropped(&self) {
        self.is_made.set(None);
    }

    /// Removes the rows whose end has come; when the next one comes. Where none is left, nothing is
    /// removed, and nothing is waited for before the caller has the answer.
    pub(super) async fn clear(&self, longer: &dyn Fn(&str) -> u64) -> Result<Option<u64>> {
        self.move_old().await?;
        // Nothing is waited for between here and the removal.
        let now = now_s();
        let (mut kept, mut next): (Vec<String>, Option<u64>) = (Vec::new(), None);
        self.read(OVER, vec![sql_number(now)], &mut |row| {
            let Some(key) = text(row, 0) else { return };
            let until = longer(key);
            if until > now {
                kept.push(key.to_owned());
                next = Some(next.map_or(until, |next| next.min(until)));
            }
        })?;
        let later = self.number(NEXT, vec![sql_number(now)])?;
        let next = next.into_iter().chain(later).min();
        if next.is_some() {
            self.read(CLEAR, vec![sql_number(now), array(&kept)], &mut |_| {})?;
        }
        Ok(next)
    }

    /// Moves what version 0.1.0 kept into the table, the first time.
    async fn move_old(&self) -> Result<()> {
        while !self.moved.get() {
            let some = ListOptions::new().limit(AT_ONCE);
            let entries = self.state.storage().list_with_options(some).await?;
            // Another request may have come to the end meanwhile, and rows may have changed since.
            if self.moved.get() {
                break;
            }
            self.moved.set(entries.size() == 0);
            let mut keys = Vec::new();
            let mut moved = Ok(());
            each(&entries, &mut |key, stored| {
                if moved.is_ok() {
                    moved = self.move_row(&key, stored);
                    keys.push(key);
                }
            });
            moved?;
            if !keys.is_empty() {
                let keys = keys.iter().map(String::as_str).collect();
                self.state.storage().delete_multiple(keys).await?;
            }
        }
        Ok(())
    }

    /// A row that cannot be read counts as expired.
    fn move_row(&self, key: &str, stored: &str) -> Result<()> {
        let Some(row) = Row::read(stored) else {
            return Ok(());
        };
        self.make_table()?;
        self.insert(row_key(key), row.until, row.more, row.text)
    }

    fn make_table(&self) -> Result<()> {
        if self.is_made.get() != Some(true) {
            self.state.storage().sql().exec(TABLE, None)?;
            self.is_made.set(Some(true));
        }
        Ok(())
    }

    fn insert(
        &self,
        (key, piece): (&str, usize),
        until: u64,
        more: usize,
        text: &str,
    ) -> Result<()> {
        let number = |number: usize| sql_number(u64::try_from(number).unwrap_or(u64::MAX));
        let values = vec![key.into(), number(piece), sql_number(until), number(more), text.into()];
        self.state.storage().sql().exec(PUT, values).map(drop)
    }

    /// Carries out a statement, and shows the rows that it gives. Without a table there is none.
    fn read(
        &self,
        sql: &str,
        values: Vec<SqlStorageValue>,
        show: &mut dyn FnMut(&[SqlStorageValue]),
    ) -> Result<()> {
        let storage = self.state.storage().sql();
        if self.is_made.get().is_none() {
            // Of the cursor's ways only this one gives the runtime's exceptions as errors.
            let found = storage.exec(IS_THERE, None)?.raw().next().transpose()?;
            self.is_made.set(Some(found.is_some()));
        }
        if self.is_made.get() == Some(true) {
            for row in storage.exec(sql, values)?.raw() {
                show(&row?);
            }
        }
        Ok(())
    }

    /// The one number that a statement gives.
    fn number(&self, sql: &str, values: Vec<SqlStorageValue>) -> Result<Option<u64>> {
        let mut found = None;
        self.read(sql, values, &mut |row| found = number(row, 0))?;
        Ok(found)
    }
}

/// From the first key with a prefix to behind the last one.
fn range(prefix: &str) -> Vec<SqlStorageValue> {
    vec![prefix.into(), format!("{prefix}{}", char::MAX).into()]
}

/// Keys as a JSON array.
fn array(keys: &[String]) -> SqlStorageValue {
    serde_json::to_string(keys).unwrap_or_default().into()
}

fn sql_number(number: u64) -> SqlStorageValue {
    SqlStorageValue::Integer(i64::try_from(number).unwrap_or(MAX_NUMBER).min(MAX_NUMBER))
}

fn number(row: &[SqlStorageValue], column: usize) -> Option<u64> {
    match row.get(column)? {
        SqlStorageValue::Integer(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}

fn text(row: &[SqlStorageValue], column: usize) -> Option<&str> {
    match row.get(column)? {
        SqlStorageValue::String(text) => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_put_together_from_its_own_pieces_alone() {
        let whole = |rows: &[(u64, u64, &str)]| {
            let mut pieces = Pieces::default();
            rows.iter().for_each(|(piece, more, text)| pieces.add(*piece, 7, *more, text));
            pieces.end()
        };
        let text = |text: &str| Some((7, text.to_owned()));
        assert_eq!(whole(&[(0, 0, "")]), text(""));
        assert_eq!(whole(&[(0, 2, "a"), (1, 0, "b"), (2, 0, "c")]), text("abc"));
        assert_eq!(whole(&[(0, 0, "a"), (1, 0, "of another")]), text("a"));
        assert_eq!(whole(&[(0, 1, "a"), (1, 0, "b"), (2, 0, "of another")]), text("ab"));
        for missing in [&[][..], &[(1, 0, "b")], &[(0, 2, "a"), (2, 0, "c")], &[(0, 1, "a")]] {
            assert_eq!(whole(missing), None, "{missing:?}");
        }
    }
}
