//! Compares a stage with what Cloudflare has.
//!
//! Invariant: a kind that the token may not see is unseen, never missing.

use std::collections::BTreeMap;

use catalogue::{CallOutcome, call::data};
use serde_json::{Value, json};

use crate::{
    api::View,
    call::{Call, sentence},
    manifest::{Kind, Resource},
    plan::{Account, Change, Observed, changes, observe},
    state::StageState,
};

pub(super) async fn run(call: &Call<'_>) -> CallOutcome {
    let stage = call.state.stage()?;
    let client = call.state.client(call.ctx);
    let account = observe(&View(&client), Some(stage), &StageState::new(&stage.name)).await;
    let states: Vec<(Value, Status)> =
        stage.resources.iter().map(|resource| state(resource, &account)).collect();
    let statuses: Vec<Status> = states.iter().map(|(_, status)| *status).collect();
    let mut note = None;
    let mut versions = json!([]);
    if !account.by_name(Kind::Worker, call.state.worker()?).is_empty() {
        client.start_over();
        match client.deployments(call.state.worker()?).await {
            Ok(deployments) => {
                versions = json!(deployments.first().map(|first| &first.versions));
            }
            Err(error) => note = Some(format!("Its versions are not known. {}", sentence(&error))),
        }
    }
    let fields = vec![
        ("stage", json!(stage.name)),
        ("is_protected", json!(stage.is_protected)),
        ("status", json!(whole(&statuses))),
        ("resources", states.into_iter().map(|(state, _)| state).collect()),
        ("worker_versions", if versions.is_null() { json!([]) } else { versions }),
        ("note", json!(note)),
    ];
    Ok(call.shown(data(fields), Vec::new()))
}

/// How a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Present,
    Drifted,
    Missing,
    Ambiguous,
    Unseen,
    WithWorker,
}

impl Status {
    const fn word(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Drifted => "drifted",
            Self::Missing => "missing",
            Self::Ambiguous => "ambiguous",
            Self::Unseen => "unseen",
            Self::WithWorker => "with_worker",
        }
    }
}

/// How the stage is.
fn whole(statuses: &[Status]) -> &'static str {
    let any = |status: Status| statuses.contains(&status);
    match () {
        () if any(Status::Unseen) => "unknown",
        () if !any(Status::Present) && !any(Status::Drifted) && !any(Status::Ambiguous) => "absent",
        () if any(Status::Missing) || any(Status::Ambiguous) => "incomplete",
        () if any(Status::Drifted) => "drifted",
        () => "complete",
    }
}

fn state(resource: &Resource, account: &Account) -> (Value, Status) {
    let found = account.by_name(resource.kind, &resource.name);
    let unseen = account.unseen(resource.kind);
    let only = match found.as_slice() {
        [only] => Some(*only),
        _ => None,
    };
    let drift = only.map(|only| drift(&resource.settings, only)).unwrap_or_default();
    let status = match (resource.kind, found.len()) {
        (Kind::DurableObject, _) => Status::WithWorker,
        _ if unseen.is_some() => Status::Unseen,
        (_, 0) => Status::Missing,
        (_, 1) if drift.is_empty() => Status::Present,
        (_, 1) => Status::Drifted,
        _ => Status::Ambiguous,
    };
    let contents = only.map(|only| only.contents.clone()).unwrap_or_default();
    let state = json!({
        "name": resource.id,
        "kind": resource.kind.name(),
        "cloudflare_name": resource.name,
        "status": status.word(),
        "why": unseen.map(|unseen| unseen.why.as_str()),
        "drift": drift,
        "count": contents.count,
        "counted": contents.count.and_then(|_| counted(resource.kind)),
        "bytes": contents.bytes,
        "used_by": only.map(|only| only.dependents.as_slice()).unwrap_or_default(),
        "is_retained": resource.is_retained,
    });
    (state, status)
}

/// The declared settings that Cloudflare has otherwise, as a plan compares them.
fn drift(declared: &BTreeMap<String, String>, found: &Observed) -> Vec<Value> {
    let shown = |Change { setting, from, to }: &Change| json!({ "setting": setting, "declared": to, "found": from });
    changes(declared, &found.settings).iter().map(shown).collect()
}

const fn counted(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::D1 => Some("tables"),
        Kind::R2 => Some("objects"),
        Kind::Kv => Some("keys"),
        Kind::Queue => Some("messages"),
        Kind::Worker => Some("Durable Objects"),
        Kind::Workflow | Kind::Domain | Kind::DurableObject => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Contents;

    #[test]
    fn a_status_shows_the_drift_that_a_plan_would_change() {
        let settings = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
            all.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let found = Observed {
            id: String::new(),
            kind: Kind::R2,
            name: String::new(),
            settings: settings(&[("storage_class", "standard"), ("other", "x")]),
            made_ms: None,
            mark: None,
            contents: Contents::default(),
            dependents: Vec::new(),
            owner: None,
        };
        let same = settings(&[("storage_class", "Standard"), ("location", "weur")]);
        assert_eq!(drift(&same, &found), [] as [Value; 0], "a place that is not told is no drift");
        let other = settings(&[("storage_class", "InfrequentAccess")]);
        let shown = json!({ "setting": "storage_class", "declared": "InfrequentAccess", "found": "standard" });
        assert_eq!(drift(&other, &found), [shown]);
    }
}
