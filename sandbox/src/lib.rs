//! A stand-in for the SiteBay REST API, for development and tests.
//!
//! It keeps teams and sites in memory, each site with its files, its database, their past and a
//! stage, answers on a loopback port with the shapes of the published contract, records what it
//! was asked, and can be made to misbehave. Nothing leaves the process, so no test needs an
//! account, a key or the network.
//!
//! Changes persist: an edit is seen by the shell, the browser and the WordPress
//! proxy, and a restore or a checkpoint takes it back. Work that the service takes a while for
//! keeps a site busy for [`Options::working_for`], or until [`Sandbox::finish`].
//!
//! Tests in another process steer it with `POST /__control/fault`, `reset`, `generation` and
//! `finish`, and look at `GET /__control/requests`, `state` and `routes`.
//!
//! Where the contract is silent (error texts, what a proxy answers, the busy rules' exact
//! bounds) the choice made is said in the module that makes it.

#![warn(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects
)]

mod answer;
mod api;
mod ask;
mod auth;
mod call;
mod check;
mod clock;
mod control;
mod data;
mod fault;
mod form;
mod json;
mod options;
mod paging;
mod record;
mod reply;
mod route;
mod server;
mod shared;

pub use fault::Fault;
pub use options::{Generation, Options};
pub use record::Recorded;
pub use server::Sandbox;
