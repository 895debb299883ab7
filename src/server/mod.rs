//! What an MCP server does in every era: the context of a call, the registry of tools, dispatch.

pub mod context;
pub mod dispatch;
pub mod notify;
pub mod platform;
pub mod registry;
