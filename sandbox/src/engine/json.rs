//! Fields of JSON objects, without the panics of indexing.

use serde_json::Value;

/// Reads and writes fields; of anything but an object there are none.
pub(crate) trait Fields {
    /// A field; null where there is none.
    fn field(&self, name: &str) -> &Value;

    /// Sets a field.
    fn set(&mut self, name: &str, value: impl Into<Value>);
}

impl Fields for Value {
    fn field(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&Self::Null)
    }

    fn set(&mut self, name: &str, value: impl Into<Self>) {
        if let Self::Object(fields) = self {
            fields.insert(name.to_owned(), value.into());
        }
    }
}
