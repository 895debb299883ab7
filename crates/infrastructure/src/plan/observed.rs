//! The account as it is now, as far as a stage is concerned.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    manifest::{Kind, Stage},
    state::StageState,
};

/// A resource that is there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observed {
    /// Its id at Cloudflare. It never leaves the server.
    pub id: String,
    /// Its kind.
    pub kind: Kind,
    /// Its name at Cloudflare.
    pub name: String,
    /// Its settings, by the names that manifests have for them.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// When it was made, if Cloudflare says so.
    #[serde(default)]
    pub made_ms: Option<u64>,
    /// The stage that it is marked with. Only Workers carry marks.
    #[serde(default)]
    pub mark: Option<Mark>,
    /// What is in it.
    #[serde(default)]
    pub contents: Contents,
    /// Who would break without it. Of a domain and a Workflow: the Worker that it belongs to, where that is not the stage's.
    #[serde(default)]
    pub dependents: Vec<String>,
    /// Another stage of the manifest, to which its name belongs by now.
    #[serde(default)]
    pub owner: Option<String>,
}

/// How far two answers may differ in when one thing was made.
const SAME_MS: u64 = 5_000;

impl Observed {
    /// Whether it is the one that was made then, and not another that has its name, and so its id, by now. Where Cloudflare does
    /// not say when, it is.
    pub fn was_made(&self, made_ms: Option<u64>) -> bool {
        match (self.made_ms, made_ms) {
            (Some(found), Some(known)) if self.kind.is_known_by_name() => {
                found.abs_diff(known) <= SAME_MS
            }
            _ => true,
        }
    }

    /// The Worker of others that a domain or a Workflow belongs to.
    pub(super) fn foreign_worker(&self) -> Option<&str> {
        let belongs = matches!(self.kind, Kind::Domain | Kind::Workflow);
        self.dependents.first().map(String::as_str).filter(|_| belongs)
    }
}

/// The system and the stage that a Worker's tags name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The system.
    pub app: String,
    /// The stage.
    pub stage: String,
}

/// What is in a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Contents {
    /// How many tables, objects, keys, messages or Durable Objects. None: it is not known.
    pub count: Option<u64>,
    /// Their bytes.
    pub bytes: Option<u64>,
}

/// The resources that are looked for: the names that the manifest gives, and the ids that are recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Names.
    pub names: Vec<String>,
    /// Ids.
    pub ids: Vec<String>,
}

impl Wanted {
    /// Whether a resource is one of them.
    pub fn has(&self, id: &str, name: &str) -> bool {
        self.names.iter().any(|known| known == name) || self.ids.iter().any(|known| known == id)
    }
}

/// A kind that cannot be seen, which is never taken for one of which nothing exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Error)]
#[error("the {} cannot be seen: {why}", kind.label())]
pub struct Unseen {
    /// The kind.
    pub kind: Kind,
    /// The reason, for the caller.
    pub why: String,
}

/// Looks at an account. It only reads.
pub trait Observer {
    /// Every resource of a kind that is wanted, with what is in it.
    ///
    /// # Errors
    /// Where the kind cannot be seen, or not wholly.
    fn look(
        &self,
        kind: Kind,
        wanted: &Wanted,
    ) -> impl Future<Output = Result<Vec<Observed>, Unseen>>;
}

/// What was seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// The resources.
    pub resources: Vec<Observed>,
    /// The kinds that could not be seen.
    pub unseen: Vec<Unseen>,
}

impl Account {
    /// The resource of a kind with this id.
    pub fn by_id(&self, kind: Kind, id: &str) -> Option<&Observed> {
        self.resources.iter().find(|one| one.kind == kind && one.id == id)
    }

    /// The resources of a kind with this name.
    pub fn by_name(&self, kind: Kind, name: &str) -> Vec<&Observed> {
        self.resources.iter().filter(|one| one.kind == kind && one.name == name).collect()
    }

    /// Why a kind cannot be seen.
    pub fn unseen(&self, kind: Kind) -> Option<&Unseen> {
        self.unseen.iter().find(|unseen| unseen.kind == kind)
    }
}

/// Looks at everything that a stage has or should have, one kind after the other.
pub async fn observe(
    observer: &impl Observer,
    stage: Option<&Stage>,
    state: &StageState,
) -> Account {
    let mut wanted: BTreeMap<Kind, Wanted> = BTreeMap::new();
    for resource in stage.map_or(&[][..], |stage| &stage.resources) {
        if resource.kind != Kind::DurableObject {
            wanted.entry(resource.kind).or_default().names.push(resource.name.clone());
        }
    }
    for row in state.rows.values() {
        let of_kind = wanted.entry(row.kind).or_default();
        of_kind.names.push(row.name.clone());
        of_kind.ids.extend(row.id.clone());
    }
    let workers = wanted.get(&Kind::Worker).map(|wanted| wanted.names.clone()).unwrap_or_default();
    let mut account = Account::default();
    for (kind, wanted) in wanted {
        match observer.look(kind, &wanted).await {
            Ok(found) => account.resources.extend(
                found.into_iter().filter(|one| one.kind == kind && wanted.has(&one.id, &one.name)),
            ),
            Err(unseen) => account.unseen.push(unseen),
        }
    }
    for one in &mut account.resources {
        if matches!(one.kind, Kind::Domain | Kind::Workflow) {
            one.dependents.retain(|worker| !workers.contains(worker));
        }
    }
    account
}
