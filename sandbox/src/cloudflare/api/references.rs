//! Who depends on a Worker.
//!
//! Known: the parts of the answer. Inferred: the fields of its items.

use serde_json::{Value, json};

use crate::cloudflare::access::Product::{Scripts, Tail};
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{Account, Worker, World};
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, delete, get, post};
use crate::engine::clock;

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/workers/scripts/{script}/references", Scripts, references),
    get("accounts/{account}/workers/tails/by-consumer/{script}", Scripts, by_consumer),
    get("accounts/{account}/workers/scripts/{script}/tails", Tail, tails),
    post("accounts/{account}/workers/scripts/{script}/tails", Tail, tail).reads(),
    delete("accounts/{account}/workers/scripts/{script}/tails/{tail}", Tail, end_tail).reads(),
];

/// The names of what depends on a Worker: other Workers and queues.
pub(super) fn dependents(account: &Account, name: &str) -> Vec<String> {
    let others = bound(account, name).map(|(worker, _)| worker.name.clone());
    let queues = account
        .queues
        .iter()
        .filter(|queue| queue.consumers.iter().any(|consumer| consumer.script == name));
    let mut names: Vec<_> = others.chain(queues.map(|queue| queue.name.clone())).collect();
    names.dedup();
    names
}

/// The bindings of other Workers that lead to a Worker.
fn bound<'a>(account: &'a Account, name: &'a str) -> impl Iterator<Item = (&'a Worker, &'a Value)> {
    let others = account.workers.iter().filter(move |worker| worker.name != name);
    others.flat_map(move |worker| {
        let leads =
            move |binding: &&Value| binding["service"] == name || binding["script_name"] == name;
        worker.bindings().iter().filter(leads).map(move |binding| (worker, binding))
    })
}

fn references(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let name = ask.argument("script");
    let account = world.account(&ask.account)?;
    account.worker(&name)?;
    let of = |kind: &'static str| {
        bound(account, &name).filter(move |(_, binding)| binding["type"] == kind)
    };
    let incoming = of("service").map(|(worker, binding)| {
        json!({ "service": worker.name, "environment": "production", "name": binding["name"] })
    });
    let objects = of("durable_object_namespace").map(|(worker, binding)| {
        json!({
            "service": worker.name,
            "environment": "production",
            "name": binding["name"],
            "durable_object_namespace_name": format!("{name}_{}", text(&binding["class_name"])),
        })
    });
    let mine = account.workers.iter().filter(|worker| worker.name == name);
    let outgoing = mine.flat_map(|worker| worker.bindings()).filter(|one| one["type"] == "service");
    let outgoing = outgoing.map(|one| json!({ "service": one["service"], "name": one["name"] }));
    Ok(success(&json!({
        "services": {
            "incoming": incoming.collect::<Value>(),
            "outgoing": outgoing.collect::<Value>(),
            "pages_function": false,
        },
        "durable_objects": objects.collect::<Value>(),
        "dispatch_outbounds": [],
    })))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn by_consumer(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let name = ask.argument("script");
    let account = world.account(&ask.account)?;
    let sends = account.workers.iter().filter(|worker| {
        worker.tail_consumers.iter().any(|consumer| consumer["service"] == name.as_str())
    });
    let views = sends.map(
        |worker| json!({ "consumer": { "service": name }, "producer": { "service": worker.name } }),
    );
    Ok(success(&views.collect()))
}

fn tails(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let worker = world.account(&ask.account)?.worker(&ask.argument("script"))?;
    Ok(success(&worker.tails.iter().map(|id| json!({ "id": id })).collect()))
}

/// Begins a tail. Its address leads nowhere: nothing is sent.
fn tail(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = world.ids.hex();
    let worker = world.account_mut(&ask.account)?.worker_mut(&ask.argument("script"))?;
    worker.tails.push(id.clone());
    Ok(success(&json!({
        "id": id,
        "url": format!("wss://tail.invalid/{id}"),
        "expires_at": clock::text(clock::minutes_after(ask.now, 60)),
    })))
}

fn end_tail(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("tail");
    let worker = world.account_mut(&ask.account)?.worker_mut(&ask.argument("script"))?;
    let at = worker.tails.iter().position(|known| *known == id);
    let none = || Problem::new(404, 10057, "This tail does not exist.");
    worker.tails.remove(at.ok_or_else(none)?);
    Ok(success(&Value::Null))
}
