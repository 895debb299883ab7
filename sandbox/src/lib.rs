//! Stand-ins for the APIs behind this server, for development and tests: SiteBay's
//! ([`Sandbox`]), Keboola's ([`keboola::Keboola`]) and Cloudflare's ([`cloudflare::Cloudflare`]); and for what
//! a Worker has bound ([`bindings::Bindings`]).
//!
//! Each keeps its data in memory, answers on a loopback port with the shapes of the published
//! contract, records what it was asked, and can be made to misbehave. Nothing leaves the process,
//! so no test needs an account, a key or the network.
//!
//! Tests in another process steer a stand-in with `POST /__control/fault` and `reset`, and look
//! at `GET /__control/requests`. SiteBay's also has `generation`, `finish`, `state` and `routes`;
//! Keboola's has `clock`, `finish`, `job`, `query` and `state`; Cloudflare's has `clock`, `workflow`,
//! `points`, `numbers`, `sql`, `dump`, `state` and `routes`; that for bindings `clock`, `sql`, `dump`, `value`,
//! `points` and `state`.

#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

pub mod bindings;
pub mod cloudflare;
mod engine;
pub mod keboola;
mod sitebay;

pub use engine::fault::Fault;
pub use engine::record::Recorded;
pub use sitebay::{Generation, Options, Sandbox};
