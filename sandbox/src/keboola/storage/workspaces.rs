//! Workspaces, of a branch or of a configuration.
//!
//! Chosen: a backend other than the project's is a 400, and without `async=true` the workspace
//! is there at once, answered with 201.

use serde_json::json;

use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::data::{Effect, Workspace, World};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, delete, get, post};
use crate::keboola::storage::configs::{component, found};
use crate::keboola::storage::jobs::enqueue;

pub(super) const ROUTES: &[Route] = &[
    get("workspaces", list).in_branch(),
    get("workspaces/{workspace}", one).in_branch(),
    delete("workspaces/{workspace}", remove).in_branch(),
    get("components/{component}/configs/{config}/workspaces", of_config).in_branch(),
    post("components/{component}/configs/{config}/workspaces", create).in_branch(),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let workspaces = world.project(ask.project)?.workspaces.iter();
    let workspaces = workspaces.filter(|workspace| workspace.branch == ask.branch);
    Ok(Reply::ok(&workspaces.map(Workspace::view).collect()))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&workspace(world, ask)?.view()))
}

fn workspace<'a>(world: &'a World, ask: &Ask<'_>) -> Result<&'a Workspace, Problem> {
    let id = ask.argument("workspace");
    let mut workspaces = world.project(ask.project)?.workspaces.iter();
    let found = workspaces.find(|one| one.id.to_string() == id && one.branch == ask.branch);
    found.ok_or_else(|| {
        Problem::new(404, "workspace.workspaceNotFound", format!("Workspace \"{id}\" not found."))
    })
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = workspace(world, ask)?.id;
    world.project_mut(ask.project)?.workspaces.retain(|workspace| workspace.id != id);
    Ok(Reply::empty(204))
}

fn of_config(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let config = found(world, ask)?.id.clone();
    let component = component(ask)?;
    let workspaces = world.project(ask.project)?.workspaces.iter().filter(|workspace| {
        workspace.branch == ask.branch
            && workspace.component.as_ref() == Some(&component)
            && workspace.config.as_ref() == Some(&config)
    });
    Ok(Reply::ok(&workspaces.map(Workspace::view).collect()))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let config = found(world, ask)?.id.clone();
    let body = ask.body()?;
    let backend = world.project(ask.project)?.backend;
    if body.text("backend")?.is_some_and(|wanted| wanted != backend.name()) {
        let text = format!("The project only has the backend \"{}\"", backend.name());
        return Err(Problem::new(400, "workspace.backendNotSupported", text));
    }
    let workspace = Workspace {
        id: world.next_id(),
        branch: ask.branch,
        project: ask.project,
        component: Some(component(ask)?),
        config: Some(config),
        backend,
        login_type: body.text("loginType")?.unwrap_or("default".to_owned()),
        size: body.text("backendSize")?,
        is_read_only: body.flag("readOnlyStorageAccess")?.unwrap_or(false),
        created: ask.now,
        creator: ask.token()?.named(),
    };
    if ask.params().flag("async") {
        let params = json!({ "backend": backend.name(), "componentId": workspace.component });
        return enqueue(world, ask, "workspaceCreate", params, Effect::AddWorkspace(workspace));
    }
    let view = workspace.created_view();
    world.project_mut(ask.project)?.workspaces.push(workspace);
    Ok(Reply::json(201, &view))
}
