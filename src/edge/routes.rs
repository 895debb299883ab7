//! From method and path to who answers.
//!
//! What most requests never need is boxed: an instance compiles a function when it is first called,
//! and one that has everything in it costs the first request of an isolate its time.
//!
//! Invariant: the origin is checked before anything else; only the MCP endpoints, ending sessions
//! and the admin API need a credential. The OAuth endpoints are for every origin: see there.

use futures_util::FutureExt as _;
use std::rc::Rc;

use worker::{Context, Env, Method, Result};

use crate::{
    admin,
    edge::{
        answer::{self, Caller},
        config::Config,
        discovery, health, oauth, page,
        refusal::Refusal,
    },
    runtime::{
        http::{Request, Response},
        isolate,
    },
    transport::{
        endpoint::{Endpoint, stop_answer},
        rollout, sessions, sse, streamable,
        visit::Visit,
    },
};

const READ_ONLY: &str = "GET, HEAD, OPTIONS";

/// Answers a request.
///
/// # Errors
/// Only where the runtime fails.
pub async fn handle(request: Request, env: Env, context: Context) -> Result<Response> {
    let config = isolate::config(&env);
    let caller = Caller::of(&request);
    let path = request.path();
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path).to_owned();
    let path = path.as_str();
    if let Some(document) = discovery::document(path) {
        return public(&request, |url| document.answer(&request, url, &config));
    }
    if let Some(route) = config.door.oauth.then(|| oauth::route(path)).flatten() {
        return oauth::handle(route, request, &env, &config, context).boxed_local().await;
    }
    match path {
        "/mcp" | sse::STREAM | sessions::PATH => {
            mcp(request, &env, &config, &caller, context, path).await
        }
        admin::DESCRIPTION => {
            let text = admin::OPENAPI.as_bytes();
            public(&request, |_| answer::json(200, text, &Caller::default()))
        }
        _ if sse::takes_messages(path) || path.starts_with(admin::PREFIX) => {
            mcp(request, &env, &config, &caller, context, path).await
        }
        "/" => public(&request, |url| page::answer(url, &config)),
        "/health" => {
            let percentage = rollout::percentage(&env).boxed_local().await;
            public(&request, |_| health::answer(&config, percentage))
        }
        _ => answer::refusal(&Refusal::NotFound, &caller),
    }
}

async fn mcp(
    request: Request,
    env: &Env,
    config: &Config,
    caller: &Caller,
    context: Context,
    path: &str,
) -> Result<Response> {
    if let Some(origin) = &caller.origin
        && !config.origins.allows(origin, request.url())
    {
        return answer::refusal(&Refusal::Origin(origin.clone()), caller);
    }
    if request.method() == Method::Options {
        let asked = request.header("access-control-request-headers");
        return answer::preflight(asked.as_deref(), caller);
    }
    let url = config.door.oauth.then(|| request.url().to_owned());
    let visit = Visit { env, config, caller, context: Rc::new(context) };
    let endpoint = match Endpoint::admit(&request, visit).await {
        Ok(endpoint) => endpoint,
        Err(stop) => return stop_answer(stop, caller),
    };
    caller.rate.set(endpoint.rate);
    let answered = match path {
        "/mcp" => streamable::handle(endpoint, request).await,
        sessions::PATH => sessions::handle(endpoint, &request).boxed_local().await,
        _ if path.starts_with(admin::PREFIX) => {
            admin::handle(endpoint, request, path).boxed_local().await
        }
        _ => sse::handle(endpoint, request, path).boxed_local().await,
    };
    let answered = answered.or_else(|stop| stop_answer(stop, caller))?;
    match url {
        Some(url) => oauth::challenge::complete(answered, config, &url),
        None => Ok(answered),
    }
}

/// A document for everybody: the same for all callers, readable from every page.
fn public(request: &Request, document: impl FnOnce(&str) -> Result<Response>) -> Result<Response> {
    match request.method() {
        Method::Get | Method::Head => document(request.url()),
        Method::Options => discovery::preflight(),
        _ => answer::refusal(&Refusal::Method(READ_ONLY), &Caller::default()),
    }
}
