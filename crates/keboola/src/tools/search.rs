//! Finds items of the project by name, or configurations by what is in them.

use serde_json::{Map, Value, json};

use super::{
    buckets, search_global,
    search_matches::{Patterns, Scope},
};
use crate::{
    api::Path,
    call::{Call, Outcome, ShortCircuit, all, failed, id_of, items, shown},
    links::{DATA_APPS, FLOW, ORCHESTRATOR},
    metadata::{self, DESCRIPTION},
};

/// The component of workspaces.
pub(super) const WORKSPACES: &str = "keboola.sandboxes";

/// What is looked for.
pub(super) struct Search {
    pub(super) patterns: Patterns,
    pub(super) types: Vec<String>,
    pub(super) limit: usize,
    pub(super) offset: usize,
    by_config: bool,
    scopes: Vec<Scope>,
}

impl Search {
    fn read(call: &Call<'_>) -> Result<Self, ShortCircuit> {
        let patterns = Patterns::new(&call.texts("patterns"));
        if patterns.is_empty() {
            return failed("All patterns are blank; nothing was sent. Give a word to look for.");
        }
        let scope = |text: String| {
            Scope::parse(&text)
                .map_err(|why| ShortCircuit::Failed(format!("The scope {}: {why}.", shown(&text))))
        };
        let scopes = call.texts("scopes").into_iter().map(scope).collect::<Result<_, _>>()?;
        let number = |name: &str, default: usize| {
            call.number(name).and_then(|n| usize::try_from(n).ok()).unwrap_or(default)
        };
        Ok(Self {
            patterns,
            types: call.texts("item_types"),
            // As with Keboola's own server, a limit out of bounds is the default.
            limit: Some(number("limit", 50)).filter(|n| (1..=100).contains(n)).unwrap_or(50),
            offset: number("offset", 0),
            by_config: call.text("search_type") == Some("config-based"),
            scopes,
        })
    }

    /// Whether items of a type are wanted.
    pub(super) fn wants(&self, kind: &str) -> bool {
        let is = |wanted: &String| match wanted.as_str() {
            "component" => matches!(kind, "configuration" | "configuration-row"),
            "rows" => kind == "configuration-row",
            wanted => wanted == kind,
        };
        self.types.is_empty() || self.types.iter().any(is)
    }
}

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let search = Search::read(call)?;
    if !search.by_config && call.project.has("global-search") {
        return search_global::run(call, &search).await;
    }
    let mut hits = Vec::new();
    if !search.by_config && search.wants("bucket") {
        hits.extend(buckets_found(call, &search).await?);
    }
    if !search.by_config && search.wants("table") {
        hits.extend(tables_found(call, &search).await?);
    }
    let kinds =
        ["configuration", "configuration-row", "transformation", "flow", "data-app", "workspace"];
    if kinds.iter().any(|kind| search.wants(kind)) {
        hits.extend(configs_found(call, &search).await?);
    }
    let mut by_type = Map::new();
    for hit in &hits {
        let kind = hit.get("item_type").and_then(Value::as_str).unwrap_or_default();
        let count = by_type.get(kind).and_then(Value::as_u64).unwrap_or_default();
        by_type.insert(kind.to_owned(), count.saturating_add(1).into());
    }
    let total = hits.len();
    latest_first(&mut hits);
    let hits: Vec<Value> = hits.into_iter().skip(search.offset).take(search.limit).collect();
    Ok(json!({
        "hits": hits,
        "total": total,
        "by_type": by_type,
        "branch_scope": "current-branch",
    }))
}

/// Hits by the time of their last change.
pub(super) fn latest_first(hits: &mut [Value]) {
    let moment = |hit: &Value| {
        hit.get("updated")
            .and_then(Value::as_str)
            .and_then(crate::moment::parse)
            .unwrap_or(i64::MIN)
    };
    hits.sort_by_key(|hit| std::cmp::Reverse(moment(hit)));
}

/// A hit with these fields; the others are null.
pub(super) fn hit(call: &Call<'_>, kind: &str, fields: Value) -> Value {
    let mut hit = json!({
        "bucket_id": null, "table_id": null, "component_id": null, "configuration_id": null,
        "configuration_row_id": null, "item_type": kind, "updated": "", "name": null,
        "display_name": null, "description": null, "branch_id": null, "branch_name": null,
        "matches": [], "links": [],
    });
    if let (Some(hit), Value::Object(fields)) = (hit.as_object_mut(), fields) {
        hit.extend(fields);
    }
    let link = link(call, &hit);
    if let (Some(hit), Some(link)) = (hit.as_object_mut(), link) {
        hit.insert("links".to_owned(), json!([link]));
    }
    hit
}

fn link(call: &Call<'_>, hit: &Value) -> Option<Value> {
    let text = |name: &str| hit.get(name).and_then(Value::as_str);
    let (links, name) = (call.links(), text("name").unwrap_or_default());
    match (text("component_id"), text("configuration_id"), text("table_id"), text("bucket_id")) {
        (Some(component), Some(id), ..) => Some(links.config(component, id, name)),
        (_, _, Some(table), _) => {
            let (bucket, table) = table.rsplit_once('.')?;
            Some(links.table(bucket, table))
        }
        (_, _, _, Some(bucket)) => Some(links.bucket(bucket, name)),
        _ => None,
    }
}

