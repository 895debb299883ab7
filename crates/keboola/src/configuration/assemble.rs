//! Configurations and rows from the arguments of the tools that write them.

use serde_json::{Map, Value};
use thiserror::Error;

use super::{
    normalise,
    printable::described,
    size::{self, SizeError},
    transformation::{self, OperationError, TransformationUpdate},
    updates::{self, ParameterUpdate, UpdateError},
};

/// The transformations that are written in SQL.
pub const SQL_TRANSFORMATIONS: [&str; 2] =
    ["keboola.snowflake-transformation", "keboola.google-bigquery-transformation"];

/// The parts of a configuration or of a row, as a tool's arguments.
#[derive(Debug, Clone, Copy, Default)]
pub struct Parts<'a> {
    /// `storage`.
    pub storage: Option<&'a Value>,
    /// `processors_before`.
    pub processors_before: Option<&'a Value>,
    /// `processors_after`.
    pub processors_after: Option<&'a Value>,
    /// `runtime`.
    pub runtime: Option<&'a Value>,
}

/// What is known of the component that a configuration is for.
#[derive(Debug, Clone, Copy)]
pub struct Component<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its type, such as `writer`.
    pub kind: &'a str,
    /// Whether its configurations have rows.
    pub has_rows: bool,
}

/// Where the parts go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The configuration itself.
    Root,
    /// A row of it.
    Row,
}

/// Why no configuration was made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AssembleError {
    /// A part has another form.
    #[error("{name}: expected {expected}, found {found}")]
    Form {
        /// The argument.
        name: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        found: String,
    },
    /// A transformation in SQL without tables.
    #[error(
        "storage: expected \"input\" or \"output\" mappings, because {0} reads or writes tables by them"
    )]
    NoMappings(String),
    /// A writer with rows has its tables in the rows.
    #[error(
        "storage: expected none, because {0} is a writer with rows: give \"input\" to its rows"
    )]
    StorageOfRows(String),
    /// A writer without a table to write.
    #[error("storage: expected \"input\" mappings, because {0} is a writer")]
    NoInput(String),
    /// An update of the parameters was refused.
    #[error(transparent)]
    Update(#[from] UpdateError),
    /// An update of the blocks was refused.
    #[error(transparent)]
    Transformation(#[from] OperationError),
    /// The result is too large or too deep.
    #[error(transparent)]
    Size(#[from] SizeError),
}

/// A new configuration, or a new row.
pub fn create(
    component: Component<'_>,
    level: Level,
    parameters: &Value,
    parts: Parts<'_>,
) -> Result<Value, AssembleError> {
    let parameters = only_member("parameters", parameters);
    let storage = storage(component, level, parts.storage)?;
    let mut configuration = Map::new();
    configuration.insert("parameters".to_owned(), object("parameters", parameters)?.into());
    configuration.insert("storage".to_owned(), storage.into());
    if let Some(runtime) = parts.runtime.filter(|runtime| is_filled(runtime)) {
        configuration.insert("runtime".to_owned(), object("runtime", runtime)?.into());
    }
    let mut configuration = Value::Object(configuration);
    // An empty list says nothing in a new configuration.
    let is_given = |list: &&Value| list.as_array().is_none_or(|items| !items.is_empty());
    let (before, after) = (parts.processors_before, parts.processors_after);
    set_processors(&mut configuration, "before", before.filter(is_given))?;
    set_processors(&mut configuration, "after", after.filter(is_given))?;
    size::check(&configuration)?;
    Ok(configuration)
}

/// A stored configuration, or a stored row, with changes. What is not among the parts stays, and so do members
/// that this server does not know.
pub fn update(
    component: Component<'_>,
    level: Level,
    stored: &Value,
    parameter_updates: &[ParameterUpdate],
    parts: Parts<'_>,
) -> Result<Value, AssembleError> {
    let mut members = members(stored)?;
    if parts.storage.is_some() {
        let storage = storage(component, level, parts.storage)?;
        members.insert("storage".to_owned(), storage.into());
    }
    if !parameter_updates.is_empty() {
        let stored = members.get("parameters").unwrap_or(&Value::Null);
        let parameters = updates::apply(stored, parameter_updates)?;
        members.insert("parameters".to_owned(), parameters);
    }
    if let Some(runtime) = parts.runtime {
        members.insert("runtime".to_owned(), object("runtime", runtime)?.into());
    }
    let mut configuration = Value::Object(members);
    set_processors(&mut configuration, "before", parts.processors_before)?;
    set_processors(&mut configuration, "after", parts.processors_after)?;
    size::check(&configuration)?;
    Ok(configuration)
}

/// A stored SQL transformation with changes, and what the changes of its blocks are.
pub fn update_sql(
    component: Component<'_>,
    stored: &Value,
    parameter_updates: &[TransformationUpdate],
    new_storage: Option<&Value>,
) -> Result<(Value, String), AssembleError> {
    let mut members = members(stored)?;
    if new_storage.is_some() {
        let storage = storage(component, Level::Root, new_storage)?;
        members.insert("storage".to_owned(), storage.into());
    }
    let mut change_summary = String::new();
    if !parameter_updates.is_empty() {
        let stored = members.get("parameters").unwrap_or(&Value::Null);
        let updated = transformation::apply(stored, parameter_updates)?;
        members.insert("parameters".to_owned(), updated.parameters);
        change_summary = updated.change_summary;
    }
    let configuration = Value::Object(members);
    size::check(&configuration)?;
    Ok((configuration, change_summary))
}

/// The members of a stored configuration.
fn members(stored: &Value) -> Result<Map<String, Value>, AssembleError> {
    let mut configuration = stored.clone();
    normalise::configuration(&mut configuration);
    object("configuration", &configuration)
}

/// The tool that is meant for a component that the general ones are not for.
pub fn other_tool(component_id: &str) -> Option<&'static str> {
    match component_id {
        "keboola.data-apps" => {
            Some("modify_python_js_data_app, modify_streamlit_data_app or deploy_data_app")
        }
        "keboola.flow" | "keboola.orchestrator" => {
            Some("create_flow, create_conditional_flow or update_flow")
        }
        sql if SQL_TRANSFORMATIONS.contains(&sql) => {
            Some("create_sql_transformation or update_sql_transformation")
        }
        _ => None,
    }
}

/// The storage mappings, where the component may have them.
fn storage(
    component: Component<'_>,
    level: Level,
    given: Option<&Value>,
) -> Result<Map<String, Value>, AssembleError> {
    let given = given.unwrap_or(&Value::Null);
    let storage = object("storage", only_member("storage", given))?;
    let has = |direction: &str| storage.get(direction).is_some_and(is_filled);
    let id = || component.id.to_owned();
    let is_writer = component.kind == "writer";
    if SQL_TRANSFORMATIONS.contains(&component.id) && !has("input") && !has("output") {
        return Err(AssembleError::NoMappings(id()));
    }
    if is_writer && component.has_rows && level == Level::Root {
        if !storage.is_empty() {
            return Err(AssembleError::StorageOfRows(id()));
        }
    } else if is_writer && !has("input") {
        return Err(AssembleError::NoInput(id()));
    }
    Ok(storage)
}

fn is_filled(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) => !map.is_empty(),
        _ => true,
    }
}

