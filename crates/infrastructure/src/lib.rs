//! The toolset that operates stages on Cloudflare, without its I/O.
//!
//! | module | content |
//! |---|---|
//! | [`manifest`] | the stages of a system and their resources, as data |
//! | [`query`] | queries that read a D1 database and cannot change it |
//!
//! Invariant: callers name stages and resources of the manifest. What Cloudflare calls them, and their ids, are
//! looked up and never leave.

pub mod manifest;
pub mod query;
