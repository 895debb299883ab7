//! Answers: status, body, and the headers that every answer carries. The one place where they are
//! put together.
//!
//! Invariant: every answer can be read by an allowed page, refusals included, or the page could not
//! tell its person what went wrong.

use std::cell::Cell;

use worker::Result;

use crate::platform::http::{Request, Response, ResponseBuilder};
use mcp_auth::{quota::Rate, refusal::Refusal, refused_request::RefusedRequest};
use mcp_server::channel::Reply;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
const EVENT_STREAM: &str = "text/event-stream";

/// Headers that a page may read.
pub const EXPOSED: &str = "Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After, \
                       X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset";

/// Headers that a page may always send. `*` would not cover `Authorization`.
const ALLOWED: &str = "Content-Type, Accept, Authorization, Last-Event-ID, Mcp-Session-Id, \
                       MCP-Protocol-Version, Mcp-Method, Mcp-Name, X-MCP-Toolsets, X-MCP-Readonly, \
                       X-MCP-Secret, X-API-Key, X-SiteBay-Token";

const METHODS: &str = "GET, POST, PUT, DELETE, OPTIONS";

/// The properties of the caller that the response depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CorsContext {
    /// The `Origin` header of the page that asks, if one does.
    pub origin: Option<String>,
    /// Its rate limit, once it is known.
    pub rate: Cell<Option<Rate>>,
}

impl CorsContext {
    /// Any origin: for public documents.
    pub fn public() -> Self {
        Self { origin: Some("*".to_owned()), ..Self::default() }
    }

    /// Reads who asks.
    pub fn of(request: &Request) -> Self {
        Self { origin: request.header_text("origin"), rate: Cell::default() }
    }
}

const BARE: [(&str, &str); 1] = [("Cache-Control", "no-store")];
const WHOLE: [(&str, &str); 2] = [("Content-Type", JSON), ("Cache-Control", "no-store")];
const STREAM: [(&str, &str); 3] = [
    ("Content-Type", EVENT_STREAM),
    ("Cache-Control", "no-cache, no-transform"),
    // Asks proxies such as nginx not to hold events back.
    ("X-Accel-Buffering", "no"),
];

fn builder(status: u16, headers: &[(&str, &str)], caller: &CorsContext) -> ResponseBuilder {
    let mut made = ResponseBuilder::new(status).headers(headers);
    // Every request of a page names its origin; other programs read no such headers.
    if let Some(origin) = &caller.origin {
        made = made
            .header("Access-Control-Allow-Origin", origin)
            .header("Access-Control-Expose-Headers", EXPOSED)
            .header("Vary", "Origin");
    }
    match caller.rate.get() {
        Some(rate) => with_rate_headers(made, rate),
        None => made,
    }
}

/// The same with what the caller should know of its limit.
fn with_rate_headers(made: ResponseBuilder, rate: Rate) -> ResponseBuilder {
    made.header("X-RateLimit-Limit", &rate.limit.to_string())
        .own("X-RateLimit-Remaining", &rate.remaining.to_string())
        // The same for a minute.
        .header("X-RateLimit-Reset", &rate.reset.to_string())
}

/// A JSON answer.
///
/// # Errors
/// Only where the runtime fails.
pub fn json(status: u16, body: &[u8], caller: &CorsContext) -> Result<Response> {
    builder(status, &WHOLE, caller).whole(body)
}

/// A problem (RFC 9457).
///
/// # Errors
/// Only where the runtime fails.
pub fn problem(status: u16, body: &[u8], caller: &CorsContext) -> Result<Response> {
    builder(status, &BARE, caller).header("Content-Type", PROBLEM).whole(body)
}

/// A body shared by all callers.
///
/// # Errors
/// Only where the runtime fails.
pub fn text(content_type: &str, body: &[u8]) -> Result<Response> {
    builder(200, &BARE, &CorsContext::public()).header("Content-Type", content_type).whole(body)
}

