//! Answers: status, body, and the headers that every answer carries. The one place where they are
//! put together.
//!
//! Invariant: every answer can be read by an allowed page, refusals included, or the page could not
//! tell its person what went wrong.

use std::cell::RefCell;

use futures_util::StreamExt as _;
use js_sys::Object;
use wasm_bindgen::JsValue;
use worker::{Headers, IntoResponse, Response, ResponseBuilder, Result};

use crate::{access::quota::Rate, agents::channel::Reply, edge::refusal::Refusal};

const JSON: &str = "application/json";
const EVENT_STREAM: &str = "text/event-stream";

/// Headers that a page may read.
const EXPOSED: &str = "Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After, \
                       X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset";

/// Headers that a page may send, whatever it asks for. `*` would not cover `Authorization`.
const ALLOWED: &str = "Content-Type, Accept, Authorization, Last-Event-ID, Mcp-Session-Id, \
                       MCP-Protocol-Version, Mcp-Method, Mcp-Name, X-MCP-Toolsets, X-MCP-Readonly, \
                       X-MCP-Secret, X-API-Key, X-SiteBay-Token";

const METHODS: &str = "GET, POST, PUT, DELETE, OPTIONS";

/// The page that asks, if one does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// The `Origin` header.
    pub origin: Option<String>,
}

impl Caller {
    /// Reads the header.
    ///
    /// # Errors
    /// Only where the runtime fails.
    pub fn of(headers: &Headers) -> Result<Self> {
        Ok(Self { origin: headers.get("origin")? })
    }
}

/// What the client gets.
pub enum Answered {
    /// An answer of this server.
    Made(Response),
    /// An object's, which goes to the client as it came.
    Passed(web_sys::Response),
}

impl From<Response> for Answered {
    fn from(response: Response) -> Self {
        Self::Made(response)
    }
}

impl Answered {
    /// The answer as one that can be read and changed.
    pub fn into_response(self) -> Response {
        match self {
            Self::Made(response) => response,
            Self::Passed(response) => response.into(),
        }
    }
}

impl IntoResponse for Answered {
    fn into_raw(
        self,
    ) -> std::result::Result<web_sys::Response, impl Into<Box<dyn std::error::Error>>> {
        Ok::<_, worker::Error>(match self {
            Self::Made(response) => response.into(),
            Self::Passed(response) => response,
        })
    }
}

thread_local! {
    /// Header records for the runtime, made once: each header set costs a crossing into JavaScript.
    static RECORDS: RefCell<[Option<Object>; 3]> = const { RefCell::new([None, None, None]) };
}

#[derive(Clone, Copy)]
enum Kind {
    Bare,
    Json,
    Stream,
}

impl Kind {
    fn index(self) -> usize {
        match self {
            Self::Bare => 0,
            Self::Json => 1,
            Self::Stream => 2,
        }
    }

    fn fields(self) -> Vec<(&'static str, &'static str)> {
        let mut fields = vec![
            ("Access-Control-Allow-Origin", "*"),
            ("Access-Control-Expose-Headers", EXPOSED),
            ("Vary", "Origin"),
        ];
        match self {
            Self::Bare => fields.push(("Cache-Control", "no-store")),
            Self::Json => {
                fields.push(("Content-Type", JSON));
                fields.push(("Cache-Control", "no-store"));
            }
            Self::Stream => {
                fields.push(("Content-Type", EVENT_STREAM));
                fields.push(("Cache-Control", "no-cache, no-transform"));
                // Asks proxies such as nginx not to hold events back.
                fields.push(("X-Accel-Buffering", "no"));
            }
        }
        fields
    }
}

fn headers(kind: Kind, caller: &Caller) -> Result<Headers> {
    let record = RECORDS.with_borrow_mut(|records| {
        let slot = records.get_mut(kind.index())?;
        if slot.is_none() {
            *slot = Some(record(kind)?);
        }
        slot.clone()
    });
    let headers = match record {
        Some(record) => Headers(web_sys::Headers::new_with_record_from_str_to_str(&record)?),
        None => Headers::new(),
    };
    if let Some(origin) = &caller.origin {
        headers.set("Access-Control-Allow-Origin", origin)?;
    }
    Ok(headers)
}

