//! The configurations whose input or output mapping names a table.

use serde_json::{Value, json};

use super::search_matches::strings;
use crate::call::{Call, ShortCircuit, id_of, items};

/// Says of each table in full which configurations use it.
pub(super) async fn add(call: &Call<'_>, tables: &mut [Value]) -> Result<(), ShortCircuit> {
    let mut wanted: Vec<(String, Vec<Value>)> = tables
        .iter()
        .filter(|table| table.get("columns").is_some())
        .map(|table| (id_of(table), Vec::new()))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let include = [("include", "configuration,rows".to_owned())];
    for component in items(call.storage(call.below("components"), &include).await?)? {
        let configurations = component.get("configurations").and_then(Value::as_array);
        for configuration in configurations.into_iter().flatten() {
            let rows = configuration.get("rows").and_then(Value::as_array);
            look(&component, configuration, None, &mut wanted);
            rows.into_iter()
                .flatten()
                .for_each(|row| look(&component, configuration, Some(row), &mut wanted));
        }
    }
    for table in tables.iter_mut().filter(|table| table.get("columns").is_some()) {
        let id = id_of(table);
        let found = wanted.iter().find(|(known, _)| *known == id);
        if let (Some(table), Some((_, uses))) = (table.as_object_mut(), found) {
            table.insert("used_by".to_owned(), json!(uses));
        }
    }
    Ok(())
}

fn look(
    component: &Value,
    configuration: &Value,
    row: Option<&Value>,
    wanted: &mut [(String, Vec<Value>)],
) {
    let looked_at = row.unwrap_or(configuration);
    let text = |name: &str| looked_at.get(name).and_then(Value::as_str);
    let changed = configuration.pointer("/currentVersion/created").and_then(Value::as_str);
    let changed = changed.or_else(|| configuration.get("created").and_then(Value::as_str));
    for scope in ["input", "output"] {
        let Some(mapping) = looked_at.pointer(&format!("/configuration/storage/{scope}")) else {
            continue;
        };
        strings(mapping, &format!("storage.{scope}"), &mut |path, value| {
            for (_, uses) in wanted.iter_mut().filter(|(id, _)| id == value) {
                uses.push(json!({
                    "component_id": id_of(component),
                    "configuration_id": id_of(configuration),
                    "configuration_row_id": row.map(id_of),
                    "configuration_name": text("name"),
                    "used_in": path,
                    "timestamp": changed,
                }));
            }
        });
    }
}
