//! Search by Keboola's own index of names, in projects that have it.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::search::{self, Search};
use crate::{
    api::{Path, plain},
    call::{
        Branch, Budget, Call, Incomplete, Outcome, ShortCircuit, Within, all_large, id_of, shown,
    },
};

/// What the index gives at most.
const MOST: usize = 100;

/// The index's types for a type of the tool. Several types of ours are configurations there.
fn types_of(kind: &str) -> &'static [&'static str] {
    match kind {
        "bucket" => &["bucket"],
        "table" => &["table"],
        "transformation" => &["transformation"],
        "configuration" | "data-app" => &["configuration"],
        "configuration-row" => &["configuration-row"],
        "component" => &["configuration", "configuration-row"],
        "flow" => &["flow", "configuration"],
        "workspace" => &["workspace", "configuration"],
        "shared-code" => &["shared-code"],
        "rows" => &["rows"],
        "state" => &["state"],
        _ => &[],
    }
}

pub(super) async fn run(call: &Call<'_>, search: &Search) -> Outcome {
    let mut scope = "current-branch";
    let (budget, mut incomplete) = (Budget::new(), Incomplete::default());
    let mut answers = asked(call, search, (&budget, &mut incomplete), false).await?;
    let mut hits = found(call, search, &answers);
    if hits.is_empty() && search.offset == 0 {
        scope = "all-branches";
        answers = asked(call, search, (&budget, &mut incomplete), true).await?;
        hits = found(call, search, &answers);
    }
    search::latest_first(&mut hits);
    hits.truncate(search.limit);
    let total = answers.iter().filter_map(|answer| answer.get("all")?.as_u64());
    let total = total.fold(0_u64, u64::saturating_add);
    Ok(json!({
        "hits": hits,
        "total": total,
        "by_type": counts(&answers),
        "branch_scope": scope,
        "incomplete": incomplete.text(search::NARROWER),
    }))
}

async fn asked(
    call: &Call<'_>,
    search: &Search,
    (budget, incomplete): (&Budget, &mut Incomplete),
    everywhere: bool,
) -> Result<Vec<Value>, ShortCircuit> {
    let mut types: Vec<&str> = Vec::new();
    for kind in search.types.iter().flat_map(|kind| types_of(kind)) {
        if !types.contains(kind) {
            types.push(kind);
        }
    }
    // The index pages before hits of other types are left out here.
    let limit = if types.contains(&"configuration") { MOST } else { search.limit };
    let mut query = vec![
        ("projectIds[]", call.project.id()),
        ("limit", limit.to_string()),
        ("offset", search.offset.to_string()),
    ];
    query.extend(types.iter().map(|kind| ("types[]", (*kind).to_owned())));
    match (&call.branch, everywhere) {
        (_, true) => {}
        (Branch::Main, _) => query.push(("branchTypes[]", "production".to_owned())),
        (Branch::Development(id), _) => {
            query.push(("branchTypes[]", "development".to_owned()));
            query.push(("branchIds[]", id.clone()));
        }
    }
    let answers = all_large(search.patterns.texts(), async |pattern: &str| {
        let mut query = query.clone();
        query.insert(0, ("query", pattern.to_owned()));
        match budget.read(call, Path::new("global-search"), &query).await? {
            Within::Read(answer) => Ok(Ok(answer.value()?)),
            Within::TooLarge | Within::UsedUp => Ok(Err(shown(pattern))),
        }
    })
    .await?;
    let (mut read, mut unread) = (Vec::new(), Vec::new());
    for answer in answers {
        match answer {
            Ok(answer) => read.push(answer),
            Err(pattern) => unread.push(pattern),
        }
    }
    incomplete.note_all("the hits of", &unread);
    Ok(read)
}

/// The hits of all answers that are of a wanted type, each once.
fn found(call: &Call<'_>, search: &Search, answers: &[Value]) -> Vec<Value> {
    let (mut seen, mut hits) = (HashSet::new(), Vec::new());
    for answer in answers {
        for item in answer.get("items").and_then(Value::as_array).into_iter().flatten() {
            let key = (item.get("type").map(plain), id_of(item));
            if seen.contains(&key) {
                continue;
            }
            let hit = hit(call, item);
            let kind = hit.as_ref().and_then(|hit| hit.get("item_type")?.as_str());
            if kind.is_some_and(|kind| search.wants(kind)) {
                hits.extend(hit);
                seen.insert(key);
            }
        }
    }
    hits
}

/// An item of the index as a hit; None where it does not say what it belongs to.
fn hit(call: &Call<'_>, item: &Value) -> Option<Value> {
    let text = |pointer: &str| item.pointer(pointer).map(plain).filter(|text| !text.is_empty());
    let id = id_of(item);
    let mut fields = json!({
        "updated": text("/created").unwrap_or_default(),
        "name": text("/name"),
        "branch_id": text("/fullPath/branch/id"),
        "branch_name": text("/fullPath/branch/name"),
    });
    let component = text("/componentId");
    let (kind, more) = match text("/type")?.as_str() {
        "bucket" => ("bucket", json!({ "bucket_id": id })),
        "table" => ("table", json!({ "table_id": id, "bucket_id": text("/fullPath/bucket/id") })),
        "configuration-row" | "rows" => {
            let configuration = text("/fullPath/configuration/id")?;
            let ids = json!({
                "component_id": component?,
                "configuration_id": configuration,
                "configuration_row_id": id,
            });
            ("configuration-row", ids)
        }
        kind => {
            let fallback = (kind == "workspace").then(|| search::WORKSPACES.to_owned());
            let component = component.or(fallback)?;
            let kind = match kind {
                "configuration" => search::kind_of(&component, ""),
                "transformation" => "transformation",
                "flow" => "flow",
                "workspace" => "workspace",
                "shared-code" => "shared-code",
                "state" => "state",
                _ => return None,
            };
            (kind, json!({ "component_id": component, "configuration_id": id }))
        }
    };
    if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
        fields.extend(more);
    }
    Some(search::hit(call, kind, fields))
}

fn counts(answers: &[Value]) -> Value {
    let mut counts = Map::new();
    for answer in answers {
        let by_type = answer.get("byType").and_then(Value::as_object);
        for (kind, count) in by_type.into_iter().flatten().filter(|(kind, _)| *kind != "total") {
            let before = counts.get(kind).and_then(Value::as_u64).unwrap_or_default();
            let count = count.as_u64().unwrap_or_default().saturating_add(before);
            counts.insert(kind.clone(), count.into());
        }
    }
    Value::Object(counts)
}
