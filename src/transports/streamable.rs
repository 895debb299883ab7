//! Streamable HTTP with sessions: MCP 2025-03-26, 2025-06-18 and 2025-11-25, `basic/transports`.
//!
//! Invariant: `initialize` needs no object; a session id that this server did not sign for this
//! subject reaches none; every other session request is exactly one object request, and every 30 s
//! one of them asks the subject's hub first whether sessions were ended.

use std::rc::Rc;

use worker::Method;

use crate::wiring::REGISTRY;
use crate::{
    body::{self, read_body},
    error::AppResult,
    platform::http::{Request, Response},
    response,
    transports::{behind, endpoint::AdmittedRequest, sse_stream::open_stream, stateless},
};
use mcp_auth::{refusal::Refusal, session_id::Claims};
use mcp_protocol::media;
use mcp_protocol::{
    era::{self, Era},
    event::{self, LastEvent},
    implementation::Implementation,
    initialize::{InitializeParams, result},
    jsonrpc::{Body, Message, RequestId, decode, error_text, result_text},
    version::Version,
};
use mcp_server::cold::cold;

/// The header that names the session of a message.
pub const SESSION_HEADER: &str = "mcp-session-id";
const VERSION_HEADER: &str = "mcp-protocol-version";
const METHODS: &str = "GET, POST, DELETE, OPTIONS";
/// Where the wire is, as objects know it.
pub const PATH: &str = "/mcp";

/// Answers a request to the MCP endpoint of a caller that was admitted.
pub async fn handle(endpoint: AdmittedRequest<'_>, request: Request) -> AppResult<Response> {
    match request.method() {
        Method::Post => match post(endpoint, &request).await {
            Err(error) => Err(cold(body::naming(error, &request)).await),
            answered => answered,
        },
        Method::Get => cold(get(endpoint, request)).await,
        Method::Delete => cold(delete(endpoint, request)).await,
        _ => Err(Refusal::Method(METHODS).into()),
    }
}

async fn post(endpoint: AdmittedRequest<'_>, request: &Request) -> AppResult<Response> {
    if !media::is_json(request.header("content-type").as_deref()) {
        return Err(Refusal::ContentType.into());
    }
    if !media::accepts_post(request.header("accept").as_deref()) {
        return Err(Refusal::AcceptPost.into());
    }
    let id = request.header(SESSION_HEADER);
    let version = request.header(VERSION_HEADER);
    if let Some(id) = &id
        && era::by_headers(true, version.as_deref())
    {
        check_version(version.as_deref())?;
        return cold(in_session(&endpoint, id, request)).await;
    }
    let body = read_body(request).await?;
    let answered = by_body(endpoint, request, &body, id.is_some(), version.as_deref()).await;
    answered.map_err(|error| error.naming_body(&body))
}

/// Answers a request whose body says of which era it is.
async fn by_body(
    endpoint: AdmittedRequest<'_>,
    request: &Request,
    body: &[u8],
    has_session: bool,
    version: Option<&str>,
) -> AppResult<Response> {
    let body = decode(body).map_err(Refusal::Body)?;
    match era::classify(has_session, version, &body) {
        Ok(Era::Stateless(stateless)) => {
            cold(stateless::answer(endpoint, request, stateless)).await
        }
        Ok(Era::StatelessNotification) => Ok(response::accepted(endpoint.caller)?),
        Ok(Era::Session) => {
            check_version(version)?;
            without_session(&endpoint, request, body).await
        }
        Err(refused) => {
            endpoint.record.set_outcome("no-era", Some(refused.error.code()));
            stateless::no_era(&endpoint, &refused)
        }
    }
}

async fn in_session(
    endpoint: &AdmittedRequest<'_>,
    id: &str,
    request: &Request,
) -> AppResult<Response> {
    endpoint.pass_on(endpoint.session(id).await?, request, PATH).await
}

