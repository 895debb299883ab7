//! What the tools that write configurations share.
//!
//! Invariant: what is written went through [`sealed`]: no secret is stored in plain text.

use mcp_platform::{Method, time::rfc3339};
use mcp_server::execution::Begun;
use serde_json::{Value, json};

use super::{
    component,
    variables::{self, Owner},
};
use crate::{
    api::{Path, Service, Unconfirmed},
    call::{Call, POSSIBLE, ShortCircuit, failed, id_of, sentence},
    configuration::{
        assemble::{self, Component, Level, Parts, SQL_TRANSFORMATIONS},
        diff::{CONSENT, Diff},
        printable::foreign,
        secrets::Unsealed,
        size, updates,
        variables::Variable,
    },
};

/// A failure before anything was sent that changes something.
fn refused(why: impl std::fmt::Display) -> ShortCircuit {
    ShortCircuit::Failed(format!("Nothing was changed. {why}."))
}

/// Refuses components whose configurations are of another form.
pub(super) fn suits(component: &str) -> Result<(), ShortCircuit> {
    if SQL_TRANSFORMATIONS.contains(&component) {
        return failed(format!(
            "Nothing was changed: {component} is an SQL transformation. Use \
             keboola_create_sql_transformation or keboola_update_sql_transformation."
        ));
    }
    match assemble::other_tool(component) {
        None => Ok(()),
        Some(tools) => failed(format!(
            "Nothing was changed: this tool is not for {component}, which has tools of its own in \
             Keboola's MCP server ({tools}). Tell the person that this server does not have them."
        )),
    }
}

/// The parts of a configuration among the arguments.
fn parts<'c>(call: &'c Call<'_>) -> Parts<'c> {
    Parts {
        storage: call.get("storage"),
        processors_before: call.get("processors_before"),
        processors_after: call.get("processors_after"),
        runtime: call.get("runtime"),
    }
}

/// A new configuration, or row, of the arguments.
pub(super) async fn assembled(call: &Call<'_>, level: Level) -> Result<Value, ShortCircuit> {
    let id = call.required("component_id");
    suits(id)?;
    let record = component::read(call, id).await?;
    let parameters = call.get("parameters").unwrap_or(&Value::Null);
    let kind = component::kind(&record);
    let about = Component { id, kind: &kind, has_rows: component::has_rows(&record) };
    let made = assemble::create(about, level, parameters, parts(call)).map_err(refused)?;
    let schema = match level {
        Level::Root => "configurationSchema",
        Level::Row => "configurationRowSchema",
    };
    let parameters = made.get("parameters").unwrap_or(&Value::Null);
    let missing = component::missing(&record, schema, parameters);
    match missing.is_empty() {
        true => Ok(made),
        false => Err(refused(format!(
            "The parameters lack what the component's schema requires: {}",
            missing.join(", ")
        ))),
    }
}

/// The configuration with its secrets encrypted. Where that fails nothing may be written.
pub(super) async fn sealed(
    call: &Call<'_>,
    component: &str,
    configuration: Value,
) -> Result<Value, ShortCircuit> {
    let unsealed = Unsealed::new(configuration).map_err(refused)?;
    let answer = match unsealed.request() {
        None => None,
        Some(secrets) => {
            let query = [("componentId", component.to_owned()), ("projectId", call.project.id())];
            let path = Path::new("encrypt");
            let answer = call.client.ask(Service::Encryption, path, &query, &secrets).await;
            let answer = answer.map_err(|error| {
                refused(format!("The secrets could not be encrypted. {}", sentence(&error)))
            })?;
            Some(answer)
        }
    };
    let sealed = unsealed.seal(answer.as_ref()).map_err(refused)?.into_value();
    size::check(&sealed).map_err(refused)?;
    Ok(sealed)
}

/// A stored configuration, or row, and what it becomes.
pub(super) struct Draft {
    /// As it is stored.
    pub(super) record: Value,
    /// What it becomes.
    pub(super) configuration: Value,
    /// The component whose configuration it is.
    pub(super) component: String,
    pub(super) diff: Diff,
    /// What changed, for the answer.
    pub(super) summary: String,
    /// The variables that it gets; None where they stay.
    pub(super) variables: Option<Vec<Variable>>,
}

