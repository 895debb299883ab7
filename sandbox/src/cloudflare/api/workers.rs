//! Workers: the list, one, its name below `workers.dev`, its crons, and its end.
//!
//! Known: a Worker on which something depends is only deleted with `force=true`, which deletes its
//! objects with their data. Inferred: 10064 for every such refusal; a Worker that has objects of its
//! own counts as depended on; routes and domains go with the Worker.

use serde_json::{Value, json};

use crate::cloudflare::access::Product::Scripts;
use crate::cloudflare::api::references::dependents;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::body::Body;
use crate::cloudflare::data::World;
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, delete, get, post, put};
use crate::engine::clock;

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/workers/scripts", Scripts, list),
    get("accounts/{account}/workers/subdomain", Scripts, account_subdomain),
    get("accounts/{account}/workers/services/{script}", Scripts, service),
    delete("accounts/{account}/workers/services/{script}", Scripts, remove),
    delete("accounts/{account}/workers/scripts/{script}", Scripts, remove),
    get("accounts/{account}/workers/scripts/{script}/subdomain", Scripts, subdomain),
    post("accounts/{account}/workers/scripts/{script}/subdomain", Scripts, set_subdomain),
    delete("accounts/{account}/workers/scripts/{script}/subdomain", Scripts, end_subdomain),
    get("accounts/{account}/workers/scripts/{script}/schedules", Scripts, schedules),
    put("accounts/{account}/workers/scripts/{script}/schedules", Scripts, set_schedules),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let wanted = ask.param("tags").unwrap_or_default();
    let wanted: Vec<_> = wanted.split(',').filter_map(|part| part.rsplit_once(':')).collect();
    let account = world.account(&ask.account)?;
    let fits = account.workers.iter().filter(|worker| {
        let has = |tag: &str| worker.tags.iter().any(|known| known == tag);
        wanted.iter().all(|(tag, yes)| has(tag) == (*yes == "yes"))
    });
    Ok(success(&fits.map(|worker| worker.view()).collect()))
}

fn account_subdomain(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(success(&json!({ "subdomain": world.account(&ask.account)?.subdomain })))
}

/// What wrangler asks to learn whether there is such a Worker.
fn service(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let worker = world.account(&ask.account)?.worker(&ask.argument("script"))?;
    let script = json!({
        "environment": "production",
        "created_on": clock::text(worker.created),
        "modified_on": clock::text(worker.modified),
        "script": worker.view(),
    });
    Ok(success(&json!({
        "id": worker.name,
        "created_on": clock::text(worker.created),
        "modified_on": clock::text(worker.modified),
        "default_environment": script,
        "environments": [script],
    })))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let name = ask.argument("script");
    let account = world.account_mut(&ask.account)?;
    account.worker(&name)?;
    let others = dependents(account, &name);
    let owns = account.objects.iter().any(|namespace| namespace.script == name);
    if !ask.flag("force") && (owns || !others.is_empty()) {
        let mut names = others;
        names.extend(owns.then(|| "its Durable Objects".to_owned()));
        let text = format!("Cannot delete this Worker: {} depend on it.", names.join(", "));
        return Err(Problem::new(400, 10064, text));
    }
    account.workers.retain(|worker| worker.name != name);
    account.objects.retain(|namespace| namespace.script != name);
    account.domains.retain(|domain| domain.service != name);
    for queue in &mut account.queues {
        queue.consumers.retain(|consumer| consumer.script != name);
    }
    for zone in &mut account.zones {
        zone.routes.retain(|route| route.script.as_ref() != Some(&name));
    }
    Ok(success(&Value::Null))
}

fn subdomain(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let worker = world.account(&ask.account)?.worker(&ask.argument("script"))?;
    let (enabled, previews) = worker.subdomain;
    Ok(success(&json!({ "enabled": enabled, "previews_enabled": previews })))
}

fn set_subdomain(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let worker = world.account_mut(&ask.account)?.worker_mut(&ask.argument("script"))?;
    let enabled = body.flag("enabled")?.ok_or_else(|| body.wrong("enabled", "is required"))?;
    let previews = body.flag("previews_enabled")?.unwrap_or(enabled);
    worker.subdomain = (enabled, previews);
    Ok(success(&json!({ "enabled": enabled, "previews_enabled": previews })))
}

fn end_subdomain(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let worker = world.account_mut(&ask.account)?.worker_mut(&ask.argument("script"))?;
    worker.subdomain = (false, false);
    Ok(success(&json!({ "enabled": false, "previews_enabled": false })))
}

fn schedules(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let worker = world.account(&ask.account)?.worker(&ask.argument("script"))?;
    let views = worker.schedules.iter().map(|(cron, since)| {
        json!({ "cron": cron, "created_on": clock::text(*since), "modified_on": clock::text(*since) })
    });
    Ok(success(&json!({ "schedules": views.collect::<Value>() })))
}

fn set_schedules(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut crons = Vec::new();
    for item in &ask.items()? {
        let cron = Body::within(item, ask)?.required("cron")?;
        if cron.split_whitespace().count() != 5 {
            return Err(Problem::new(400, 10042, format!("Invalid cron string: {cron}")));
        }
        crons.push((cron, ask.now));
    }
    let worker = world.account_mut(&ask.account)?.worker_mut(&ask.argument("script"))?;
    worker.schedules = crons;
    schedules(world, ask)
}
