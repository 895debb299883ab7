//! Logs of devices: from what a server's process writes to objects in R2 and back. The agent uses it on the device, the Worker in the
//! device's object. Nothing here reads a clock, a file or a network.
//!
//! | module | content |
//! |---|---|
//! | [`split`], [`text`], [`intake`] | lines: cut, cleaned, counted |
//! | [`redact`] | secrets are taken out; the Worker uses it once more for what it receives |
//! | [`buffer`], [`capture`] | what waits in memory, and the whole way on the device |
//! | [`record`], [`sequence`] | one line with its number |
//! | [`batch`], [`gzip`], [`outbox`] | what travels at a time, and what is not acknowledged yet |
//! | [`row`], [`compact`] | in the device's object: a batch becomes a row, and rows become an object in R2 |
//! | [`key`], [`index`], [`search`] | the objects in R2: their keys and retention, which of them are read, and what is found in them |
//!
//! Invariant: a line is in the log, or counted in a mark that is in the log.

#![cfg_attr(
    test,
    allow(clippy::arithmetic_side_effects, reason = "the numbers of a test are small")
)]

pub mod batch;
pub mod buffer;
pub mod capture;
pub mod compact;
pub mod gzip;
pub mod index;
pub mod intake;
pub mod key;
pub mod outbox;
pub mod record;
pub mod redact;
pub mod row;
pub mod search;
pub mod sequence;
pub mod split;
pub mod text;
