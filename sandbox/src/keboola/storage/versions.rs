//! Versions of configurations: the list, one, going back, copying.

use serde_json::json;

use crate::engine::paging::page;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Config, Snapshot, World};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, get, post};
use crate::keboola::storage::configs::{found, found_mut};

pub(super) const ROUTES: &[Route] = &[
    get("components/{component}/configs/{config}/versions", list).in_branch(),
    get("components/{component}/configs/{config}/versions/{version}", one).in_branch(),
    post("components/{component}/configs/{config}/versions/{version}/rollback", rollback)
        .in_branch(),
    post("components/{component}/configs/{config}/versions/{version}/create", copy).in_branch(),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (limit, offset) = ask.params().page(100, 100)?;
    let versions = page(found(world, ask)?.version_views(), limit, offset);
    Ok(Reply::ok(&versions.into()))
}

fn version<'a>(config: &'a Config, ask: &Ask<'_>) -> Result<&'a Snapshot, Problem> {
    config.version(ask.number("version")).ok_or_else(|| {
        let text = format!("Version {} not found", ask.argument("version"));
        Problem::new(404, "storage.configuration.versionNotFound", text)
    })
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let config = found(world, ask)?;
    Ok(Reply::ok(&config.version_detail(version(config, ask)?)))
}

fn rollback(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let wanted = version(found(world, ask)?, ask)?.clone();
    let usual = format!("Rollback to version {}", wanted.version);
    let change = ask.body()?.text("changeDescription")?.unwrap_or(usual);
    let by = ask.token()?.named();
    let config = found_mut(world, ask)?;
    let version = config.now.version;
    config.now = Snapshot { version, ..wanted };
    config.changed(change, by, ask.now);
    Ok(Reply::json(201, &config.view()))
}

fn copy(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let config = found(world, ask)?.clone();
    let wanted = version(&config, ask)?.clone();
    let body = ask.body()?;
    let id = world.next_id().to_string();
    let by = ask.token()?.named();
    let first = Snapshot {
        version: 1,
        changed: ask.now,
        changed_by: by.clone(),
        change: format!("Copied from {} version {}", wanted.name, wanted.version),
        name: body.required("name")?,
        description: body.text("description")?.unwrap_or(wanted.description.clone()),
        ..wanted
    };
    let copy = Config {
        id: id.clone(),
        branch: ask.branch,
        created: ask.now,
        creator: by,
        metadata: Vec::new(),
        versions: vec![first.clone()],
        now: first,
        ..config
    };
    world.project_mut(ask.project)?.configs.push(copy);
    Ok(Reply::json(201, &json!({ "id": id })))
}
