//! The rows that an object keeps: each has an end, and one alarm clears what is over.
//!
//! Invariant: no row without an end, no alarm without a row. An object that never wrote one costs
//! nothing while it sleeps.

use std::{cell::Cell, time::Duration};

use crate::platform::clock::now_s;
use js_sys::Map;
use worker::{ListOptions, Result, State};

/// Bytes of one row's text; a row may have 2 MB.
const PIECE: usize = 1_000_000;
/// Keys that the runtime deletes in one go.
const MAX_KEYS: usize = 128;
/// Rows of any length that are looked at in one go: all of an object's may be more than there is
/// memory.
pub const AT_ONCE: usize = 8;
/// The same of rows that are a short line each.
pub const LINES_AT_ONCE: usize = 256;

/// The text under a key.
pub async fn text_at(state: &State, key: &str) -> Result<Option<String>> {
    // The plural form gives the runtime's own value, without a detour over serde.
    let found = state.storage().get_multiple(vec![key]).await?;
    Ok(found.get(&key.into()).as_string())
}

/// The rows of one object.
pub struct Rows {
    state: std::rc::Rc<State>,
    /// When the alarm is due, in seconds since 1970; 0: not known yet.
    alarm: Cell<u64>,
    /// How often a row was written: what was listed before the last time may be older than it.
    writes: Cell<u32>,
}

/// A row as it is stored: one text, because that is the smallest thing the runtime keeps.
///
/// ```text
/// until (seconds since 1970) , number of further rows with the rest of the text ; text
/// ```
pub(crate) struct Row<'a> {
    pub(crate) until: u64,
    pub(crate) more: usize,
    pub(crate) text: &'a str,
}

impl<'a> Row<'a> {
    pub(crate) fn to_stored(&self) -> String {
        format!("{},{};{}", self.until, self.more, self.text)
    }

    pub(crate) fn read(stored: &'a str) -> Option<Self> {
        let (head, text) = stored.split_once(';')?;
        let (until, more) = head.split_once(',')?;
        Some(Self { until: until.parse().ok()?, more: more.parse().ok()?, text })
    }
}

impl Rows {
    /// The rows behind this state.
    pub fn new(state: std::rc::Rc<State>) -> Self {
        Self { state, alarm: Cell::new(0), writes: Cell::new(0) }
    }

    /// Writes a row that ends at `until`, in seconds since 1970.
    pub async fn put(&self, key: &str, text: &str, until: u64) -> Result<()> {
        self.write(key, text, until).await?;
        self.wake_at(until).await
    }

    /// The same in an object that sets its alarm itself.
    pub async fn write(&self, key: &str, text: &str, until: u64) -> Result<()> {
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

    /// Reads a row. One whose end has come is there until the alarm takes it.
    pub async fn get(&self, key: &str) -> Result<Option<String>> {
        Ok(self.get_with_end(key).await?.map(|(_, text)| text))
    }

    /// The same with its end, in seconds since 1970.
    pub async fn get_with_end(&self, key: &str) -> Result<Option<(u64, String)>> {
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

    /// Shows keys (behind the prefix) and texts of the rows whose keys begin like this, so many at a
    /// time: all of them may be more than there is memory. Texts in pieces are not for this.
    pub async fn each(
        &self,
        prefix: &str,
        at_once: usize,
        show: &mut dyn FnMut(&str, &str),
    ) -> Result<()> {
        let mut start = prefix.to_owned();
        loop {
            let wanted = ListOptions::new().prefix(prefix).start(&start).limit(at_once);
            let entries = self.state.storage().list_with_options(wanted).await?;
            each(&entries, &mut |key, stored| {
                let text = Row::read(stored).map_or("", |row| row.text);
                show(key.strip_prefix(prefix).unwrap_or_default(), text);
                start = format!("{key}\0");
            });
            if (entries.size() as usize) < at_once {
                return Ok(());
            }
        }
    }

    /// How many rows have keys that begin like this. For rows of a line.
    pub async fn count(&self, prefix: &str) -> Result<usize> {
        let mut count = 0_usize;
        self.each(prefix, LINES_AT_ONCE, &mut |_, _| count = count.saturating_add(1)).await?;
        Ok(count)
    }

    /// Removes rows before their end; how many of them there were.
    pub async fn remove(&self, keys: Vec<String>) -> Result<usize> {
        let mut removed = 0_usize;
        for keys in keys.chunks(MAX_KEYS) {
            let keys = keys.iter().map(String::as_str).collect();
            let some = self.state.storage().delete_multiple(keys).await?;
            removed = removed.saturating_add(some);
        }
        Ok(removed)
    }

    /// Notes that the alarm went off.
    pub fn woken(&self) {
        self.alarm.set(0);
    }

    /// What the alarm does: removes the rows whose end has come, but for those that `longer` gives
    /// a later one. Where none is left, the storage is what it was before the first.
    pub async fn clear(&self, longer: &dyn Fn(&str) -> u64) -> Result<()> {
        self.woken();
        loop {
            let writes = self.writes.get();
            let (over, next) = self.over(longer).await?;
            // A row that was written meanwhile may be one of those, or be the one that is left.
            if self.writes.get() != writes {
                continue;
            }
            return match next {
                None => self.state.storage().delete_all().await,
                Some(next) => {
                    self.remove(over).await?;
                    self.wake_at(next).await
                }
            };
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
                // What cannot be read is over.
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

fn each(entries: &Map, take: &mut dyn FnMut(String, &str)) {
    entries.for_each(&mut |value, key| {
        if let Some(key) = key.as_string() {
            take(key, &value.as_string().unwrap_or_default());
        }
    });
}

/// A clock may be corrected by so many seconds: for so long a row that stands for "used" or "ended"
/// is kept behind the end of what it is about, which would be good again.
pub const CLOCK_ERROR: u64 = 7_200;

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
        let piece = mcp_protocol::bytes::cut_text(rest, PIECE);
        rest = rest.get(piece.len()..).unwrap_or_default();
        Some(piece)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use test_support::stored::of_0_1_0;

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
    fn pieces_make_the_whole() {
        let text = "ü".repeat(1_200_000);
        let parts: Vec<&str> = pieces(&text).collect();
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| part.len() <= PIECE));
        assert_eq!(parts.concat(), text);
        assert_eq!(pieces("").count(), 0);
    }
}
