//! What an MCP server does in every era: the context of a call, the registry of tools, dispatch.

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
