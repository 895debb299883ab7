//! What an MCP server does in every era: the context of a call, the registry of tools, dispatch.

pub mod apart;
pub mod ask;
pub mod changes;
pub mod choice;
pub mod context;
pub mod dispatch;
pub(crate) mod expected;
pub mod input;
pub mod listing;
pub mod long;
pub mod notify;
pub mod params;
pub mod platform;
pub mod registry;
pub mod rounds;
pub mod shelf;
mod shrink;
pub mod size;
pub mod tasks;
pub mod work;

#[cfg(test)]
mod leaving_tests;
