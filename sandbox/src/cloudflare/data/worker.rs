//! A Worker: its versions, deployments, secrets and settings.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cloudflare::data::{Deployment, Share, Upload, Version};
use crate::cloudflare::ids::{Ids, digest};
use crate::cloudflare::problem::Problem;
use crate::engine::clock::{self, Time};

/// How many of the newest versions can be deployed.
const DEPLOYABLE: usize = 100;

/// A Worker.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) name: String,
    pub(crate) tag: String,
    pub(crate) created: Time,
    pub(crate) modified: Time,
    pub(crate) author: String,
    /// Oldest first.
    pub(crate) versions: Vec<Version>,
    /// Oldest first; the last one is active.
    pub(crate) deployments: Vec<Deployment>,
    pub(crate) secrets: BTreeMap<String, Secret>,
    /// Secrets that were removed, with the revision of that.
    pub(crate) removed: BTreeMap<String, u64>,
    /// How often a secret was changed.
    pub(crate) revisions: u64,
    pub(crate) migration_tag: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) logpush: bool,
    pub(crate) observability: Value,
    pub(crate) tail_consumers: Vec<Value>,
    pub(crate) schedules: Vec<(String, Time)>,
    /// Whether `workers.dev` and preview URLs are on.
    pub(crate) subdomain: (bool, bool),
    pub(crate) tails: Vec<String>,
}

/// A secret. Its value is not kept, only a digest that tells whether it is another one.
#[derive(Debug, Clone)]
pub(crate) struct Secret {
    pub(crate) kind: String,
    pub(crate) digest: String,
    pub(crate) revision: u64,
}

impl Worker {
    /// A Worker without a version.
    pub(crate) fn new(ids: &mut Ids, name: &str, now: Time) -> Self {
        Self {
            name: name.to_owned(),
            tag: ids.hex(),
            created: now,
            modified: now,
            author: "developer@example.com".to_owned(),
            versions: Vec::new(),
            deployments: Vec::new(),
            secrets: BTreeMap::new(),
            removed: BTreeMap::new(),
            revisions: 0,
            migration_tag: None,
            tags: Vec::new(),
            logpush: false,
            observability: json!({ "enabled": true, "head_sampling_rate": 1 }),
            tail_consumers: Vec::new(),
            schedules: Vec::new(),
            subdomain: (true, true),
            tails: Vec::new(),
        }
    }

    /// Adds a version, without deploying it.
    pub(crate) fn add_version(
        &mut self,
        ids: &mut Ids,
        upload: Upload,
        source: &str,
        now: Time,
    ) -> String {
        let id = ids.uuid();
        let number = self.versions.last().map_or(0, |last| last.number).saturating_add(1);
        self.versions.push(Version {
            id: id.clone(),
            number,
            created: now,
            source: source.to_owned(),
            upload,
            secrets: self.secrets.keys().cloned().collect(),
            revision: self.revisions,
        });
        self.modified = now;
        id
    }

    /// Gives a secret a value; the same one as before changes nothing.
    pub(crate) fn put_secret(&mut self, name: &str, kind: &str, text: &str) {
        let digest = digest(text.as_bytes());
        if self.secrets.get(name).is_some_and(|held| held.digest == digest) {
            return;
        }
        self.revisions = self.revisions.saturating_add(1);
        let secret = Secret { kind: kind.to_owned(), digest, revision: self.revisions };
        self.secrets.insert(name.to_owned(), secret);
        self.removed.remove(name);
    }

    /// Takes a secret away; whether there was one.
    pub(crate) fn remove_secret(&mut self, name: &str) -> bool {
        let was_there = self.secrets.remove(name).is_some();
        if was_there {
            self.revisions = self.revisions.saturating_add(1);
            self.removed.insert(name.to_owned(), self.revisions);
        }
        was_there
    }

    /// Deploys versions.
    pub(crate) fn deploy(
        &mut self,
        ids: &mut Ids,
        shares: Vec<Share>,
        (trigger, message): (&str, Option<String>),
        now: Time,
    ) -> String {
        let id = ids.uuid();
        self.deployments.push(Deployment {
            id: id.clone(),
            created: now,
            source: if trigger == "upload" { "wrangler" } else { "api" }.to_owned(),
            author: self.author.clone(),
            shares,
            message,
            trigger: trigger.to_owned(),
        });
        self.modified = now;
        id
    }

    /// Deploys one version for all requests.
    pub(crate) fn deploy_whole(&mut self, ids: &mut Ids, version: &str, trigger: &str, now: Time) {
        let share = Share { version: version.to_owned(), percentage: 100.0 };
        self.deploy(ids, vec![share], (trigger, None), now);
    }

    /// The active deployment.
    pub(crate) fn active(&self) -> Option<&Deployment> {
        self.deployments.last()
    }

    /// A version by its id.
    pub(crate) fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The versions that can be deployed, newest first.
    pub(crate) fn deployable(&self) -> impl Iterator<Item = &Version> {
        self.versions.iter().rev().take(DEPLOYABLE)
    }

    /// The version that the settings show: of the active deployment the first, else the newest.
    pub(crate) fn current(&self) -> Option<&Version> {
        let active = self.active().and_then(|active| active.shares.first());
        let deployed = active.and_then(|share| self.version(&share.version));
        deployed.or(self.versions.last())
    }

    /// The newest version, which a change of a secret is based on.
    pub(crate) fn newest(&self) -> Result<&Version, Problem> {
        let none = || Problem::new(404, 10007, "This Worker has no versions.");
        self.versions.last().ok_or_else(none)
    }

    /// The secrets that were set or removed after a version was made.
    pub(crate) fn changed_secrets(&self, version: &Version) -> Vec<String> {
        let set = self.secrets.iter().map(|(name, held)| (name, held.revision));
        let removed = self.removed.iter().map(|(name, revision)| (name, *revision));
        let later = set.chain(removed).filter(|(_, revision)| *revision > version.revision);
        later.map(|(name, _)| name.clone()).collect()
    }

    /// The bindings of the version that answers.
    pub(crate) fn bindings(&self) -> &[Value] {
        self.current().map_or(&[], |version| version.upload.bindings.as_slice())
    }

    /// As the list of Workers shows it.
    pub(crate) fn view(&self) -> Value {
        let upload = self.current().map(|version| version.upload.clone()).unwrap_or_default();
        json!({
            "id": self.name,
            "tag": self.tag,
            "tags": self.tags,
            "etag": upload.etag,
            "created_on": clock::text(self.created),
            "modified_on": clock::text(self.modified),
            "handlers": upload.handlers,
            "named_handlers": [],
            "compatibility_date": upload.compatibility_date,
            "compatibility_flags": upload.compatibility_flags,
            "usage_model": "standard",
            "placement_mode": Value::Null,
            "migration_tag": self.migration_tag,
            "last_deployed_from": self.active().map(|active| active.source.as_str()),
            "logpush": self.logpush,
            "has_assets": false,
            "has_modules": true,
            "observability": self.observability,
            "tail_consumers": self.tail_consumers,
        })
    }
}
