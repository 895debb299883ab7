//! An MCP server without its transports and without its machine.
//!
//! A message of a session enters at [`session::serve`], a request of 2026-07-28 at [`dispatch::dispatch`], to which the
//! other leads too: it carries out `tools/call` and the other methods. [`call`] runs a call and streams its answer;
//! [`toolset`] and [`registry`] are the tools, [`context`] is what a tool sees. [`rounds`], [`long`] and [`task`] are the
//! ways in which a call goes on later.

pub mod apart;
pub mod ask;
pub mod changes;
pub mod choice;
pub mod context;
pub mod dispatch;
pub mod expected;
pub mod input;
pub mod listing;
pub mod long;
pub mod notify;
pub mod outcome;
pub mod params;
pub mod registry;
pub mod rounds;
pub mod shelf;
mod shrink;
pub mod size;
pub mod tasks;
pub mod toolset;
pub mod work;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub mod call;
pub mod channel;
pub mod hub;
pub mod session;
pub mod task;
pub mod telemetry;
