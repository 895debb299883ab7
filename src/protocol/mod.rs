//! MCP's own types and rules: pure Rust, no I/O, one file per concept.

pub mod content;
