//! Workspaces: schemas of the backend that queries run in.

use serde_json::{Value, json};

use crate::engine::clock::Time;
use crate::engine::json::Fields as _;
use crate::keboola::data::Backend;
use crate::keboola::time;

/// A workspace.
#[derive(Debug, Clone)]
pub(crate) struct Workspace {
    pub(crate) id: u64,
    pub(crate) branch: u64,
    pub(crate) project: u64,
    pub(crate) component: Option<String>,
    pub(crate) config: Option<String>,
    pub(crate) backend: Backend,
    pub(crate) login_type: String,
    pub(crate) size: Option<String>,
    pub(crate) is_read_only: bool,
    pub(crate) created: Time,
    /// The id and the description of the token that made it.
    pub(crate) creator: (u64, String),
}

impl Workspace {
    /// As the API shows it.
    pub(crate) fn view(&self) -> Value {
        let (id, description) = &self.creator;
        json!({
            "id": self.id,
            "name": format!("WORKSPACE_{}", self.id),
            "type": "table",
            "component": self.component,
            "configurationId": self.config,
            "created": time::text(self.created),
            "backendSize": self.size,
            "statementTimeoutSeconds": 7200,
            "connection": self.connection(),
            "creatorToken": { "id": id, "description": description },
            "creatorUser": null,
            "readOnlyStorageAccess": self.is_read_only,
            "platformUsageType": "user",
            "ssoLoginAvailable": true,
        })
    }

    /// As the answer to its creation shows it: with the password, for this once.
    pub(crate) fn created_view(&self) -> Value {
        let mut view = self.view();
        if let Some(connection) = view.get_mut("connection") {
            match self.backend {
                Backend::Snowflake => connection.set("password", format!("password-{}", self.id)),
                Backend::BigQuery => connection.set("credentials", self.account(true)),
            }
        }
        view
    }

    fn connection(&self) -> Value {
        let schema = format!("WORKSPACE_{}", self.id);
        match self.backend {
            Backend::Snowflake => json!({
                "backend": "snowflake",
                "host": "sandbox.snowflakecomputing.com",
                "region": "us-east-1",
                "database": format!("KEBOOLA_{}", self.project),
                "schema": schema,
                "warehouse": "KEBOOLA_PROD",
                "user": format!("KEBOOLA_WORKSPACE_{}", self.id),
                "loginType": self.login_type,
            }),
            Backend::BigQuery => json!({
                "backend": "bigquery",
                "host": null,
                "region": "us",
                "database": null,
                "schema": schema,
                "warehouse": null,
                "user": self.account(false).to_string(),
                "loginType": self.login_type,
            }),
        }
    }

    /// The account of BigQuery, which stands where other backends have a user.
    fn account(&self, with_key: bool) -> Value {
        let mut account = json!({
            "type": "service_account",
            "project_id": format!("keboola-{}", self.project),
            "client_email": format!("workspace-{}@sandbox.iam", self.id),
        });
        if with_key {
            account.set("private_key", format!("private-key-{}", self.id));
        }
        account
    }
}
