//! Tables: lists, one with everything, exporting, removing.

use serde_json::{Value, json};

use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Effect, Shown, Table, World, bucket_view};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, delete, get, post};
use crate::keboola::storage::jobs::enqueue;

pub(super) const ROUTES: &[Route] = &[
    get("buckets/{bucket}/tables", list).in_branch(),
    get("tables/{table}", one).in_branch(),
    delete("tables/{table}", remove).in_branch(),
    post("tables/{table}/export-async", export).in_branch().reads(),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("bucket");
    let project = world.project(ask.project)?;
    let bucket = project.bucket(&id, ask.branch)?;
    ask.may_read(&id)?;
    let params = ask.params();
    let given = params.get("include").is_some();
    let include = if given { params.list("include") } else { vec!["metadata"] };
    let storage = ask.place.url("connection");
    let tables = project.tables_of(bucket, &world.projects);
    let views = tables.iter().map(|table| {
        let mut view = table.view(&storage, &include);
        add_source(&mut view, table, world, &include);
        view
    });
    Ok(Reply::ok(&views.collect()))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let table = readable(world, ask)?;
    let project = world.project(ask.project)?;
    let bucket = project.bucket(table.bucket(), ask.branch)?;
    let storage = ask.place.url("connection");
    let with = ["columns", "metadata", "columnMetadata", "sourceMetadata", "sourceColumnMetadata"];
    let mut view = table.view(&storage, &with);
    let shown = Shown { metadata: false, links: false };
    view.set("bucket", bucket_view(bucket, project, &world.projects, &storage, shown));
    add_source(&mut view, &table, world, &with);
    Ok(Reply::ok(&view))
}

/// The table of the path, if the token may read it.
pub(super) fn readable(world: &World, ask: &Ask<'_>) -> Result<Table, Problem> {
    let id = ask.argument("table");
    let project = world.project(ask.project)?;
    let table = project.table(&id, ask.branch, &world.projects)?;
    ask.may_read(table.bucket())?;
    Ok(table)
}

/// Adds the table that an alias or a linked table is of, with its metadata where asked for.
fn add_source(view: &mut Value, table: &Table, world: &World, include: &[&str]) {
    let origin = match (&table.source, &table.alias_of) {
        (Some((owner, name, id)), _) => Some((*owner, name.clone(), id)),
        (None, Some(id)) => {
            let owner = world.projects.iter().find(|one| one.tables.iter().any(|t| t.id == *id));
            owner.map(|owner| (owner.id, owner.name.clone(), id))
        }
        (None, None) => None,
    };
    let Some((owner, name, id)) = origin else {
        return;
    };
    let mut source = json!({
        "id": id,
        "uri": format!("/v2/storage/tables/{id}"),
        "name": id.rsplit('.').next(),
        "isAlias": false,
        "project": { "id": owner, "name": name },
    });
    let owner = world.projects.iter().find(|one| one.id == owner);
    let origin = owner.and_then(|owner| owner.tables.iter().find(|one| one.id == *id));
    if let Some(origin) = origin {
        if include.contains(&"sourceMetadata") {
            source.set("metadata", origin.metadata.iter().map(|one| one.view()).collect::<Value>());
        }
        if include.contains(&"sourceColumnMetadata") {
            source.set("columnMetadata", origin.column_metadata());
        }
        source.set("isAlias", origin.alias_of.is_some());
    }
    view.set("sourceTable", source);
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let table = readable(world, ask)?;
    ask.may_change(table.bucket())?;
    let project = world.project_mut(ask.project)?;
    if project.tables.iter().any(|one| one.alias_of.as_ref() == Some(&table.id)) {
        let text = format!("The table \"{}\" has aliases", table.id);
        return Err(Problem::new(400, "storage.tables.validation.hasAliases", text));
    }
    project.table_mut(&table.id)?;
    project.tables.retain(|one| one.id != table.id);
    Ok(Reply::empty(204))
}

/// Files are not played: the result names one that cannot be fetched.
fn export(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let table = readable(world, ask)?;
    let file = world.next_id();
    let results = json!({ "rowsCount": table.rows.len(), "file": { "id": file } });
    let params = json!({ "source": { "tableId": table.id } });
    enqueue(world, ask, "tableExport", params, Effect::Results(results))
}
