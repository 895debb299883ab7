//! Data apps. An app is at once in the state that is desired.
//!
//! Chosen: an app without a managed Git repository has a 404 there; only an administrator's token
//! or a bearer gets credentials for it; removing an app marks its configuration as deleted.

use serde_json::{Value, json};

use crate::engine::json::Fields as _;
use crate::engine::paging::page;
use crate::engine::reply::Reply;
use crate::keboola::ask::Ask;
use crate::keboola::body::Body;
use crate::keboola::data::{App, Config, Snapshot, World};
use crate::keboola::problem::Problem;
use crate::keboola::route::{Outcome, Route, delete, get, patch, post};
use crate::keboola::time;

pub(crate) const ROUTES: &[Route] = &[
    get("runtimes", runtimes),
    get("apps", list),
    post("apps", create),
    get("apps/{app}", one),
    patch("apps/{app}", change),
    delete("apps/{app}", remove),
    get("apps/{app}/runs", runs),
    get("apps/{app}/logs/tail", logs),
    get("apps/{app}/password", password),
    get("apps/{app}/git-repo", repository),
    post("apps/{app}/git-repo/credentials", credentials),
];

const COMPONENT: &str = "keboola.data-apps";

fn view(app: &App, ask: &Ask<'_>) -> Value {
    let is_running = app.state == "running";
    json!({
        "id": app.id.to_string(),
        "projectId": ask.project.to_string(),
        "componentId": COMPONENT,
        "branchId": app.branch.map(|branch| branch.to_string()),
        "configId": app.config,
        "configVersion": app.config_version.to_string(),
        "type": app.kind,
        "state": app.state,
        "desiredState": app.desired,
        "url": is_running.then(|| format!("https://app-{}.hub.keboola.test", app.id)),
        "autoSuspendAfterSeconds": 900,
        "lastRequestTimestamp": null,
        "lastStartTimestamp": time::text_if(app.started),
        "size": "tiny",
    })
}

/// The images that an app can run on.
fn runtimes(_: &mut World, _: &Ask<'_>) -> Outcome {
    let runtime = |kind: &str, description: &str| {
        json!({
            "type": kind, "description": description, "isTypeDefault": true,
            "imageTag": "sandbox", "endOfLifeDate": null,
        })
    };
    let all =
        [runtime("streamlit", "Python 3.13"), runtime("python-js", "Python 3.13, Node.js 24")];
    Ok(Reply::ok(&json!(all)))
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (limit, offset) = ask.params().page(100, 1000)?;
    let apps = page(&world.project(ask.project)?.apps, limit, offset);
    Ok(Reply::ok(&apps.into_iter().map(|app| view(app, ask)).collect()))
}

fn found<'a>(world: &'a mut World, ask: &Ask<'_>) -> Result<&'a mut App, Problem> {
    let id = ask.argument("app");
    let mut apps = world.project_mut(ask.project)?.apps.iter_mut();
    let none = || Problem::missing(format!("App \"{id}\" not found"));
    apps.find(|app| app.id.to_string() == id).ok_or_else(none)
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&view(found(world, ask)?, ask)))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let name = body.required("name")?;
    let id = world.next_id();
    let branch = match body.text("branchId")? {
        Some(branch) => Some(world.project(ask.project)?.branch(&branch)?.id),
        None => None,
    };
    let config = match body.text("configId")? {
        Some(config) => config,
        None => add_config(world, ask, &body, (id, branch, name))?,
    };
    let app = App {
        id,
        branch,
        config,
        config_version: 1,
        kind: body.text("type")?.unwrap_or("streamlit".to_owned()),
        has_repository: body.flag("useManagedGitRepo")?.unwrap_or(false),
        state: "created".to_owned(),
        desired: "created".to_owned(),
        started: None,
    };
    let view = view(&app, ask);
    world.project_mut(ask.project)?.apps.push(app);
    Ok(Reply::json(201, &view))
}

