//! A component: read from the catalogue of the documentation service, else from Storage.

use serde_json::{Value, json};

use crate::{
    api::{ApiError, Path, Service},
    call::Call,
    configuration::normalise,
};

/// The record of a component. Private ones are not in the catalogue.
pub(super) async fn read(call: &Call<'_>, id: &str) -> Result<Value, ApiError> {
    let path = Path::new("docs/components").part(id);
    let found = call.read_from(Service::Ai, path, &[]).await;
    let stored = call.storage(call.below("components").part(id), &[]).await;
    match (found, stored) {
        (Err(error), _) | (_, Err(error)) if error.is_beyond_budget() => Err(error),
        (Ok(mut found), stored) => {
            let data = stored.ok().and_then(|stored| stored.get("data").cloned());
            if let (Some(found), Some(data)) = (found.as_object_mut(), data) {
                found.insert("data".to_owned(), data);
            }
            Ok(found)
        }
        // Only Storage can say that there is no such component.
        (Err(ApiError::Refused { status: 404, .. }), stored) => stored,
        (Err(_), Ok(stored)) => Ok(stored),
        (Err(error), Err(_)) => Err(error),
    }
}

/// A field under one of its names, which differ between the two services.
fn field<'a>(record: &'a Value, names: [&str; 2]) -> Option<&'a Value> {
    names.iter().find_map(|name| record.get(name)).filter(|value| !value.is_null())
}

fn text(record: &Value, names: [&str; 2]) -> String {
    field(record, names).and_then(Value::as_str).unwrap_or_default().to_owned()
}

pub(super) fn id(record: &Value) -> String {
    text(record, ["id", "componentId"])
}

pub(super) fn name(record: &Value) -> String {
    text(record, ["name", "componentName"])
}

pub(super) fn kind(record: &Value) -> String {
    text(record, ["type", "componentType"])
}

fn texts(record: &Value, names: [&str; 2]) -> Vec<String> {
    let items = field(record, names).and_then(Value::as_array).into_iter().flatten();
    items.filter_map(|item| Some(item.as_str()?.to_owned())).collect()
}

/// Whether its configurations have rows.
pub(super) fn has_rows(record: &Value) -> bool {
    has_flag(record, "rows")
}

fn has_flag(record: &Value, flag: &str) -> bool {
    let wanted = format!("genericDockerUI-{flag}");
    texts(record, ["flags", "componentFlags"]).contains(&wanted)
}

fn capabilities(record: &Value) -> Value {
    let has = |flag: &str| has_flag(record, flag);
    json!({
        "is_row_based": has("rows"),
        "has_table_input": has("tableInput") || has("simpleTableInput"),
        "has_table_output": has("tableOutput"),
        "has_file_input": has("fileInput"),
        "has_file_output": has("fileOutput"),
        "requires_oauth": has("authorization"),
    })
}

/// A component beside its configurations.
pub(super) fn summary(record: &Value, links: Value) -> Value {
    json!({
        "component_id": id(record),
        "component_name": name(record),
        "component_type": kind(record),
        "capabilities": capabilities(record),
        "links": links,
    })
}

/// A component with its documentation and schemas.
pub(super) fn detail(record: &Value, links: Value) -> Value {
    let object = |name: &str| {
        record.get(name).cloned().and_then(normalise::into_object).filter(|map| !map.is_empty())
    };
    let plain = |names| Some(text(record, names)).filter(|text| !text.is_empty());
    let actions = record
        .pointer("/data/synchronous_actions")
        .or_else(|| record.get("synchronousActions"))
        .and_then(Value::as_array);
    let actions: Option<Vec<&str>> =
        actions.map(|names| names.iter().filter_map(Value::as_str).collect());
    json!({
        "component_id": id(record),
        "component_name": name(record),
        "component_type": kind(record),
        "component_categories": texts(record, ["categories", "componentCategories"]),
        "capabilities": capabilities(record),
        "documentation_url": plain(["documentationUrl", "documentation_url"]),
        "documentation": plain(["documentation", "longDescription"]),
        "configuration_schema": object("configurationSchema"),
        "configuration_row_schema": object("configurationRowSchema"),
        "links": links,
        "sync_actions": actions,
    })
}

/// The required parameters of a schema that are missing.
pub(super) fn missing(record: &Value, schema: &str, parameters: &Value) -> Vec<String> {
    let required = record.get(schema).and_then(|schema| schema.get("required"));
    let names = required.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    names.filter(|name| parameters.get(name).is_none()).map(str::to_owned).collect()
}
