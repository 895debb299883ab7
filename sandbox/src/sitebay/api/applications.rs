//! WordPress application passwords; the later generation's.

use serde_json::json;

use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::string;
use crate::sitebay::data::World;
use crate::sitebay::route::{Outcome, Route, delete, post, put};

pub(super) const ROUTES: &[Route] = &[
    post("/application_password", create).since_october(),
    put("/application_password/{fqdn}", renew).since_october(),
    delete("/application_password/{fqdn}", remove).since_october(),
];

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let fqdn = form.required("fqdn", string);
    form.finish()?;
    made(world, &fqdn)
}

fn renew(world: &mut World, ask: &Ask<'_>) -> Outcome {
    made(world, ask.fqdn())
}

/// The password is shown and not kept: nothing here asks for it.
fn made(world: &World, fqdn: &str) -> Outcome {
    let site = world.site(fqdn)?;
    site.require_idle()?;
    let password = format!("secret-app-{}", uuid::Uuid::new_v4().simple());
    Ok(Reply::ok(&json!({ "fqdn": site.fqdn, "username": "jane", "password": password })))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    world.site(ask.fqdn())?.require_idle()?;
    Ok(Reply::ok(&json!({ "message": "Application password deleted" })))
}