impl Draft {
    /// Reads the record and applies the arguments to it.
    pub(super) async fn of(
        call: &Call<'_>,
        path: Path,
        level: Level,
    ) -> Result<Self, ShortCircuit> {
        let id = call.required("component_id");
        suits(id)?;
        let steps = call.get("parameter_updates").map(updates::read).transpose();
        let steps = steps.map_err(refused)?.unwrap_or_default();
        let record = call.storage(path, &[]).await?;
        let about = component::read(call, id).await?;
        let kind = component::kind(&about);
        let about = Component { id, kind: &kind, has_rows: component::has_rows(&about) };
        let stored = record.get("configuration").unwrap_or(&Value::Null);
        let configuration =
            assemble::update(about, level, stored, &steps, parts(call)).map_err(refused)?;
        let draft = Self::new(call, record, configuration)?;
        draft.require_change(call)?;
        Ok(draft)
    }

    /// Whether the configuration itself gets a new version.
    pub(super) fn writes(&self) -> bool {
        !self.diff.is_empty() || self.variables.is_some()
    }

    /// Refuses a call that changes nothing.
    pub(super) fn require_change(&self, call: &Call<'_>) -> Result<(), ShortCircuit> {
        if self.writes() || call.get("folder").is_some() {
            return Ok(());
        }
        failed(
            "Nothing was changed: what was given is what is stored already. Give parameter_updates, \
             storage, a name or a description that differ.",
        )
    }

    /// The draft of a record that becomes this.
    pub(super) fn new(
        call: &Call<'_>,
        record: Value,
        configuration: Value,
    ) -> Result<Self, ShortCircuit> {
        let old = whole(&record, record.get("configuration"));
        let mut new = whole(&record, Some(&configuration));
        if let Some(new) = new.as_object_mut() {
            for name in ["name", "description"] {
                if let Some(text) = call.text(name).filter(|text| !text.is_empty()) {
                    new.insert(name.to_owned(), text.into());
                }
            }
            if let Some(disabled) = call.get("is_disabled") {
                new.insert("isDisabled".to_owned(), disabled.clone());
            }
        }
        let component = call.required("component_id").to_owned();
        let diff = Diff::of(&old, &new);
        let variables = variables::asked(call)?;
        Ok(Self { summary: diff.summary(), diff, record, configuration, component, variables })
    }

    /// The change for the person who is asked.
    pub(super) async fn plan(&self, call: &Call<'_>) -> Result<String, ShortCircuit> {
        let name = self.record.get("name").and_then(Value::as_str).unwrap_or_default();
        let folder = match call.text("folder") {
            None => String::new(),
            Some("") => "\n- Folder: none".to_owned(),
            Some(folder) => format!("\n- Folder: {}", foreign(folder)),
        };
        let variables = match &self.variables {
            None => String::new(),
            Some(asked) => {
                let id = call.required("configuration_id");
                let owner = Owner { component: &self.component, id };
                let effect = variables::effect(call, &owner, &self.configuration, asked).await?;
                format!("\n- Variables: {}; {effect}", variables::named(asked))
            }
        };
        Ok(format!(
            "- Component: {}\n- Configuration: {} ({}), version {}\n- Why: {}{folder}{variables}\n\
             Changes:\n{}",
            foreign(&self.component),
            foreign(name),
            foreign(&id_of(&self.record)),
            version(&self.record),
            foreign(call.required("change_description")),
            self.diff.text(CONSENT)
        ))
    }

    /// What became of a draft that was not stored, or may have been.
    fn told(&self, call: &Call<'_>, error: &Unconfirmed) -> String {
        let writes_variables = self.variables.as_ref().is_some_and(|asked| !asked.is_empty());
        let (denied, possible) = match writes_variables {
            true => (
                "The variables were written, but the configuration itself was not changed."
                    .to_owned(),
                format!("The variables were written. {POSSIBLE}"),
            ),
            false => ("Nothing was changed.".to_owned(), POSSIBLE.to_owned()),
        };
        error.told(&denied, &possible, call.look_up())
    }

