//! HTTP as the runtime has it, one crossing for each request and each answer.
//!
//! This is our own code because `worker`'s types read and write piece by piece, and each piece is a call into
//! JavaScript and a string.

mod body;
mod lines;
mod outgoing;
mod request;

pub use lines::Lines;
pub use outgoing::{Outgoing, Response, copy, empty, text, upgraded};
pub use request::Request;