async fn get(endpoint: AdmittedRequest<'_>, request: Request) -> AppResult<Response> {
    if !media::accepts_stream(request.header("accept").as_deref()) {
        return Err(Refusal::AcceptStream.into());
    }
    let claims = required_session(&endpoint, &request).await?;
    let last = request.header("last-event-id");
    if last.as_deref().and_then(LastEvent::parse).is_some() {
        return endpoint.pass_on(claims, &request, PATH).await;
    }
    let lease = endpoint.lease(&claims);
    let behind = behind::of_session(&endpoint, &request, &claims)?;
    let answered = endpoint.open_feed(claims, "stream").await?;
    if answered.status_code() != 101 {
        endpoint.record.delegate();
        return Ok(answered.into());
    }
    let socket = answered.websocket().ok_or(Refusal::Failed)?;
    let first = event::comment("connected");
    endpoint.record.hold_open();
    let beside = behind.beside(&socket);
    Ok(response::stream(open_stream(socket, lease, first, beside)?, endpoint.caller)?)
}

async fn delete(endpoint: AdmittedRequest<'_>, request: Request) -> AppResult<Response> {
    let claims = required_session(&endpoint, &request).await?;
    endpoint.pass_on(claims, &request, PATH).await
}

async fn required_session(endpoint: &AdmittedRequest<'_>, request: &Request) -> AppResult<Claims> {
    check_version(request.header(VERSION_HEADER).as_deref())?;
    let id = request.header(SESSION_HEADER).ok_or(Refusal::NoSession)?;
    endpoint.session(&id).await
}

#[inline(never)]
async fn without_session(
    endpoint: &AdmittedRequest<'_>,
    request: &Request,
    body: Body<'_>,
) -> AppResult<Response> {
    match body {
        Body::Single(Message::Request { id, method, params }) if method == "initialize" => {
            endpoint.record.set_method(&method);
            match InitializeParams::read(params) {
                Ok(hello) => start(endpoint, request, &id, hello).await,
                Err(error) => {
                    endpoint.record.set_outcome("error", Some(error.code));
                    Ok(response::json(400, &error_text(Some(&id), &error), endpoint.caller)?)
                }
            }
        }
        // Some clients forget their session in this one message, and give up if it is refused.
        Body::Single(Message::Notification { method, .. })
            if method == "notifications/initialized" =>
        {
            endpoint.record.set_method(&method);
            Ok(response::accepted(endpoint.caller)?)
        }
        Body::Batch(messages) if messages.iter().any(is_initialize) => {
            Err(Refusal::Initialize("initialize must not be in a batch: send it alone").into())
        }
        _ => Err(Refusal::NoSession.into()),
    }
}

/// Starts a session: signs its id, and nothing else. At the door of one upstream that says who it is.
async fn start(
    endpoint: &AdmittedRequest<'_>,
    request: &Request,
    id: &RequestId,
    hello: InitializeParams,
) -> AppResult<Response> {
    let version = hello.version;
    let client =
        Implementation { name: hello.client_name.clone(), version: hello.client_version.clone() };
    let about = endpoint.about(request, hello.capabilities, &client).await?;
    endpoint.record.set_client(Rc::new(client), version.as_str());
    endpoint.record.set_outcome("done", None);
    let session = endpoint.claims(hello, endpoint.choice(request)?)?.sign(&endpoint.keys);
    let prompts = !REGISTRY.prompts().is_empty() || !endpoint.config.upstreams.is_empty();
    let text = about.map_or_else(|| result(version, prompts), |about| about.initialized(version));
    let body = result_text(id, &text);
    Ok(response::json_with_session(&body, &session, endpoint.caller)?)
}

fn is_initialize(message: &Message<'_>) -> bool {
    matches!(message, Message::Request { method, .. } if method == "initialize")
}

/// Refuses a version that is not served; none at all is fine (MCP 2025-06-18 "Protocol Version
/// Header": the session knows its version).
fn check_version(version: Option<&str>) -> AppResult<()> {
    match version {
        Some(version) if !has_sessions(version) => Err(Refusal::Version(version.to_owned()).into()),
        _ => Ok(()),
    }
}

fn has_sessions(version: &str) -> bool {
    Version::parse(version.trim()).is_some_and(|version| !version.is_stateless())
}
