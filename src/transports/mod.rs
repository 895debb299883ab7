//! The wires, one file for each way in which messages reach the server: [`streamable`] (sessions, and the first look at
//! every `POST /mcp`), [`stateless`] (2026-07-28) and [`sse`] (2024-11-05).
//!
//! [`endpoint`] has what all of them need of an admitted caller; [`held`], [`waiting`], [`watchdog`] and `whole` are
//! about event streams.

pub mod endpoint;
pub mod held;
mod listen;
pub mod sessions;
pub mod sse;
pub mod stateless;
pub mod streamable;
pub mod waiting;
pub mod watchdog;
mod whole;
