//! The project of a token, and what the token may do.

use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::configuration::assemble::SQL_TRANSFORMATIONS;

use super::{
    cache::{Kept, Key},
    client::{Client, Service},
    error::ApiError,
    path::Path,
};

thread_local! {
    static PROJECTS: Kept<Rc<Project>> = const { Kept::new(60_000) };
}

/// What `tokens/verify` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Project {
    /// The id as it came: a number or a text.
    pub(crate) id: Value,
    pub(crate) name: String,
    pub(crate) organization: Value,
    pub(crate) features: Vec<String>,
    /// The person's role; empty where the token has none.
    pub(crate) role: String,
    /// `snowflake` or `bigquery`.
    pub(crate) backend: String,
    pub(crate) token_id: String,
    pub(crate) is_disabled: bool,
}

impl Project {
    /// The project of the client's token. It is asked for once a minute.
    pub(crate) async fn of(client: &Client<'_>) -> Result<Rc<Self>, ApiError> {
        let (key, now) = (client.key(), client.now_ms());
        if let Some(known) = PROJECTS.with(|projects| projects.get(key, now)) {
            return Ok(known);
        }
        let answer = client.get(Service::Storage, Path::new("tokens/verify"), &[]).await?;
        let project = Rc::new(Self::read(&answer)?);
        PROJECTS.with(|projects| projects.put(key, now, project.clone()));
        Ok(project)
    }

    /// Has the next call ask for it.
    pub(crate) fn forget(key: Key) {
        PROJECTS.with(|projects| projects.remove(key));
    }

    /// Reads the answer. Without the project's id, it says nothing of the token.
    fn read(answer: &Value) -> Result<Self, ApiError> {
        let at = |pointer: &str| answer.pointer(pointer).cloned().unwrap_or_default();
        let text = |pointer: &str| plain(&at(pointer));
        if text("/owner/id").is_empty() {
            return Err(ApiError::Unexpected("a token with its project"));
        }
        let features = at("/owner/features");
        let features = features.as_array().into_iter().flatten();
        Ok(Self {
            id: at("/owner/id"),
            name: text("/owner/name"),
            organization: at("/organization/id"),
            features: features.filter_map(|name| Some(name.as_str()?.to_owned())).collect(),
            role: text("/admin/role"),
            backend: text("/owner/defaultBackend"),
            token_id: text("/id"),
            is_disabled: at("/owner/isDisabled") == Value::Bool(true),
        })
    }

    /// The id as text.
    pub(crate) fn id(&self) -> String {
        plain(&self.id)
    }

    /// Whether the project has a feature.
    pub(crate) fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|known| known == feature)
    }

    /// The component of its SQL transformations.
    pub(crate) fn sql_component(&self) -> &'static str {
        let [snowflake, bigquery] = SQL_TRANSFORMATIONS;
        if self.is_bigquery() { bigquery } else { snowflake }
    }

    /// Whether its SQL is BigQuery's; else it is Snowflake's.
    pub(crate) fn is_bigquery(&self) -> bool {
        self.backend == "bigquery"
    }
}

/// A text or a number as text; anything else is empty.
pub(crate) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}
