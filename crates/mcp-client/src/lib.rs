//! A client of one upstream MCP server, in every era.

pub mod endpoint;
pub mod era;
pub mod error;
pub mod message;
pub mod session;