/// The value of a member that was given together with its name, such as `{"parameters": {…}}`. An object with
/// more members is taken as it is.
fn only_member<'v>(name: &str, value: &'v Value) -> &'v Value {
    match value.as_object().filter(|map| map.len() == 1).and_then(|map| map.get(name)) {
        Some(inner) if inner.is_object() || inner.is_null() || inner.is_array() => inner,
        _ => value,
    }
}

fn object(name: &'static str, value: &Value) -> Result<Map<String, Value>, AssembleError> {
    normalise::into_object(value.clone()).ok_or_else(|| form(name, "an object", value))
}

fn set_processors(
    configuration: &mut Value,
    position: &str,
    processors: Option<&Value>,
) -> Result<(), AssembleError> {
    let Some(processors) = processors else { return Ok(()) };
    let name = if position == "before" { "processors_before" } else { "processors_after" };
    let Value::Array(list) = processors else {
        return Err(form(name, "an array of processors", processors));
    };
    for processor in list {
        if processor.pointer("/definition/component").and_then(Value::as_str).is_none() {
            let expected = "processors with {\"definition\": {\"component\": \"…\"}}";
            return Err(form(name, expected, processor));
        }
    }
    let Value::Object(members) = configuration else { return Ok(()) };
    let all = members.entry("processors").or_insert(Value::Null);
    normalise::to_object(all);
    match all {
        Value::Object(all) => drop(all.insert(position.to_owned(), processors.clone())),
        other => return Err(form("configuration.processors", "an object", other)),
    }
    Ok(())
}

fn form(name: &'static str, expected: &'static str, found: &Value) -> AssembleError {
    AssembleError::Form { name, expected, found: described(found) }
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
