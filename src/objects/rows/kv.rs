//! Rows in the key-value storage, in the form in which version 0.1.0 wrote all rows.

use std::{cell::Cell, rc::Rc};

use js_sys::Map;
use worker::{ListOptions, Result, State};

use super::{pieces, text_at};
use crate::platform::clock::now_s;

/// Keys that the runtime deletes in one go.
const MAX_KEYS: usize = 128;
/// Rows that are read in one go: all rows of an object may be more than there is memory.
pub(super) const AT_ONCE: usize = 8;

/// The rows of one object.
pub(super) struct KeyValue {
    state: Rc<State>,
    /// How often a row was written: what was listed before the last time may be older than it.
    writes: Cell<u32>,
}

/// A row as it is stored: one text, because that is the smallest thing the runtime keeps.
///
/// ```text
/// until (seconds since 1970) , number of further rows with the rest of the text ; text
/// ```
pub(super) struct Row<'a> {
    pub(super) until: u64,
    pub(super) more: usize,
    pub(super) text: &'a str,
}

impl<'a> Row<'a> {
    fn to_stored(&self) -> String {
        format!("{},{};{}", self.until, self.more, self.text)
    }

    pub(super) fn read(stored: &'a str) -> Option<Self> {
        let (head, text) = stored.split_once(';')?;
        let (until, more) = head.split_once(',')?;
        Some(Self { until: until.parse().ok()?, more: more.parse().ok()?, text })
    }
}

impl KeyValue {
    pub(super) fn new(state: Rc<State>) -> Self {
        Self { state, writes: Cell::new(0) }
    }

    pub(super) async fn write(&self, key: &str, text: &str, until: u64) -> Result<()> {
        self.writes.set(self.writes.get().wrapping_add(1));
        let mut pieces = pieces(text);
        let first = pieces.next().unwrap_or_default();
        let rest: Vec<&str> = pieces.collect();
        for (number, text) in rest.iter().enumerate() {
            let row = Row { until, more: 0, text };
            self.state.storage().put_raw(&piece_key(key, number), row.to_stored()).await?;
        }
        let row = Row { until, more: rest.len(), text: first };
        self.state.storage().put_raw(key, row.to_stored()).await
    }

    pub(super) async fn get_with_end(&self, key: &str) -> Result<Option<(u64, String)>> {
        let Some(stored) = text_at(&self.state, key).await? else {
            return Ok(None);
        };
        let Some(row) = Row::read(&stored) else {
            return Ok(None);
        };
        let mut text = row.text.to_owned();
        for number in 0..row.more {
            let piece = text_at(&self.state, &piece_key(key, number)).await?;
            match piece.as_deref().and_then(Row::read) {
                Some(piece) => text.push_str(piece.text),
                None => return Ok(None),
            }
        }
        Ok(Some((row.until, text)))
    }

    pub(super) async fn each(&self, prefix: &str, show: &mut dyn FnMut(&str, &str)) -> Result<()> {
        let mut start = prefix.to_owned();
        loop {
            let wanted = ListOptions::new().prefix(prefix).start(&start).limit(AT_ONCE);
            let entries = self.state.storage().list_with_options(wanted).await?;
            each(&entries, &mut |key, stored| {
                let text = Row::read(stored).map_or("", |row| row.text);
                show(key.strip_prefix(prefix).unwrap_or_default(), text);
                start = format!("{key}\0");
            });
            if (entries.size() as usize) < AT_ONCE {
                return Ok(());
            }
        }
    }

    pub(super) async fn remove(&self, keys: Vec<String>) -> Result<usize> {
        let mut removed = 0_usize;
        for keys in keys.chunks(MAX_KEYS) {
            let keys = keys.iter().map(String::as_str).collect();
            let some = self.state.storage().delete_multiple(keys).await?;
            removed = removed.saturating_add(some);
        }
        Ok(removed)
    }

    /// Removes the rows whose end has come; when the next one comes. Where none is left, nothing is
    /// removed, and nothing is waited for before the caller has the answer.
    pub(super) async fn clear(&self, longer: &dyn Fn(&str) -> u64) -> Result<Option<u64>> {
        loop {
            let writes = self.writes.get();
            let (over, next) = self.over(longer).await?;
            // A row that was written meanwhile may be one of those, or be the one that is left.
            if self.writes.get() != writes {
                continue;
            }
            if next.is_some() {
                self.remove(over).await?;
            }
            return Ok(next);
        }
    }

    /// The keys of the rows whose end has come, and when the next one comes.
    async fn over(&self, longer: &dyn Fn(&str) -> u64) -> Result<(Vec<String>, Option<u64>)> {
        let now = now_s();
        let mut next: Option<u64> = None;
        let mut over = Vec::new();
        // Behind the last key that was looked at; no key is as small as the first one.
        let mut start = "\0".to_owned();
        loop {
            let wanted = ListOptions::new().start(&start).limit(AT_ONCE);
            let entries = self.state.storage().list_with_options(wanted).await?;
            each(&entries, &mut |key, stored| {
                // A row that cannot be read counts as expired.
                let until = Row::read(stored).map_or(0, |row| row.until);
                let until = if until > now { until } else { longer(&key) };
                start = format!("{key}\0");
                if until > now {
                    next = Some(next.map_or(until, |next| next.min(until)));
                } else {
                    over.push(key);
                }
            });
            if (entries.size() as usize) < AT_ONCE {
                return Ok((over, next));
            }
        }
    }
}

/// Shows keys and texts.
pub(super) fn each(entries: &Map, take: &mut dyn FnMut(String, &str)) {
    entries.for_each(&mut |value, key| {
        if let Some(key) = key.as_string() {
            take(key, &value.as_string().unwrap_or_default());
        }
    });
}

fn piece_key(key: &str, number: usize) -> String {
    format!("{key}/{number}")
}

/// The key of a stored row without the number of its piece, and that number; 0 is the first row.
pub(super) fn row_key(stored: &str) -> (&str, usize) {
    let piece = |(key, number)| Some((key, str::parse::<usize>(number).ok()?.checked_add(1)?));
    stored.rsplit_once('/').and_then(piece).unwrap_or((stored, 0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::{of_0_1_0, read_0_1_0};

    #[test]
    fn a_row_is_read_as_it_was_written() {
        let stored = Row { until: 7, more: 2, text: "a;b,c" }.to_stored();
        for stored in [of_0_1_0("row", &stored), stored] {
            let row = Row::read(&stored).unwrap();
            assert_eq!((row.until, row.more, row.text), (7, 2, "a;b,c"));
        }
        assert!(Row::read("nothing").is_none());
        assert_eq!(of_0_1_0("row-piece-key", &piece_key("answer:1", 2)), "answer:1/2");
    }

    #[test]
    fn the_key_of_a_row_says_which_piece_it_has() {
        assert_eq!(row_key("answer:a:b"), ("answer:a:b", 0));
        assert_eq!(row_key(&read_0_1_0("row-piece-key")), ("answer:1", 3));
        assert_eq!(row_key("answer:a:b/0"), ("answer:a:b", 1));
        assert_eq!(row_key("result:a:1/12"), ("result:a:1", 13));
        assert_eq!(row_key("a/b"), ("a/b", 0));
    }
}
