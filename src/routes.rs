//! The way from method and path to a handler: `/mcp` leads to [`streamable`], `/sse` to [`sse`].
//!
//! Handlers that most requests never need are compiled apart ([`cold`]).
//!
//! Paths are compared byte for byte, as they came, but for one slash at their end. What this server does not answer
//! belongs to the server behind it ([`backend`]).
//!
//! Invariant: the origin is checked before anything else; only the MCP endpoints, ending sessions
//! and the admin API need a credential. The OAuth endpoints are for every origin: see there.

use std::rc::Rc;

use worker::{Context, Env, Method, Result};

use crate::{
    admin,
    admission::RequestContext,
    backend::{self, BackendRoute},
    body, challenge,
    config::Config,
    discovery::{self, OfBackend},
    error::Error,
    health,
    pages::{landing, oauth},
    platform::http::{Request, Response},
    response::{self, CorsContext},
    state,
    stubs::{named_keys, rollout, session, stored_upstreams},
    transports::{
        endpoint::AdmittedRequest,
        sessions, sse,
        streamable::{self, SESSION_HEADER},
    },
};
use mcp_auth::refusal::Refusal;
use mcp_server::{
    cold::cold,
    telemetry::{metrics, record::RequestRecord},
};

/// The doors of single upstreams are below this path.
const DOORS: &str = "/u/";
/// The routes that a door of one upstream has.
const WIRES: [&str; 3] = ["mcp", "sse", "messages"];
const READ_ONLY: &str = "GET, HEAD, OPTIONS";
/// The route of the admin API.
const ADMIN: &str = "admin";
/// Counters of the isolate, in development.
const METRICS: &str = "/metrics";

/// Answers a request.
///
/// # Errors
/// Only where the runtime fails.
pub async fn handle(request: Request, env: Env, context: Context) -> Result<Response> {
    let record = state::record(&env);
    record.set_method(request.method_name());
    session::traced(&record, &request);
    let answered = route(request, &env, context, &record).await;
    // An object logs the requests that it answers.
    if record.is_open() {
        record.response_started(answered.as_ref().map_or(500, Response::status));
    }
    answered
}

async fn route(
    request: Request,
    env: &Env,
    context: Context,
    record: &Rc<RequestRecord>,
) -> Result<Response> {
    let mut config = state::config(env);
    let caller = CorsContext::of(&request);
    let path = request.path();
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path).to_owned();
    let path = path.as_str();
    let whole = path;
    if stored_upstreams::is_due(&config) {
        if stored_upstreams::are_needed(&request, path) {
            config = cold(stored_upstreams::current(env)).await;
        } else if is_in_session(&request, path) {
            // Its object finds out whether an upstream is asked. Which headers travel must be known here, if not at once.
            match stored_upstreams::were_read() {
                true => context.wait_until(stored_upstreams::refresh(env.clone())),
                false => config = cold(stored_upstreams::current(env)).await,
            }
        }
    }
    let (door, path) = door(path).filter(|(name, _)| config.has_door(name)).unwrap_or(("", path));
    let Some(wire) = wire(path).filter(|wire| door.is_empty() || WIRES.contains(wire)) else {
        // Behind a door there are its wires, and no other path of this server.
        let path = whole;
        return cold(elsewhere(request, env, &config, context, record, path)).await;
    };
    record.set_route(wire);
    let (record, context) = (record.clone(), Rc::new(context));
    let visit = RequestContext { env, config: &config, caller: &caller, door, record, context };
    match &config.backend {
        Some(backend) if backend.has_mcp() && wire != ADMIN && door.is_empty() => {
            cold(backend::handle(request, visit, backend, BackendRoute::Mcp)).await
        }
        _ => mcp(request, visit, path).await,
    }
}

/// Whether a request is a message in a session, as far as its path and headers say.
fn is_in_session(request: &Request, path: &str) -> bool {
    (path == streamable::PATH && request.header(SESSION_HEADER).is_some())
        || sse::takes_messages(path)
}

/// The upstream that a door is for, and the path behind the door: `/u/{name}/mcp` is `/mcp`.
fn door(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix(DOORS)?;
    rest.split_at_checked(rest.find('/')?)
}

/// The route name of a path that needs authentication. Returns `None` for other paths.
fn wire(path: &str) -> Option<&'static str> {
    match path {
        streamable::PATH => Some("mcp"),
        sse::STREAM => Some("sse"),
        sessions::PATH => Some("sessions"),
        admin::DESCRIPTION => None,
        _ if sse::takes_messages(path) => Some("messages"),
        _ if path.starts_with(admin::PREFIX) => Some(ADMIN),
        _ => None,
    }
}

