//! A bucket of R2 and its objects.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::cloudflare::ids::digest;
use crate::engine::clock::{self, Time};

/// A bucket.
#[derive(Debug)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) created: Time,
    pub(crate) location: String,
    pub(crate) jurisdiction: String,
    pub(crate) storage_class: String,
    /// By key, in the order of lists.
    pub(crate) objects: BTreeMap<String, Object>,
}

/// An object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) body: Bytes,
    pub(crate) modified: Time,
    pub(crate) content_type: Option<String>,
    pub(crate) custom: Map<String, Value>,
    pub(crate) storage_class: String,
}

impl Bucket {
    /// An empty bucket.
    pub(crate) fn new(name: &str, now: Time) -> Self {
        Self {
            name: name.to_owned(),
            created: now,
            location: "WEUR".to_owned(),
            jurisdiction: "default".to_owned(),
            storage_class: "Standard".to_owned(),
            objects: BTreeMap::new(),
        }
    }

    /// As one and lists show it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "name": self.name,
            "creation_date": clock::text(self.created),
            "location": self.location,
            "jurisdiction": self.jurisdiction,
            "storage_class": self.storage_class,
        })
    }
}

impl Object {
    /// An object with a body.
    pub(crate) fn new(body: Bytes, content_type: Option<&str>, now: Time) -> Self {
        Self {
            body,
            modified: now,
            content_type: content_type.map(str::to_owned),
            custom: Map::new(),
            storage_class: "Standard".to_owned(),
        }
    }

    /// Its etag, without quotes.
    pub(crate) fn etag(&self) -> String {
        digest(&self.body)
    }

    /// As lists show it.
    pub(crate) fn view(&self, key: &str) -> Value {
        let http = self
            .content_type
            .as_ref()
            .map_or_else(|| json!({}), |content_type| json!({ "contentType": content_type }));
        json!({
            "key": key,
            "size": self.body.len(),
            "etag": self.etag(),
            "last_modified": clock::text(self.modified),
            "http_metadata": http,
            "custom_metadata": self.custom,
            "storage_class": self.storage_class,
            "ssec": false,
        })
    }
}
