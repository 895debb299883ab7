//! The rows that an object keeps: each has an end, and one alarm clears what is over.
//!
//! Invariant: no row without an end, no alarm without a row. An object that never wrote one costs
//! nothing while it sleeps.

use std::{cell::Cell, time::Duration};

use worker::{Result, State};

use crate::{runtime::machine::Machine, server::platform::Platform as _};

/// Bytes of one row's text; a row may have 2 MB.
const PIECE: usize = 1_000_000;

/// The rows of one object.
pub struct Rows {
    state: std::rc::Rc<State>,
    /// When the alarm is due, in seconds since 1970; 0: not known yet.
    alarm: Cell<u64>,
}

/// A row as it is stored: one text, because that is the smallest thing the runtime keeps.
///
/// ```text
/// until (seconds since 1970) , number of further rows with the rest of the text ; text
/// ```
struct Row<'a> {
    until: u64,
    more: usize,
    text: &'a str,
}

impl<'a> Row<'a> {
    fn to_stored(&self) -> String {
        format!("{},{};{}", self.until, self.more, self.text)
    }

    fn read(stored: &'a str) -> Option<Self> {
        let (head, text) = stored.split_once(';')?;
        let (until, more) = head.split_once(',')?;
        Some(Self { until: until.parse().ok()?, more: more.parse().ok()?, text })
    }
}

/// What the alarm found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The row's key.
    pub key: String,
    /// Its end, in seconds since 1970.
    pub until: u64,
}

impl Rows {
    /// The rows behind this state.
    pub fn new(state: std::rc::Rc<State>) -> Self {
        Self { state, alarm: Cell::new(0) }
    }

    /// Writes a row that ends at `until`, in seconds since 1970.
    pub async fn put(&self, key: &str, text: &str, until: u64) -> Result<()> {
        self.write(key, text, until).await?;
        self.wake_at(until).await
    }

    /// The same in an object that sets its alarm itself.
    pub async fn write(&self, key: &str, text: &str, until: u64) -> Result<()> {
        let mut pieces = pieces(text);
        let first = pieces.next().unwrap_or_default();
        let rest: Vec<&str> = pieces.collect();
        for (number, text) in rest.iter().enumerate() {
            let row = Row { until, more: 0, text };
            self.state.storage().put(&piece_key(key, number), row.to_stored()).await?;
        }
        let row = Row { until, more: rest.len(), text: first };
        self.state.storage().put(key, row.to_stored()).await
    }

    /// Reads a row whose end has not come.
    pub async fn get(&self, key: &str) -> Result<Option<String>> {
        let Some(stored) = self.state.storage().get::<String>(key).await? else {
            return Ok(None);
        };
        let Some(row) = Row::read(&stored).filter(|row| row.until > now_s()) else {
            return Ok(None);
        };
        let mut text = row.text.to_owned();
        for number in 0..row.more {
            let piece = self.state.storage().get::<String>(&piece_key(key, number)).await?;
            match piece.as_deref().and_then(Row::read) {
                Some(piece) => text.push_str(piece.text),
                None => return Ok(None),
            }
        }
        Ok(Some(text))
    }

    /// Everything that is kept.
    pub async fn all(&self) -> Result<Vec<Found>> {
        let entries = self.state.storage().list().await?;
        let mut found = Vec::new();
        entries.for_each(&mut |value, key| {
            let stored = value.as_string().unwrap_or_default();
            // What cannot be read is over.
            let until = Row::read(&stored).map_or(0, |row| row.until);
            if let Some(key) = key.as_string() {
                found.push(Found { key, until });
            }
        });
        Ok(found)
    }

    /// Removes rows; where none is left, the storage is what it was before the first.
    pub async fn remove(&self, over: Vec<String>, next: Option<u64>) -> Result<()> {
        match next {
            None => self.state.storage().delete_all().await,
            Some(next) => {
                self.state.storage().delete_multiple(over).await?;
                self.wake_at(next).await
            }
        }
    }

    /// Notes that the alarm went off.
    pub fn woken(&self) {
        self.alarm.set(0);
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
        self.alarm.set(until);
        let pause = until.saturating_sub(now_s()).saturating_add(1);
        self.state.storage().set_alarm(Duration::from_secs(pause)).await
    }
}

/// The time, in seconds since 1970.
pub fn now_s() -> u64 {
    Machine.now_ms() / 1_000
}

fn piece_key(key: &str, number: usize) -> String {
    format!("{key}/{number}")
}

/// A text in pieces that end between characters.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let piece = crate::protocol::bytes::cut_text(rest, PIECE);
        rest = rest.get(piece.len()..).unwrap_or_default();
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let stored = Row { until: 7, more: 2, text: "a;b,c" }.to_stored();
        let row = Row::read(&stored).unwrap();
        assert_eq!((row.until, row.more, row.text), (7, 2, "a;b,c"));
        assert!(Row::read("nothing").is_none());
    }

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
