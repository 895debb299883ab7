//! Metadata: keys and values that a provider attached to something.

use serde_json::{Value, json};

use crate::engine::clock::Time;
use crate::engine::json::Fields as _;
use crate::keboola::time;

/// A key with its value.
#[derive(Debug, Clone)]
pub(crate) struct Meta {
    pub(crate) id: u64,
    pub(crate) key: String,
    pub(crate) value: String,
    /// Who it is from; configurations and branches have none.
    pub(crate) provider: Option<String>,
    pub(crate) timestamp: Time,
}

impl Meta {
    /// As the API shows it.
    pub(crate) fn view(&self) -> Value {
        let mut view = json!({
            "id": self.id.to_string(),
            "key": self.key,
            "value": self.value,
            "timestamp": time::text(self.timestamp),
        });
        if let Some(provider) = &self.provider {
            view.set("provider", provider.as_str());
        }
        view
    }
}

/// Sets a key: one with the same key and provider is changed, else it is added.
pub(crate) fn set_metadata(metadata: &mut Vec<Meta>, new: Meta) {
    let same = |old: &&mut Meta| old.key == new.key && old.provider == new.provider;
    match metadata.iter_mut().find(same) {
        Some(old) => {
            old.value = new.value;
            old.timestamp = new.timestamp;
        }
        None => metadata.push(new),
    }
}

/// A list of metadata as the API shows it.
pub(crate) fn views(metadata: &[Meta]) -> Value {
    metadata.iter().map(Meta::view).collect()
}
