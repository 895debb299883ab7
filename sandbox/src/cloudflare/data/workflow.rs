//! A workflow and its instances.

use serde_json::{Value, json};

use crate::cloudflare::data::Instance;
use crate::engine::clock::{self, Time};
use crate::engine::json::Fields as _;

/// The states that lists count.
const STATES: [&str; 8] = [
    "complete",
    "errored",
    "paused",
    "queued",
    "running",
    "terminated",
    "waiting",
    "waitingForPause",
];

/// A workflow.
#[derive(Debug)]
pub(crate) struct Workflow {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) class: String,
    pub(crate) script: String,
    pub(crate) version: String,
    pub(crate) created: Time,
    pub(crate) modified: Time,
    /// Oldest first.
    pub(crate) instances: Vec<Instance>,
}

impl Workflow {
    /// As one and lists show it.
    pub(crate) fn view(&self, now: Time) -> Value {
        let mut counts = json!({});
        for state in STATES {
            let is_so = |one: &&Instance| one.status(now) == state;
            counts.set(state, self.instances.iter().filter(is_so).count());
        }
        let triggered = self.instances.last().map(|last| clock::text(last.created));
        json!({
            "id": self.id,
            "name": self.name,
            "class_name": self.class,
            "script_name": self.script,
            "version_id": self.version,
            "created_on": clock::text(self.created),
            "modified_on": clock::text(self.modified),
            "triggered_on": triggered,
            "instances": counts,
        })
    }
}
