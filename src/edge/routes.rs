//! From method and path to who answers.
//!
//! Invariant: the origin is checked before anything else; only the MCP endpoints, ending sessions
//! and the admin API need a credential. The OAuth endpoints are for every origin: see there.

use std::rc::Rc;

use worker::{Context, Env, Headers, Method, Request, Response, Result};

use crate::{
    admin,
    edge::{
        answer::{self, Answered, Caller},
        discovery, health, oauth, page,
        refusal::Refusal,
    },
    runtime::isolate,
    telemetry::{metrics, record::Record},
    transport::{
        endpoint::{Endpoint, stop_answer},
        forward, rollout, sessions, sse, streamable,
        visit::Visit,
    },
};

const READ_ONLY: &str = "GET, HEAD, OPTIONS";
/// Counters of the isolate, in development.
const METRICS: &str = "/metrics";

/// Answers a request.
///
/// # Errors
/// Only where the runtime fails.
pub async fn handle(request: Request, env: Env, context: Context) -> Result<Answered> {
    let record = isolate::record(&env);
    record.method(request.method().as_ref());
    let headers = request.headers().clone();
    let answered = route(request, &env, context, &record).await;
    tell(
        &record,
        &headers,
        match &answered {
            Ok(Answered::Made(response)) => response.status_code(),
            _ => 500,
        },
    );
    answered
}

/// Tells of a request that is answered here. What an object answers it tells of itself.
fn tell(record: &Record, headers: &Headers, status: u16) {
    if record.is_open() {
        // A header that cannot be read names no trace.
        let _ = forward::traced(record, headers);
        record.answered(status);
    }
}

async fn route(
    request: Request,
    env: &Env,
    context: Context,
    record: &Rc<Record>,
) -> Result<Answered> {
    let config = isolate::config(env);
    let caller = Caller::of(request.headers())?;
    let path = request.path();
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(&path);
    if let Some(document) = discovery::document(path) {
        record.route("document");
        return public(&request, |url| document.answer(&request, url, &config)).map(Into::into);
    }
    if let Some(route) = config.door.oauth.then(|| oauth::route(path)).flatten() {
        record.route("oauth");
        return oauth::handle(route, request, env, &config, context).await.map(Into::into);
    }
    let is_mcp = matches!(path, "/mcp" | sse::STREAM | sessions::PATH);
    let (is_messages, is_admin) = (sse::takes_messages(path), path.starts_with(admin::PREFIX));
    record.route(match path {
        "/mcp" => "mcp",
        sse::STREAM => "sse",
        sessions::PATH => "sessions",
        admin::DESCRIPTION => "document",
        _ if is_messages => "messages",
        _ if is_admin => "admin",
        "/" => "page",
        "/health" => "health",
        METRICS => "metrics",
        _ => "none",
    });
    let made = match path {
        admin::DESCRIPTION => {
            let text = || admin::OPENAPI.as_bytes().to_vec();
            public(&request, |_| answer::json(200, text(), &Caller::default()))
        }
        _ if is_mcp || is_messages || is_admin => {
            let (record, context) = (record.clone(), Rc::new(context));
            let visit = Visit { env, config: &config, caller: &caller, record, context };
            return mcp(request, visit, path).await;
        }
        "/" => public(&request, |url| page::answer(url, &config)),
        "/health" => {
            let percentage = rollout::percentage(env).await;
            public(&request, |_| health::answer(&config, percentage))
        }
        // They say how much a server is used, and by what.
        METRICS if config.is_development() => counters(),
        _ => {
            record.refused(&Refusal::NotFound);
            answer::refusal(&Refusal::NotFound, &caller)
        }
    };
    made.map(Into::into)
}

fn counters() -> Result<Response> {
    let answer = answer::json(200, metrics::text().into_bytes(), &Caller::default())?;
    answer.headers().set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")?;
    Ok(answer)
}

async fn mcp(request: Request, visit: Visit<'_>, path: &str) -> Result<Answered> {
    let Visit { config, caller, .. } = visit;
    let record = visit.record.clone();
    if let Some(origin) = &caller.origin
        && !config.origins.allows(origin, &request.inner().url())
    {
        let refused = Refusal::Origin(origin.clone()).into();
        return stop_answer(refused, caller, &record).map(Into::into);
    }
    if request.method() == Method::Options {
        let asked = request.headers().get("access-control-request-headers")?;
        return answer::preflight(asked.as_deref(), caller).map(Into::into);
    }
    let url = config.door.oauth.then(|| request.inner().url());
    let endpoint = match Endpoint::admit(&request, visit).await {
        Ok(endpoint) => endpoint,
        Err(stop) => return stop_answer(stop, caller, &record).map(Into::into),
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
    let answered =
        answered.or_else(|stop| stop_answer(stop, caller, &record).map(Answered::from))?;
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
