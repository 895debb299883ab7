//! Namespaces of Durable Objects. What an object says or stores is not played.

use serde_json::{Value, json};

/// A namespace: the objects of one class of one Worker.
#[derive(Debug)]
pub(crate) struct ObjectNamespace {
    pub(crate) id: String,
    pub(crate) script: String,
    pub(crate) class: String,
    pub(crate) objects: Vec<StoredObject>,
}

/// An object.
#[derive(Debug, Clone)]
pub(crate) struct StoredObject {
    pub(crate) id: String,
    pub(crate) has_data: bool,
}

impl ObjectNamespace {
    /// As lists show it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id,
            "name": format!("{}_{}", self.script, self.class),
            "script": self.script,
            "class": self.class,
            "use_sqlite": true,
        })
    }
}

impl StoredObject {
    /// As lists show it.
    pub(crate) fn view(&self) -> Value {
        json!({ "id": self.id, "hasStoredData": self.has_data })
    }
}
