//! Tickets; the later generation's.

use serde_json::json;
use uuid::Uuid;

use crate::engine::clock;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::{one_of, string, uuid4};
use crate::sitebay::data::{Ticket, TicketReply, World};
use crate::sitebay::paging::page;
use crate::sitebay::route::{Outcome, Route, delete, get, patch, post};

pub(super) const ROUTES: &[Route] = &[
    get("/ticket", list).since_october(),
    post("/ticket", create).since_october(),
    get("/ticket/{id}", one).since_october(),
    patch("/ticket/{id}", update).since_october(),
    delete("/ticket/{id}", remove).since_october(),
    get("/ticket/{id}/reply", replies).since_october(),
    post("/ticket/{id}/reply", reply).since_october(),
    post("/ticket/{id}/reply/unified", reply).since_october(),
    get("/team/{team_id}/ticket", of_team).since_october(),
];

fn list(world: &mut World, ask: &Ask<'_>) -> Outcome {
    page(ask, "/ticket", &world.tickets, Ticket::view)
}

fn of_team(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = ask.uuid("team_id")?;
    world.require_team(id)?;
    let tickets: Vec<_> = world.tickets.iter().filter(|one| one.team_id == Some(id)).collect();
    page(ask, &format!("/team/{id}/ticket"), &tickets, |ticket| ticket.view())
}

fn create(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let subject = form.required("subject", string);
    let body = form.required("body", string);
    let team_id = form.optional("team_id", uuid4);
    form.finish()?;
    if let Some(team_id) = team_id {
        world.require_team(team_id)?;
    }
    let ticket = Ticket {
        id: Uuid::new_v4(),
        team_id,
        subject,
        body,
        status: "open".to_owned(),
        replies: Vec::new(),
        created_at: clock::now(),
    };
    let view = ticket.view();
    world.tickets.insert(0, ticket);
    Ok(Reply::json(201, &view))
}

fn one(world: &mut World, ask: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&find(world, ask)?.view()))
}

fn update(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let status = form.optional("status", one_of(&["open", "closed"]));
    let subject = form.optional("subject", string);
    form.finish()?;
    let ticket = find(world, ask)?;
    if let Some(status) = status {
        ticket.status = status;
    }
    if let Some(subject) = subject {
        ticket.subject = subject;
    }
    Ok(Reply::ok(&ticket.view()))
}

fn remove(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let id = find(world, ask)?.id;
    world.tickets.retain(|ticket| ticket.id != id);
    Ok(Reply::ok(&json!({ "message": "Ticket deleted" })))
}

fn replies(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let ticket = find(world, ask)?;
    let path = format!("/ticket/{}/reply", ticket.id);
    page(ask, &path, &ticket.replies, TicketReply::view)
}

fn reply(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let body = form.required("body", string);
    form.finish()?;
    let reply = TicketReply::new(body);
    let view = reply.view();
    find(world, ask)?.replies.push(reply);
    Ok(Reply::json(201, &view))
}

fn find<'w>(world: &'w mut World, ask: &Ask<'_>) -> Result<&'w mut Ticket, Reply> {
    let id = ask.uuid("id")?;
    let found = world.tickets.iter_mut().find(|ticket| ticket.id == id);
    found.ok_or_else(|| Reply::detail(404, "Ticket not found"))
}
