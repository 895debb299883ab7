//! Finds items of the project by name, or configurations by what is in them.

use std::cell::{Cell, RefCell};

use mcp_protocol::raw;
use serde_json::{Map, Value, json, value::RawValue};

use super::{
    all_configs::{self, Owner},
    buckets,
    hits::Hits,
    search_global,
    search_matches::{Patterns, Scope},
};
use crate::{
    api::{Answer, ApiError, Path, cut},
    call::{
        Budget, Call, Incomplete, Outcome, ShortCircuit, Within, all_large, failed, id_of, shown,
    },
    links::{DATA_APPS, FLOW, ORCHESTRATOR},
    metadata::{self, BRANCH, DESCRIPTION},
};

/// The component of workspaces.
pub(super) const WORKSPACES: &str = "keboola.sandboxes";
/// Characters of a description in a hit.
const LONGEST_DESCRIPTION: usize = 2_000;
/// How to ask for less.
pub(super) const NARROWER: &str = "Narrow it: item_types leaves other items out, and a longer pattern has fewer hits; \
     keboola_get_tables (bucket_ids) has the tables of a bucket, keboola_get_configs (component_ids) the \
     configurations of a component.";

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
    let (budget, mut incomplete) = (Budget::new(), Incomplete::default());
    let mut hits = Hits::default();
    if !search.by_config && (search.wants("bucket") || search.wants("table")) {
        let within = (&budget, &mut incomplete);
        storage_found(call, &search, within, &mut hits).await?;
    }
    let kinds =
        ["configuration", "configuration-row", "transformation", "flow", "data-app", "workspace"];
    if kinds.iter().any(|kind| search.wants(kind)) {
        configs_found(call, &search, (&budget, &mut incomplete), &mut hits).await?;
    }
    let page = (search.offset, search.limit);
    let (hits, total, by_type) = hits.into_page(page, &mut incomplete);
    Ok(json!({
        "hits": hits,
        "total": total,
        "by_type": by_type,
        "branch_scope": "current-branch",
        "incomplete": incomplete.text(NARROWER),
    }))
}

/// Hits by the time of their last change.
pub(super) fn latest_first(hits: &mut [Value]) {
    hits.sort_by_key(|hit| std::cmp::Reverse(changed(hit)));
}

