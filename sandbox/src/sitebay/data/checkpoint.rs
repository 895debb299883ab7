//! Checkpoints: contents of a site under a name.

use serde_json::{Value, json};
use uuid::Uuid;

use super::place::Content;
use crate::engine::clock::{self, Time};

/// A checkpoint.
#[derive(Debug)]
pub(crate) struct Checkpoint {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its name.
    pub(crate) name: String,
    /// Its description.
    pub(crate) description: Option<String>,
    /// The page its picture is of.
    pub(crate) page_path: String,
    /// Its metadata.
    pub(crate) metadata: Value,
    /// Whether a conversation was put with it.
    pub(crate) has_conversation: bool,
    /// The site's team.
    pub(crate) team_id: Uuid,
    /// The site.
    pub(crate) site_id: Uuid,
    /// When it was made.
    pub(crate) at: Time,
    /// The state of the database.
    pub(crate) commit: Option<String>,
    /// The site's content.
    pub(crate) content: Content,
    /// Whether it is of the stage.
    pub(crate) of_stage: bool,
}

impl Checkpoint {
    /// The checkpoint as the API shows it.
    pub(crate) fn view(&self) -> Value {
        let stored = |what: &str| format!("https://checkpoints.example.com/{}/{what}", self.id);
        json!({
            "id": self.id,
            "site_live_id": self.site_id,
            "team_id": self.team_id,
            "name": self.name,
            "description": self.description,
            "screenshot_url": stored("page.png"),
            "conversation_url": self.has_conversation.then(|| stored("conversation.json")),
            "page_path": self.page_path,
            "pit_timestamp": clock::text(self.at),
            "dolt_commit_hash": self.commit,
            "metadata_json": self.metadata,
            "created_at": clock::text(self.at),
        })
    }
}
