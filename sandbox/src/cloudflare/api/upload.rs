//! Uploads of code: a version alone, or one that is deployed at once.
//!
//! Known: a version with a migration of classes is refused (10211), a binding to a class that there is
//! not as well (10061 for a class that is deleted while it is bound). The code itself is kept only as an
//! etag. Inferred: `exports` of the metadata is a list of the classes that the code declares, and a
//! binding to a class that there is not is refused with 10123 also where it was deleted.

use serde_json::Value;

use crate::cloudflare::access::Product::Scripts;
use crate::cloudflare::api::multipart::{Part, parts};
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::{Account, ObjectNamespace, Upload, Worker, World};
use crate::cloudflare::ids::{Ids, digest};
use crate::cloudflare::problem::{Problem, success};
use crate::cloudflare::route::{Outcome, Route, post, put};
use crate::engine::json::Fields as _;

pub(super) const ROUTES: &[Route] = &[
    put("accounts/{account}/workers/scripts/{script}", Scripts, replace),
    post("accounts/{account}/workers/scripts/{script}/versions", Scripts, version),
];

/// What an upload consists of.
struct Sent {
    metadata: Value,
    upload: Upload,
}

fn sent(ask: &Ask<'_>) -> Result<Sent, Problem> {
    let parts = parts(ask)?;
    let metadata = parts.iter().find(|part| part.name == "metadata");
    let metadata = metadata.ok_or_else(|| ask.invalid("The part metadata is missing"))?;
    let metadata: Value = serde_json::from_slice(&metadata.body)
        .map_err(|_| ask.invalid("The part metadata is not valid JSON"))?;
    let main = metadata.field("main_module").as_str().or(metadata.field("body_part").as_str());
    let is_main = |part: &&Part| Some(part.name.as_str()) == main;
    let code = parts.iter().find(is_main);
    let code = code.ok_or_else(|| ask.invalid("The main module is missing"))?;
    let list = |name: &str| metadata.field(name).as_array().cloned().unwrap_or_default();
    let texts = |name: &str| {
        let items = list(name).into_iter();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let note = |name: &str| metadata.field("annotations").field(name).as_str().map(str::to_owned);
    let date = metadata.field("compatibility_date").as_str().unwrap_or_default();
    let secrets =
        |binding: &Value| binding["type"] == "secret_text" || binding["type"] == "inherit";
    let upload = Upload {
        bindings: list("bindings").into_iter().filter(|one| !secrets(one)).collect(),
        compatibility_date: date.to_owned(),
        compatibility_flags: texts("compatibility_flags"),
        handlers: vec!["fetch".to_owned()],
        exports: texts("exports"),
        message: note("workers/message"),
        tag: note("workers/tag"),
        etag: digest(&code.body),
    };
    Ok(Sent { metadata, upload })
}

/// The names and values of the secrets that come with an upload.
fn secrets(sent: &Sent) -> Vec<(String, String)> {
    let bindings = sent.metadata.field("bindings").as_array().into_iter().flatten();
    let text = |one: &Value, name: &str| one[name].as_str().map(str::to_owned);
    let secrets = bindings.filter(|one| one["type"] == "secret_text");
    secrets.filter_map(|one| Some((text(one, "name")?, text(one, "text")?))).collect()
}

fn has_migrations(metadata: &Value) -> bool {
    !metadata.field("migrations").is_null()
}

fn version(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let sent = sent(ask)?;
    if has_migrations(&sent.metadata) {
        let text = "Durable Object migrations must be fully applied by deploying the Worker.";
        return Err(Problem::new(400, 10211, text));
    }
    let name = ask.argument("script");
    let World { accounts, ids, .. } = world;
    let account = account(accounts, ask)?;
    check_classes(account, &name, &sent.upload)?;
    let subdomain = account.subdomain.clone();
    let worker = account.worker_mut(&name)?;
    for (secret, text) in secrets(&sent) {
        worker.put_secret(&secret, "secret_text", &text);
    }
    let id = worker.add_version(ids, sent.upload, "wrangler", ask.now);
    let made = worker.version(&id).ok_or_else(|| Problem::broken("no version"))?;
    let mut view = made.detail(&worker.author);
    view.set("startup_time_ms", 12);
    let host = format!("{}-{name}.{subdomain}.workers.dev", id.get(..8).unwrap_or_default());
    view.set("preview_url", format!("https://{host}"));
    view.set("has_preview", true);
    Ok(success(&view))
}

fn account<'a>(accounts: &'a mut [Account], ask: &Ask<'_>) -> Result<&'a mut Account, Problem> {
    accounts.iter_mut().find(|account| account.id == ask.account).ok_or_else(Problem::denied)
}

fn replace(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let sent = sent(ask)?;
    let name = ask.argument("script");
    let World { accounts, ids, .. } = world;
    let account = account(accounts, ask)?;
    let exists = account.worker(&name).is_ok();
    let migrations = sent.metadata.field("migrations").clone();
    migrate(account, ids, &name, &migrations, &sent.upload)?;
    check_classes(account, &name, &sent.upload)?;
    if !exists {
        account.workers.push(Worker::new(ids, &name, ask.now));
    }
    let worker = account.worker_mut(&name)?;
    if let Some(tag) = migrations.field("new_tag").as_str() {
        worker.migration_tag = Some(tag.to_owned());
    }
    for (secret, text) in secrets(&sent) {
        worker.put_secret(&secret, "secret_text", &text);
    }
    let id = worker.add_version(ids, sent.upload, "wrangler", ask.now);
    worker.deploy_whole(ids, &id, "upload", ask.now);
    let mut view = worker.view();
    view.set("startup_time_ms", 12);
    view.set("deployment_id", id);
    Ok(success(&view))
}

/// Makes and deletes the namespaces of a migration's classes.
fn migrate(
    account: &mut Account,
    ids: &mut Ids,
    script: &str,
    migrations: &Value,
    upload: &Upload,
) -> Result<(), Problem> {
    let single = std::slice::from_ref(migrations);
    let steps = migrations.field("steps").as_array().map_or(single, Vec::as_slice);
    let named = |step: &Value, name: &str| {
        let items = step.field(name).as_array().cloned().unwrap_or_default().into_iter();
        items.filter_map(|item| item.as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    for step in steps {
        for class in named(step, "deleted_classes") {
            if upload.bindings.iter().any(|one| one["class_name"] == class.as_str()) {
                let text = format!(
                    "Cannot apply --delete-class migration to class '{class}' \
                                    while it is bound."
                );
                return Err(Problem::new(400, 10061, text));
            }
            account.objects.retain(|known| known.script != script || known.class != class);
        }
        let mut fresh = named(step, "new_sqlite_classes");
        fresh.extend(named(step, "new_classes"));
        for class in fresh {
            account.objects.push(ObjectNamespace {
                id: ids.hex(),
                script: script.to_owned(),
                class,
                objects: Vec::new(),
            });
        }
    }
    Ok(())
}

/// Fails where the Worker is bound to a class of its own that there is not.
fn check_classes(account: &Account, script: &str, upload: &Upload) -> Result<(), Problem> {
    for binding in &upload.bindings {
        let is_own = binding["type"] == "durable_object_namespace"
            && binding.get("script_name").is_none_or(|name| name == script);
        let class = binding["class_name"].as_str().unwrap_or_default();
        let is_known =
            account.objects.iter().any(|known| known.script == script && known.class == class);
        if is_own && !is_known {
            let text = format!("Class '{class}' does not exist in this Worker.");
            return Err(Problem::new(400, 10123, text));
        }
    }
    Ok(())
}
