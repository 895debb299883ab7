//! Instances of a workflow.
//!
//! Known: the fields of making one, the form of ids, "instance.already_exists", the bound of 1 MiB for
//! parameters, what an instance can be told. Inferred: 10201 with a 409 for an id that there is and
//! 10202 with a 404 for one that there is not; parameters that come as a text of JSON are read.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cloudflare::access::Product::Scripts;
use crate::cloudflare::api::workflows::{find, is_name};
use crate::cloudflare::ask::Ask;
use crate::cloudflare::body::Body;
use crate::cloudflare::data::{Instance, Outline, Workflow, WorkflowPlan, World};
use crate::cloudflare::paging::{Totals, cut, numbered};
use crate::cloudflare::problem::{Problem, success, success_page};
use crate::cloudflare::route::{Outcome, Route, delete, get, patch, post};
use crate::engine::clock::{self, later};
use crate::engine::json::Fields as _;

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/workflows/{workflow}/instances", Scripts, list),
    post("accounts/{account}/workflows/{workflow}/instances", Scripts, create),
    post("accounts/{account}/workflows/{workflow}/instances/batch", Scripts, create_many),
    get("accounts/{account}/workflows/{workflow}/instances/{instance}", Scripts, one),
    delete("accounts/{account}/workflows/{workflow}/instances/{instance}", Scripts, remove),
    patch("accounts/{account}/workflows/{workflow}/instances/{instance}/status", Scripts, tell),
    post(
        "accounts/{account}/workflows/{workflow}/instances/{instance}/events/{kind}",
        Scripts,
        event,
    ),
];

/// The longest parameters, in bytes.
const PARAMS: usize = 1_048_576;

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (status, from, to) =
        (ask.param("status"), time(ask, "date_start")?, time(ask, "date_end")?);
    let workflow = find(world, ask)?;
    let fits = workflow.instances.iter().rev().filter(|instance| {
        status.as_ref().is_none_or(|status| instance.status(ask.now) == status)
            && from.is_none_or(|from| instance.created >= from)
            && to.is_none_or(|to| instance.created <= to)
    });
    let view = |one: &Instance| one.view(&workflow.id, &workflow.version, ask.now);
    if ask.param("cursor").is_some() {
        let most = ask.whole("per_page", 50, (1, 100))?;
        let mut named: Vec<_> = fits.map(|one| (one.id.clone(), view(one))).collect();
        named.sort_by(|a, b| a.0.cmp(&b.0));
        let page = cut(ask, &workflow.id, named.into_iter(), most)?;
        let info = json!({ "cursor": page.cursor.unwrap_or_default(), "per_page": most });
        return Ok(success_page(Value::Array(page.items), info));
    }
    numbered(ask, fits.map(view).collect(), (50, 100), Totals::Count)
}

fn time(ask: &Ask<'_>, name: &str) -> Result<Option<clock::Time>, Problem> {
    let Some(text) = ask.param(name) else {
        return Ok(None);
    };
    let time = clock::parse(&text);
    time.map(Some).ok_or_else(|| ask.invalid(format!("{name} must be a date-time")))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let view = begin(world, ask, &ask.body()?)?;
    Ok(success(&view))
}

fn create_many(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let items = ask.items()?;
    if items.len() > 100 {
        return Err(ask.invalid("At most 100 instances can be created at once"));
    }
    let views = items.iter().map(|item| begin(world, ask, &Body::within(item, ask)?));
    Ok(success(&Value::Array(views.collect::<Result<_, _>>()?)))
}

