//! The wires: one file for each way in which messages reach the server.

pub mod forward;
pub mod held;
pub mod media;
pub mod streamable;
pub mod watchdog;
