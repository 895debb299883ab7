//! An account with all that is in it.

use serde_json::{Value, json};

use crate::cloudflare::data::{
    Bucket, Database, Domain, Namespace, Number, ObjectNamespace, Policy, Queue, Webhook, Worker,
    Workflow, Zone,
};
use crate::cloudflare::problem::Problem;
use crate::cloudflare::sql::Points;
use crate::engine::clock::{self, Time};

/// An account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) created: Time,
    /// The name below `workers.dev`.
    pub(crate) subdomain: String,
    pub(crate) workers: Vec<Worker>,
    pub(crate) databases: Vec<Database>,
    pub(crate) buckets: Vec<Bucket>,
    pub(crate) namespaces: Vec<Namespace>,
    pub(crate) queues: Vec<Queue>,
    pub(crate) workflows: Vec<Workflow>,
    pub(crate) objects: Vec<ObjectNamespace>,
    pub(crate) zones: Vec<Zone>,
    pub(crate) domains: Vec<Domain>,
    pub(crate) policies: Vec<Policy>,
    pub(crate) webhooks: Vec<Webhook>,
    pub(crate) numbers: Vec<Number>,
    /// The datasets of Analytics Engine; `None` where SQLite could not be opened.
    pub(crate) points: Option<Points>,
}

impl Account {
    /// An account with nothing in it.
    pub(crate) fn new(id: &str, name: &str, now: Time) -> Self {
        Self {
            id: id.to_owned(),
            name: name.to_owned(),
            created: now,
            subdomain: name.to_ascii_lowercase(),
            workers: Vec::new(),
            databases: Vec::new(),
            buckets: Vec::new(),
            namespaces: Vec::new(),
            queues: Vec::new(),
            workflows: Vec::new(),
            objects: Vec::new(),
            zones: Vec::new(),
            domains: Vec::new(),
            policies: Vec::new(),
            webhooks: Vec::new(),
            numbers: Vec::new(),
            points: Points::open().ok(),
        }
    }

    /// As lists of accounts show it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "type": "standard",
            "settings": { "enforce_twofactor": false },
            "created_on": clock::text(self.created),
        })
    }

    /// A Worker by its name.
    pub(crate) fn worker(&self, name: &str) -> Result<&Worker, Problem> {
        self.workers.iter().find(|worker| worker.name == name).ok_or_else(no_worker)
    }

    /// A Worker to change.
    pub(crate) fn worker_mut(&mut self, name: &str) -> Result<&mut Worker, Problem> {
        self.workers.iter_mut().find(|worker| worker.name == name).ok_or_else(no_worker)
    }
}

fn no_worker() -> Problem {
    Problem::new(404, 10007, "This Worker does not exist on your account.")
}
