//! The services beside Storage, and Connection's OAuth.

pub(crate) mod ai;
pub(crate) mod data_science;
pub(crate) mod encryption;
pub(crate) mod metastore;
pub(crate) mod oauth;
pub(crate) mod query;
pub(crate) mod queue;
pub(crate) mod scheduler;
pub(crate) mod sync_actions;

mod job_search;
mod sql;
