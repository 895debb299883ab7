//! HTTP as the runtime has it, one crossing for each request and each answer.
//!
//! `worker`'s own types ask and tell piece by piece, and each piece is a call into JavaScript and a
//! string, which for a small message is much of all it costs.

mod body;
mod lines;
mod outgoing;
mod request;

pub use lines::Lines;
pub use outgoing::{Outgoing, Response, copy, empty, text, upgraded};
pub use request::Request;
