//! MCP 2026-07-28, in which a request says everything that is needed to answer it.
//!
//! A request climbs these rungs, and the first that it misses answers it:
//!
//! 1. [`era`](crate::era): is it a request of this era at all?
//! 2. [`envelope::Envelope::open`]: version, capabilities and the rest of `params._meta`, and the
//!    header that repeats the version;
//! 3. [`method::Method::parse`]: is there such a method?
//! 4. [`params::Params`]: what the method needs;
//! 5. [`headers::check`]: `Mcp-Method` and `Mcp-Name`;
//! 6. [`error::StatelessError::unless_declared`]: can the client do what the method asks of it?
//! 7. [`param_headers::check`]: the headers that repeat arguments of a tool.
//!
//! Invariant: every failure is a [`error::StatelessError`], and only that type knows statuses
//! and codes. Source: MCP 2026-07-28 `basic/transports/streamable-http`, `basic/index`.

pub mod discover;
pub mod envelope;
#[cfg(test)]
mod envelope_tests;
pub mod error;
pub mod header_value;
pub mod headers;
pub mod listen;
#[cfg(test)]
mod listen_tests;
pub mod method;
pub mod mrtr;
pub mod param_declarations;
pub mod param_headers;
pub mod params;
pub mod request_state;
pub mod result;
#[cfg(test)]
mod testing;

/// The key in `_meta` of the version that a request is written in.
pub const META_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// The key of what the client can do.
pub const META_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// The key of who the client is.
pub const META_CLIENT: &str = "io.modelcontextprotocol/clientInfo";
/// The key of the level from which on the client wants log messages.
pub const META_LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// The key of the server in the `_meta` of results.
pub const META_SERVER: &str = "io.modelcontextprotocol/serverInfo";
/// The key of the subscription in the `_meta` of what is sent on its stream.
pub const META_SUBSCRIPTION: &str = "io.modelcontextprotocol/subscriptionId";
