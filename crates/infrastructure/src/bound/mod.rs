//! The ways by binding: what the tools ask of a D1 database, an R2 bucket or a Workflow that is bound to this server, in the place of
//! Cloudflare's REST API. They need no token.
//!
//! Invariants:
//! - Only a binding that the manifest names for a resource is asked, and only in the stage to which this server is bound.
//! - A statement runs only after the engine's own plan of it showed that it reads: no token guards here.
//! - What is asked is sent once.

mod ask;
mod database;
mod objects;
#[cfg(test)]
mod tests;
mod way;
mod workflows;

pub use ask::Ask;

pub(crate) use database::query;
pub(crate) use objects::object_page;
pub(crate) use way::{First, Way};
pub(crate) use workflows::{already_exists, is_gone, start_run, workflow_run};
