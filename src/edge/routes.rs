//! From method and path to who answers.
//!
//! Invariant: the origin is checked before anything else; only the MCP endpoints, and ending
//! sessions, need a credential. The OAuth endpoints are for every origin: see there.

use worker::{Env, Method, Request, Response, Result};

use crate::{
    edge::{
        answer::{self, Caller},
        config::Config,
        discovery, health, oauth, page,
        refusal::Refusal,
    },
    runtime::isolate,
    transport::{sessions, sse, streamable},
};

const READ_ONLY: &str = "GET, HEAD, OPTIONS";

/// Answers a request.
///
/// # Errors
/// Only where the runtime fails.
pub async fn handle(request: Request, env: Env) -> Result<Response> {
    let config = isolate::config(&env);
    let caller = Caller::of(request.headers())?;
    let path = request.path();
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(&path);
    if let Some(document) = discovery::document(path) {
        return public(&request, |url| document.answer(&request, url, &config));
    }
    if let Some(route) = config.door.oauth.then(|| oauth::route(path)).flatten() {
        return oauth::handle(route, request, &env, &config).await;
    }
    match path {
        "/mcp" | sse::STREAM | sessions::PATH => mcp(request, &env, &config, &caller, path).await,
        _ if sse::takes_messages(path) => mcp(request, &env, &config, &caller, path).await,
        "/" => public(&request, |url| page::answer(url, &config)),
        "/health" => public(&request, |_| health::answer(&config)),
        _ => answer::refusal(&Refusal::NotFound, &caller),
    }
}

async fn mcp(
    request: Request,
    env: &Env,
    config: &Config,
    caller: &Caller,
    path: &str,
) -> Result<Response> {
    if let Some(origin) = &caller.origin
        && !config.origins.allows(origin, &request.inner().url())
    {
        return answer::refusal(&Refusal::Origin(origin.clone()), caller);
    }
    if request.method() == Method::Options {
        let asked = request.headers().get("access-control-request-headers")?;
        return answer::preflight(asked.as_deref(), caller);
    }
    let url = config.door.oauth.then(|| request.inner().url());
    let response = match path {
        "/mcp" => streamable::handle(request, env, config, caller).await,
        sessions::PATH => sessions::handle(request, env, config, caller).await,
        _ => sse::handle(request, env, config, caller, path).await,
    }?;
    match url {
        Some(url) => oauth::challenge::complete(response, config, &url).await,
        None => Ok(response),
    }
}

/// A document for everybody: the same for all callers, readable from every page.
fn public(request: &Request, document: impl FnOnce(&str) -> Result<Response>) -> Result<Response> {
    match request.method() {
        Method::Get | Method::Head => document(&request.inner().url()),
        Method::Options => discovery::preflight(),
        _ => answer::refusal(&Refusal::Method(READ_ONLY), &Caller::default()),
    }
}
