//! The server behind this one (`BACKEND_URL`): requests for paths that this server does not answer go there, and with
//! `BACKEND_PATHS=all` those of the MCP endpoints as well.
//!
//! Invariant: the path and the query reach the backend byte for byte, or the request is refused. Neither body is read
//! here. No credential for this server reaches the backend.

mod credentials;
mod headers;
mod problem;

use std::time::Duration;

use futures_channel::oneshot::{self, Sender};
use futures_util::FutureExt as _;
use worker::Result;

use crate::{
    admission::RequestContext,
    challenge,
    config::backend::{Backend, BackendAccess},
    error::{AppResult, Error},
    platform::{
        clock::{now_ms, now_s},
        http::{self, ReceivedHeaders, Request, Response},
    },
    response,
};
use credentials::{for_door, is_own, is_own_authorization, without_own_keys};
use headers::{OwnCredentials, Permission};
use mcp_auth::{origin::own, principal::Principal, refusal::Refusal, scope::Scopes};
use mcp_server::{cold::cold, telemetry::audit::AuditEntry};
use problem::Problem;

/// How long the backend may take to begin its answer, once it has the whole request.
const DEADLINE: Duration = Duration::from_secs(30);

/// The outcome of a request that was passed on, in the audit: how it ended, the log says.
const PASSED_ON: &str = "passed-on";

/// Which of its paths a request is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendRoute {
    /// One that this server does not answer: the backend answers for CORS.
    Rest,
    /// An MCP endpoint: this server answers for CORS, as where it serves the endpoint itself.
    Mcp,
}

/// Answers a request with what the backend answers, or says why that is not possible.
///
/// # Errors
/// Only where the runtime fails.
pub async fn handle(
    request: Request,
    visit: RequestContext<'_>,
    backend: &Backend,
    route: BackendRoute,
) -> Result<Response> {
    visit.record.set_route("backend");
    let received = ReceivedHeaders::of_request(&request);
    // Before the door: a request that comes back has no credential any more.
    if headers::went_in_a_circle(&received, backend) || backend.is_at(request.url()) {
        return Problem::Loop.answer(visit.caller, &visit.record);
    }
    if request.method_name() == "TRACE" {
        return Problem::Trace.answer(visit.caller, &visit.record);
    }
    let is_preflight = headers::is_preflight(request.method_name(), &received);
    if route == BackendRoute::Mcp {
        if let Some(origin) = &visit.caller.origin
            && !visit.config.origins.allows(origin, request.url())
        {
            let refusal = Refusal::Origin(origin.clone());
            return Error::from(refusal).answer(visit.caller, &visit.record);
        }
        if request.method_name() == "OPTIONS" {
            let asked = request.header("access-control-request-headers");
            return response::preflight(asked.as_deref(), visit.caller);
        }
    }
    let permission = match backend.access {
        _ if is_preflight => Permission::Preflight,
        BackendAccess::Open => Permission::All,
        BackendAccess::Door => match admit(&visit, &request, &received, backend).await {
            Ok(permission) => permission,
            Err(error) => {
                let answer = error.answer(visit.caller, &visit.record)?;
                return challenge::complete(answer, visit.config, request.url());
            }
        },
    };
    let lasts = outlasting_the_client(&visit);
    let answer = match pass_on(&request, &received, &visit, backend, route, permission).await {
        Ok(response) => Ok(response),
        Err(problem) => problem.answer(visit.caller, &visit.record),
    };
    drop(lasts);
    answer
}

/// Has the runtime go on until this is dropped when the client leaves, or there would be no line in the log. What the
/// client waited for ends all the same, by its signal.
fn outlasting_the_client(visit: &RequestContext<'_>) -> Sender<()> {
    let (lasts, over) = oneshot::channel();
    visit.wait_until()(over.map(drop).boxed_local());
    lasts
}

/// Admits the caller as on `/mcp`. What a request does is not known here: a caller who may only read may only ask for
/// representations.
async fn admit(
    visit: &RequestContext<'_>,
    request: &Request,
    received: &ReceivedHeaders,
    backend: &Backend,
) -> AppResult<Permission> {
    let brought = visit.credentials(request);
    let brought = match backend.forwards_auth {
        true => for_door(&visit.config.auth, brought, now_s()),
        false => brought,
    };
    let principal = cold(visit.admit_with(request, brought)).await?.admitted.principal;
    let method = request.method_name();
    let only_reads =
        matches!(method, "GET" | "HEAD" | "OPTIONS") && !headers::is_websocket(method, received);
    if let Err(beyond) = principal.scopes.require(Scopes::WRITE) {
        if only_reads {
            return Ok(Permission::AsItsMethodSays);
        }
        let stop = Error::from(Refusal::Scope(beyond));
        visit.refused(request, Some(&principal), &stop);
        return Err(stop);
    }
    if !only_reads || headers::overrides_method(received) {
        note(visit, request, &principal);
    }
    Ok(Permission::All)
}

/// Notes in the audit that something may be changed. It is noted before the request is sent, because the client may
/// leave before the answer.
fn note(visit: &RequestContext<'_>, request: &Request, by: &Principal) {
    let action = format!("{} {}", request.method_name(), request.path());
    let entry = AuditEntry::refused(Some(by), &action, PASSED_ON, now_ms());
    visit.audit().note(AuditEntry { effect: "write", ..entry });
}

async fn pass_on(
    request: &Request,
    received: &ReceivedHeaders,
    visit: &RequestContext<'_>,
    backend: &Backend,
    route: BackendRoute,
    permission: Permission,
) -> std::result::Result<Response, Problem> {
    let target = backend.origin.as_deref().ok_or(Problem::Misconfigured)?;
    let (url, auth, now) = (request.url(), &visit.config.auth, now_s());
    let is_own = |token: &str| is_own(auth, token, now);
    let own_credentials = OwnCredentials {
        authorization: &|value| is_own_authorization(auth, value, now),
        token: &is_own,
        cleaned: &|url| without_own_keys(url, &is_own),
    };
    let asked = url.strip_prefix(own(url).unwrap_or_default()).unwrap_or_default();
    let asked = without_own_keys(asked, &is_own);
    let sent = (request.method_name(), url);
    let changes = headers::to_backend(received, sent, backend, &own_credentials, permission);
    let began = now_ms();
    let answer = http::forward(request, &format!("{target}{asked}"), &changes, DEADLINE).await;
    let took = now_ms().saturating_sub(began);
    visit.record.set_backend(answer.as_ref().map_or(0, Response::status), took, None);
    let answer = answer?;
    // A socket was opened: the runtime takes it from here.
    if answer.status() == 101 {
        return Ok(answer);
    }
    let received = ReceivedHeaders::of_response(&answer);
    let length = received.iter().find(|(name, _)| *name == "content-length");
    let length = length.and_then(|(_, length)| length.parse().ok());
    visit.record.set_backend(answer.status(), took, length);
    let is_mcp = route == BackendRoute::Mcp;
    let page = visit.caller.origin.as_deref().filter(|_| is_mcp);
    let changes = headers::to_client(&received, url, backend, page, is_mcp);
    Ok(http::with_changes(answer, &changes)?)
}
