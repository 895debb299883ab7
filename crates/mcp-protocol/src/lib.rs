//! MCP's own types and rules: pure Rust, no I/O, one file per concept.

pub mod base64url;
pub mod bytes;
pub mod capabilities;
pub mod characters;
pub mod content;
pub mod elicitation_form;
pub mod era;
pub mod event;
pub mod fields;
pub mod implementation;
pub mod initialize;
pub mod input_request;
pub mod input_response;
pub mod jsonrpc;
pub mod list_kind;
pub mod log_level;
pub mod media;
pub mod notification;
pub mod object;
pub mod raw;
pub mod spans;
pub mod splice;
pub mod stateless;
#[cfg(test)]
pub(crate) mod testing;
pub mod uri;
pub mod version;
pub mod version_schema;
