//! The configurations whose input or output mapping names a table.

use std::{collections::HashMap, ops::ControlFlow};

use serde_json::{Value, json};

use super::{
    all_configs::{self, Owner},
    search_matches::{At, LONGEST, strings},
};
use crate::{
    api::cut,
    call::{Call, Incomplete, ShortCircuit, id_of},
};

/// Uses that are named of one table.
const MOST: usize = 500;
/// Uses that are named of all tables together.
const MOST_TOGETHER: usize = 5_000;
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
    let mut incomplete = Incomplete::default();
    all_configs::each(
        call,
        (call.budget(), &mut incomplete),
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
    if uses.values().map(Vec::len).fold(0, usize::saturating_add) >= MOST_TOGETHER {
        incomplete.note(format!("more than {MOST_TOGETHER} uses of these tables together"));
    }
    for table in tables.iter_mut().filter(|table| table.get("columns").is_some()) {
        let found = uses.get(&id_of(table)).cloned();
        if let (Some(table), Some(found)) = (table.as_object_mut(), found) {
            table.insert("used_by".to_owned(), found.into());
        }
    }
    Ok(incomplete.text(NARROWER))
}

/// Whether all uses are found that may be named.
fn is_full(uses: &Uses) -> bool {
    let together = uses.values().map(Vec::len).fold(0, usize::saturating_add);
    together >= MOST_TOGETHER || uses.values().all(|uses| uses.len() >= MOST)
}

fn look(owner: &Owner, configuration: &Value, row: Option<&Value>, uses: &mut Uses) {
    if is_full(uses) {
        return;
    }
    let looked_at = row.unwrap_or(configuration);
    let text = |name: &str| looked_at.get(name).and_then(Value::as_str);
    let changed = configuration.pointer("/currentVersion/created").and_then(Value::as_str);
    let changed = changed.or_else(|| configuration.get("created").and_then(Value::as_str));
    for scope in ["input", "output"] {
        let Some(mapping) = looked_at.pointer(&format!("/configuration/storage/{scope}")) else {
            continue;
        };
        let at = format!("storage.{scope}");
        // It breaks off only where all that may be named is.
        let _ = strings(mapping, &At::Path(&at), &mut |at, value| {
            let Some(of_it) = uses.get_mut(value) else { return ControlFlow::Continue(()) };
            if of_it.len() < MOST {
                of_it.push(json!({
                    "component_id": owner.id,
                    "configuration_id": id_of(configuration),
                    "configuration_row_id": row.map(id_of),
                    "configuration_name": text("name").map(|name| cut(name, LONGEST)),
                    "used_in": at.text(),
                    "timestamp": changed,
                }));
            }
            if is_full(uses) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }
}
