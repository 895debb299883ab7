//! The pins of an upstream, in an object of their own.
//!
//! State: the row `PINS`, which has no end: a pin that ended by itself would have the next definition pinned unseen.
//!
//! Invariant: an answer leaves after the pins that it is about were stored.

use std::{cell::RefCell, rc::Rc};

use worker::Result;

use crate::objects::rows::Rows;
use gateway::{
    pin_store::{PinsAnswer, PinsRequest},
    pins::Pins,
};
use mcp_platform::record::Record as _;

const PINS: &str = "pins";

/// The pins, and what is known of their row.
pub(super) struct StoredPins {
    rows: Rc<Rows>,
    known: RefCell<Option<Pins>>,
}

impl StoredPins {
    /// Those in these rows.
    pub(super) fn new(rows: Rc<Rows>) -> Self {
        Self { rows, known: RefCell::default() }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// Where the row cannot be read or written.
    pub(super) async fn answer(&self, asked: PinsRequest) -> Result<PinsAnswer> {
        self.read().await?;
        let forgets = asked == PinsRequest::ForgetPins;
        // Nothing is awaited between reading the pins and changing them.
        let (answer, text) = {
            let mut known = self.known.borrow_mut();
            let pins = known.get_or_insert_default();
            let (answer, changed) = pins.answer(asked);
            (answer, changed.then(|| pins.to_json()))
        };
        let stored = match text {
            Some(_) if forgets => self.rows.delete_all().await,
            Some(text) => self.rows.write(PINS, &text, u64::MAX).await,
            None => Ok(()),
        };
        if stored.is_err() {
            self.known.replace(None);
        }
        stored.map(|()| answer)
    }

    async fn read(&self) -> Result<()> {
        if self.known.borrow().is_some() {
            return Ok(());
        }
        let row = self.rows.get(PINS).await?;
        // Another request may have read it meanwhile, and changed it.
        if self.known.borrow().is_none() {
            let pins = match &row {
                // A row that cannot be read is no reason to pin anew what may have changed.
                Some(text) => Pins::from_json(text)
                    .ok_or_else(|| worker::Error::RustError("the pins cannot be read".into()))?,
                None => Pins::default(),
            };
            self.known.replace(Some(pins));
        }
        Ok(())
    }
}
