//! HTTP with SSE: MCP 2024-11-05, `basic/transports`, for clients that know nothing newer.
//!
//! Invariant: the stream comes first and carries everything; a POST is answered with 202. The session
//! is made before `initialize`, so what the client says there lives with the stream's socket.
//! `endpoint` is relative to the stream's own URL, so that it works behind any path prefix.

use worker::Method;

use crate::{
    error::AppResult,
    platform::http::{Request, Response},
    response,
    transports::{behind, endpoint::AdmittedRequest, sse_stream::open_stream},
};
use mcp_auth::refusal::Refusal;
use mcp_platform::url::query_value;
use mcp_protocol::media;
use mcp_protocol::{event, initialize::InitializeParams};

/// Where the stream is.
pub const STREAM: &str = "/sse";
/// Where messages are posted, as objects know it.
const MESSAGES: &str = "/messages";

/// Whether messages are posted to this path.
pub fn takes_messages(path: &str) -> bool {
    matches!(path, "/messages" | "/message" | "/sse/messages" | "/sse/message")
}

/// Answers a request to the stream or to the message endpoint.
pub async fn handle(
    endpoint: AdmittedRequest<'_>,
    request: Request,
    path: &str,
) -> AppResult<Response> {
    match (request.method(), path) {
        (Method::Get, STREAM) => open(endpoint, &request).await,
        (_, STREAM) => Err(Refusal::Method("GET, OPTIONS").into()),
        (Method::Post, _) => message(endpoint, request).await,
        _ => Err(Refusal::Method("POST, OPTIONS").into()),
    }
}

/// Opens a session and its stream.
async fn open(endpoint: AdmittedRequest<'_>, request: &Request) -> AppResult<Response> {
    if !media::accepts_stream(request.header("accept").as_deref()) {
        return Err(Refusal::AcceptStream.into());
    }
    let claims = endpoint.claims(InitializeParams::default(), endpoint.choice(request)?)?;
    let lease = endpoint.lease(&claims);
    let first = event::endpoint(&format!("messages?sessionId={}", claims.sign(&endpoint.keys)));
    let behind = behind::of_session(&endpoint, request, &claims)?;
    let answered = endpoint.open_feed(claims, "sse").await?;
    let socket = answered.websocket().ok_or(Refusal::Failed)?;
    endpoint.record.hold_open();
    let beside = behind.beside(&socket);
    Ok(response::stream(open_stream(socket, lease, first, beside)?, endpoint.caller)?)
}

/// Passes a message on to the session that its URL names.
async fn message(endpoint: AdmittedRequest<'_>, request: Request) -> AppResult<Response> {
    if !media::is_json(request.header("content-type").as_deref()) {
        return Err(Refusal::ContentType.into());
    }
    let id = query_value(request.url(), "sessionId");
    let claims = endpoint.session(&id.ok_or(Refusal::NoSessionInUrl)?).await?;
    endpoint.pass_on(claims, &request, MESSAGES).await
}
