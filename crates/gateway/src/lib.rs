//! Other MCP servers behind the same door.
//!
//! The rules, without I/O:
//!
//! - [`config`]: the settings of upstreams (`UPSTREAMS`), with all their faults.
//! - [`address`]: which URLs this server may send requests to.
//! - [`listing`]: a list of an upstream as callers see it, made by all of the rules.
//! - [`names`]: the names and URIs under which tools, prompts and resources of upstreams are listed.
//! - [`definition`], [`result`], [`request`]: what the common door rewrites in lists, answers and requests, and nothing else.
//! - [`task`]: what every door rewrites in what is said of tasks.
//! - [`filter`]: which tools are shown, and what effect they are taken to have.
//! - [`forwarded`]: the headers of a caller that an upstream gets.
//! - [`breaker`]: whether a request is sent to an upstream that failed before.
//! - [`errors`]: what callers are told when an upstream gave no result.
//! - [`hygiene`]: which definitions are left out because clients could not read them.
//! - [`description`]: descriptions and titles, before models and people read them.
//! - [`pins`]: definitions as they were seen first or approved, by digests of their [`canonical`] form; [`pin_store`] is
//!   where they are kept, and [`pin_marks`] what an isolate knows of them.
//!
//! Requests to upstreams:
//!
//! - [`connect`]: keys that persons have for upstreams.
//! - [`door`]: the upstreams that a caller may use, as one [`Remote`](mcp_server::remote::Remote).
//! - [`listen`]: what upstreams say outside of calls, for one listener.
//! - [`memory`]: what an isolate knows of upstreams: wires, lists, outcomes; [`stored`]: which are stored.
//! - [`relay`]: one request to one upstream, wherever it runs, in each combination of eras.

pub mod address;
pub mod breaker;
pub mod canonical;
pub mod config;
pub mod connect;
pub mod definition;
pub mod description;
pub mod door;
pub mod errors;
pub mod filter;
pub mod forwarded;
pub mod hygiene;
#[cfg(test)]
mod hygiene_tests;
pub mod listen;
pub mod listing;
pub mod memory;
pub mod names;
pub mod pin_marks;
pub mod pin_store;
pub mod pins;
pub mod relay;
pub mod request;
pub mod result;
pub mod stored;
pub mod task;
#[cfg(test)]
mod testing;
mod text;
