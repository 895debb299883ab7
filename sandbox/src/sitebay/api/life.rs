//! A site's state, its allowed operations, and its sleep; the later generation's.

use serde_json::json;

use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::string;
use crate::sitebay::data::{Status, Work, World};
use crate::sitebay::route::{Outcome, Route, get, post};

pub(super) const ROUTES: &[Route] = &[
    get("/site/{fqdn}/legal_actions", actions).since_october(),
    get("/site/{fqdn}/read_state", state).since_october(),
    post("/site/{fqdn}/sleep", sleep).since_october(),
    post("/site/{fqdn}/wake", wake).since_october(),
    post("/site/{fqdn}/wp-admin-sso", sign_on).since_october(),
    post("/site/{fqdn}/code-server-sso", sign_on).since_october(),
];

/// The operations that a site allows in its state.
fn actions(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    let status = site.status();
    let staged = site.stage.is_some();
    let mut actions = match status {
        Status::Idle => vec!["update", "delete", "restore", "checkpoint", "sleep"],
        Status::Sleeping => vec!["wake"],
        _ => vec![],
    };
    if status == Status::Idle {
        actions.extend(if staged {
            ["commit_stage", "refresh_stage", "delete_stage"].as_slice()
        } else {
            &["create_stage"]
        });
    }
    Ok(Reply::ok(&json!({
        "status": status.name(),
        "state_rev": site.events.revision().to_string(),
        "legal_actions": actions,
    })))
}

/// The state, and whether it is another than the one the caller knows.
fn state(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let known = form.given("known_state_rev", string);
    form.finish()?;
    let site = world.site(ask.fqdn())?;
    let rev = site.events.revision().to_string();
    Ok(Reply::ok(&json!({
        "status": site.status().name(),
        "progress": site.progress(),
        "changed": known.is_none_or(|known| known != rev),
        "state_rev": rev,
    })))
}

fn sleep(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site_mut(ask.fqdn())?;
    site.require_idle()?;
    site.start(Status::EnteringSleep, ask.options.working_for, Work::Sleep);
    Ok(Reply::ok(&json!({ "status": site.status().name() })))
}

fn wake(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site_mut(ask.fqdn())?;
    if site.status() != Status::Sleeping {
        return Err(Reply::detail(400, "Site is not sleeping"));
    }
    site.wake();
    Ok(Reply::ok(&json!({ "status": site.status().name() })))
}

/// An address that would sign its visitor on, and leads nowhere.
fn sign_on(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let site = world.site(ask.fqdn())?;
    site.require_idle()?;
    let token = uuid::Uuid::new_v4().simple();
    Ok(Reply::ok(&json!({ "url": format!("https://{}/?sso=secret-sso-{token}", site.fqdn) })))
}
