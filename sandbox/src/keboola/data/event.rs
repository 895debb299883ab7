//! Events of Storage, which are also the logs of jobs.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::engine::clock::Time;
use crate::keboola::time;

/// An event.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    pub(crate) id: u64,
    /// Such as `ext.keboola.mcp-server-tool.`, or `storage.tableImportDone`.
    pub(crate) event: String,
    pub(crate) component: String,
    pub(crate) config: Option<String>,
    pub(crate) message: String,
    pub(crate) description: String,
    pub(crate) kind: String,
    pub(crate) run: Option<String>,
    pub(crate) created: Time,
    pub(crate) params: Value,
    pub(crate) results: Value,
    pub(crate) duration: Option<u64>,
    pub(crate) branch: u64,
    /// The id and the description of the token it is from.
    pub(crate) token: (u64, String),
}

impl Event {
    /// Its other id: the same every time.
    pub(crate) fn uuid(&self) -> Uuid {
        let number = u128::from(self.id) | 0x0e5e_0000_0000_4000_8000_0000_0000_0000;
        Uuid::from_u128(number)
    }

    /// As the API shows it.
    pub(crate) fn view(&self, storage: &str) -> Value {
        let (token, name) = &self.token;
        json!({
            "id": self.id,
            "uuid": self.uuid(),
            "event": self.event,
            "component": self.component,
            "configurationId": self.config,
            "message": self.message,
            "description": self.description,
            "type": self.kind,
            "runId": self.run,
            "created": time::text(self.created),
            "objectId": "",
            "objectName": "",
            "objectType": "",
            "context": { "remoteAddr": "127.0.0.1", "apiVersion": "v2" },
            "params": self.params,
            "results": self.results,
            "performance": match self.duration {
                Some(seconds) => json!({ "duration": seconds }),
                None => json!([]),
            },
            "token": { "id": token, "name": name },
            "idBranch": self.branch,
            "uri": format!("{storage}/v2/storage/events/{}", self.id),
            "attachments": [],
        })
    }
}
