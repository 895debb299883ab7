//! Branches and their metadata.

use serde_json::{Value, json};

use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Branch, Effect, Meta, World, set_metadata, views};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, delete, get, post, put};
use crate::keboola::storage::jobs::enqueue;

pub(super) const ROUTES: &[Route] = &[
    get("dev-branches", list),
    post("dev-branches", create),
    get("dev-branches/{id}", one),
    put("dev-branches/{id}", change),
    delete("dev-branches/{id}", remove),
    get("metadata", metadata).only_in_branch(),
    post("metadata", set).only_in_branch(),
    delete("metadata/{meta}", unset).only_in_branch(),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let branches = &world.project(ask.project)?.branches;
    Ok(Reply::ok(&branches.iter().map(Branch::view).collect()))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&world.project(ask.project)?.branch(&ask.argument("id"))?.view()))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let name = body.required("name")?;
    let description = body.text("description")?.unwrap_or_default();
    let branches = &world.project(ask.project)?.branches;
    if branches.iter().any(|branch| branch.name == name) {
        let text = format!("There already is a branch with name \"{name}\"");
        return Err(Problem::new(400, "devBranch.duplicateName", text));
    }
    let id = world.next_id();
    let params = json!({ "values": { "name": name } });
    let branch = Branch::new(id, name, description, ask.token()?, ask.now);
    enqueue(world, ask, "devBranchCreate", params, Effect::AddBranch(branch))
}

fn change(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let project = world.project_mut(ask.project)?;
    let id = project.branch(&ask.argument("id"))?.id;
    let branch = project.branch_mut(id)?;
    if let Some(name) = body.text("name")? {
        branch.name = name;
    }
    if let Some(description) = body.text("description")? {
        branch.description = description;
    }
    Ok(Reply::ok(&branch.view()))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let branch = world.project(ask.project)?.branch(&ask.argument("id"))?;
    if branch.is_default {
        return Err(Problem::new(400, "devBranch.default", "Default branch cannot be deleted"));
    }
    let id = branch.id;
    enqueue(world, ask, "devBranchDelete", json!({ "id": id }), Effect::DropBranch(id))
}

fn metadata(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&views(&world.project_mut(ask.project)?.branch_mut(ask.branch)?.metadata)))
}

fn set(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let pairs = pairs(ask.body()?.list("metadata")?)?;
    for (key, value) in pairs {
        let meta = Meta { id: world.next_id(), key, value, provider: None, timestamp: ask.now };
        let branch = world.project_mut(ask.project)?.branch_mut(ask.branch)?;
        set_metadata(&mut branch.metadata, meta);
    }
    let branch = world.project_mut(ask.project)?.branch_mut(ask.branch)?;
    Ok(Reply::json(201, &views(&branch.metadata)))
}

/// The keys and values of a list of metadata in a body.
pub(super) fn pairs(list: Option<Vec<Value>>) -> Result<Vec<(String, String)>, Problem> {
    let list = list.filter(|list| !list.is_empty());
    let list = list.ok_or_else(|| Problem::invalid("Parameter \"metadata\" must not be empty"))?;
    let pairs = list.iter().map(|item| {
        let key = item.get("key").and_then(Value::as_str).filter(|key| !key.is_empty());
        let value = match item.get("value") {
            Some(Value::String(text)) => Some(text.clone()),
            Some(Value::Null) | None => None,
            Some(other) => Some(other.to_string()),
        };
        let wrong = || Problem::new(400, "storage.metadata.invalid", "Invalid metadata item");
        Ok((key.ok_or_else(wrong)?.to_owned(), value.ok_or_else(wrong)?))
    });
    pairs.collect()
}

fn unset(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.number("meta");
    drop_metadata(&mut world.project_mut(ask.project)?.branch_mut(ask.branch)?.metadata, id)
}

/// Removes a piece of metadata by its id.
pub(super) fn drop_metadata(metadata: &mut Vec<Meta>, id: u64) -> Outcome {
    let at = metadata.iter().position(|meta| meta.id == id);
    let none = || Problem::new(404, "storage.metadata.notFound", "Metadata not found");
    metadata.remove(at.ok_or_else(none)?);
    Ok(Reply::empty(204))
}
