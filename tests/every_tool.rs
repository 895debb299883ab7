//! Every tool that the server offers, through a session and against the sandbox: what is sent, what
//! is refused, and what becomes of SiteBay's answers.

mod refusals;
mod requests;
mod row;
mod rows;
mod setup;
mod wrong;
