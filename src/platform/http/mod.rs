//! HTTP as the runtime has it, one crossing for each request and each answer.
//!
//! This is our own code because `worker`'s types read and write piece by piece, and each piece is a call into
//! JavaScript and a string.

mod body;
mod forward;
mod header_lines;
mod request;
mod response_builder;

pub use forward::{ForwardError, HeaderChanges, ReceivedHeaders, forward, with_changes};
pub use header_lines::HeaderLines;
pub use request::Request;
pub use response_builder::{Response, ResponseBuilder, copy, empty, text, upgraded};
