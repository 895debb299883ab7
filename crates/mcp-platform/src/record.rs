//! What objects store and what travels between them and the Worker, as JSON by serde.
//!
//! Invariant: two versions of the server read each other's text. Fields that were added later have a
//! default, and fields that are not known are skipped.

use serde::{Serialize, de::DeserializeOwned};

/// A value with a JSON text.
pub trait Record: Serialize + DeserializeOwned {
    /// The text that [`Self::from_json`] reads.
    fn to_json(&self) -> String {
        // Fails for maps whose keys are no text; records have none.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads it back, or the text that version 0.1.0 wrote.
    fn from_json(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok().or_else(|| Self::from_0_1_0(text))
    }

    /// Reads the text that version 0.1.0 wrote, where that was no JSON of this form.
    fn from_0_1_0(_text: &str) -> Option<Self> {
        None
    }
}
