//! From method and path to who answers.
//!
//! Invariant: the origin is checked before anything else; only the MCP endpoints, ending sessions
//! and the admin API need a credential. The OAuth endpoints are for every origin: see there.

use std::rc::Rc;

use worker::{Context, Env, Method, Request, Response, Result};

use crate::{
    admin,
    edge::{
        answer::{self, Answered, Caller},
        config::Config,
        discovery, health, oauth, page,
        refusal::Refusal,
    },
    runtime::isolate,
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
pub async fn handle(request: Request, env: Env, context: Context) -> Result<Answered> {
    let config = isolate::config(&env);
    let caller = Caller::of(request.headers())?;
    let path = request.path();
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(&path);
    if let Some(document) = discovery::document(path) {
        return public(&request, |url| document.answer(&request, url, &config)).map(Into::into);
    }
    if let Some(route) = config.door.oauth.then(|| oauth::route(path)).flatten() {
        return oauth::handle(route, request, &env, &config, context).await.map(Into::into);
    }
    let made = match path {
        "/mcp" | sse::STREAM | sessions::PATH => {
            return mcp(request, &env, &config, &caller, context, path).await;
        }
        admin::DESCRIPTION => {
            let text = || admin::OPENAPI.as_bytes().to_vec();
            public(&request, |_| answer::json(200, text(), &Caller::default()))
        }
        _ if sse::takes_messages(path) || path.starts_with(admin::PREFIX) => {
            return mcp(request, &env, &config, &caller, context, path).await;
        }
        "/" => public(&request, |url| page::answer(url, &config)),
        "/health" => {
            let percentage = rollout::percentage(&env).await;
            public(&request, |_| health::answer(&config, percentage))
        }
        _ => answer::refusal(&Refusal::NotFound, &caller),
    };
    made.map(Into::into)
}

async fn mcp(
    request: Request,
    env: &Env,
    config: &Config,
    caller: &Caller,
    context: Context,
    path: &str,
) -> Result<Answered> {
    if let Some(origin) = &caller.origin
        && !config.origins.allows(origin, &request.inner().url())
    {
        return answer::refusal(&Refusal::Origin(origin.clone()), caller).map(Into::into);
    }
    if request.method() == Method::Options {
        let asked = request.headers().get("access-control-request-headers")?;
        return answer::preflight(asked.as_deref(), caller).map(Into::into);
    }
    let url = config.door.oauth.then(|| request.inner().url());
    let visit = Visit { env, config, caller, context: Rc::new(context) };
    let endpoint = match Endpoint::admit(&request, visit).await {
        Ok(endpoint) => endpoint,
        Err(stop) => return stop_answer(stop, caller).map(Into::into),
    };
    let rate = endpoint.rate;
    let answered = match path {
        "/mcp" => streamable::handle(endpoint, request).await,
        sessions::PATH => sessions::handle(endpoint, &request).await.map(Into::into),
        _ if path.starts_with(admin::PREFIX) => {
            admin::handle(endpoint, request, path).await.map(Into::into)
        }
        _ => sse::handle(endpoint, request, path).await,
    };
    let answered = answered.or_else(|stop| stop_answer(stop, caller).map(Answered::from))?;
    let answered = match url {
        Some(url) => {
            oauth::challenge::complete(answered.into_response(), config, &url).await?.into()
        }
        None => answered,
    };
    match rate {
        Some(rate) => answer::with_rate(answered.into_response(), rate).map(Into::into),
        None => Ok(answered),
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
