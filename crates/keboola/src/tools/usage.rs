//! The configurations whose input or output mapping names a table.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    all_configs::{self, Owner},
    search_matches::strings,
};
use crate::call::{Budget, Call, Incomplete, ShortCircuit, id_of};

/// Uses that are named of one table.
const MOST: usize = 500;
/// How to ask for less.
const NARROWER: &str = "Read the configurations of one component with keboola_get_configs (component_ids) and look at \
     their storage.input and storage.output, or ask for fewer tables.";

/// The uses of the tables that are asked for.
type Uses = HashMap<String, Vec<Value>>;

/// Says of each table in full which configurations use it; a sentence where not all of them could be looked at.
pub(super) async fn add(
    call: &Call<'_>,
    tables: &mut [Value],
) -> Result<Option<String>, ShortCircuit> {
    let in_full = tables.iter().filter(|table| table.get("columns").is_some());
    let mut uses: Uses = in_full.map(|table| (id_of(table), Vec::new())).collect();
    if uses.is_empty() {
        return Ok(None);
    }
    let (budget, mut incomplete) = (Budget::new(), Incomplete::default());
    all_configs::each(
        call,
        (&budget, &mut incomplete),
        |_| true,
        |owner, configuration| {
            look(owner, configuration, None, &mut uses);
            let rows = configuration.get("rows").and_then(Value::as_array);
            rows.into_iter()
                .flatten()
                .for_each(|row| look(owner, configuration, Some(row), &mut uses));
        },
    )
    .await?;
    let is_cut = |(id, uses): (&String, &Vec<Value>)| (uses.len() >= MOST).then(|| id.clone());
    let mut cut: Vec<String> = uses.iter().filter_map(is_cut).collect();
    cut.sort();
    incomplete.note_all(&format!("more than {MOST} uses of"), &cut);
    for table in tables.iter_mut().filter(|table| table.get("columns").is_some()) {
        let found = uses.get(&id_of(table)).cloned();
        if let (Some(table), Some(found)) = (table.as_object_mut(), found) {
            table.insert("used_by".to_owned(), found.into());
        }
    }
    Ok(incomplete.text(NARROWER))
}

fn look(owner: &Owner, configuration: &Value, row: Option<&Value>, uses: &mut Uses) {
    let looked_at = row.unwrap_or(configuration);
    let text = |name: &str| looked_at.get(name).and_then(Value::as_str);
    let changed = configuration.pointer("/currentVersion/created").and_then(Value::as_str);
    let changed = changed.or_else(|| configuration.get("created").and_then(Value::as_str));
    for scope in ["input", "output"] {
        let Some(mapping) = looked_at.pointer(&format!("/configuration/storage/{scope}")) else {
            continue;
        };
        strings(mapping, &format!("storage.{scope}"), &mut |path, value| {
            if let Some(uses) = uses.get_mut(value).filter(|uses| uses.len() < MOST) {
                uses.push(json!({
                    "component_id": owner.id,
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
