//! The wires: one file for each way in which messages reach the server.

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
