//! The user's own settings and the account's keys.

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{sample_id, user};
use crate::engine::clock::{self, Time};
use crate::engine::json::Fields as _;

/// A key's permissions.
pub(crate) const PERMISSIONS: &[&str] = &["read", "readwrite", "admin"];

/// The user's own settings and the account's keys.
#[derive(Debug)]
pub(crate) struct Account {
    /// The settings that the user has changed.
    pub(crate) changed: Map<String, Value>,
    /// The keys.
    pub(crate) keys: Vec<Key>,
}

/// A key, without its secret.
#[derive(Debug)]
pub(crate) struct Key {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its name.
    pub(crate) name: String,
    /// The team it is for.
    pub(crate) team_id: Uuid,
    /// Its scopes.
    pub(crate) permission: String,
    /// When it was made.
    pub(crate) created_at: Time,
}

impl Default for Account {
    fn default() -> Self {
        let key = Key {
            id: sample_id(0x0be1, 1),
            name: "Development".to_owned(),
            team_id: sample_id(0x7ea0, 1),
            permission: "readwrite".to_owned(),
            created_at: clock::sample(3),
        };
        Self { changed: Map::new(), keys: vec![key] }
    }
}

impl Account {
    /// The user as the API shows them.
    pub(crate) fn me(&self) -> Value {
        let mut me = user::owner();
        for (name, value) in &self.changed {
            me.set(name, value.clone());
        }
        me
    }
}

impl Key {
    /// The key as the API shows it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "name": self.name,
            "team_id": self.team_id,
            "permission": self.permission,
            "created_at": clock::text(self.created_at),
        })
    }
}