fn begin(world: &mut World, ask: &Ask<'_>, body: &Body) -> Result<Value, Problem> {
    let params = match body.get("params") {
        Some(Value::String(text)) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()))
        }
        other => other.cloned().unwrap_or_default(),
    };
    if params.to_string().len() > PARAMS {
        return Err(body.wrong("params", "must have at most 1 MiB"));
    }
    let id = match body.text("instance_id")? {
        Some(id) => id,
        None => world.ids.uuid(),
    };
    let is_reserved = id
        .strip_prefix("cf_")
        .is_some_and(|rest| rest.len() == 64 && rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if !is_name(&id, 100) || is_reserved {
        return Err(Problem::new(400, 10203, "instance.invalid_id"));
    }
    let name = find(world, ask)?.name.clone();
    let plan = take_plan(&mut world.plans, &name);
    let (waits, runs) = (world.options.workflow_waits, world.options.workflow_runs);
    let workflow = find(world, ask)?;
    if workflow.instances.iter().any(|known| known.id == id) {
        return Err(Problem::new(409, 10201, "instance.already_exists"));
    }
    let instance = Instance {
        id,
        created: ask.now,
        params,
        source: "api".to_owned(),
        outline: Outline {
            starts: later(ask.now, waits),
            runs: plan.runs_ms.map_or(runs, Duration::from_millis),
            plan,
        },
        held: None,
        events: Vec::new(),
    };
    let view = json!({
        "id": instance.id,
        "status": instance.status(ask.now),
        "version_id": workflow.version,
        "workflow_id": workflow.id,
        "trigger_source": instance.source,
    });
    workflow.instances.push(instance);
    Ok(view)
}

/// The plan for an instance: the last that fits, used up by one.
fn take_plan(plans: &mut [WorkflowPlan], workflow: &str) -> WorkflowPlan {
    let fits = |plan: &WorkflowPlan| {
        plan.workflow.as_ref().is_none_or(|name| name == workflow) && plan.times != Some(0)
    };
    let Some(plan) = plans.iter_mut().rev().find(|plan| fits(plan)) else {
        return WorkflowPlan::default();
    };
    if let Some(times) = &mut plan.times {
        *times = times.saturating_sub(1);
    }
    plan.clone()
}

fn no_instance() -> Problem {
    Problem::new(404, 10202, "instance.not_found")
}

fn instance<'a>(workflow: &'a mut Workflow, ask: &Ask<'_>) -> Result<&'a mut Instance, Problem> {
    let id = ask.argument("instance");
    workflow.instances.iter_mut().find(|one| one.id == id).ok_or_else(no_instance)
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let workflow = find(world, ask)?;
    let version = workflow.version.clone();
    Ok(success(&instance(workflow, ask)?.detail(&version, ask.now)))
}

fn tell(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let what = body.required("status")?;
    let waits = world.options.workflow_waits;
    let instance = instance(find(world, ask)?, ask)?;
    let is_over = instance.is_over(ask.now);
    match what.as_str() {
        "restart" => {
            instance.held = None;
            instance.outline.starts = later(ask.now, waits);
        }
        _ if is_over => {
            return Err(Problem::new(400, 10204, "instance.cannot_change_status"));
        }
        "pause" => instance.held = Some(("paused", ask.now)),
        // What was left when it was paused is run again from the start.
        "resume" if instance.held.is_some() => {
            instance.held = None;
            instance.outline.starts = ask.now;
        }
        "resume" => {}
        "terminate" => instance.held = Some(("terminated", ask.now)),
        _ => return Err(body.wrong("status", "must be pause, resume, terminate or restart")),
    }
    let mut view = json!({ "status": instance.status(ask.now) });
    view.set("timestamp", clock::text(ask.now));
    Ok(success(&view))
}

fn event(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let kind = ask.argument("kind");
    let instance = instance(find(world, ask)?, ask)?;
    if instance.is_over(ask.now) {
        return Err(Problem::new(400, 10204, "instance.cannot_receive_events"));
    }
    instance.events.push(kind);
    Ok(success(&Value::Null))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("instance");
    let workflow = find(world, ask)?;
    let at = workflow.instances.iter().position(|one| one.id == id).ok_or_else(no_instance)?;
    workflow.instances.remove(at);
    Ok(success(&json!({ "id": id })))
}
