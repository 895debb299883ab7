//! Deployments of a Worker: which versions answer, and how many requests of a hundred.

use serde_json::{Value, json};

use crate::engine::clock::{self, Time};

/// A version's part of a deployment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Share {
    pub(crate) version: String,
    pub(crate) percentage: f64,
}

/// A deployment.
#[derive(Debug, Clone)]
pub(crate) struct Deployment {
    pub(crate) id: String,
    pub(crate) created: Time,
    pub(crate) source: String,
    pub(crate) author: String,
    pub(crate) shares: Vec<Share>,
    pub(crate) message: Option<String>,
    /// `upload`, `deployment`, `rollback`, `secret`.
    pub(crate) trigger: String,
}

impl Deployment {
    /// As lists show it. The order of its versions is the order that it was made with.
    pub(crate) fn view(&self) -> Value {
        let versions = self.shares.iter().map(
            |share| json!({ "version_id": share.version, "percentage": number(share.percentage) }),
        );
        let mut annotations = json!({ "workers/triggered_by": self.trigger });
        if let (Some(message), Value::Object(fields)) = (&self.message, &mut annotations) {
            fields.insert("workers/message".to_owned(), json!(message));
        }
        json!({
            "id": self.id,
            "source": self.source,
            "strategy": "percentage",
            "author_email": self.author,
            "created_on": clock::text(self.created),
            "annotations": annotations,
            "versions": versions.collect::<Value>(),
        })
    }
}

/// A percentage without a fraction that is zero.
fn number(percentage: f64) -> Value {
    if percentage.fract() == 0.0 { json!(percentage as i64) } else { json!(percentage) }
}