    /// The body of the request that stores it.
    pub(super) async fn body(&self, call: &Call<'_>) -> Result<Value, ShortCircuit> {
        let sealed = sealed(call, &self.component, self.configuration.clone()).await?;
        let mut body = json!({
            "configuration": sealed,
            "changeDescription": call.required("change_description"),
        });
        if let Some(body) = body.as_object_mut() {
            for name in ["name", "description"] {
                if let Some(text) = call.text(name).filter(|text| !text.is_empty()) {
                    body.insert(name.to_owned(), text.into());
                }
            }
            if let Some(disabled) = call.get("is_disabled") {
                body.insert("isDisabled".to_owned(), disabled.clone());
            }
        }
        Ok(body)
    }
}

/// A configuration with the fields beside it that can be changed.
fn whole(record: &Value, configuration: Option<&Value>) -> Value {
    let mut whole =
        configuration.filter(|inner| inner.is_object()).cloned().unwrap_or_else(|| json!({}));
    if let Some(whole) = whole.as_object_mut() {
        for name in ["name", "description"] {
            let text = record.get(name).and_then(Value::as_str).unwrap_or_default();
            whole.insert(name.to_owned(), text.into());
        }
        let disabled = record.get("isDisabled") == Some(&Value::Bool(true));
        whole.insert("isDisabled".to_owned(), disabled.into());
    }
    whole
}

/// Stores a draft, whose variables were written before; the record as it is then. A lost answer is looked up
/// by the change's description.
pub(super) async fn stored(
    call: &Call<'_>,
    begun: &Begun,
    path: Path,
    draft: &Draft,
    body: &Value,
) -> Result<Value, ShortCircuit> {
    let (put, storage) = (Method::Put, Service::Storage);
    let answer = call.client.change(begun, put, storage, path.clone(), &[], Some(body)).await;
    let failure = |error: &Unconfirmed| ShortCircuit::Failed(draft.told(call, error));
    let error = match answer {
        Ok(answer) => return Ok(answer),
        Err(error) if error.leaves_doubt() => error,
        Err(error) => return Err(failure(&error)),
    };
    call.client.start_over();
    let Ok(now) = call.storage(path, &[]).await else {
        return Err(failure(&error));
    };
    let version = |record: &Value| record.get("version").and_then(Value::as_u64);
    let described = now.get("changeDescription").and_then(Value::as_str);
    match version(&now) > version(&draft.record)
        && described == Some(call.required("change_description"))
    {
        true => Ok(now),
        false => Err(failure(&error)),
    }
}

/// Sets metadata of a configuration; a sentence where that failed.
pub(super) async fn mark(
    call: &Call<'_>,
    begun: &Begun,
    config: Path,
    key: &str,
    value: &str,
) -> Option<String> {
    let body = json!({ "metadata": [{ "key": key, "value": value }] });
    let (post, storage) = (Method::Post, Service::Storage);
    let path = config.then("metadata");
    let marked = call.client.change(begun, post, storage, path, &[], Some(&body)).await;
    marked.err().map(|error| {
        error.told(
            &format!("The metadata {key} could not be set."),
            &format!("The metadata {key} MAY not be set."),
            "Read the configuration with keboola_get_configs.",
        )
    })
}

/// Notes that a version of a configuration is this server's.
pub(super) async fn mark_version(
    call: &Call<'_>,
    begun: &Begun,
    config: Path,
    version: i64,
) -> Option<String> {
    mark(call, begun, config, &format!("KBC.MCP.updatedBy.version.{version}"), "true").await
}

/// The version of a record.
pub(super) fn version(record: &Value) -> i64 {
    record.get("version").and_then(Value::as_i64).unwrap_or_default()
}

/// The answer of a tool that wrote.
pub(super) fn answer(
    call: &Call<'_>,
    component: &str,
    id: &str,
    record: &Value,
    summary: Vec<String>,
) -> Value {
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    let name = text("name").or_else(|| call.text("name")).unwrap_or_default();
    let description = text("description").or_else(|| call.text("description")).unwrap_or_default();
    let summary = summary.join(" ");
    let links = match SQL_TRANSFORMATIONS.contains(&component) {
        true => call.links().transformation_and_all(component, id, name),
        false => call.links().config_and_component(component, id, name),
    };
    json!({
        "component_id": component,
        "configuration_id": id,
        "description": description,
        "version": version(record),
        "timestamp": rfc3339(call.client.now_ms()),
        "success": true,
        "links": links,
        "change_summary": if summary.is_empty() { Value::Null } else { Value::from(summary) },
    })
}
