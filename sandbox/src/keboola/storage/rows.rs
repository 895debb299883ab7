//! Rows of configurations. Each write makes a new version of the whole configuration.

use serde_json::json;

use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Config, Row, World};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, delete, get, post, put};
use crate::keboola::storage::configs::{content, found, found_mut};

pub(super) const ROUTES: &[Route] = &[
    get("components/{component}/configs/{config}/rows", list).in_branch(),
    post("components/{component}/configs/{config}/rows", create).in_branch(),
    get("components/{component}/configs/{config}/rows/{row}", one).in_branch(),
    put("components/{component}/configs/{config}/rows/{row}", change).in_branch(),
    delete("components/{component}/configs/{config}/rows/{row}", remove).in_branch(),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&found(world, ask)?.now.rows.iter().map(Row::view).collect()))
}

fn no_row(ask: &Ask<'_>) -> Problem {
    let (row, config) = (ask.argument("row"), ask.argument("config"));
    let text = format!("Row \"{row}\" not found in configuration \"{config}\"");
    Problem::new(404, "storage.configuration.row.notFound", text)
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let row = found(world, ask)?.row(&ask.argument("row")).ok_or_else(|| no_row(ask))?;
    Ok(Reply::ok(&row.view()))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    found(world, ask)?;
    let body = ask.body()?;
    let id = body.text("rowId")?.filter(|id| !id.is_empty());
    let by = ask.token()?.named();
    let row = Row {
        id: id.unwrap_or_else(|| world.next_id().to_string()),
        name: body.text("name")?.unwrap_or_default(),
        description: body.text("description")?.unwrap_or_default(),
        is_disabled: body.flag("isDisabled")?.unwrap_or(false),
        version: 1,
        created: ask.now,
        creator: by.clone(),
        change: body.text("changeDescription")?.unwrap_or("Row created".to_owned()),
        configuration: content(&body)?.unwrap_or_else(|| json!({})),
        state: body.object("state")?.unwrap_or_else(|| json!({})),
    };
    let config = found_mut(world, ask)?;
    if config.row(&row.id).is_some() {
        let text = format!("Row {} already exists.", row.id);
        return Err(Problem::new(400, "configurationRowAlreadyExists", text));
    }
    let view = row.view();
    let change = row.change.clone();
    config.now.rows.push(row);
    config.changed(change, by, ask.now);
    Ok(Reply::json(201, &view))
}

fn row_mut<'a>(config: &'a mut Config, ask: &Ask<'_>) -> Result<&'a mut Row, Problem> {
    let id = ask.argument("row");
    config.now.rows.iter_mut().find(|row| row.id == id).ok_or_else(|| no_row(ask))
}

fn change(world: &mut World, ask: &Ask<'_>) -> Outcome {
    one(world, ask)?;
    let body = ask.body()?;
    let content = content(&body)?;
    let (name, description) = (body.text("name")?, body.text("description")?);
    let (is_disabled, state) = (body.flag("isDisabled")?, body.object("state")?);
    let change = body.text("changeDescription")?.unwrap_or("Row updated".to_owned());
    let by = ask.token()?.named();
    let config = found_mut(world, ask)?;
    let row = row_mut(config, ask)?;
    row.configuration = content.unwrap_or_else(|| row.configuration.clone());
    row.name = name.unwrap_or_else(|| row.name.clone());
    row.description = description.unwrap_or_else(|| row.description.clone());
    row.is_disabled = is_disabled.unwrap_or(row.is_disabled);
    row.state = state.unwrap_or_else(|| row.state.clone());
    row.version = row.version.saturating_add(1);
    row.change.clone_from(&change);
    let view = row.view();
    config.changed(change, by, ask.now);
    Ok(Reply::ok(&view))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    one(world, ask)?;
    let id = ask.argument("row");
    let by = ask.token()?.named();
    let config = found_mut(world, ask)?;
    config.now.rows.retain(|row| row.id != id);
    config.now.rows_sort_order.retain(|row| *row != id);
    config.changed(format!("Row {id} deleted"), by, ask.now);
    Ok(Reply::empty(204))
}
