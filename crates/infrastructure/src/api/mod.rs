//! The client of Cloudflare's REST API: what a stage needs of it.
//!
//! Invariants:
//! - A read is sent again after a passing failure; a change is sent once, and needs a [`Begun`](mcp_server::execution::Begun).
//! - "Not allowed" and "no answer" are never taken for "does not exist", nor a list that ended early for a whole one.
//! - Neither a token nor an id of an account, database or namespace comes out in a text.

mod changes;
mod client;
mod cursor;
mod database;
mod deployments;
mod envelope;
mod error;
mod hide;
#[cfg(test)]
mod list_tests;
mod lists;
mod namespaces;
mod numbers;
mod objects;
mod observe;
mod settings;
#[cfg(test)]
mod tests;
mod workflows;

pub use changes::Changes;
pub use client::Client;
pub(crate) use cursor::{open_cursor, seal_cursor};
pub use database::DatabaseError;
pub use deployments::{Deployment, SharesError, Version, VersionShare, check_shares};
pub use error::{ApiError, Reason};
pub(crate) use hide::hide;
pub use numbers::{CacheNumbers, CacheOperation, WorkerNumbers};
pub use objects::{ObjectPage, ObjectQuery};
pub use observe::View;
pub use settings::{Purpose, Settings};
pub use workflows::{RunError, WorkflowRun, is_run_id};