/// The answer to a body whose responses are there.
///
/// # Errors
/// Only where the runtime fails.
pub fn reply(reply: Reply, caller: &CorsContext) -> Result<Response> {
    match reply {
        Reply::Accepted => accepted(caller),
        Reply::Json { status, body } => json(status, &body, caller),
        Reply::Forbidden(beyond, body) => builder(403, &WHOLE, caller)
            .header("WWW-Authenticate", &beyond.challenge())
            .whole(&body),
    }
}

/// A JSON answer that starts a session.
///
/// # Errors
/// Only where the runtime fails.
pub fn json_with_session(body: &[u8], session: &str, caller: &CorsContext) -> Result<Response> {
    builder(200, &WHOLE, caller).own("Mcp-Session-Id", session).whole(body)
}

/// An event stream.
///
/// # Errors
/// Only where the runtime fails.
pub fn stream<S>(stream: S, caller: &CorsContext) -> Result<Response>
where
    S: futures_util::Stream<Item = Result<Vec<u8>>> + 'static,
{
    builder(200, &STREAM, caller).stream(stream)
}

/// The status under which an object hands an event stream to the Worker, which sends it on with 200:
/// nothing of an answer is read as cheaply.
pub const STREAMED: u16 = 299;

/// An event stream of an object, for the Worker.
///
/// # Errors
/// Only where the runtime fails.
pub fn stream_to_worker<S>(stream: S) -> Result<Response>
where
    S: futures_util::Stream<Item = Result<Vec<u8>>> + 'static,
{
    ResponseBuilder::new(STREAMED).stream(stream)
}

/// 202: a body without requests was taken.
///
/// # Errors
/// Only where the runtime fails.
pub fn accepted(caller: &CorsContext) -> Result<Response> {
    builder(202, &BARE, caller).empty()
}

/// 204: done, nothing to say.
///
/// # Errors
/// Only where the runtime fails.
pub fn no_content(caller: &CorsContext) -> Result<Response> {
    builder(204, &BARE, caller).empty()
}

/// A refusal of something that waits for no id.
///
/// # Errors
/// Only where the runtime fails.
pub fn refusal(refusal: &Refusal, caller: &CorsContext) -> Result<Response> {
    refusal_of(refusal, &RefusedRequest::Nothing, caller)
}

/// A refusal of what was asked.
///
/// # Errors
/// Only where the runtime fails.
pub fn refusal_of(
    refusal: &Refusal,
    asked: &RefusedRequest,
    caller: &CorsContext,
) -> Result<Response> {
    let made = builder(refusal.status(), &WHOLE, caller);
    let made = match refusal.header() {
        Some((name, value)) => made.header(name, &value),
        None => made,
    };
    let made = match refusal {
        Refusal::RateLimit(rate, _) => with_rate_headers(made, *rate),
        _ => made,
    };
    made.whole(&refusal.body_for(asked))
}

/// The answer to a preflight (WHATWG Fetch "CORS-preflight request"). `asked` is
/// `Access-Control-Request-Headers`; every `Mcp-` header is allowed.
///
/// # Errors
/// Only where the runtime fails.
#[inline(never)]
pub fn preflight(asked: Option<&str>, caller: &CorsContext) -> Result<Response> {
    builder(204, &BARE, caller)
        .header("Access-Control-Allow-Methods", METHODS)
        .header("Access-Control-Allow-Headers", &allowed_headers(asked.unwrap_or_default()))
        .header("Access-Control-Max-Age", "7200")
        .empty()
}

fn allowed_headers(asked: &str) -> String {
    let known = |name: &str| ALLOWED.split(", ").any(|known| known.eq_ignore_ascii_case(name));
    let is_token = |name: &str| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let mut list = ALLOWED.to_owned();
    for name in asked.split(',').map(str::trim) {
        let mcp = name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("mcp-"));
        if mcp && is_token(name) && !known(name) {
            list.push_str(", ");
            list.push_str(name);
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_may_send_any_mcp_header_and_nothing_strange() {
        let list = allowed_headers("mcp-param-region, x-evil, Mcp-Name, mcp-\r\nx");
        assert!(list.ends_with("X-SiteBay-Token, mcp-param-region"), "{list}");
    }
}
