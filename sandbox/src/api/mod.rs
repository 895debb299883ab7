//! The API itself: from a request to what a well-behaved service would answer.

mod checkout;
mod create;
mod edit;
mod posthog;
mod proxy;
mod restores;
mod shell;
mod shopify;
mod sites;
mod update;
mod wordpress;

use serde_json::Value;

use crate::auth;
use crate::call::{Call, decoded};
use crate::data::{AFFILIATES, TEMPLATES, Team, World, affiliate, template};
use crate::options::Generation;
use crate::paging::page;
use crate::reply::Reply;
use crate::route::{Route, other_slash};
use crate::shared::Shared;

/// An answer, or the error to answer with instead.
type Outcome = Result<Reply, Reply>;

/// Answers a request. Redirects and unknown paths come before the token, as they do with the
/// framework, whose token check is part of the route.
pub(crate) fn answer(shared: &Shared, call: &Call) -> Reply {
    let mut inner = shared.lock();
    let world = &mut inner.world;
    let Some(path) = call.api_path().map(decoded) else {
        return Reply::detail(404, "Not Found");
    };
    let Some(route) = Route::find(&path, world.generation) else {
        return redirect(call, &path, world.generation);
    };
    let methods = route.methods();
    if !methods.contains(&call.method.as_str()) {
        return Reply::detail(405, "Method Not Allowed").with("allow", methods.join(", "));
    }
    let allowed = auth::identify(call, shared.options.token.as_deref());
    allowed.and_then(|()| perform(shared, world, call, &route)).unwrap_or_else(|error| error)
}

/// The framework sends a path that is only a slash away from a route there.
fn redirect(call: &Call, path: &str, generation: Generation) -> Reply {
    if Route::find(&other_slash(path), generation).is_none() {
        return Reply::detail(404, "Not Found");
    }
    let mut location = call.origin() + &other_slash(&call.path);
    if !call.query.is_empty() {
        location.push('?');
        location.push_str(&call.query);
    }
    Reply::redirect(location)
}

fn perform(shared: &Shared, world: &mut World, call: &Call, route: &Route) -> Outcome {
    let reads = call.method == "GET";
    match route {
        // A proxied request may be a read although it is posted; the proxies look for themselves.
        Route::Wp => return wordpress::proxy(world, call),
        Route::Shopify => return shopify::proxy(call),
        Route::PostHog => return posthog::proxy(call),
        _ if !reads => auth::may_write(call)?,
        _ => {}
    }
    match route {
        Route::Sites if reads => sites::list(world, call),
        Route::Sites => create::create(world, call, shared.options.creating_for),
        Route::Site(fqdn) if reads => sites::get(world, fqdn),
        Route::Site(fqdn) if call.method == "DELETE" => sites::delete(world, fqdn),
        Route::Site(fqdn) => update::update(world, call, fqdn),
        Route::Restores(fqdn) if reads => restores::list(world, call, fqdn),
        Route::Restores(fqdn) => restores::start(world, call, fqdn),
        Route::Commits(fqdn) => restores::commits(world, call, fqdn),
        Route::Restore(fqdn, id) => restores::get(world, fqdn, id),
        Route::Cmd(fqdn) => shell::run(world, call, fqdn),
        Route::Edit(_) if world.generation == Generation::October => {
            Err(Reply::detail(410, "This route is retired"))
        }
        Route::Edit(fqdn) => edit::edit(world, call, fqdn),
        Route::Stage(fqdn) => sites::stage(world, fqdn),
        Route::Teams => page(call, "/team", &world.teams, Team::view),
        Route::Templates => page(call, "/ready_made_site", &TEMPLATES, template),
        Route::Referred => page(call, "/account/referred_user", &AFFILIATES, |n| affiliate(*n)),
        Route::Checkout => checkout::create(world, call),
        Route::Wp | Route::Shopify | Route::PostHog => Ok(Reply::ok(&Value::Null)),
    }
}
