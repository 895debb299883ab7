//! Members and invitations of a team; the later generation's.

use serde_json::{Value, json};
use uuid::Uuid;

use crate::engine::clock;
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::email;
use crate::sitebay::data::{Invite, Team, World, owner, owner_id};
use crate::sitebay::route::{Outcome, Route, delete, get, post};

pub(super) const ROUTES: &[Route] = &[
    get("/team/{team_id}/member", list).since_october(),
    get("/team/{team_id}/member/{id}", one).since_october(),
    delete("/team/{team_id}/member/{id}", remove).since_october(),
    get("/team/{team_id}/invite", invites).since_october(),
    post("/team/{team_id}/invite", invite).since_october(),
    delete("/team/{team_id}/invite/{id}", withdraw).since_october(),
    get("/invite/{invite_id}", show).since_october(),
    post("/invite/{invite_id}", accept).since_october(),
];

/// The owner first.
fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&members(world.team(ask.uuid("team_id")?)?).into()))
}

fn members(team: &Team) -> Vec<Value> {
    let mut owner = owner();
    owner.set("role", "owner");
    let member =
        |(id, email): &(Uuid, String)| json!({ "id": id, "email": email, "role": "member" });
    std::iter::once(owner).chain(team.members.iter().map(member)).collect()
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("id")?;
    let members = members(world.team(ask.uuid("team_id")?)?);
    let found = members.iter().find(|member| *member.field("id") == json!(id));
    found.map(Reply::ok).ok_or_else(|| Reply::detail(404, "Member not found"))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("id")?;
    let team = world.team_mut(ask.uuid("team_id")?)?;
    if id == owner_id() {
        return Err(Reply::detail(400, "The owner cannot be removed"));
    }
    if !team.members.iter().any(|(member, _)| *member == id) {
        return Err(Reply::detail(404, "Member not found"));
    }
    team.members.retain(|(member, _)| *member != id);
    Ok(Reply::ok(&json!({ "message": "Member removed" })))
}

fn invites(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let team = world.team(ask.uuid("team_id")?)?;
    Ok(Reply::ok(&team.invites.iter().map(|invite| invite.view(team)).collect()))
}

fn invite(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("team_id")?;
    let mut form = ask.body()?;
    let email = form.required("email", email);
    form.finish()?;
    let team = world.team_mut(id)?;
    if team.invites.iter().any(|invite| invite.email == email) {
        return Err(Reply::detail(400, "This address is already invited"));
    }
    let invite = Invite { id: Uuid::new_v4(), email, created_at: clock::now() };
    let view = invite.view(team);
    team.invites.push(invite);
    Ok(Reply::json(201, &view))
}

fn withdraw(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("id")?;
    let team = world.team_mut(ask.uuid("team_id")?)?;
    if !team.invites.iter().any(|invite| invite.id == id) {
        return Err(no_invite());
    }
    team.invites.retain(|invite| invite.id != id);
    Ok(Reply::ok(&json!({ "message": "Invite withdrawn" })))
}

fn show(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("invite_id")?;
    let pairs = world.teams.iter().flat_map(|team| team.invites.iter().map(move |i| (team, i)));
    let found = pairs.into_iter().find(|(_, invite)| invite.id == id);
    found.map(|(team, invite)| Reply::ok(&invite.view(team))).ok_or_else(no_invite)
}

/// Accepts an invitation: its recipient becomes a member.
fn accept(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("invite_id")?;
    for team in &mut world.teams {
        if let Some(at) = team.invites.iter().position(|invite| invite.id == id) {
            let invite = team.invites.remove(at);
            team.members.push((Uuid::new_v4(), invite.email));
            return Ok(Reply::ok(&json!({ "message": "Invite accepted", "team_id": team.id })));
        }
    }
    Err(no_invite())
}

fn no_invite() -> Reply {
    Reply::detail(404, "Invite not found")
}
