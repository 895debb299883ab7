//! Branches of a project.

use serde_json::{Value, json};

use crate::engine::clock::Time;
use crate::keboola::data::{Meta, Token};
use crate::keboola::time;

/// A branch.
#[derive(Debug, Clone)]
pub(crate) struct Branch {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) created: Time,
    pub(crate) is_default: bool,
    /// The id and the description of the token that made it; the default branch has none.
    pub(crate) creator: Option<(u64, String)>,
    pub(crate) metadata: Vec<Meta>,
}

impl Branch {
    /// A development branch.
    pub(crate) fn new(id: u64, name: String, description: String, by: &Token, now: Time) -> Self {
        let creator = Some(by.named());
        Self { id, name, description, created: now, is_default: false, creator, metadata: vec![] }
    }

    /// As the API shows it. An empty object comes as a list: the service is written in PHP.
    pub(crate) fn view(&self) -> Value {
        let creator = match &self.creator {
            Some((id, description)) => json!({ "id": id, "name": description }),
            None => json!([]),
        };
        json!({
            "id": self.id,
            "name": self.name,
            "description": self.description,
            "created": time::text(self.created),
            "isDefault": self.is_default,
            "creatorToken": creator,
        })
    }
}
