//! Other MCP servers behind the same door: the rules, without I/O.
//!
//! - [`address`]: which URLs this server may send requests to.

pub mod address;
