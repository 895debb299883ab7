//! The data of a site that only the later generation has.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use uuid::Uuid;

use super::status::Pending;
use crate::engine::clock::{self, Time};

/// A site's further settings and jobs.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// Where visitors of a path are sent.
    pub(crate) redirects: BTreeMap<String, String>,
    /// Addresses that may or may not visit: the address and what is done.
    pub(crate) addresses: BTreeMap<String, String>,
    /// Security settings that were set.
    pub(crate) security: BTreeMap<String, Value>,
    /// Its jobs, newest first.
    pub(crate) jobs: Vec<Job>,
    /// When its repository was last taken from.
    pub(crate) synced_at: Option<Time>,
}

/// A job that takes a while.
#[derive(Debug)]
pub(crate) struct Job {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its effect.
    pub(crate) kind: &'static str,
    /// Its source.
    pub(crate) source: String,
    /// Whether it is done.
    pub(crate) done: Pending,
    /// When it was started.
    pub(crate) created_at: Time,
}

impl Job {
    /// The job as the API shows it.
    pub(crate) fn view(&self) -> Value {
        let done = self.done.is_done();
        json!({
            "job_id": self.id,
            "type": self.kind,
            "source_url": self.source,
            "status": if done { "completed" } else { "running" },
            "created_at": clock::text(self.created_at),
        })
    }
}
