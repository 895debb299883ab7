//! A client of one upstream MCP server, in every era: what a gateway needs behind it.
//!
//! A caller makes an [`upstream::Upstream`], finds out its wire with [`era::handshake`], and sends requests over a
//! [`connection::Connection`] (Streamable HTTP) or a [`sse_2024::Link`] (HTTP with SSE). Each request is an
//! [`exchange::Exchange`], whose messages are pulled until its answer.
//!
//! - `body`: reads a body within its deadlines and limits, and tells media types apart.
//! - [`connection`]: an upstream with which a version is agreed; requests, notifications, answers, the end of a session.
//! - `deadline`: one timer for the time between two bytes and for the whole exchange.
//! - [`endpoint`]: where an upstream is: address, credential, deadlines, limits.
//! - [`era`]: which wire an upstream speaks, decided by what came back.
//! - [`error`]: why there is no result, whether the request may have run, and what a repeat needs.
//! - [`exchange`]: one request and everything that comes until its answer, with the resumption of its stream.
//! - [`headers`]: the headers of a hop, and the trail by which a loop is found.
//! - [`listener`]: the stream of a session for what belongs to no request.
//! - [`lists`]: lists with all their pages, and warnings for what is left out.
//! - [`message`]: the messages that an upstream sends, and which of them are wrong.
//! - `open_questions`: the questions of an upstream that have no answer yet, while which no deadline passes.
//! - `opening`: the beginning of an exchange: its request is sent, and its answer told apart.
//! - [`params`]: parameters with the `_meta` of a hop, every other byte kept.
//! - [`reader`]: server-sent events out of chunks.
//! - `redirect`: the one redirect that is followed.
//! - `refusal`: answers with a status other than 200.
//! - [`request`]: a request before it is put into a wire, and the client as upstreams see it.
//! - [`session`]: the handshake and the ids of sessions.
//! - [`sse_2024`]: HTTP with SSE, 2024-11-05.
//! - [`stateless`]: discovery and the kinds of results, 2026-07-28.
//! - [`upstream`]: sends requests to one upstream, and nothing of a caller's but what the body says.
//!
//! Invariant: JSON of an upstream is passed on as the text that it was, and a request that may have run is never sent again
//! from here.

mod body;
pub mod connection;
mod deadline;
pub mod endpoint;
pub mod era;
pub mod error;
pub mod exchange;
pub mod headers;
pub mod listener;
pub mod lists;
pub mod message;
mod open_questions;
mod opening;
pub mod params;
pub mod reader;
mod redirect;
mod refusal;
pub mod request;
pub mod session;
pub mod sse_2024;
pub mod stateless;
pub mod upstream;

#[cfg(test)]
mod connection_tests;
#[cfg(test)]
mod deadline_tests;
#[cfg(test)]
mod era_tests;
#[cfg(test)]
mod exchange_tests;
#[cfg(test)]
mod lists_tests;
#[cfg(test)]
mod sse_2024_tests;
#[cfg(test)]
mod testing;
