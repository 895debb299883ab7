//! The metastore: objects of semantic models.
//!
//! Chosen: a schema for every `semantic-…` type; the organization's scope shows nothing; a
//! filter is `name==value`.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::engine::json::Fields as _;
use crate::engine::paging::page;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Object, World};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, delete, get, patch, post, put};
use crate::keboola::time;

pub(crate) const ROUTES: &[Route] = &[
    get("schema/{kind}", schema),
    get("schema/{kind}/{version}", schema),
    get("repository/{kind}", list),
    post("repository/{kind}", create),
    get("repository/{kind}/organization", organization),
    get("repository/{kind}/{object}", one),
    put("repository/{kind}/{object}", replace),
    patch("repository/{kind}/{object}", replace),
    delete("repository/{kind}/{object}", remove),
    get("repository/{kind}/{object}/revisions", revisions),
];

const KINDS: [&str; 6] = ["model", "dataset", "metric", "relationship", "glossary", "constraint"];

fn kind(ask: &Ask<'_>) -> Result<String, Problem> {
    let kind = ask.argument("kind");
    let is_known = kind.strip_prefix("semantic-").is_some_and(|name| KINDS.contains(&name));
    let none = || Problem::missing(format!("Unknown type \"{kind}\""));
    if is_known { Ok(kind) } else { Err(none()) }
}

fn schema(_: &mut World, ask: &Ask<'_>) -> Outcome {
    let kind = kind(ask)?;
    Ok(Reply::ok(&json!({
        "$id": kind,
        "type": "object",
        "required": ["name"],
        "properties": { "name": { "type": "string" } },
    })))
}

fn view(object: &Object, ask: &Ask<'_>) -> Value {
    let revision = object.earlier.len().saturating_add(1);
    json!({
        "type": object.kind,
        "id": object.id,
        "attributes": object.attributes,
        "relationships": {},
        "meta": {
            "branch": null,
            "name": object.name,
            "revision": revision,
            "schemaVersion": "1",
            "projectId": ask.project,
            "organizationId": null,
            "createdAt": time::text(object.created),
            "lastUpdated": time::text(object.created),
        },
    })
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let kind = kind(ask)?;
    let params = ask.params();
    let (limit, offset) = params.page(100, 1000)?;
    let name =
        params.get("filter").and_then(|filter| filter.split_once("==")).map(|(_, name)| name);
    let objects = world.project(ask.project)?.objects.iter();
    let objects = objects.filter(|object| object.kind == kind);
    let objects = objects.filter(|object| name.is_none_or(|name| object.name == name));
    let views = page(objects, limit, offset).into_iter().map(|object| view(object, ask));
    Ok(Reply::ok(&json!({ "data": views.collect::<Value>() })))
}

fn organization(_: &mut World, ask: &Ask<'_>) -> Outcome {
    kind(ask)?;
    Ok(Reply::ok(&json!({ "data": [] })))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let kind = kind(ask)?;
    let body = ask.body()?;
    let attributes = body.object("data")?.unwrap_or_else(|| json!({}));
    let named = body.text("name")?.or_else(|| attributes.field("name").as_str().map(str::to_owned));
    let name = named.ok_or_else(|| Problem::new(422, "", "name is required"))?;
    let id = Uuid::new_v4().to_string();
    let object = Object { id, kind, name, attributes, earlier: Vec::new(), created: ask.now };
    let view = view(&object, ask);
    world.project_mut(ask.project)?.objects.push(object);
    Ok(Reply::json(201, &json!({ "data": view })))
}

fn found<'a>(world: &'a mut World, ask: &Ask<'_>) -> Result<&'a mut Object, Problem> {
    let (kind, id) = (kind(ask)?, ask.argument("object"));
    let mut objects = world.project_mut(ask.project)?.objects.iter_mut();
    let none = || Problem::missing(format!("Object \"{id}\" not found"));
    objects.find(|object| object.id == id && object.kind == kind).ok_or_else(none)
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&json!({ "data": view(found(world, ask)?, ask) })))
}

fn replace(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let (name, data) = (body.text("name")?, body.object("data")?);
    let object = found(world, ask)?;
    object.name = name.unwrap_or_else(|| object.name.clone());
    if let Some(data) = data {
        object.earlier.push(std::mem::replace(&mut object.attributes, data));
    }
    Ok(Reply::ok(&json!({ "data": view(object, ask) })))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = found(world, ask)?.id.clone();
    world.project_mut(ask.project)?.objects.retain(|object| object.id != id);
    Ok(Reply::empty(204))
}

fn revisions(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let object = found(world, ask)?;
    let all = object.earlier.iter().chain([&object.attributes]).zip(1_u64..);
    let views = all.map(|(attributes, revision)| {
        json!({
            "type": object.kind, "id": object.id, "attributes": attributes,
            "meta": { "name": object.name, "revision": revision },
        })
    });
    Ok(Reply::ok(&json!({ "data": views.collect::<Value>() })))
}
