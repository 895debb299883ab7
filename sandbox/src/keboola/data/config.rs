//! Configurations with their rows and versions.

use serde_json::{Value, json};

use crate::engine::clock::Time;
use crate::engine::json::Fields as _;
use crate::keboola::data::Meta;
use crate::keboola::time;

/// A configuration of a component in a branch.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) id: String,
    pub(crate) component: String,
    pub(crate) branch: u64,
    pub(crate) created: Time,
    pub(crate) creator: (u64, String),
    pub(crate) is_deleted: bool,
    pub(crate) state: Value,
    pub(crate) metadata: Vec<Meta>,
    /// Whether its empty objects come as lists, as those of old configurations do.
    pub(crate) empties_are_lists: bool,
    /// What it is now.
    pub(crate) now: Snapshot,
    /// All versions, oldest first; the last is what it is now.
    pub(crate) versions: Vec<Snapshot>,
}

/// What a version holds.
#[derive(Debug, Clone)]
pub(crate) struct Snapshot {
    pub(crate) version: u64,
    pub(crate) changed: Time,
    pub(crate) changed_by: (u64, String),
    pub(crate) change: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) is_disabled: bool,
    pub(crate) configuration: Value,
    pub(crate) rows: Vec<Row>,
    pub(crate) rows_sort_order: Vec<String>,
}

/// A row of a configuration.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) is_disabled: bool,
    pub(crate) version: u64,
    pub(crate) created: Time,
    pub(crate) creator: (u64, String),
    pub(crate) change: String,
    pub(crate) configuration: Value,
    pub(crate) state: Value,
}

impl Config {
    /// Makes a new version of what is there now.
    pub(crate) fn changed(&mut self, change: String, by: (u64, String), now: Time) {
        self.now.version = self.now.version.saturating_add(1);
        self.now.changed = now;
        self.now.changed_by = by;
        self.now.change = change;
        self.versions.push(self.now.clone());
    }

    /// A version.
    pub(crate) fn version(&self, number: u64) -> Option<&Snapshot> {
        self.versions.iter().find(|version| version.version == number)
    }

    /// A row.
    pub(crate) fn row(&self, id: &str) -> Option<&Row> {
        self.now.rows.iter().find(|row| row.id == id)
    }

    /// As the API shows it, all of it.
    pub(crate) fn view(&self) -> Value {
        self.view_with(&["configuration", "rows", "state"])
    }

    /// As the API shows it, with what was asked for: `configuration`, `rows`, `state`.
    pub(crate) fn view_with(&self, with: &[&str]) -> Value {
        let now = &self.now;
        let mut view = json!({
            "id": self.id,
            "name": now.name,
            "description": now.description,
            "created": time::text(self.created),
            "creatorToken": creator(&self.creator),
            "version": now.version,
            "changeDescription": now.change,
            "isDisabled": now.is_disabled,
            "isDeleted": self.is_deleted,
            "currentVersion": {
                "created": time::text(now.changed),
                "creatorToken": creator(&now.changed_by),
                "changeDescription": now.change,
                "versionIdentifier": identifier(&self.id, now.version),
            },
        });
        if with.contains(&"configuration") {
            view.set("configuration", self.shown(&now.configuration));
            view.set("rowsSortOrder", json!(now.rows_sort_order));
        }
        if with.contains(&"rows") {
            view.set("rows", now.rows.iter().map(Row::view).collect::<Value>());
        }
        if with.contains(&"state") {
            view.set("state", self.shown(&self.state));
        }
        view
    }

    fn shown(&self, value: &Value) -> Value {
        let is_empty = value.as_object().is_some_and(serde_json::Map::is_empty);
        if is_empty && self.empties_are_lists { json!([]) } else { value.clone() }
    }

    /// The versions, newest first, as their list shows them.
    pub(crate) fn version_views(&self) -> impl Iterator<Item = Value> {
        self.versions.iter().rev().map(|version| self.version_view(version))
    }

    fn version_view(&self, version: &Snapshot) -> Value {
        json!({
            "version": version.version,
            "created": time::text(version.changed),
            "versionIdentifier": identifier(&self.id, version.version),
            "creatorToken": creator(&version.changed_by),
            "changeDescription": version.change,
            "isDeleted": false,
            "name": version.name,
            "description": version.description,
        })
    }

    /// A version with what it holds.
    pub(crate) fn version_detail(&self, version: &Snapshot) -> Value {
        let mut view = self.version_view(version);
        view.set("isDisabled", version.is_disabled);
        view.set("configuration", self.shown(&version.configuration));
        view.set("rowsSortOrder", json!(version.rows_sort_order));
        view.set("rows", version.rows.iter().map(Row::view).collect::<Value>());
        view
    }
}

impl Row {
    /// As the API shows it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "isDisabled": self.is_disabled,
            "version": self.version,
            "created": time::text(self.created),
            "creatorToken": creator(&self.creator),
            "changeDescription": self.change,
            "configuration": self.configuration,
            "state": self.state,
        })
    }
}

fn creator((id, description): &(u64, String)) -> Value {
    json!({ "id": id, "description": description })
}

/// A ULID in form: the same for the same version.
fn identifier(config: &str, version: u64) -> String {
    let sum =
        config.bytes().fold(7_u64, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    format!("01SANDBOX{:010}{:07}", sum.wrapping_rem(10_000_000_000), version)
}
