//! Configurations.
//!
//! Chosen: a `PUT` without a field leaves it as it is; a second `DELETE` in a branch is a 400.

use serde_json::{Value, json};

use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::body::Body;
use crate::keboola::data::{Config, Snapshot, World};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, delete, get, post, put};
use crate::keboola::storage::components::known;

pub(super) const ROUTES: &[Route] = &[
    get("components/{component}/configs", list).in_branch(),
    post("components/{component}/configs", create).in_branch(),
    get("components/{component}/configs/{config}", one).in_branch(),
    put("components/{component}/configs/{config}", change).in_branch(),
    delete("components/{component}/configs/{config}", remove).in_branch(),
    post("components/{component}/configs/{config}/restore", restore).in_branch(),
];

/// The most bytes of a configuration.
const MOST: usize = 4 * 1024 * 1024;

/// The component of the path, if there is one and the token may use it.
pub(super) fn component(ask: &Ask<'_>) -> Result<String, Problem> {
    let id = ask.argument("component");
    known(&id)?;
    ask.may_use(&id)?;
    Ok(id)
}

/// The configuration of the path.
pub(super) fn found<'a>(world: &'a World, ask: &Ask<'_>) -> Result<&'a Config, Problem> {
    let component = component(ask)?;
    world.project(ask.project)?.config(ask.branch, &component, &ask.argument("config"))
}

/// The configuration of the path, to change it in the branch.
pub(super) fn found_mut<'a>(
    world: &'a mut World,
    ask: &Ask<'_>,
) -> Result<&'a mut Config, Problem> {
    found(world, ask)?;
    let (component, config) = (component(ask)?, ask.argument("config"));
    world.project_mut(ask.project)?.config_mut(ask.branch, &component, &config)
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let component = component(ask)?;
    let is_deleted = ask.params().flag("isDeleted");
    let configs = world.project(ask.project)?.configs_in(ask.branch, is_deleted);
    let configs = configs.into_iter().filter(|config| config.component == component);
    Ok(Reply::ok(&configs.map(Config::view).collect()))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&found(world, ask)?.view()))
}

/// The configuration in a body, if it is not too large.
pub(super) fn content(body: &Body) -> Result<Option<Value>, Problem> {
    let content = match body.get("configuration") {
        // Clients that send forms send it as text.
        Some(Value::String(text)) => {
            let read = serde_json::from_str(text).ok().filter(Value::is_object);
            Some(read.ok_or_else(|| Problem::invalid("Invalid JSON in \"configuration\""))?)
        }
        _ => body.object("configuration")?,
    };
    if content.as_ref().is_some_and(|content| content.to_string().len() > MOST) {
        let text = "The configuration is larger than the limit of 4 MB";
        return Err(Problem::new(400, "storage.components.validation", text));
    }
    Ok(content)
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let component = component(ask)?;
    let body = ask.body()?;
    let name = body.required("name")?;
    let id = body.text("configurationId")?.filter(|id| !id.is_empty());
    let id = id.unwrap_or_else(|| world.next_id().to_string());
    let is_taken = world.project(ask.project)?.any_config(ask.branch, &component, &id).is_ok();
    if is_taken {
        let text = format!("Configuration {id} already exists.");
        return Err(Problem::new(400, "configurationAlreadyExists", text));
    }
    let by = ask.token()?.named();
    let first = Snapshot {
        version: 1,
        changed: ask.now,
        changed_by: by.clone(),
        change: body.text("changeDescription")?.unwrap_or("Configuration created".to_owned()),
        name,
        description: body.text("description")?.unwrap_or_default(),
        is_disabled: body.flag("isDisabled")?.unwrap_or(false),
        configuration: content(&body)?.unwrap_or_else(|| json!({})),
        rows: Vec::new(),
        rows_sort_order: Vec::new(),
    };
    let config = Config {
        id,
        component,
        branch: ask.branch,
        created: ask.now,
        creator: by,
        is_deleted: false,
        state: body.object("state")?.unwrap_or_else(|| json!({})),
        metadata: Vec::new(),
        empties_are_lists: false,
        versions: vec![first.clone()],
        now: first,
    };
    let view = config.view();
    world.project_mut(ask.project)?.configs.push(config);
    Ok(Reply::json(201, &view))
}

fn change(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let content = content(&body)?;
    let (name, description) = (body.text("name")?, body.text("description")?);
    if name.as_ref().is_some_and(String::is_empty) {
        return Err(Problem::invalid("Parameter \"name\" must not be empty"));
    }
    let is_disabled = body.flag("isDisabled")?;
    let order = body.list("rowsSortOrder")?.is_some().then(|| body.texts("rowsSortOrder"));
    let order = order.transpose()?;
    let state = body.object("state")?;
    let change = body.text("changeDescription")?.unwrap_or("Configuration updated".to_owned());
    let by = ask.token()?.named();
    let config = found_mut(world, ask)?;
    let now = &mut config.now;
    now.configuration = content.unwrap_or_else(|| now.configuration.clone());
    now.name = name.unwrap_or_else(|| now.name.clone());
    now.description = description.unwrap_or_else(|| now.description.clone());
    now.is_disabled = is_disabled.unwrap_or(now.is_disabled);
    now.rows_sort_order = order.unwrap_or_else(|| now.rows_sort_order.clone());
    config.state = state.unwrap_or_else(|| config.state.clone());
    config.changed(change, by, ask.now);
    Ok(Reply::ok(&config.view()))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (component, id) = (component(ask)?, ask.argument("config"));
    let project = world.project_mut(ask.project)?;
    let is_main = ask.branch == project.default_branch();
    if !project.any_config(ask.branch, &component, &id)?.is_deleted {
        project.config_mut(ask.branch, &component, &id)?.is_deleted = true;
        return Ok(Reply::empty(204));
    }
    if !is_main {
        let text = format!("Configuration \"{id}\" is already deleted in this branch");
        return Err(Problem::new(400, "storage.components.cannotDeleteConfiguration", text));
    }
    project.configs.retain(|config| config.component != component || config.id != id);
    Ok(Reply::empty(204))
}

fn restore(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (component, id) = (component(ask)?, ask.argument("config"));
    let project = world.project_mut(ask.project)?;
    if !project.any_config(ask.branch, &component, &id)?.is_deleted {
        return Err(Problem::invalid(format!("Configuration \"{id}\" is not deleted")));
    }
    let by = ask.token()?.named();
    let config = project.config_mut(ask.branch, &component, &id)?;
    config.is_deleted = false;
    config.changed("Configuration restored".to_owned(), by, ask.now);
    Ok(Reply::json(201, &config.view()))
}
