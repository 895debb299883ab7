//! The client of Keboola's services.

mod answer;
mod cache;
mod client;
mod detail;
mod error;
mod path;
mod project;
mod stack;
mod unconfirmed;

pub(crate) use answer::Answer;
pub(crate) use cache::{Kept, Key};
pub(crate) use client::{Client, Service};
pub(crate) use detail::cut;
pub(crate) use error::ApiError;
pub(crate) use path::Path;
pub(crate) use project::{Project, plain};
pub use stack::{Stack, StackError};
pub(crate) use unconfirmed::Unconfirmed;
