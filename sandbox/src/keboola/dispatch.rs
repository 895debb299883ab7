//! From a request to its answer: the place, the operation, the token, the branch, the handler.

use crate::engine::call::Call;
use crate::engine::reply::Reply;
use crate::keboola::access;
use crate::keboola::ask::Ask;
use crate::keboola::data::World;
use crate::keboola::place::Place;
use crate::keboola::problem::Problem;
use crate::keboola::route::{Access, Outcome, Route};
use crate::keboola::{services, storage};

/// An area: the service, where its paths begin, and its operations.
type Area = (&'static str, &'static str, &'static [&'static [Route]]);

/// All operations. Of two paths that both fit, the one listed first is taken.
const AREAS: &[Area] = &[
    ("connection", "/v2/storage", storage::ROUTES),
    ("connection", "", &[services::oauth::ROUTES]),
    ("queue", "", &[services::queue::ROUTES]),
    ("query", "/api/v1", &[services::query::ROUTES]),
    ("ai", "", &[services::ai::ROUTES]),
    ("encryption", "", &[services::encryption::ROUTES]),
    ("scheduler", "", &[services::scheduler::ROUTES]),
    ("sync-actions", "", &[services::sync_actions::ROUTES]),
    ("data-science", "", &[services::data_science::ROUTES]),
    ("metastore", "/api/v1", &[services::metastore::ROUTES]),
];

/// Answers a request.
pub(crate) fn answer(world: &mut World, call: &Call) -> Reply {
    let Some(place) = Place::of(call) else {
        return nowhere();
    };
    let outcome = respond(world, call, &place);
    outcome.unwrap_or_else(|problem| problem.reply(place.service, call))
}

/// What a proxy answers for a host that it does not know.
fn nowhere() -> Reply {
    let body = "<html><body><h1>404 Not Found</h1></body></html>";
    Reply::of(404, "text/html", body)
}

fn respond(world: &mut World, call: &Call, place: &Place) -> Outcome {
    world.settle();
    let (route, arguments) = find(call, place)?;
    let token = match route.access {
        Access::Open => None,
        access => Some(access::identify(world, call, place, access)?),
    };
    let project = token.as_ref().map_or(0, |token| token.project);
    let named = arguments.iter().find(|(name, _)| *name == "branch");
    let named = named.map_or("default", |(_, value)| value.as_str());
    let branch = match token {
        Some(_) => world.project(project)?.branch(named)?.id,
        None => 0,
    };
    let now = world.clock.now();
    (route.handler)(world, &Ask { call, place, now, project, branch, token, arguments })
}

type Found = (&'static Route, Vec<(&'static str, String)>);

fn find(call: &Call, place: &Place) -> Result<Found, Problem> {
    let mut known = Vec::new();
    for (service, prefix, groups) in AREAS {
        let rest = place.path.strip_prefix(prefix).filter(|_| *service == place.service);
        let Some(path) = rest.filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
            continue;
        };
        let path = path.trim_matches('/');
        let routes = groups.iter().flat_map(|group| group.iter());
        known.extend(routes.filter_map(|route| Some((route, route.arguments(path)?))));
    }
    let is_known = !known.is_empty();
    let found = known.into_iter().find(|(route, _)| route.method == call.method);
    found.ok_or_else(|| match is_known {
        true => Problem::new(405, "methodNotAllowed", "Method not allowed"),
        false => Problem::missing("Route not found"),
    })
}

/// The operations, as templates, for tests that want to reach all of them.
pub(crate) fn templates() -> impl Iterator<Item = (&'static str, &'static str, String)> {
    AREAS.iter().flat_map(|(service, prefix, groups)| {
        let routes = groups.iter().flat_map(|group| group.iter());
        routes.map(move |route| (*service, route.method, format!("{prefix}/{}", route.path)))
    })
}