fn text<'a>(record: &'a Value, name: &str) -> Option<&'a str> {
    record.get(name).and_then(Value::as_str)
}

fn first<'a>(record: &'a Value, names: &[&str]) -> &'a str {
    names.iter().find_map(|name| text(record, name)).unwrap_or_default()
}

async fn buckets_found(call: &Call<'_>, search: &Search) -> Result<Vec<Value>, ShortCircuit> {
    let mut hits = Vec::new();
    for found in buckets::list(call).await? {
        let bucket = &found.bucket;
        let description = metadata::property(bucket.get("metadata"), DESCRIPTION, None);
        let (name, display) = (text(bucket, "name"), text(bucket, "displayName"));
        let texts = [Some(found.main_id.as_str()), name, display, description];
        if search.patterns.occur(texts.into_iter().flatten()) {
            let fields = json!({
                "bucket_id": found.main_id,
                "updated": first(bucket, &["lastChangeDate", "updated", "created"]),
                "name": name,
                "display_name": display,
                "description": description,
            });
            hits.push(hit(call, "bucket", fields));
        }
    }
    Ok(hits)
}

async fn tables_found(call: &Call<'_>, search: &Search) -> Result<Vec<Value>, ShortCircuit> {
    let include = [("include", "columns,metadata,columnMetadata".to_owned())];
    let of_buckets = all(buckets::list(call).await?, async |found: buckets::Found| {
        let path = Path::new("branch").part(&found.segment).then("buckets");
        let path = path.part(&id_of(&found.bucket)).then("tables");
        Ok(items(call.storage(path, &include).await?)?)
    })
    .await?;
    let mut hits = Vec::new();
    for table in of_buckets.iter().flatten() {
        let description = metadata::property(table.get("metadata"), DESCRIPTION, None);
        let (name, display) = (text(table, "name"), text(table, "displayName"));
        let id = id_of(table);
        let texts = [Some(id.as_str()), name, display, description];
        let columns = table.get("columns").and_then(Value::as_array).into_iter().flatten();
        let described =
            table.get("columnMetadata").and_then(Value::as_object).into_iter().flatten();
        let described =
            described.filter_map(|(_, list)| metadata::property(Some(list), DESCRIPTION, None));
        let texts = texts.into_iter().flatten();
        if search.patterns.occur(texts.chain(columns.filter_map(Value::as_str)).chain(described)) {
            let fields = json!({
                "table_id": id,
                "updated": first(table, &["lastChangeDate", "created"]),
                "name": name,
                "display_name": display,
                "description": description,
            });
            hits.push(hit(call, "table", fields));
        }
    }
    Ok(hits)
}

async fn configs_found(call: &Call<'_>, search: &Search) -> Result<Vec<Value>, ShortCircuit> {
    let include = [("include", "configuration,rows".to_owned())];
    let mut hits = Vec::new();
    for component in items(call.storage(call.below("components"), &include).await?)? {
        let kind = kind_of(&id_of(&component), text(&component, "type").unwrap_or_default());
        let configurations = component.get("configurations").and_then(Value::as_array);
        for configuration in configurations.into_iter().flatten() {
            let place = (&component, configuration);
            if search.wants(kind) {
                hits.extend(config_found(call, search, place, None, kind));
            }
            let rows = configuration.get("rows").and_then(Value::as_array);
            for row in rows.into_iter().flatten().filter(|_| search.wants("configuration-row")) {
                hits.extend(config_found(call, search, place, Some(row), "configuration-row"));
            }
        }
    }
    Ok(hits)
}

/// What a configuration of a component is.
pub(super) fn kind_of(component: &str, kind: &str) -> &'static str {
    match (component, kind) {
        (FLOW | ORCHESTRATOR, _) => "flow",
        (DATA_APPS, _) => "data-app",
        (WORKSPACES, _) => "workspace",
        (_, "transformation") => "transformation",
        _ => "configuration",
    }
}

fn config_found(
    call: &Call<'_>,
    search: &Search,
    (component, configuration): (&Value, &Value),
    row: Option<&Value>,
    kind: &str,
) -> Option<Value> {
    let record = row.unwrap_or(configuration);
    let id = id_of(record);
    let (name, description) = (text(record, "name"), text(record, "description"));
    let matches = match search.by_config {
        true => search.patterns.places(record.get("configuration")?, &search.scopes),
        false => Vec::new(),
    };
    let found = match search.by_config {
        true => !matches.is_empty(),
        false => {
            let texts = [Some(id.as_str()), name, description];
            search.patterns.occur(texts.into_iter().flatten())
        }
    };
    let updated = configuration.pointer("/currentVersion/created").and_then(Value::as_str);
    let fields = json!({
        "component_id": id_of(component),
        "configuration_id": id_of(configuration),
        "configuration_row_id": row.map(id_of),
        "updated": updated.or_else(|| text(configuration, "created")).unwrap_or_default(),
        "name": name,
        "description": description,
        "matches": matches,
    });
    found.then(|| hit(call, kind, fields))
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
