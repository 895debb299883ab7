//! Metadata of buckets, tables and columns.
//!
//! Chosen: it belongs to the thing, not to the branch, and a link's tables have none to write.

use serde_json::{Map, Value, json};

use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Meta, Table, World, set_metadata, views};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, delete, get, post};
use crate::keboola::storage::branches::{drop_metadata, pairs};
use crate::keboola::storage::tables::readable;

pub(super) const ROUTES: &[Route] = &[
    get("buckets/{bucket}/metadata", of_bucket).in_branch(),
    post("buckets/{bucket}/metadata", set_bucket).in_branch(),
    delete("buckets/{bucket}/metadata/{meta}", unset_bucket).in_branch(),
    get("tables/{table}/metadata", of_table).in_branch(),
    post("tables/{table}/metadata", set_table).in_branch(),
    delete("tables/{table}/metadata/{meta}", unset_table).in_branch(),
    get("columns/{column}/metadata", of_column).in_branch(),
    post("columns/{column}/metadata", set_column).in_branch(),
    delete("columns/{column}/metadata/{meta}", unset_column).in_branch(),
];

fn of_bucket(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("bucket");
    let bucket = world.project(ask.project)?.bucket(&id, ask.branch)?;
    ask.may_read(&id)?;
    Ok(Reply::ok(&views(&bucket.metadata)))
}

fn set_bucket(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("bucket");
    world.project(ask.project)?.bucket(&id, ask.branch)?;
    ask.may_change(&id)?;
    let body = ask.body()?;
    let provider = body.required("provider")?;
    let new = items(world, ask, &provider, pairs(body.list("metadata")?)?);
    let bucket = world.project_mut(ask.project)?.bucket_mut(&id, ask.branch)?;
    new.into_iter().for_each(|meta| set_metadata(&mut bucket.metadata, meta));
    Ok(Reply::json(201, &views(&bucket.metadata)))
}

fn unset_bucket(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("bucket");
    world.project(ask.project)?.bucket(&id, ask.branch)?;
    ask.may_change(&id)?;
    let bucket = world.project_mut(ask.project)?.bucket_mut(&id, ask.branch)?;
    drop_metadata(&mut bucket.metadata, ask.number("meta"))
}

fn items(
    world: &mut World,
    ask: &Ask<'_>,
    provider: &str,
    pairs: Vec<(String, String)>,
) -> Vec<Meta> {
    let items = pairs.into_iter().map(|(key, value)| Meta {
        id: world.next_id(),
        key,
        value,
        provider: Some(provider.to_owned()),
        timestamp: ask.now,
    });
    items.collect()
}

fn of_table(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&views(&readable(world, ask)?.metadata)))
}

fn set_table(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = readable(world, ask)?.id;
    ask.may_change(bucket_of(&id))?;
    let body = ask.body()?;
    let provider = body.required("provider")?;
    let own = match body.list("metadata")? {
        Some(list) if !list.is_empty() => pairs(Some(list))?,
        _ => Vec::new(),
    };
    let columns = columns(body.object("columnsMetadata")?)?;
    if own.is_empty() && columns.is_empty() {
        return Err(Problem::invalid("Metadata or columnsMetadata must be set"));
    }
    let table = world.project_mut(ask.project)?.table_mut(&id)?;
    if let Some((name, _)) = columns.iter().find(|(name, _)| table.column(name).is_none()) {
        return Err(no_column(&id, name));
    }
    let own = items(world, ask, &provider, own);
    let table = world.project_mut(ask.project)?.table_mut(&id)?;
    own.into_iter().for_each(|meta| set_metadata(&mut table.metadata, meta));
    let mut shown = Map::new();
    for (name, pairs) in columns {
        let new = items(world, ask, &provider, pairs);
        let table = world.project_mut(ask.project)?.table_mut(&id)?;
        let metadata = metadata_of(table, &name)?;
        new.into_iter().for_each(|meta| set_metadata(metadata, meta));
        shown.insert(name, views(metadata));
    }
    let table = world.project_mut(ask.project)?.table_mut(&id)?;
    let shown = if shown.is_empty() { json!([]) } else { Value::Object(shown) };
    let view = json!({ "metadata": views(&table.metadata), "columnsMetadata": shown });
    Ok(Reply::json(201, &view))
}

type ByColumn = Vec<(String, Vec<(String, String)>)>;

/// The metadata by column in a body. An item's `columnName` counts before its key.
fn columns(given: Option<Value>) -> Result<ByColumn, Problem> {
    let mut found: ByColumn = Vec::new();
    for (name, list) in given.unwrap_or_default().as_object().into_iter().flatten() {
        let list = list.as_array().cloned();
        let named = list.as_ref().and_then(|list| list.first()?.get("columnName")?.as_str());
        let name = named.unwrap_or(name).to_owned();
        found.push((name, pairs(list)?));
    }
    Ok(found)
}

fn unset_table(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = readable(world, ask)?.id;
    ask.may_change(bucket_of(&id))?;
    let table = world.project_mut(ask.project)?.table_mut(&id)?;
    drop_metadata(&mut table.metadata, ask.number("meta"))
}

fn bucket_of(table: &str) -> &str {
    table.rsplit_once('.').map_or("", |(bucket, _)| bucket)
}

fn no_column(table: &str, name: &str) -> Problem {
    let text = format!("Column \"{name}\" not found in table \"{table}\"");
    Problem::new(404, "storage.columns.notFound", text)
}

fn metadata_of<'a>(table: &'a mut Table, name: &str) -> Result<&'a mut Vec<Meta>, Problem> {
    let none = no_column(&table.id, name);
    let column = table.columns.iter_mut().find(|column| column.name == name);
    column.map(|column| &mut column.metadata).ok_or(none)
}

/// The table and the column that a path such as `in.c-main.orders.id` names. The name of a
/// column may have dots, that of a table has none.
fn named(ask: &Ask<'_>) -> Result<(String, String), Problem> {
    let whole = ask.argument("column");
    let mut parts = whole.splitn(4, '.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(stage), Some(bucket), Some(table), Some(column)) => {
            Ok((format!("{stage}.{bucket}.{table}"), column.to_owned()))
        }
        _ => Err(Problem::new(404, "storage.columns.notFound", format!("No column \"{whole}\""))),
    }
}

fn of_column(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (id, name) = named(ask)?;
    let mut table = world.project(ask.project)?.table(&id, ask.branch, &world.projects)?;
    ask.may_read(table.bucket())?;
    Ok(Reply::ok(&views(metadata_of(&mut table, &name)?)))
}

fn set_column(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (id, name) = named(ask)?;
    ask.may_change(bucket_of(&id))?;
    let body = ask.body()?;
    let provider = body.required("provider")?;
    let new = items(world, ask, &provider, pairs(body.list("metadata")?)?);
    let metadata = metadata_of(world.project_mut(ask.project)?.table_mut(&id)?, &name)?;
    new.into_iter().for_each(|meta| set_metadata(metadata, meta));
    Ok(Reply::json(201, &views(metadata)))
}

fn unset_column(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (id, name) = named(ask)?;
    ask.may_change(bucket_of(&id))?;
    let metadata = metadata_of(world.project_mut(ask.project)?.table_mut(&id)?, &name)?;
    drop_metadata(metadata, ask.number("meta"))
}
