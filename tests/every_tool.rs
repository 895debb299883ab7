//! Every tool that the server offers, through a session and against the sandbox: what is sent, what
//! is refused, and what becomes of SiteBay's answers.

mod answers;
mod odd;
mod refusals;
mod requests;
pub mod row;
pub mod rows;
mod schema;
mod secrets;
pub mod setup;
mod wrong;
