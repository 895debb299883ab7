//! The API itself: from a request to what a well-behaved service would answer.
//!
//! Each area is a file with its operations and a list of their routes.

mod access;
mod account;
mod applications;
mod backups;
mod blocks;
mod browser;
mod checkout;
mod checkpoints;
mod cloudflare;
mod commands;
mod create;
mod database;
mod dns;
mod edit;
mod events;
mod external;
mod files;
mod git;
mod grafana;
mod hostnames;
mod jobs;
mod keys;
mod life;
mod logs;
mod members;
mod pages;
mod plans;
mod posthog;
mod proxy;
mod restores;
mod shell;
mod shopify;
mod sites;
mod stage;
mod stores;
mod teams;
mod templates;
mod themes;
mod tickets;
mod update;
mod usage;
mod wordpress;
mod wp_cli;

use crate::engine::call::{Call, decoded};
use crate::engine::reply::Reply;
use crate::sitebay::api_path;
use crate::sitebay::ask::Ask;
use crate::sitebay::auth;
use crate::sitebay::data::World;
use crate::sitebay::options::{Generation, Options};
use crate::sitebay::route::{Access, Outcome, Route, other_slash};

/// All operations, by area. Of two paths that both fit, the one listed first is taken.
const AREAS: &[&[Route]] = &[
    sites::ROUTES,
    life::ROUTES,
    stage::ROUTES,
    checkpoints::ROUTES,
    backups::ROUTES,
    restores::ROUTES,
    files::ROUTES,
    edit::ROUTES,
    shell::ROUTES,
    database::ROUTES,
    dns::ROUTES,
    external::ROUTES,
    hostnames::ROUTES,
    cloudflare::ROUTES,
    access::ROUTES,
    git::ROUTES,
    browser::ROUTES,
    logs::ROUTES,
    events::ROUTES,
    usage::ROUTES,
    jobs::ROUTES,
    wordpress::ROUTES,
    shopify::ROUTES,
    posthog::ROUTES,
    grafana::ROUTES,
    themes::ROUTES,
    stores::ROUTES,
    account::ROUTES,
    keys::ROUTES,
    teams::ROUTES,
    members::ROUTES,
    tickets::ROUTES,
    applications::ROUTES,
    templates::ROUTES,
    plans::ROUTES,
    checkout::ROUTES,
];

/// Answers a request. Redirects and unknown paths come before the token, as they do with the
/// framework, whose token check is part of the route.
pub(crate) fn answer(world: &mut World, options: &Options, call: &Call) -> Reply {
    let Some(path) = api_path(call).map(decoded) else {
        return Reply::detail(404, "Not Found");
    };
    let known = find(&path, world.generation);
    let fits = |(route, _): &&(&Route, _)| route.method == call.method;
    let Some((route, arguments)) = known.iter().find(fits) else {
        return match known.as_slice() {
            [] => redirect(call, &path, world.generation),
            [(first, _), ..] => not_allowed(&known, first.path),
        };
    };
    let accepted = options.token.as_deref();
    let ask = Ask::new(call, options, arguments.clone());
    let allowed = match route.access {
        Access::Open => Ok(()),
        Access::Read | Access::Own => auth::identify(call, accepted),
        Access::Write => auth::identify(call, accepted).and_then(|()| auth::may_write(call)),
    };
    let outcome: Outcome = allowed.and_then(|()| {
        if route.is_gone(world.generation) {
            return Err(Reply::detail(410, "This route is retired"));
        }
        world.settle(ask.fqdn());
        let reply = (route.handler)(world, &ask)?;
        if route.access == Access::Write {
            world.touch(ask.fqdn());
        }
        Ok(reply)
    });
    outcome.unwrap_or_else(|error| error)
}

type Found = (&'static Route, Vec<(&'static str, String)>);

/// The operations of a generation.
pub(crate) fn routes(generation: Generation) -> impl Iterator<Item = &'static Route> {
    let routes = AREAS.iter().flat_map(|area| area.iter());
    routes.filter(move |route| route.is_in(generation))
}

/// The operations a path can mean.
fn find(path: &str, generation: Generation) -> Vec<Found> {
    routes(generation).filter_map(|route| Some((route, route.arguments(path)?))).collect()
}

/// The methods named are those of the path that fits first.
fn not_allowed(known: &[Found], path: &str) -> Reply {
    let same = known.iter().filter(|(route, _)| route.path == path);
    let methods: Vec<&str> = same.map(|(route, _)| route.method).collect();
    Reply::detail(405, "Method Not Allowed").with("allow", methods.join(", "))
}

/// The framework sends a path that is only a slash away from a route there.
fn redirect(call: &Call, path: &str, generation: Generation) -> Reply {
    if find(&other_slash(path), generation).is_empty() {
        return Reply::detail(404, "Not Found");
    }
    let mut location = call.origin() + &other_slash(&call.path);
    if !call.query.is_empty() {
        location.push('?');
        location.push_str(&call.query);
    }
    Reply::redirect(location)
}
