//! Tables: those of buckets in short form, or some in full, with their columns and names in SQL.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{buckets, usage};
use crate::{
    api::{ApiError, Path},
    call::{Branch, Call, Incomplete, Outcome, all, id_of, items, within},
    links::packed,
    metadata::{self, BRANCH, DESCRIPTION},
    moment,
};

/// How to ask for less.
const NARROWER: &str = "Ask for fewer buckets or tables in one call.";

pub(super) async fn run(call: &Call<'_>) -> Outcome {
    let (mut views, mut missing, mut links) =
        (Views::default(), Vec::new(), vec![call.links().buckets()]);
    let (mut unlisted, mut unread) = (Vec::new(), Vec::new());
    call.budget();
    let list = async |id: String| Ok((within(of_bucket(call, &id).await)?, id));
    for (listed, id) in all(call.texts("bucket_ids"), list).await? {
        match listed {
            Some(listed) => listed.iter().for_each(|table| {
                links.push(link(call, table));
                views.put(summary(table));
            }),
            None => unlisted.push(id),
        }
    }
    let read = async |id: String| Ok((within(find(call, &id).await)?, id));
    for (found, id) in all(call.texts("table_ids"), read).await? {
        match found {
            Some(Some(table)) => {
                links.push(link(call, &table));
                views.put(detail(call, &table));
            }
            Some(None) => missing.push(id),
            None => unread.push(id),
        }
    }
    let mut tables = views.tables;
    let mut incomplete = Incomplete::default();
    incomplete.note_all("the tables of", &unlisted);
    incomplete.note_all("the tables", &unread);
    let unused = match call.flag("include_usage") {
        true => usage::add(call, &mut tables).await?,
        false => None,
    };
    let incomplete: Vec<String> =
        [incomplete.text(NARROWER), unused].into_iter().flatten().collect();
    Ok(json!({
        "tables": tables,
        "links": packed(links),
        "tables_not_found": if missing.is_empty() { Value::Null } else { json!(missing) },
        "incomplete": if incomplete.is_empty() { Value::Null } else { json!(incomplete.join(" ")) },
    }))
}

/// A table as it is seen from the call's branch.
pub(super) struct Table {
    pub(super) record: Value,
    /// The id that it has in main.
    main_id: String,
    /// The bucket in which the API has it.
    bucket: String,
    /// The branch of the path under which the API has it.
    segment: String,
}

impl Table {
    /// Whether the API has it in the call's branch: a development branch sees main's, too.
    pub(super) fn is_of(&self, call: &Call<'_>) -> bool {
        buckets::is_of(call, &self.record, self.record.pointer("/bucket/idBranch"), &self.segment)
    }

    /// Its path in the API.
    pub(super) fn path(&self) -> Path {
        buckets::in_branch(&self.segment, "tables").part(&id_of(&self.record))
    }
}

/// Tables, each once, in the order in which they came.
#[derive(Default)]
struct Views {
    tables: Vec<Value>,
    /// Where the table of an id is.
    places: HashMap<String, usize>,
}

impl Views {
    /// Adds a table, or replaces what is there of it: it is in full where it was asked for so.
    fn put(&mut self, table: Value) {
        let id = id_of(&table);
        match self.places.get(&id).and_then(|at| self.tables.get_mut(*at)) {
            Some(known) => *known = table,
            None => {
                self.places.insert(id, self.tables.len());
                self.tables.push(table);
            }
        }
    }
}

fn link(call: &Call<'_>, table: &Table) -> Value {
    let name = table.record.get("name").and_then(Value::as_str).unwrap_or_default();
    call.links().table(&table.bucket, name)
}

/// The tables of a bucket; none where there is no such bucket.
async fn of_bucket(call: &Call<'_>, id: &str) -> Result<Vec<Table>, ApiError> {
    let Some(found) = buckets::find(call, id).await? else {
        return Ok(Vec::new());
    };
    let bucket = id_of(&found.bucket);
    let path =
        Path::new("branch").part(&found.segment).then("buckets").part(&bucket).then("tables");
    let include = [("include", "metadata,sourceMetadata".to_owned())];
    let records = items(call.storage(path, &include).await?)?;
    let place = (bucket.as_str(), found.segment.as_str());
    Ok(records.into_iter().filter_map(|record| placed(call, record, place)).collect())
}

/// A table by its id in main; None: there is none.
pub(super) async fn find(call: &Call<'_>, id: &str) -> Result<Option<Table>, ApiError> {
    let main = "default";
    let own = match &call.branch {
        Branch::Main => None,
        Branch::Development(branch) if call.has_storage_branches() => {
            Some((branch.as_str(), id.to_owned()))
        }
        Branch::Development(branch) => Some((main, id.replacen("c-", &format!("c-{branch}-"), 1))),
    };
    for (segment, id) in own.into_iter().chain([(main, id.to_owned())]) {
        let path = Path::new("branch").part(segment).then("tables").part(&id);
        if let Some(record) = buckets::read(call, path).await? {
            let bucket = record.get("bucket").map(id_of).unwrap_or_default();
            if let Some(table) = placed(call, record, (&bucket, segment)) {
                return Ok(Some(table));
            }
        }
    }
    Ok(None)
}

