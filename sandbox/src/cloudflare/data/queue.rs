//! A queue.

use serde_json::{Value, json};

use crate::cloudflare::data::Worker;
use crate::engine::clock::{self, Time};

/// A queue.
#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created: Time,
    pub(crate) modified: Time,
    pub(crate) settings: Value,
    pub(crate) consumers: Vec<Consumer>,
    /// The sizes of the messages that wait.
    pub(crate) backlog: Vec<(Time, u64)>,
}

/// A consumer of a queue.
#[derive(Debug, Clone)]
pub(crate) struct Consumer {
    pub(crate) id: String,
    pub(crate) kind: String,
    /// The Worker; empty for one that pulls.
    pub(crate) script: String,
    pub(crate) settings: Value,
    pub(crate) created: Time,
}

impl Queue {
    /// An empty queue.
    pub(crate) fn new(id: String, name: &str, now: Time) -> Self {
        let settings = json!({
            "delivery_delay": 0, "delivery_paused": false, "message_retention_period": 345_600,
        });
        Self {
            id,
            name: name.to_owned(),
            created: now,
            modified: now,
            settings,
            consumers: Vec::new(),
            backlog: Vec::new(),
        }
    }

    /// As one and lists show it; the producers are the Workers that are bound to it.
    pub(crate) fn view(&self, workers: &[Worker]) -> Value {
        let is_bound = |worker: &&Worker| {
            worker.bindings().iter().any(|binding| binding["queue_name"] == self.name.as_str())
        };
        let producers: Vec<_> = workers
            .iter()
            .filter(is_bound)
            .map(|worker| json!({ "type": "worker", "script": worker.name }))
            .collect();
        let consumers: Vec<_> = self.consumers.iter().map(|one| one.view(&self.name)).collect();
        json!({
            "queue_id": self.id,
            "queue_name": self.name,
            "created_on": clock::text(self.created),
            "modified_on": clock::text(self.modified),
            "producers_total_count": producers.len(),
            "producers": producers,
            "consumers_total_count": consumers.len(),
            "consumers": consumers,
            "settings": self.settings,
        })
    }
}

impl Consumer {
    /// As lists show it.
    pub(crate) fn view(&self, queue: &str) -> Value {
        json!({
            "consumer_id": self.id,
            "type": self.kind,
            "script": self.script,
            "script_name": self.script,
            "queue_name": queue,
            "settings": self.settings,
            "created_on": clock::text(self.created),
        })
    }
}