/// When the item of a hit was changed.
pub(super) fn changed(hit: &Value) -> i64 {
    let updated = hit.get("updated").and_then(Value::as_str);
    updated.and_then(crate::moment::parse).unwrap_or(i64::MIN)
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

/// Looks at the buckets that the branch sees, and at their tables.
async fn storage_found(
    call: &Call<'_>,
    search: &Search,
    (budget, incomplete): (&Budget, &mut Incomplete),
    hits: &mut Hits,
) -> Result<(), ShortCircuit> {
    let unread = Cell::new(false);
    let seen = buckets::list(call, async |path: Path| {
        match budget.read(call, path, &buckets::include()).await? {
            Within::Read(answer) => slim(&answer),
            Within::TooLarge | Within::UsedUp => {
                unread.set(true);
                Ok(Vec::new())
            }
        }
    })
    .await?;
    if unread.get() {
        incomplete.note("buckets, with their tables");
    }
    if search.wants("bucket") {
        seen.iter().filter_map(|found| bucket_found(call, search, found)).for_each(|hit| {
            hits.push(hit);
        });
    }
    if !search.wants("table") {
        return Ok(());
    }
    let hits = RefCell::new(hits);
    let include = [("include", "columns,metadata,columnMetadata".to_owned())];
    let unread = all_large(seen, async |found: buckets::Found| {
        let path = Path::new("branch").part(&found.segment).then("buckets");
        let path = path.part(&id_of(&found.bucket)).then("tables");
        let Within::Read(answer) = budget.read(call, path, &include).await? else {
            return Ok(Some(found.main_id));
        };
        for item in answer.items()? {
            let table = read_item(item)?;
            if let Some(hit) = table_found(call, search, &table) {
                hits.borrow_mut().push(hit);
            }
        }
        Ok(None)
    })
    .await?;
    let unread: Vec<String> = unread.into_iter().flatten().collect();
    incomplete.note_all("the tables of", &unread);
    Ok(())
}

fn read_item(item: &RawValue) -> Result<Value, ApiError> {
    raw::value(item.get()).map_err(|_| ApiError::Unexpected("JSON"))
}

/// The buckets of an answer, with the fields alone that a search looks at.
fn slim(answer: &Answer) -> Result<Vec<Value>, ShortCircuit> {
    let fields = ["id", "name", "displayName", "lastChangeDate", "updated", "created", "idBranch"];
    let mut slim = Vec::new();
    for item in answer.items()? {
        let bucket = read_item(item)?;
        let field = |name: &&str| Some(((*name).to_owned(), bucket.get(*name)?.clone()));
        let mut kept: Map<String, Value> = fields.iter().filter_map(field).collect();
        let metadata = bucket.get("metadata").and_then(Value::as_array);
        let is_read = |item: &&Value| {
            let key = item.get("key").and_then(Value::as_str);
            key == Some(DESCRIPTION) || key == Some(BRANCH)
        };
        let metadata: Vec<Value> =
            metadata.into_iter().flatten().filter(is_read).cloned().collect();
        kept.insert("metadata".to_owned(), metadata.into());
        slim.push(Value::Object(kept));
    }
    Ok(slim)
}

fn bucket_found(call: &Call<'_>, search: &Search, found: &buckets::Found) -> Option<Value> {
    let bucket = &found.bucket;
    let description = metadata::property(bucket.get("metadata"), DESCRIPTION, None);
    let (name, display) = (text(bucket, "name"), text(bucket, "displayName"));
    let texts = [Some(found.main_id.as_str()), name, display, description];
    search.patterns.occur(texts.into_iter().flatten()).then(|| {
        let fields = json!({
            "bucket_id": found.main_id,
            "updated": first(bucket, &["lastChangeDate", "updated", "created"]),
            "name": name,
            "display_name": display,
            "description": description.map(shortened),
        });
        hit(call, "bucket", fields)
    })
}

fn table_found(call: &Call<'_>, search: &Search, table: &Value) -> Option<Value> {
    let description = metadata::property(table.get("metadata"), DESCRIPTION, None);
    let (name, display) = (text(table, "name"), text(table, "displayName"));
    let id = id_of(table);
    let texts = [Some(id.as_str()), name, display, description].into_iter().flatten();
    let columns = table.get("columns").and_then(Value::as_array).into_iter().flatten();
    let described = table.get("columnMetadata").and_then(Value::as_object).into_iter().flatten();
    let described =
        described.filter_map(|(_, list)| metadata::property(Some(list), DESCRIPTION, None));
    let texts = texts.chain(columns.filter_map(Value::as_str)).chain(described);
    search.patterns.occur(texts).then(|| {
        let fields = json!({
            "table_id": id,
            "updated": first(table, &["lastChangeDate", "created"]),
            "name": name,
            "display_name": display,
            "description": description.map(shortened),
        });
        hit(call, "table", fields)
    })
}

/// A description as hits have it.
fn shortened(text: &str) -> String {
    cut(text, LONGEST_DESCRIPTION)
}

async fn configs_found(
    call: &Call<'_>,
    search: &Search,
    within: (&Budget, &mut Incomplete),
    hits: &mut Hits,
) -> Result<(), ShortCircuit> {
    let kind = |owner: &Owner| kind_of(&owner.id, &owner.kind);
    let wants_rows = search.wants("configuration-row");
    let wants = |owner: &Owner| wants_rows || search.wants(kind(owner));
    all_configs::each(call, within, wants, |owner, configuration| {
        if search.wants(kind(owner)) {
            let found = config_found(call, search, (owner, configuration), None, kind(owner));
            found.into_iter().for_each(|hit| hits.push(hit));
        }
        let rows = configuration.get("rows").and_then(Value::as_array);
        for row in rows.into_iter().flatten().filter(|_| wants_rows) {
            let place = (owner, configuration);
            let found = config_found(call, search, place, Some(row), "configuration-row");
            found.into_iter().for_each(|hit| hits.push(hit));
        }
    })
    .await
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
    (owner, configuration): (&Owner, &Value),
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
        "component_id": owner.id,
        "configuration_id": id_of(configuration),
        "configuration_row_id": row.map(id_of),
        "updated": updated.or_else(|| text(configuration, "created")).unwrap_or_default(),
        "name": name,
        "description": description.map(shortened),
        "matches": matches,
    });
    found.then(|| hit(call, kind, fields))
}

#[cfg(test)]
#[path = "search_tests.rs"]
mod tests;