/// The public documents and the OAuth endpoints.
async fn elsewhere(
    request: Request,
    env: &Env,
    config: &Config,
    context: Context,
    record: &Rc<RequestRecord>,
    path: &str,
) -> Result<Response> {
    if let Some(document) = discovery::document(path) {
        record.set_route("document");
        let is_open = named_keys::is_open(env, config).await;
        let seen = cold(OfBackend::ask(config, &request)).await;
        return public(&request, |url| document.answer(&request, url, (config, is_open), &seen));
    }
    if config.connects(path).is_some() {
        record.set_route("connect");
        return cold(oauth::handle(oauth::Route::Connect, request, env, config, context)).await;
    }
    if let Some(route) = oauth::route(path, config) {
        record.set_route("oauth");
        if !config.auth.oauth {
            record.refused(&Refusal::NotFound);
            let is_open = named_keys::is_open(env, config).await;
            return oauth::disabled::off(&request.method(), &config.auth, is_open);
        }
        return cold(oauth::handle(route, request, env, config, context)).await;
    }
    record.set_route(match path {
        admin::DESCRIPTION => "document",
        "/" => "page",
        "/health" => "health",
        METRICS => "metrics",
        _ => "none",
    });
    match path {
        admin::DESCRIPTION => {
            let text = admin::OPENAPI.as_bytes();
            public(&request, |_| response::json(200, text, &CorsContext::public()))
        }
        "/" => public(&request, |url| landing::answer(url, config)),
        "/health" => {
            let percentage = cold(rollout::percentage(env)).await;
            let health = cold(health::answer(env, config, percentage)).await;
            public(&request, |_| health)
        }
        // They say how much a server is used, and by what.
        METRICS if config.is_development() => {
            response::text("text/plain; version=0.0.4; charset=utf-8", metrics::text().as_bytes())
        }
        _ => beyond(request, env, config, context, record, path).await,
    }
}

/// The paths that this server does not answer: those of the server behind it, where there is one.
async fn beyond(
    request: Request,
    env: &Env,
    config: &Config,
    context: Context,
    record: &Rc<RequestRecord>,
    path: &str,
) -> Result<Response> {
    let caller = &CorsContext::of(&request);
    match &config.backend {
        // Its meaning must not depend on the environment.
        Some(backend) if path != METRICS => {
            let (record, context) = (record.clone(), Rc::new(context));
            let visit = RequestContext { env, config, caller, door: "", record, context };
            cold(backend::handle(request, visit, backend, BackendRoute::Rest)).await
        }
        _ => {
            record.refused(&Refusal::NotFound);
            response::refusal(&Refusal::NotFound, caller)
        }
    }
}

async fn mcp(request: Request, visit: RequestContext<'_>, path: &str) -> Result<Response> {
    let RequestContext { config, caller, .. } = visit;
    let record = visit.record.clone();
    if let Some(origin) = &caller.origin
        && !config.origins.allows(origin, request.url())
    {
        return Error::from(Refusal::Origin(origin.clone())).answer(caller, &record);
    }
    if request.method() == Method::Options {
        let asked = request.header("access-control-request-headers");
        return response::preflight(asked.as_deref(), caller);
    }
    if let Some(stage) = admin::unlocked_by(path) {
        return cold(admin::unlock_stage(visit, request, stage)).await;
    }
    let url = config.auth.oauth.then(|| request.url().to_owned());
    let endpoint = match cold(visit.admit(&request)).await {
        Ok(admission) => AdmittedRequest::new(visit, admission),
        Err(error) => {
            let error = match path {
                streamable::PATH => cold(body::naming(error, &request)).await,
                _ => error,
            };
            return error.answer(caller, &record);
        }
    };
    caller.rate.set(endpoint.rate);
    let answered = match path {
        streamable::PATH => cold(streamable::handle(endpoint, request)).await,
        sessions::PATH => cold(sessions::handle(endpoint, &request)).await,
        _ if path.starts_with(admin::PREFIX) => cold(admin::handle(endpoint, request, path)).await,
        _ => cold(sse::handle(endpoint, request, path)).await,
    };
    let answered = answered.or_else(|error| error.answer(caller, &record))?;
    match url {
        Some(url) => challenge::complete(answered, config, &url),
        None => Ok(answered),
    }
}

/// A public document: the same for all callers, readable from every origin.
fn public(request: &Request, document: impl FnOnce(&str) -> Result<Response>) -> Result<Response> {
    match request.method() {
        Method::Get | Method::Head => document(request.url()),
        Method::Options => discovery::preflight(),
        _ => response::refusal(&Refusal::Method(READ_ONLY), &CorsContext::public()),
    }
}
