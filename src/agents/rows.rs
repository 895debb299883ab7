//! The rows that an object keeps: each has an end, and one alarm clears what is over.
//!
//! Invariant: no row without an end, no alarm without a row. An object that never wrote one costs
//! nothing while it sleeps.

use std::{cell::Cell, time::Duration};

use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
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

#[derive(Serialize, Deserialize)]
struct Row {
    /// Seconds since 1970. A float, because that is what JavaScript has.
    until: f64,
    text: String,
    /// How many further rows hold the rest of the text.
    more: u32,
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
        let mut pieces = pieces(text);
        let first = pieces.next().unwrap_or_default();
        let rest: Vec<&str> = pieces.collect();
        #[expect(clippy::cast_precision_loss, reason = "seconds fit a float")]
        let until_f = until as f64;
        let row = |text: &str, more: usize| Row {
            until: until_f,
            text: text.to_owned(),
            more: u32::try_from(more).unwrap_or(u32::MAX),
        };
        for (number, piece) in rest.iter().enumerate() {
            self.state.storage().put(&piece_key(key, number), row(piece, 0)).await?;
        }
        self.state.storage().put(key, row(first, rest.len())).await?;
        self.wake_at(until).await
    }

    /// Reads a row whose end has not come.
    pub async fn get(&self, key: &str) -> Result<Option<String>> {
        let Some(row) = self.state.storage().get::<Row>(key).await? else {
            return Ok(None);
        };
        if row.until <= seconds_f() {
            return Ok(None);
        }
        let mut text = row.text;
        for number in 0..usize::try_from(row.more).unwrap_or(0) {
            match self.state.storage().get::<Row>(&piece_key(key, number)).await? {
                Some(piece) => text.push_str(&piece.text),
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
            let until = js_sys::Reflect::get(&value, &JsValue::from_str("until"));
            let until = until.ok().and_then(|until| until.as_f64()).unwrap_or_default();
            #[expect(clippy::cast_possible_truncation, reason = "seconds fit")]
            #[expect(clippy::cast_sign_loss, reason = "seconds are positive")]
            let until = until as u64;
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

#[expect(clippy::cast_precision_loss, reason = "seconds fit a float")]
fn seconds_f() -> f64 {
    now_s() as f64
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
    fn pieces_make_the_whole() {
        let text = "ü".repeat(1_200_000);
        let parts: Vec<&str> = pieces(&text).collect();
        assert_eq!(parts.len(), 3);
        assert!(parts.iter().all(|part| part.len() <= PIECE));
        assert_eq!(parts.concat(), text);
        assert_eq!(pieces("").count(), 0);
    }
}
