//! Teams.

use serde_json::json;

use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::string;
use crate::sitebay::data::{Team, World};
use crate::sitebay::paging::page;
use crate::sitebay::route::{Outcome, Route, get, patch};

pub(super) const ROUTES: &[Route] = &[
    get("/team", list),
    get("/team/current", current).since_october(),
    get("/team/{team_id}", one).since_october(),
    patch("/team/{team_id}", update).since_october(),
    get("/team/{team_id}/sites/paths", paths).since_october(),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    page(ask, "/team", &world.teams, Team::view)
}

fn current(world: &mut World, _: &Ask<'_>) -> Outcome {
    let team = world.teams.iter().find(|team| team.is_default);
    team.map(|team| Reply::ok(&team.view())).ok_or_else(|| Reply::detail(404, "Team not found"))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&world.team(ask.uuid("team_id")?)?.view()))
}

fn update(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("team_id")?;
    let mut form = ask.body()?;
    let name = form.optional("name", string);
    let timezone = form.optional("timezone", string);
    form.finish()?;
    let team = world.team_mut(id)?;
    if let Some(name) = name {
        team.name = name;
    }
    if let Some(timezone) = timezone {
        team.timezone = timezone;
    }
    Ok(Reply::ok(&team.view()))
}

/// The names of the team's sites.
fn paths(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("team_id")?;
    world.require_team(id)?;
    let sites = world.sites.iter().filter(|site| site.team_id == id);
    let views = sites.map(|site| json!({ "id": site.id, "fqdn": site.fqdn }));
    Ok(Reply::ok(&views.collect()))
}
