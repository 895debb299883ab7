//! Secrets of a Worker: their names, never their values.
//!
//! Known: a change of a secret is a version of its own, deployed at once. Inferred: it is refused
//! (10215) while the newest version is not deployed alone.

use serde_json::{Value, json};

use crate::cloudflare::access::Product::Scripts;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::body::Body;
use crate::cloudflare::data::{Secret, Worker, World};
use crate::cloudflare::ids::Ids;
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, delete, get, patch, put};
use crate::engine::clock::Time;

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/workers/scripts/{script}/secrets", Scripts, list),
    put("accounts/{account}/workers/scripts/{script}/secrets", Scripts, set),
    patch("accounts/{account}/workers/scripts/{script}/secrets-bulk", Scripts, set_many),
    get("accounts/{account}/workers/scripts/{script}/secrets/{secret}", Scripts, one),
    delete("accounts/{account}/workers/scripts/{script}/secrets/{secret}", Scripts, remove),
];

fn view(name: &str, secret: &Secret) -> Value {
    json!({ "name": name, "type": secret.kind })
}

fn no_secret() -> Problem {
    Problem::new(404, 10056, "This secret does not exist.")
}

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let worker = world.account(&ask.account)?.worker(&ask.argument("script"))?;
    Ok(success(&worker.secrets.iter().map(|(name, secret)| view(name, secret)).collect()))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let name = ask.argument("secret");
    let worker = world.account(&ask.account)?.worker(&ask.argument("script"))?;
    Ok(success(&view(&name, worker.secrets.get(&name).ok_or_else(no_secret)?)))
}

/// The Worker and the ids, where a secret may be changed.
fn open<'a>(world: &'a mut World, ask: &Ask<'_>) -> Result<(&'a mut Worker, &'a mut Ids), Problem> {
    let World { accounts, ids, .. } = world;
    let account = accounts.iter_mut().find(|account| account.id == ask.account);
    let worker = account.ok_or_else(Problem::denied)?.worker_mut(&ask.argument("script"))?;
    let newest = worker.newest()?.id.clone();
    let active = worker.active().map(|active| active.shares.as_slice()).unwrap_or_default();
    if !matches!(active, [only] if only.version == newest) {
        let text = "The latest version of this Worker isn't currently deployed.";
        return Err(Problem::new(400, 10215, text));
    }
    Ok((worker, ids))
}

/// Deploys the newest version again, with the secrets as they are now.
fn renew(worker: &mut Worker, ids: &mut Ids, now: Time) -> Result<(), Problem> {
    let mut upload = worker.newest()?.upload.clone();
    (upload.message, upload.tag) = (None, None);
    let version = worker.add_version(ids, upload, "secret", now);
    worker.deploy_whole(ids, &version, "secret", now);
    Ok(())
}

fn set(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    let (name, text) = (body.required("name")?, body.required("text")?);
    let kind = body.text("type")?.unwrap_or("secret_text".to_owned());
    let (worker, ids) = open(world, ask)?;
    worker.put_secret(&name, &kind, &text);
    renew(worker, ids, ask.now)?;
    Ok(success(&json!({ "name": name, "type": kind })))
}

/// Sets secrets that have a text, and removes those that are null, as one version.
fn set_many(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let secrets = ask.body()?.object("secrets")?;
    let secrets = secrets.unwrap_or(serde_json::from_slice(&ask.call.body).unwrap_or_default());
    let (worker, ids) = open(world, ask)?;
    for (name, value) in secrets.as_object().into_iter().flatten() {
        if value.is_null() {
            worker.remove_secret(name);
            continue;
        }
        let body = Body::within(value, ask)?;
        let text = body.required("text")?;
        let kind = body.text("type")?.unwrap_or("secret_text".to_owned());
        worker.put_secret(name, &kind, &text);
    }
    renew(worker, ids, ask.now)?;
    Ok(success(&worker.secrets.iter().map(|(name, secret)| view(name, secret)).collect()))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let (worker, ids) = open(world, ask)?;
    if !worker.remove_secret(&ask.argument("secret")) {
        return Err(no_secret());
    }
    renew(worker, ids, ask.now)?;
    Ok(success(&Value::Null))
}
