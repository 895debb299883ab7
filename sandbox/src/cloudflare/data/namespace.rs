//! A namespace of KV.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Value, json};

use crate::cloudflare::ids::Ids;
use crate::engine::clock::Time;
use crate::engine::json::Fields as _;

/// A namespace.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) entries: BTreeMap<String, Entry>,
}

/// A value with what is kept beside it.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) value: Bytes,
    pub(crate) expires: Option<Time>,
    pub(crate) metadata: Value,
}

impl Namespace {
    /// An empty namespace.
    pub(crate) fn new(ids: &mut Ids, title: &str) -> Self {
        Self { id: ids.hex(), title: title.to_owned(), entries: BTreeMap::new() }
    }

    /// As one and lists show it.
    pub(crate) fn view(&self) -> Value {
        json!({ "id": self.id, "title": self.title, "supports_url_encoding": true })
    }
}

impl Entry {
    /// A value that stays.
    pub(crate) fn new(value: impl Into<Bytes>) -> Self {
        Self { value: value.into(), expires: None, metadata: Value::Null }
    }

    /// As lists of keys show it.
    pub(crate) fn view(&self, name: &str) -> Value {
        let mut view = json!({ "name": name });
        if let Some(end) = self.expires {
            view.set("expiration", end.timestamp());
        }
        if !self.metadata.is_null() {
            view.set("metadata", self.metadata.clone());
        }
        view
    }
}
