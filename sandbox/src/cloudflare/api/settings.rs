//! Settings of a Worker, of the version that answers and of the Worker itself.
//!
//! Not played: changing those of the version, which is another upload.

use serde_json::{Value, json};

use crate::cloudflare::access::Product::Scripts;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{Worker, World};
use crate::cloudflare::problem::success;
use crate::cloudflare::route::{Outcome, Route, get, patch};

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/workers/scripts/{script}/settings", Scripts, versioned),
    get("accounts/{account}/workers/scripts/{script}/script-settings", Scripts, own),
    patch("accounts/{account}/workers/scripts/{script}/script-settings", Scripts, change),
];

fn versioned(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let worker = world.account(&ask.account)?.worker(&ask.argument("script"))?;
    let upload = worker.current().map(|version| version.upload.clone()).unwrap_or_default();
    let secrets = worker.secrets.iter();
    let secrets = secrets.map(|(name, secret)| json!({ "name": name, "type": secret.kind }));
    let bindings: Vec<_> = upload.bindings.into_iter().chain(secrets).collect();
    Ok(success(&json!({
        "bindings": bindings,
        "compatibility_date": upload.compatibility_date,
        "compatibility_flags": upload.compatibility_flags,
        "usage_model": "standard",
        "placement": {},
        "limits": {},
        "tags": worker.tags,
        "logpush": worker.logpush,
        "observability": worker.observability,
        "tail_consumers": worker.tail_consumers,
        "migration_tag": worker.migration_tag,
    })))
}

fn view(worker: &Worker) -> Value {
    json!({
        "tags": worker.tags,
        "logpush": worker.logpush,
        "observability": worker.observability,
        "tail_consumers": worker.tail_consumers,
    })
}

fn own(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(success(&view(world.account(&ask.account)?.worker(&ask.argument("script"))?)))
}

fn change(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let worker = world.account_mut(&ask.account)?.worker_mut(&ask.argument("script"))?;
    let tags = body.texts("tags")?;
    if let Some(logpush) = body.flag("logpush")? {
        worker.logpush = logpush;
    }
    if let Some(observability) = body.object("observability")? {
        worker.observability = observability;
    }
    if let Some(consumers) = body.list("tail_consumers")? {
        worker.tail_consumers = consumers.clone();
    }
    if body.get("tags").is_some() {
        worker.tags = tags;
    }
    worker.modified = ask.now;
    Ok(success(&view(worker)))
}