fn record(kind: Kind) -> Option<Object> {
    let object = Object::new();
    for (name, value) in kind.fields() {
        js_sys::Reflect::set(&object, &JsValue::from_str(name), &JsValue::from_str(value)).ok()?;
    }
    Some(object)
}

/// A JSON answer.
///
/// # Errors
/// Only where the runtime fails.
pub fn json(status: u16, body: Vec<u8>, caller: &Caller) -> Result<Response> {
    let headers = headers(Kind::Json, caller)?;
    Ok(ResponseBuilder::new().with_status(status).with_headers(headers).fixed(body))
}

/// The answer to a body whose responses are there.
///
/// # Errors
/// Only where the runtime fails.
pub fn reply(reply: Reply, caller: &Caller) -> Result<Response> {
    match reply {
        Reply::Accepted => accepted(caller),
        Reply::Json { status, body } => json(status, body, caller),
        Reply::Forbidden(beyond, body) => {
            let response = json(403, body, caller)?;
            response.headers().set("WWW-Authenticate", &beyond.challenge())?;
            Ok(response)
        }
    }
}

/// A JSON answer that starts a session.
///
/// # Errors
/// Only where the runtime fails.
pub fn json_with_session(body: Vec<u8>, session: &str, caller: &Caller) -> Result<Response> {
    let headers = headers(Kind::Json, caller)?;
    headers.set("Mcp-Session-Id", session)?;
    Ok(ResponseBuilder::new().with_headers(headers).fixed(body))
}

/// An event stream.
///
/// # Errors
/// Only where the runtime fails.
pub fn stream<S>(stream: S, caller: &Caller) -> Result<Response>
where
    S: futures_util::Stream<Item = Result<Vec<u8>>> + 'static,
{
    let headers = headers(Kind::Stream, caller)?;
    // Boxed, or each kind of stream would have a source of its own in the bundle.
    ResponseBuilder::new().with_headers(headers).from_stream(stream.boxed_local())
}

/// 202: a body without requests was taken.
///
/// # Errors
/// Only where the runtime fails.
pub fn accepted(caller: &Caller) -> Result<Response> {
    bare(202, caller)
}

/// 204: done, nothing to say.
///
/// # Errors
/// Only where the runtime fails.
pub fn no_content(caller: &Caller) -> Result<Response> {
    bare(204, caller)
}

fn bare(status: u16, caller: &Caller) -> Result<Response> {
    let headers = headers(Kind::Bare, caller)?;
    Ok(ResponseBuilder::new().with_status(status).with_headers(headers).empty())
}

/// A refusal.
///
/// # Errors
/// Only where the runtime fails.
pub fn refusal(refusal: &Refusal, caller: &Caller) -> Result<Response> {
    let headers = headers(Kind::Json, caller)?;
    if let Some((name, value)) = refusal.header() {
        headers.set(name, &value)?;
    }
    let response = ResponseBuilder::new()
        .with_status(refusal.status())
        .with_headers(headers)
        .fixed(refusal.body());
    match refusal {
        Refusal::RateLimit(rate, _) => with_rate(response, *rate),
        _ => Ok(response),
    }
}

/// The same answer with what the caller should know of its limit.
///
/// # Errors
/// Only where the runtime fails.
pub fn with_rate(response: Response, rate: Rate) -> Result<Response> {
    // The headers of an object's answer cannot be changed.
    let headers = Headers(web_sys::Headers::new_with_headers(&response.headers().0)?);
    headers.set("X-RateLimit-Limit", &rate.limit.to_string())?;
    headers.set("X-RateLimit-Remaining", &rate.remaining.to_string())?;
    headers.set("X-RateLimit-Reset", &rate.reset.to_string())?;
    Ok(response.with_headers(headers))
}

/// The answer to a preflight (WHATWG Fetch "CORS-preflight request"). `asked` is
/// `Access-Control-Request-Headers`; every `Mcp-` header is allowed.
///
/// # Errors
/// Only where the runtime fails.
pub fn preflight(asked: Option<&str>, caller: &Caller) -> Result<Response> {
    let headers = headers(Kind::Bare, caller)?;
    headers.set("Access-Control-Allow-Methods", METHODS)?;
    headers.set("Access-Control-Allow-Headers", &allowed_headers(asked.unwrap_or_default()))?;
    headers.set("Access-Control-Max-Age", "7200")?;
    Ok(ResponseBuilder::new().with_status(204).with_headers(headers).empty())
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