/// A record where it belongs; None where it is of another development branch.
fn placed(call: &Call<'_>, record: Value, (bucket, segment): (&str, &str)) -> Option<Table> {
    let (id, bucket, segment) = (id_of(&record), bucket.to_owned(), segment.to_owned());
    match metadata::property(record.get("metadata"), BRANCH, None) {
        None => Some(Table { record, main_id: id, bucket, segment }),
        Some(branch) if call.branch.id() == Some(branch) => {
            let main_id = id.replacen(&format!("c-{branch}-"), "c-", 1);
            Some(Table { record, main_id, bucket, segment })
        }
        Some(_) => None,
    }
}

fn summary(table: &Table) -> Value {
    let record = &table.record;
    let text =
        |name: &str| record.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    let number = |name: &str| record.get(name).filter(|value| value.is_u64());
    let source = record.get("sourceTable").and_then(|source| source.get("metadata"));
    let description = metadata::property(record.get("metadata"), DESCRIPTION, None)
        .or_else(|| metadata::property(source, DESCRIPTION, None))
        .or_else(|| text("description"));
    let changed = ["lastChangeDate", "lastImportDate"].into_iter().filter_map(text);
    let changed = text("updated").or_else(|| moment::latest(changed));
    let key = record.get("primaryKey").and_then(Value::as_array).into_iter().flatten();
    let key: Vec<&str> = key.filter_map(Value::as_str).collect();
    let name = text("name").unwrap_or_default();
    json!({
        "id": table.main_id,
        "name": name,
        "display_name": text("displayName").unwrap_or(name),
        "description": description,
        "primary_key": if key.is_empty() { Value::Null } else { json!(key.join("|")) },
        "created": text("created"),
        "updated": changed,
        "rows_count": number("rowsCount"),
        "data_size_bytes": number("dataSizeBytes"),
        "links": null,
        "source_project": buckets::source_project(record, "sourceTable"),
    })
}

fn detail(call: &Call<'_>, table: &Table) -> Value {
    let mut view = summary(table);
    let record = &table.record;
    let is_bigquery = is_bigquery(call, record);
    let columns = record.get("columns").and_then(Value::as_array).into_iter().flatten();
    let columns: Vec<Value> =
        columns.filter_map(Value::as_str).map(|name| column(record, name, is_bigquery)).collect();
    let metadata = record.get("metadata");
    let last = metadata::reference(metadata, "lastUpdatedBy");
    let stamps = [view.get("updated"), last.get("timestamp")];
    let updated = moment::latest(stamps.into_iter().flatten().filter_map(Value::as_str));
    let updated = updated.map_or(Value::Null, Value::from);
    let more = [
        ("updated", updated),
        ("columns", Value::Array(columns)),
        ("fully_qualified_name", sql_name(record, is_bigquery).map_or(Value::Null, Value::from)),
        ("used_by", Value::Null),
        ("created_by", metadata::reference(metadata, "createdBy")),
        ("last_updated_by", last),
    ];
    if let Some(view) = view.as_object_mut() {
        view.extend(more.map(|(name, value)| (name.to_owned(), value)));
    }
    view
}

/// The SQL of a table is that of its bucket's backend; else the project's.
fn is_bigquery(call: &Call<'_>, record: &Value) -> bool {
    let backend = record.pointer("/bucket/backend").and_then(Value::as_str);
    backend.map_or(call.project.is_bigquery(), |backend| backend == "bigquery")
}

fn column(record: &Value, name: &str, is_bigquery: bool) -> Value {
    let of = |parent: Option<&Value>| parent?.get("columnMetadata")?.get(name).cloned();
    // Empty metadata of all columns comes as a list.
    let (own, source) = (of(Some(record)), of(record.get("sourceTable")));
    let property = |key: &str, provider: Option<&str>| {
        let first = metadata::property(own.as_ref(), key, provider);
        first.or_else(|| metadata::property(source.as_ref(), key, provider)).map(str::to_owned)
    };
    let fallback = if is_bigquery { "STRING" } else { "VARCHAR" };
    let nullable = property("KBC.datatype.nullable", None);
    let nullable = nullable.is_some_and(|text| text == "1" || text.eq_ignore_ascii_case("true"));
    json!({
        "name": name,
        "quoted_name": quoted(name, is_bigquery),
        "database_native_type": property("KBC.datatype.type", None).unwrap_or_else(|| fallback.to_owned()),
        "nullable": nullable,
        "keboola_base_type": property("KBC.datatype.basetype", Some("user")),
        "description": property(DESCRIPTION, None),
    })
}

/// A name in SQL.
fn quoted(name: &str, is_bigquery: bool) -> String {
    match is_bigquery {
        true => format!("`{}`", name.replace('`', "\\`")),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// The name of a table in SQL; None where it cannot be queried.
fn sql_name(record: &Value, is_bigquery: bool) -> Option<String> {
    let name = record.get("name")?.as_str()?;
    let path = record.pointer("/bucket/backendPath")?.as_array()?;
    let part = |at: usize| path.get(at).and_then(Value::as_str);
    if !is_bigquery {
        let parts = [part(0)?, part(1)?, name].map(|part| quoted(part, false));
        return Some(parts.join("."));
    }
    // BigQuery has no aliases of other projects' aliases.
    if record.pointer("/sourceTable/isAlias") == Some(&Value::Bool(true)) {
        return None;
    }
    let dataset = part(0)?.replace(['.', '-'], "_");
    Some(format!("{}.{}", quoted(&dataset, true), quoted(name, true)))
}

#[cfg(test)]
#[path = "tables_tests.rs"]
mod tests;
