//! An object and what is known of it.

use bytes::Bytes;
use serde_json::{Map, Value, json};

use crate::engine::json::Fields as _;

/// An object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) bytes: Bytes,
    pub(super) version: String,
    /// MD5 in hexadecimal digits.
    pub(super) etag: String,
    /// Milliseconds since 1970.
    pub(super) uploaded: i64,
    /// What HTTP says of it, as the binding sent it.
    pub(super) http: Value,
    /// Pairs of `k` and `v`.
    pub(super) custom: Value,
    /// Hexadecimal digits, by the number of the algorithm.
    pub(super) checksums: Map<String, Value>,
    pub(super) storage_class: String,
}

impl Object {
    /// Everything about it. Texts for the large numbers are what `workerd` writes itself.
    pub(super) fn view(&self, key: &str) -> Value {
        let mut view = self.outline(key);
        view.set("httpFields", self.http.clone());
        view.set("customFields", self.custom.clone());
        view
    }

    /// What a list shows without being asked for more.
    pub(super) fn outline(&self, key: &str) -> Value {
        json!({
            "name": key,
            "version": self.version,
            "size": self.bytes.len(),
            "etag": self.etag,
            "uploaded": self.uploaded,
            "checksums": self.checksums,
            "storageClass": self.storage_class,
        })
    }
}
