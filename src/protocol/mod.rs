//! MCP's own types and rules: pure Rust, no I/O, one file per concept.

pub mod bytes;
pub mod capabilities;
pub mod content;
pub mod event;
pub mod initialize;
pub mod jsonrpc;
pub mod level;
pub mod question;
pub mod session_id;
pub mod version;
