//! The account's user, and those the account has referred.

use serde_json::json;

use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;
use crate::sitebay::ask::Ask;
use crate::sitebay::check::string;
use crate::sitebay::data::{AFFILIATES, Team, World, affiliate};
use crate::sitebay::paging::page;
use crate::sitebay::route::{Outcome, Route, get, patch};

pub(super) const ROUTES: &[Route] = &[
    get("/account/referred_user", referred),
    get("/account/me", me).since_october(),
    patch("/account/me", change).since_october(),
    get("/account/me/extended", extended).since_october(),
];

fn referred(_: &mut World, ask: &Ask<'_>) -> Outcome {
    page(ask, "/account/referred_user", &AFFILIATES, |number| affiliate(*number))
}

fn me(world: &mut World, _: &Ask<'_>) -> Outcome {
    Ok(Reply::ok(&world.account.me()))
}

fn change(world: &mut World, ask: &Ask<'_>) -> Outcome {
    let mut form = ask.body()?;
    let names = ["full_name", "first_name", "last_name"];
    let given = names.map(|name| (name, form.given(name, string)));
    form.finish()?;
    let given =
        given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
    world.account.changed.extend(given);
    me(world, ask)
}

fn extended(world: &mut World, _: &Ask<'_>) -> Outcome {
    let mut view = world.account.me();
    view.set("teams", world.teams.iter().map(Team::view).collect::<Vec<_>>());
    view.set("site_count", json!(world.sites.len()));
    Ok(Reply::ok(&view))
}
