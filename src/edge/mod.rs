//! What every request meets, in order: configuration, routes, Origin and CORS, refusals; and the
//! documents that need no session.

pub mod answer;
pub mod asked;
pub mod body;
pub mod config;
pub mod discovery;
pub mod health;
pub mod oauth;
pub mod origin;
pub mod page;
pub mod refusal;
#[cfg(test)]
mod refusal_tests;
pub mod routes;
