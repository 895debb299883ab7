//! Queues, their consumers and their backlog. Messages are not delivered.
//!
//! Inferred: 11009 for a name that there is, 11003 for a queue that there is not, and that deleting a
//! queue with consumers succeeds.

use serde_json::{Value, json};

use crate::cloudflare::access::Product::Queues;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{Consumer, Queue, World};
use crate::cloudflare::problem::{Problem, success, success_page};
use crate::cloudflare::route::{Outcome, Route, delete, get, patch, post};

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/queues", Queues, list),
    post("accounts/{account}/queues", Queues, create),
    get("accounts/{account}/queues/{queue}", Queues, one),
    patch("accounts/{account}/queues/{queue}", Queues, change),
    delete("accounts/{account}/queues/{queue}", Queues, remove),
    get("accounts/{account}/queues/{queue}/consumers", Queues, consumers),
    post("accounts/{account}/queues/{queue}/consumers", Queues, consume),
    delete("accounts/{account}/queues/{queue}/consumers/{consumer}", Queues, end),
    post("accounts/{account}/queues/{queue}/messages", Queues, send),
    get("accounts/{account}/queues/{queue}/metrics", Queues, metrics),
    post("accounts/{account}/queues/{queue}/purge", Queues, purge),
];

fn no_queue() -> Problem {
    Problem::new(404, 11003, "The specified queue does not exist.")
}

fn find<'a>(world: &'a mut World, ask: &Ask<'_>) -> Result<&'a mut Queue, Problem> {
    let id = ask.argument("queue");
    let mut all = world.account_mut(&ask.account)?.queues.iter_mut();
    all.find(|queue| queue.id == id).ok_or_else(no_queue)
}

fn view(world: &World, ask: &Ask<'_>, id: &str) -> Result<Value, Problem> {
    let account = world.account(&ask.account)?;
    let queue = account.queues.iter().find(|queue| queue.id == id).ok_or_else(no_queue)?;
    Ok(queue.view(&account.workers))
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let account = world.account(&ask.account)?;
    let views: Vec<_> = account.queues.iter().map(|one| one.view(&account.workers)).collect();
    let count = views.len();
    let info = json!({
        "page": 1, "per_page": 100, "count": count, "total_count": count, "total_pages": 1,
    });
    Ok(success_page(Value::Array(views), info))
}

/// A name that fits and that no other queue has.
fn free_name(world: &World, ask: &Ask<'_>, name: String, but: &str) -> Result<String, Problem> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.len() > 63 || !name.chars().all(fits) {
        return Err(ask.invalid("The queue name is invalid."));
    }
    let mut all = world.account(&ask.account)?.queues.iter();
    if all.any(|known| known.name == name && known.id != but) {
        let text = format!("Queue name '{name}' is already taken.");
        return Err(Problem::new(409, 11009, text));
    }
    Ok(name)
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let name = free_name(world, ask, ask.body()?.required("queue_name")?, "")?;
    let id = world.ids.hex();
    world.account_mut(&ask.account)?.queues.push(Queue::new(id.clone(), &name, ask.now));
    Ok(success(&view(world, ask, &id)?))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("queue");
    Ok(success(&view(world, ask, &id)?))
}

fn change(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let id = find(world, ask)?.id.clone();
    let name = match body.text("queue_name")? {
        Some(name) => Some(free_name(world, ask, name, &id)?),
        None => None,
    };
    let settings = body.object("settings")?;
    let queue = find(world, ask)?;
    queue.name = name.unwrap_or(queue.name.clone());
    queue.modified = ask.now;
    if let (Some(Value::Object(fields)), Value::Object(kept)) = (settings, &mut queue.settings) {
        kept.extend(fields);
    }
    Ok(success(&view(world, ask, &id)?))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = find(world, ask)?.id.clone();
    world.account_mut(&ask.account)?.queues.retain(|queue| queue.id != id);
    Ok(success(&Value::Null))
}

fn consumers(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let queue = find(world, ask)?;
    Ok(success(&queue.consumers.iter().map(|one| one.view(&queue.name)).collect()))
}

fn consume(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let kind = body.required("type")?;
    let script = body.text("script_name")?.unwrap_or_default();
    if kind == "worker" {
        world.account(&ask.account)?.worker(&script)?;
    }
    let consumer = Consumer {
        id: world.ids.hex(),
        kind,
        script,
        settings: body.object("settings")?.unwrap_or(json!({})),
        created: ask.now,
    };
    let queue = find(world, ask)?;
    if queue.consumers.iter().any(|known| known.script == consumer.script) {
        return Err(Problem::new(409, 11004, "This queue already has such a consumer."));
    }
    let view = consumer.view(&queue.name);
    queue.consumers.push(consumer);
    Ok(success(&view))
}

fn end(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.argument("consumer");
    let queue = find(world, ask)?;
    let at = queue.consumers.iter().position(|one| one.id == id);
    let none = || Problem::new(404, 11005, "The specified consumer does not exist.");
    queue.consumers.remove(at.ok_or_else(none)?);
    Ok(success(&Value::Null))
}

fn send(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let size = ask.call.body.len() as u64;
    find(world, ask)?.backlog.push((ask.now, size));
    Ok(success(&Value::Null))
}

fn metrics(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let queue = find(world, ask)?;
    let bytes = queue.backlog.iter().fold(0_u64, |sum, (_, size)| sum.saturating_add(*size));
    let oldest = queue.backlog.first().map_or(0, |(time, _)| time.timestamp_millis());
    Ok(success(&json!({
        "backlog_count": queue.backlog.len(),
        "backlog_bytes": bytes,
        "oldest_message_timestamp_ms": oldest,
    })))
}

fn purge(world: &mut World, ask: &Ask<'_>) -> Outcome {
    if ask.body()?.flag("delete_messages_permanently")? != Some(true) {
        return Err(ask.invalid("delete_messages_permanently must be true"));
    }
    find(world, ask)?.backlog.clear();
    one(world, ask)
}