/// Makes the configuration of a new app, which has the app's id among its parameters.
fn add_config(
    world: &mut World,
    ask: &Ask<'_>,
    body: &Body,
    (app, branch, name): (u64, Option<u64>, String),
) -> Result<String, Problem> {
    let mut content = body.object("config")?.unwrap_or_else(|| json!({ "parameters": {} }));
    if let Some(parameters) = content.get_mut("parameters") {
        parameters.set("id", app.to_string());
    }
    let by = ask.token()?.named();
    let first = Snapshot {
        version: 1,
        changed: ask.now,
        changed_by: by.clone(),
        change: "Data app created".to_owned(),
        name,
        description: body.text("description")?.unwrap_or_default(),
        is_disabled: false,
        configuration: content,
        rows: Vec::new(),
        rows_sort_order: Vec::new(),
    };
    let id = world.next_id().to_string();
    world.project_mut(ask.project)?.configs.push(Config {
        id: id.clone(),
        component: COMPONENT.to_owned(),
        branch: branch.unwrap_or(ask.branch),
        created: ask.now,
        creator: by,
        is_deleted: false,
        state: json!({}),
        metadata: Vec::new(),
        empties_are_lists: false,
        versions: vec![first.clone()],
        now: first,
    });
    Ok(id)
}

fn change(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let version = body.whole("configVersion").or_else(|problem| {
        let text = body.text("configVersion")?.and_then(|text| text.parse().ok());
        text.map(Some).ok_or(problem)
    })?;
    let desired = body.text("desiredState")?;
    if desired.as_ref().is_some_and(|state| !["running", "stopped"].contains(&state.as_str())) {
        return Err(Problem::invalid("desiredState must be \"running\" or \"stopped\""));
    }
    let app = found(world, ask)?;
    app.config_version = version.unwrap_or(app.config_version);
    if let Some(state) = desired {
        if state == "running" {
            app.started = Some(ask.now);
        }
        app.desired.clone_from(&state);
        app.state = state;
    }
    Ok(Reply::ok(&view(app, ask)))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let app = found(world, ask)?;
    if app.state == "running" {
        return Err(Problem::invalid("A running app cannot be deleted"));
    }
    let (id, config) = (app.id, app.config.clone());
    let branch = app.branch.unwrap_or(ask.branch);
    let project = world.project_mut(ask.project)?;
    project.apps.retain(|app| app.id != id);
    if let Ok(config) = project.config_mut(branch, COMPONENT, &config) {
        config.is_deleted = true;
    }
    Ok(Reply::empty(204))
}

fn runs(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let app = found(world, ask)?;
    let runs = app.started.iter().map(|started| {
        json!({
            "id": format!("run-{}", app.id),
            "state": app.state,
            "createdTimestamp": time::text(*started),
            "startTimestamp": time::text(*started),
        })
    });
    Ok(Reply::ok(&runs.collect()))
}

fn logs(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let lines = ask.params().whole("lines", 20, (1, 10_000))?;
    let app = found(world, ask)?;
    let log = [format!("Starting app {}", app.id), "Listening on port 8888".to_owned()];
    let shown = log.len().saturating_sub(lines);
    let text = log.get(shown..).unwrap_or_default().join("\n") + "\n";
    let content_type = "text/plain; charset=utf-8".to_owned();
    Ok(Reply::of(200, content_type, text))
}

fn password(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let app = found(world, ask)?;
    Ok(Reply::ok(&json!({ "password": format!("password-of-{}", app.id) })))
}

fn repository(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let app = found(world, ask)?;
    if !app.has_repository {
        return Err(Problem::missing(format!("App \"{}\" has no repository", app.id)));
    }
    Ok(Reply::ok(&json!({
        "sshUrl": format!("git@git.keboola.test:apps/{}.git", app.id),
        "httpsUrl": format!("https://git.keboola.test/apps/{}.git", app.id),
        "branch": "main",
    })))
}

fn credentials(world: &mut World, ask: &Ask<'_>) -> Outcome {
    if ask.token()?.admin.is_none() {
        return Err(Problem::denied("Only an administrator gets credentials"));
    }
    repository(world, ask)?;
    let id = world.next_id();
    let mut view = json!({ "id": id.to_string(), "type": "http_token", "name": "" });
    view.set("permissions", "readWrite");
    view.set("ownerAdminId", ask.token()?.admin.as_ref().map(|admin| admin.id.to_string()));
    view.set("createdAt", time::text(ask.now));
    view.set("secret", format!("git-secret-{id}"));
    Ok(Reply::json(201, &view))
}
