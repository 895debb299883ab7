//! Schedules, made from configurations of `keboola.scheduler`.

use serde_json::{Value, json};

/// A schedule.
#[derive(Debug, Clone)]
pub(crate) struct Schedule {
    pub(crate) id: u64,
    pub(crate) token: u64,
    /// The configuration of `keboola.scheduler`.
    pub(crate) config: String,
    pub(crate) version: u64,
    pub(crate) schedule: Value,
    pub(crate) target: Value,
}

impl Schedule {
    /// As the API shows it.
    pub(crate) fn view(&self) -> Value {
        json!({
            "id": self.id.to_string(),
            "tokenId": self.token.to_string(),
            "configurationId": self.config,
            "configurationVersionId": self.version.to_string(),
            "schedule": self.schedule,
            "target": self.target,
            "executions": [],
        })
    }
}
