//! The manifest: the stages of a system and the resources of each, as data.
//!
//! A *stage* is one isolated copy of the system with names, records and a lock of its own. The form is in `schema.json`
//! beside this file, and [`Manifest::parse`] checks what a schema cannot say: that names are accepted by
//! Cloudflare, and that two stages never share a resource.
//!
//! Invariant: a manifest has no ids. What leaves is logical names, physical names and kinds.

mod document;
mod fault;
mod kind;
mod node;
mod pattern;
mod reader;
mod resolve;
mod stage;
mod template;
#[cfg(test)]
mod tests;

pub use document::Manifest;
pub use fault::{Fault, Faults};
pub use kind::Kind;
pub use resolve::StageError;
pub use stage::{Resource, Stage, StageOutline};

/// The JSON schema of a manifest.
pub const SCHEMA: &str = include_str!("schema.json");

/// A manifest for tests and development: a small shop with the stages `staging`, `production` (protected) and
/// `preview-*`.
pub const SAMPLE: &str = include_str!("../../sample/infrastructure.json");

/// Checks the text of a manifest, for the build.
///
/// # Errors
/// Every fault with its place.
pub fn check(text: &str) -> Result<(), Faults> {
    Manifest::parse(text).map(drop)
}
