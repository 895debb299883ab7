//! The toolset that operates stages on Cloudflare, without its I/O.
//!
//! | module | content |
//! |---|---|
//! | [`manifest`] | the stages of a system and their resources, as data |
//! | [`query`] | queries that read a D1 database and cannot change it |
//! | [`plan`] | what an apply or a destroy would do |
//! | [`state`] | what is kept of a stage, and its lock |
//! | [`apply`] | carries a plan out, step by step |
//! | [`operate`] | the two tools that deploy and destroy: plan, consent, a task |
//! | [`api`] | the client of Cloudflare's REST API |
//!
//! Invariant: callers name stages and resources of the manifest. What Cloudflare calls them, and their ids, are
//! looked up and never leave.

pub mod api;
pub mod apply;
pub mod manifest;
pub mod operate;
pub mod plan;
pub mod query;
pub mod state;
#[cfg(test)]
mod testing;
