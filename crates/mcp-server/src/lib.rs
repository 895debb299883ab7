//! An MCP server without its transports and without its machine.
//!
//! A message of a session enters at [`session::serve`], a request of 2026-07-28 at [`dispatch::dispatch`], to which the
//! other leads too: it carries out `tools/call` and the other methods. [`call`] runs a call and streams its answer;
//! [`toolset`] and [`registry`] are the tools, [`context`] is what a tool sees. [`mrtr`], [`task_call`] and [`task`] are the
//! ways in which a call goes on later.

pub mod arguments;
pub mod changes;
pub mod client_request;
pub mod cold;
pub mod context;
pub mod dispatch;
pub mod execution;
pub mod mrtr;
pub mod notifier;
pub mod outcome;
pub mod paged_list;
pub mod params;
pub mod registry;
pub mod relay;
pub mod remote;
pub mod result_size;
pub mod result_store;
pub mod schema_text;
pub mod stages;
pub mod task_call;
pub mod tasks;
pub mod tool_selection;
pub mod toolset;
mod truncate;
pub mod upstream_selection;

#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub mod call;
pub mod channel;
pub mod hub;
pub mod session;
pub mod task;
pub mod telemetry;
