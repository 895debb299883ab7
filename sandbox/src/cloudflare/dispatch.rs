//! From a request to its answer: the token, its limit, the operation, the account, the permission,
//! the handler.

use crate::cloudflare::access::{self, Product, Token};
use crate::cloudflare::api;
use crate::cloudflare::ask::Ask;
use crate::cloudflare::data::World;
use crate::cloudflare::ids;
use crate::cloudflare::problem::Problem;
use crate::cloudflare::route::{Outcome, Route};
use crate::engine::call::Call;
use crate::engine::reply::Reply;

/// Where all paths begin.
pub(crate) const BASE: &str = "/client/v4/";

/// Answers a request.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    world.settle();
    let Some(path) = call.path.strip_prefix(BASE) else {
        return Problem::unroutable(&call.path).reply();
    };
    let token = match identify(world, call, path) {
        Ok(token) => token,
        Err(problem) => return problem.reply(),
    };
    let (now, most) = (world.clock.now(), world.options.request_limit);
    let window = world.limits.count(&token.id, most, now);
    let outcome = match window.refusal() {
        Some(problem) => Err(problem),
        None => respond(world, call, path, token),
    };
    window.label(outcome.unwrap_or_else(|problem| problem.reply()), most, now)
}

/// The token of a request. One that has ended may still be verified.
fn identify(world: &World, call: &Call, path: &str) -> Result<Token, Problem> {
    let sent = access::sent(call)?;
    let is_check = path.ends_with("tokens/verify");
    let found = world.tokens.iter().find(|token| token.text == sent);
    let alive =
        found.filter(|token| is_check || token.status(world.clock.now()) == "active").cloned();
    alive.ok_or_else(|| match is_check {
        true => Problem::new(401, 1000, "Invalid API Token"),
        false => Problem::new(401, 10000, "Authentication error"),
    })
}

fn respond(world: &mut World, call: &Call, path: &str, token: Token) -> Outcome {
    let (route, arguments) = find(call, path)?;
    let named = |name: &str| {
        let found = arguments.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.clone())
    };
    for id in [named("account"), named("zone")].into_iter().flatten() {
        if !ids::is_hex(&id) {
            return Err(Problem::unroutable(&format!("/{path}")));
        }
    }
    let account = match (named("account"), named("zone")) {
        (Some(account), _) => account,
        (None, Some(zone)) => world.account_of_zone(&zone).unwrap_or_default(),
        (None, None) => String::new(),
    };
    let is_placed = named("account").is_some() || named("zone").is_some();
    if is_placed && !(token.accounts.contains(&account) && world.account(&account).is_ok()) {
        return Err(match route.product() {
            Some(Product::D1) => {
                Problem::new(403, 7403, "The given account is not valid or is not authorized")
            }
            _ => Problem::denied(),
        });
    }
    if route.needs.is_some_and(|(product, level)| !token.may(product, level)) {
        return Err(Problem::denied());
    }
    let now = world.clock.now();
    let ask = Ask { call, now, token, product: route.product(), account, arguments };
    (route.handler)(world, &ask)
}

type Found = (&'static Route, Vec<(&'static str, String)>);

fn find(call: &Call, path: &str) -> Result<Found, Problem> {
    let fits = |route: &'static Route| Some((route, route.arguments(path)?));
    let mut known = routes().filter_map(fits).peekable();
    let is_known = known.peek().is_some();
    let found = known.find(|(route, _)| route.method == call.method);
    found.ok_or_else(|| match is_known {
        true => {
            let text = format!("Method {} not available for that URI.", call.method);
            Problem::new(405, 7001, text)
        }
        false => Problem::unroutable(&format!("/{path}")),
    })
}

/// All operations. Of two paths that both fit, the one listed first is taken.
pub(crate) fn routes() -> impl Iterator<Item = &'static Route> {
    api::ROUTES.iter().flat_map(|group| group.iter())
}

/// The paths that a fault may name a request by: without the base, without the account as well, and
/// whole.
pub(crate) fn fault_paths(call: &Call) -> Vec<String> {
    let mut paths = vec![call.path.clone()];
    if let Some(rest) = call.path.strip_prefix(BASE.trim_end_matches('/')) {
        paths.push(rest.to_owned());
        let below = rest.strip_prefix("/accounts/").or_else(|| rest.strip_prefix("/zones/"));
        if let Some((_, tail)) = below.and_then(|below| below.split_once('/')) {
            paths.push(format!("/{tail}"));
        }
    }
    paths
}
