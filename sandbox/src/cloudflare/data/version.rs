//! Versions of a Worker: its code, bindings and secrets at one time.

use serde_json::{Value, json};

use crate::engine::clock::{self, Time};
use crate::engine::json::Fields as _;

/// A version.
#[derive(Debug, Clone)]
pub(crate) struct Version {
    pub(crate) id: String,
    pub(crate) number: u64,
    pub(crate) created: Time,
    /// What made it: `wrangler`, `api`, `secret`.
    pub(crate) source: String,
    pub(crate) upload: Upload,
    /// The names of the secrets that it has.
    pub(crate) secrets: Vec<String>,
    /// How often a secret of the Worker had been changed when it was made.
    pub(crate) revision: u64,
}

/// What was uploaded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Upload {
    pub(crate) bindings: Vec<Value>,
    pub(crate) compatibility_date: String,
    pub(crate) compatibility_flags: Vec<String>,
    pub(crate) handlers: Vec<String>,
    /// The classes that the code declares as its objects; differing ones cannot share a deployment.
    pub(crate) exports: Vec<String>,
    pub(crate) message: Option<String>,
    pub(crate) tag: Option<String>,
    pub(crate) etag: String,
}

impl Version {
    /// As lists show it.
    pub(crate) fn view(&self, author: &str) -> Value {
        let mut annotations = json!({ "workers/triggered_by": self.trigger() });
        if let Some(message) = &self.upload.message {
            annotations.set("workers/message", message.as_str());
        }
        if let Some(tag) = &self.upload.tag {
            annotations.set("workers/tag", tag.as_str());
        }
        json!({
            "id": self.id,
            "number": self.number,
            "metadata": {
                "created_on": clock::text(self.created),
                "modified_on": clock::text(self.created),
                "source": self.source,
                "author_email": author,
                "hasPreview": true,
            },
            "annotations": annotations,
        })
    }

    /// With what it consists of.
    pub(crate) fn detail(&self, author: &str) -> Value {
        let secrets =
            self.secrets.iter().map(|name| json!({ "type": "secret_text", "name": name }));
        let bindings: Vec<_> = self.upload.bindings.iter().cloned().chain(secrets).collect();
        let mut view = self.view(author);
        view.set(
            "resources",
            json!({
                "bindings": bindings,
                "script": {
                    "etag": self.upload.etag,
                    "handlers": self.upload.handlers,
                    "last_deployed_from": self.source,
                },
                "script_runtime": {
                    "compatibility_date": self.upload.compatibility_date,
                    "compatibility_flags": self.upload.compatibility_flags,
                    "usage_model": "standard",
                },
            }),
        );
        view
    }

    fn trigger(&self) -> &'static str {
        if self.source == "secret" { "secret" } else { "upload" }
    }
}
