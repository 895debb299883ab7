//! Configurations and rows as answers show them. Secrets in plain text are redacted.

use serde_json::{Map, Value, json};

use crate::{
    api::{Path, plain},
    call::{Call, id_of, items},
    configuration::{assemble::SQL_TRANSFORMATIONS, normalise, secrets, transformation::Blocks},
    metadata::{self, FOLDER},
};

fn text<'a>(record: &'a Value, name: &str) -> Option<&'a str> {
    record.get(name).and_then(Value::as_str)
}

fn flag(record: &Value, name: &str) -> bool {
    record.get(name) == Some(&Value::Bool(true))
}

/// The folder that a configuration is shown in; empty for none.
pub(super) fn folder(record: &Value) -> &str {
    metadata::property(record.get("metadata"), FOLDER, None).unwrap_or_default()
}

/// The record with its metadata, which some answers leave out. Without the right to see them it
/// stays as it is.
pub(super) async fn with_metadata(call: &Call<'_>, path: Path, mut record: Value) -> Value {
    if record.get("metadata").is_none()
        && let Ok(metadata) = call.storage(path.then("metadata"), &[]).await
        && let Some(record) = record.as_object_mut()
    {
        record.insert("metadata".to_owned(), metadata);
    }
    record
}

/// The folders of all configurations, as Storage's search finds them. A list is shown without them
/// where it finds none.
pub(super) async fn folders(call: &Call<'_>) -> Vec<Value> {
    let query =
        [("metadataKeys[0]", FOLDER.to_owned()), ("include", "filteredMetadata".to_owned())];
    let found = call.storage(call.below("search/component-configurations"), &query).await;
    found.and_then(items).unwrap_or_default()
}

/// Gives a configuration of a list the metadata that were found.
pub(super) fn file(folders: &[Value], component: &str, record: &mut Value) {
    let id = id_of(record);
    let text = |found: &Value, name: &str| found.get(name).map(plain).unwrap_or_default();
    let is_it = |found: &&Value| {
        text(found, "configurationId") == id && text(found, "idComponent") == component
    };
    let metadata = folders.iter().find(is_it).and_then(|found| found.get("metadata").cloned());
    if record.get("metadata").is_none()
        && let (Some(metadata), Some(record)) = (metadata, record.as_object_mut())
    {
        record.insert("metadata".to_owned(), metadata);
    }
}

fn objects(value: Option<&Value>) -> Option<Vec<Value>> {
    let items = value?.as_array()?;
    Some(items.iter().filter(|item| item.is_object()).cloned().collect())
}

/// A part of a configuration as an object; null where there is none.
fn part(configuration: &Map<String, Value>, name: &str) -> Value {
    let part = configuration.get(name).cloned().and_then(normalise::into_object);
    part.map_or(Value::Null, |part| secrets::redact(Value::Object(part)))
}

fn filled(part: Value) -> Value {
    if part == json!({}) { Value::Null } else { part }
}

fn configuration(record: &Value) -> Map<String, Value> {
    let configuration = record.get("configuration").cloned().and_then(normalise::into_object);
    configuration.unwrap_or_default()
}

/// A configuration in short form.
pub(super) fn root_summary(component: &str, record: &Value) -> Value {
    json!({
        "component_id": component,
        "configuration_id": id_of(record),
        "name": text(record, "name").unwrap_or_default(),
        "description": text(record, "description"),
        "is_disabled": flag(record, "isDisabled"),
        "is_deleted": flag(record, "isDeleted"),
        "folder": folder(record),
    })
}

/// Its rows in short form; null where it has none.
pub(super) fn row_summaries(component: &str, record: &Value) -> Value {
    rows(record, |row| {
        json!({
            "component_id": component,
            "configuration_id": id_of(record),
            "row_configuration_id": id_of(row),
            "name": text(row, "name").unwrap_or_default(),
            "description": text(row, "description"),
            "is_disabled": flag(row, "isDisabled"),
            "is_deleted": flag(row, "isDeleted"),
        })
    })
}

fn rows(record: &Value, view: impl Fn(&Value) -> Value) -> Value {
    match record.get("rows").and_then(Value::as_array) {
        Some(rows) if !rows.is_empty() => rows.iter().map(view).collect(),
        _ => Value::Null,
    }
}

/// A configuration in full.
pub(super) fn root(component: &str, record: &Value) -> Value {
    let inner = configuration(record);
    let mut parameters = part(&inner, "parameters");
    if parameters.is_null() {
        parameters = json!({});
    }
    // Blocks of another form are shown as they are.
    if SQL_TRANSFORMATIONS.contains(&component)
        && let Ok(blocks) = Blocks::of(&parameters)
    {
        parameters = blocks.simplified();
    }
    json!({
        "component_id": component,
        "configuration_id": id_of(record),
        "name": text(record, "name").unwrap_or_default(),
        "description": text(record, "description"),
        "version": record.get("version").and_then(Value::as_i64),
        "is_disabled": flag(record, "isDisabled"),
        "is_deleted": flag(record, "isDeleted"),
        "folder": folder(record),
        "parameters": parameters,
        "storage": part(&inner, "storage"),
        "processors": filled(part(&inner, "processors")),
        "runtime": part(&inner, "runtime"),
        "variables_id": inner.get("variables_id").map(crate::api::plain),
        "variables_values_id": inner.get("variables_values_id").map(crate::api::plain),
        "variables": objects(inner.get("variables")),
        "configuration_metadata": objects(record.get("metadata")).unwrap_or_default(),
    })
}

/// Its rows in full; null where it has none.
pub(super) fn full_rows(component: &str, record: &Value) -> Value {
    rows(record, |row| {
        let inner = configuration(row);
        let parameters = part(&inner, "parameters");
        json!({
            "component_id": component,
            "configuration_id": id_of(record),
            "configuration_row_id": id_of(row),
            "name": text(row, "name").unwrap_or_default(),
            "description": text(row, "description"),
            "version": row.get("version").and_then(Value::as_i64),
            "is_disabled": flag(row, "isDisabled"),
            "is_deleted": flag(row, "isDeleted"),
            "parameters": if parameters.is_null() { json!({}) } else { parameters },
            "storage": part(&inner, "storage"),
            "processors": filled(part(&inner, "processors")),
            "values": objects(inner.get("values")),
            "configuration_metadata": objects(inner.get("metadata")).unwrap_or_default(),
        })
    })
}
