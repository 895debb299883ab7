//! The account's keys; the later generation's. A key cannot make keys, and every caller of the
//! sandbox has one.

use serde_json::json;

use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::auth;
use crate::sitebay::check::{one_of, string, uuid4};
use crate::sitebay::data::{Key, PERMISSIONS, World};
use crate::sitebay::route::{Outcome, Route, delete, get, post};

pub(super) const ROUTES: &[Route] = &[
    get("/api-keys", list).since_october(),
    post("/api-keys", create).since_october(),
    get("/api-keys/@current", current).since_october(),
    delete("/api-keys/{key_id}", remove).since_october(),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.query();
    let team = form.given("team_id", uuid4);
    form.finish()?;
    let keys = world.account.keys.iter();
    let keys = keys.filter(|key| team.is_none_or(|team| key.team_id == team));
    Ok(Reply::ok(&keys.map(Key::view).collect()))
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    form.required("name", string);
    let team = form.required("team_id", uuid4);
    form.required("permission", one_of(PERMISSIONS));
    form.finish()?;
    world.require_team(team)?;
    Err(Reply::detail(403, "An API key cannot create API keys"))
}

fn current(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let reads = auth::may_write(ask.call).is_err();
    let permission = if reads { "read" } else { "readwrite" };
    let team = world.teams.first().map(|team| team.id);
    Ok(Reply::ok(&json!({ "team_id": team, "permission": permission })))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("key_id")?;
    if !world.account.keys.iter().any(|key| key.id == id) {
        return Err(Reply::detail(404, "API key not found"));
    }
    world.account.keys.retain(|key| key.id != id);
    Ok(Reply::ok(&json!({ "message": "API key deleted" })))
}
