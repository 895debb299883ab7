//! MCP's own types and rules: pure Rust, no I/O, one file per concept.

pub mod bytes;
pub mod capabilities;
pub mod content;
pub mod event;
pub mod initialize;
pub mod jsonrpc;
pub mod log_level;
pub mod session_id;
pub mod version;
