//! Other MCP servers behind the same door: the rules, without I/O.
//!
//! - [`address`]: which URLs this server may send requests to.
//! - [`names`]: the names and URIs under which tools, prompts and resources of upstreams are listed.

pub mod address;
pub mod names;
