//! The wires, one file for each way in which messages reach the server: [`streamable`] (sessions, and the first look at
//! every `POST /mcp`), [`stateless`] (2026-07-28, with `tasks` for those who follow them) and [`sse`] (2024-11-05).
//!
//! [`endpoint`] has what all of them need of an admitted caller; [`sse_stream`], [`send_queue`], [`watchdog`] and `single_response` are
//! about event streams; `behind` is about those of upstreams.

mod behind;
pub mod endpoint;
mod listen;
mod preliminary;
pub mod send_queue;
pub mod sessions;
mod single_response;
pub mod sse;
pub mod sse_stream;
pub mod stateless;
pub mod streamable;
mod tasks;
pub mod watchdog;
