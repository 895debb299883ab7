//! Deployments: which versions answer, and how many requests of a hundred.
//!
//! Known: one or two versions whose percentages make up 100, 0 among them; 10220 where secrets changed
//! since a version, with their names, unless forced; 100405 where two versions declare other classes;
//! messages are cut at 1,000 bytes. Inferred: 10021 for a list that does not fit, 100146 for a version
//! that there is not or that is too old, 10220 only for versions that are not deployed already.

use serde_json::{Value, json};

use crate::cloudflare::access::Product::Scripts;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::body::Body;
use crate::cloudflare::data::{Share, Version, Worker, World};
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, delete, get, post};

pub(super) const ROUTES: &[Route] = &[
    get("accounts/{account}/workers/scripts/{script}/deployments", Scripts, list),
    post("accounts/{account}/workers/scripts/{script}/deployments", Scripts, create),
    get("accounts/{account}/workers/scripts/{script}/deployments/{deployment}", Scripts, one),
    delete("accounts/{account}/workers/scripts/{script}/deployments/{deployment}", Scripts, remove),
];

/// The longest message, in bytes.
const MESSAGE: usize = 1000;
/// How many deployments are listed.
const LISTED: usize = 100;

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let worker = world.account(&ask.account)?.worker(&ask.argument("script"))?;
    let views = worker.deployments.iter().rev().take(LISTED).map(|one| one.view());
    Ok(success(&json!({ "deployments": views.collect::<Value>() })))
}

fn no_deployment() -> Problem {
    Problem::new(404, 10007, "This deployment does not exist.")
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let worker = world.account(&ask.account)?.worker(&ask.argument("script"))?;
    let id = ask.argument("deployment");
    let found = worker.deployments.iter().find(|one| one.id == id);
    Ok(success(&found.ok_or_else(no_deployment)?.view()))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let worker = world.account_mut(&ask.account)?.worker_mut(&ask.argument("script"))?;
    let id = ask.argument("deployment");
    let at = worker.deployments.iter().position(|one| one.id == id).ok_or_else(no_deployment)?;
    if worker.active().is_some_and(|active| active.id == id) {
        return Err(ask.invalid("The active deployment cannot be deleted."));
    }
    worker.deployments.remove(at);
    Ok(success(&Value::Null))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let body = ask.body()?;
    if body.required("strategy")? != "percentage" {
        return Err(body.wrong("strategy", "must be \"percentage\""));
    }
    let shares = shares(ask, &body)?;
    let World { accounts, ids, .. } = world;
    let account = accounts.iter_mut().find(|account| account.id == ask.account);
    let worker = account.ok_or_else(Problem::denied)?.worker_mut(&ask.argument("script"))?;
    check(worker, &shares, ask.flag("force"))?;
    let annotations = body.object("annotations")?.unwrap_or_default();
    let note = |name: &str| annotations.get(name).and_then(Value::as_str);
    let message = note("workers/message").map(|text| cut(text).to_owned());
    let trigger = note("workers/triggered_by").unwrap_or("deployment");
    let id = worker.deploy(ids, shares, (trigger, message), ask.now);
    let made = worker.deployments.iter().find(|one| one.id == id);
    Ok(success(&made.ok_or_else(no_deployment)?.view()))
}

fn shares(ask: &Ask<'_>, body: &Body) -> Result<Vec<Share>, Problem> {
    let mut shares: Vec<Share> = Vec::new();
    for item in body.list("versions")?.map(Vec::as_slice).unwrap_or_default() {
        let item = Body::within(item, ask)?;
        let version = item.required("version_id")?;
        let percentage = item.get("percentage").and_then(Value::as_f64);
        let percentage = percentage.filter(|share| (0.0..=100.0).contains(share));
        let percentage = percentage.ok_or_else(|| item.wrong("percentage", "must be 0 to 100"))?;
        if shares.iter().any(|known| known.version == version) {
            return Err(body.wrong("versions", "must not name a version twice"));
        }
        shares.push(Share { version, percentage });
    }
    if !(1..=2).contains(&shares.len()) {
        return Err(body.wrong("versions", "must have one or two items"));
    }
    let sum: f64 = shares.iter().map(|share| share.percentage).sum();
    if (sum - 100.0).abs() > 0.001 {
        return Err(body.wrong("versions", "must have percentages that make up 100"));
    }
    Ok(shares)
}

fn check(worker: &Worker, shares: &[Share], is_forced: bool) -> Result<(), Problem> {
    let mut versions: Vec<&Version> = Vec::new();
    for share in shares {
        let found = worker.deployable().find(|version| version.id == share.version);
        let text = "The requested version does not exist or cannot be deployed.";
        versions.push(found.ok_or_else(|| Problem::new(404, 100_146, text))?);
    }
    let mut exports = versions.iter().map(|version| &version.upload.exports);
    let first = exports.next();
    if exports.any(|other| Some(other) != first) {
        let text = "The versions of a deployment must have the same Durable Object exports.";
        return Err(Problem::new(400, 100_405, text));
    }
    let is_active = |version: &Version| {
        let active = worker.active().map(|active| active.shares.as_slice()).unwrap_or_default();
        active.iter().any(|share| share.version == version.id)
    };
    let stale = versions.into_iter().filter(|version| !is_active(version));
    let mut names: Vec<_> = stale.flat_map(|version| worker.changed_secrets(version)).collect();
    names.sort();
    names.dedup();
    if is_forced || names.is_empty() {
        return Ok(());
    }
    let text = format!(
        "The following secrets have changed since this version was created: {}. \
         Use ?force=true to deploy it nevertheless.",
        names.join(", ")
    );
    Err(Problem::new(400, 10220, text))
}

/// A message without what is beyond its longest.
fn cut(text: &str) -> &str {
    let end = (0..=MESSAGE.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or_default()).unwrap_or_default()
}
