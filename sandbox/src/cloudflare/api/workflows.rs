//! Workflows.
//!
//! Known: names of at most 64 characters, PUT makes or changes one, 10200 for one that there is not.
//! Inferred: deleting one deletes its instances.

use serde_json::{Value, json};

use crate::cloudflare::access::Product::Scripts;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{Workflow, World};
use crate::cloudflare::paging::{Totals, numbered};
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, delete, get, put};

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/workflows", Scripts, list),
    get("accounts/{account}/workflows/{workflow}", Scripts, one),
    put("accounts/{account}/workflows/{workflow}", Scripts, put_one),
    delete("accounts/{account}/workflows/{workflow}", Scripts, remove),
];

/// The workflow of a path.
pub(super) fn find<'a>(world: &'a mut World, ask: &Ask<'_>) -> Result<&'a mut Workflow, Problem> {
    let name = ask.argument("workflow");
    let mut all = world.account_mut(&ask.account)?.workflows.iter_mut();
    let none = || Problem::new(404, 10200, "workflow.not_found");
    all.find(|workflow| workflow.name == name).ok_or_else(none)
}

/// Whether a name or an id has the form that workflows ask for.
pub(super) fn is_name(text: &str, most: usize) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !text.is_empty() && text.len() <= most && text.chars().all(fits) && !text.starts_with('-')
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let part = ask.param("search").unwrap_or_default();
    let all = world.account(&ask.account)?.workflows.iter();
    let fits = all.filter(|workflow| workflow.name.contains(&part));
    let views = fits.map(|workflow| workflow.view(ask.now)).collect();
    numbered(ask, views, (10, 100), Totals::Count)
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let now = ask.now;
    Ok(success(&find(world, ask)?.view(now)))
}

fn put_one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let (class, script) = (body.required("class_name")?, body.required("script_name")?);
    let name = ask.argument("workflow");
    if !is_name(&name, 64) {
        return Err(ask.invalid("The workflow name is invalid."));
    }
    let (id, version) = (world.ids.uuid(), world.ids.uuid());
    let account = world.account_mut(&ask.account)?;
    account.worker(&script)?;
    if let Some(known) = account.workflows.iter_mut().find(|known| known.name == name) {
        (known.class, known.script) = (class, script);
        (known.version, known.modified) = (version, ask.now);
        return Ok(success(&known.view(ask.now)));
    }
    let workflow = Workflow {
        id,
        name,
        class,
        script,
        version,
        created: ask.now,
        modified: ask.now,
        instances: Vec::new(),
    };
    let view = workflow.view(ask.now);
    account.workflows.push(workflow);
    Ok(success(&view))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let name = find(world, ask)?.name.clone();
    world.account_mut(&ask.account)?.workflows.retain(|workflow| workflow.name != name);
    Ok(success(&json!({ "status": "ok", "success": Value::Null })))
}
