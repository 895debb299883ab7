//! The components that every project has.

use serde_json::{Value, json};

/// A component.
#[derive(Debug)]
pub(crate) struct Component {
    pub(crate) id: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) flags: &'static [&'static str],
    /// Whether its configurations have rows.
    pub(crate) has_rows: bool,
    /// The sync actions it has.
    pub(crate) actions: &'static [&'static str],
}

const FORM: &[&str] = &["genericDockerUI", "encrypt"];
const TABLES: &[&str] = &["genericDockerUI", "genericDockerUI-tableInput", "encrypt"];
const ROWS: &[&str] = &["genericDockerUI", "genericDockerUI-rows", "encrypt"];
const OAUTH: &[&str] = &["genericDockerUI", "genericDockerUI-authorization", "encrypt"];

const fn plain(
    id: &'static str,
    kind: &'static str,
    name: &'static str,
    about: &'static str,
    flags: &'static [&'static str],
) -> Component {
    Component { id, kind, name, about, flags, has_rows: false, actions: &[] }
}

/// All components.
pub(crate) const COMPONENTS: &[Component] = &[
    plain("keboola.ex-http", "extractor", "HTTP", "Downloads files over HTTP.", FORM),
    Component {
        has_rows: true,
        actions: &["testConnection", "getTables"],
        ..plain("keboola.ex-db-mysql", "extractor", "MySQL", "Reads tables of MySQL.", ROWS)
    },
    plain("keboola.ex-google-drive", "extractor", "Google Drive", "Reads sheets.", OAUTH),
    Component {
        has_rows: true,
        actions: &["testConnection"],
        ..plain("keboola.wr-db-snowflake", "writer", "Snowflake", "Writes to Snowflake.", TABLES)
    },
    plain("keboola.app-forecast", "application", "Forecast", "Forecasts time series.", TABLES),
    plain(
        "keboola.snowflake-transformation",
        "transformation",
        "Snowflake SQL",
        "Transforms tables with SQL of Snowflake.",
        TABLES,
    ),
    plain(
        "keboola.google-bigquery-transformation",
        "transformation",
        "BigQuery SQL",
        "Transforms tables with SQL of BigQuery.",
        TABLES,
    ),
    plain("keboola.flow", "other", "Flow", "Runs tasks under conditions.", &[]),
    plain("keboola.orchestrator", "other", "Orchestrator", "Runs tasks in phases.", &[]),
    plain("keboola.scheduler", "other", "Scheduler", "Runs at set times.", &[]),
    plain("keboola.data-apps", "other", "Data apps", "Serves apps on data.", &[]),
    plain("keboola.variables", "other", "Variables", "Values for configurations.", &[]),
    plain("keboola.sandboxes", "other", "Workspaces", "Workspaces of people.", &[]),
    // Its configurations own the workspaces of Keboola's MCP server.
    plain("keboola.mcp-server-tool", "other", "MCP server", "Workspaces of the MCP server.", &[]),
];

/// A component by its id.
pub(crate) fn component(id: &str) -> Option<&'static Component> {
    COMPONENTS.iter().find(|component| component.id == id)
}

impl Component {
    /// As Storage shows it.
    pub(crate) fn view(&self, storage: &str) -> Value {
        json!({
            "id": self.id,
            "type": self.kind,
            "name": self.name,
            "description": self.about,
            "longDescription": format!("{} It is part of the sandbox.", self.about),
            "version": 1,
            "complexity": "easy",
            "categories": [self.kind],
            "hasUI": true,
            "hasRun": true,
            "ico32": "https://assets.keboola.test/icon-32.png",
            "ico64": "https://assets.keboola.test/icon-64.png",
            "ico128": "https://assets.keboola.test/icon-128.png",
            "data": { "synchronous_actions": self.actions },
            "flags": self.flags,
            "configurationSchema": self.schema(),
            "configurationRowSchema": self.row_schema(),
            "emptyConfiguration": {},
            "uiOptions": {},
            "configurationDescription": null,
            "uri": format!("{storage}/v2/storage/components/{}", self.id),
            "documentationUrl": self.documentation(),
        })
    }

    /// As the AI service documents it.
    pub(crate) fn documented(&self) -> Value {
        json!({
            "componentId": self.id,
            "componentName": self.name,
            "componentType": self.kind,
            "componentCategories": [self.kind],
            "documentationUrl": self.documentation(),
            "documentation": format!("# {}\n\n{}\n", self.name, self.about),
            "configurationSchema": self.schema(),
            "configurationRowSchema": self.row_schema(),
            "rootConfigurationExamples": [{ "parameters": { "mode": "full" } }],
            "rowConfigurationExamples": self.row_examples(),
            "componentFlags": self.flags,
            "synchronousActions": self.actions,
        })
    }

    fn documentation(&self) -> String {
        format!("https://help.keboola.test/components/{}/", self.id)
    }

    fn schema(&self) -> Value {
        json!({
            "type": "object",
            "properties": {
                "mode": { "type": "string", "enum": ["full", "incremental"] },
                "#password": { "type": "string", "title": "Password" },
            },
        })
    }

    fn row_schema(&self) -> Value {
        if self.has_rows {
            json!({ "type": "object", "properties": { "table": { "type": "string" } } })
        } else {
            json!({})
        }
    }

    fn row_examples(&self) -> Value {
        if self.has_rows { json!([{ "parameters": { "table": "orders" } }]) } else { json!([]) }
    }
}
