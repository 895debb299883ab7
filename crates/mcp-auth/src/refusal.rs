//! Everything the door says no to, and how: status, JSON-RPC code, text, headers. The one place
//! where a refusal becomes HTTP.
//!
//! Source of statuses: MCP 2025-11-25 `basic/transports`; where it is silent, what the official
//! TypeScript transport answers.

use std::borrow::Cow;

use serde_json::{Value, json};
use thiserror::Error;

use crate::{quota::Rate, refused_request::RefusedRequest, scope::BeyondScope, subject::Subject};
use mcp_protocol::{
    jsonrpc::{
        DecodeError, INTERNAL_ERROR, INVALID_REQUEST, RpcError, SESSION_NOT_FOUND, TRANSPORT_ERROR,
        error_text,
    },
    object::Object,
    version::Version,
};

/// Bytes a request body may have.
pub const MAX_BODY: usize = 4 * 1024 * 1024;

/// A toolset that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("there is no toolset `{name}`; expected some of: all, default, dynamic, {known}")]
pub struct UnknownToolset {
    /// The name that was asked for.
    pub name: String,
    /// Those there are, separated by commas.
    pub known: String,
}

impl UnknownToolset {
    /// The same where a toolset may also be one of these upstreams.
    #[must_use]
    pub fn or_upstreams(mut self, upstreams: &[&str]) -> Self {
        if !upstreams.is_empty() {
            self.known = format!("{}, upstreams, {}", self.known, upstreams.join(", "));
        }
        self
    }
}

/// Why a request is refused before any session sees it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Nothing says who may come in.
    #[error(
        "this server is not configured: set the secret MCP_API_KEY (npx wrangler secret put \
         MCP_API_KEY) or another credential, or ENVIRONMENT=development to leave the server open \
         on your own machine"
    )]
    NotConfigured,
    /// The server's own configuration is broken. The reason, where the environment is development:
    /// elsewhere it is for the operator alone, in the log and at `/admin/health`.
    #[error("this server is misconfigured: {}", misconfigured(.0.as_deref()))]
    Misconfigured(Option<String>),
    /// The credential is missing, or has no form that this server knows.
    #[error(
        "unauthorized: {0}; send `Authorization: Bearer <key>` with a key from the operator of \
         this server"
    )]
    Unauthorized(&'static str),
    /// The same where a client can sign its person in: why, and the challenge that says where.
    #[error("unauthorized: {0}; sign in as `WWW-Authenticate` says")]
    SignIn(&'static str, String),
    /// A credential that is wrong, or is over.
    #[error("unauthorized: {0}")]
    WrongCredential(&'static str),
    /// A token that this server gave is over. Clients send such ones in good faith.
    #[error("unauthorized: {0}")]
    AccessOver(&'static str),
    /// The credential is not good for what was asked.
    #[error("{0}")]
    Scope(#[from] BeyondScope),
    /// The caller made as many requests as it may in this window; the seconds until the next.
    #[error("Too many requests. Retry after {1} seconds")]
    RateLimit(Rate, u64),
    /// The address sent too many wrong credentials; the seconds until it may try again.
    #[error("Too many wrong credentials. Retry after {0} seconds")]
    TooManyAttempts(u64),
    /// Whether the caller may make a request is not known.
    #[error("the server cannot check your rate limit: try again in a second")]
    QuotaUnreachable,
    /// SiteBay refuses the token that the caller brings, and something was to be kept for it.
    #[error(
        "SiteBay does not accept the token in X-SiteBay-Token: check it, or make a new one in \
         SiteBay under Settings → API Tokens"
    )]
    TokenNotAccepted,
    /// Whether SiteBay accepts that token is not known.
    #[error(
        "SiteBay does not answer, so the token in X-SiteBay-Token cannot be checked: try again in \
         a few seconds"
    )]
    TokenUnchecked,
    /// The caller is not in the share of subjects that is let in, a percentage.
    #[error(
        "This server is being rolled out, to {0} % of its callers now, and you are not among them \
         yet: try again later, or ask its operator to add your `subject` to ROLLOUT_ALLOW"
    )]
    Rollout(u8, Subject),
    /// A part of the server that this deployment does not have.
    #[error("this feature is off: {0} is not bound in wrangler.toml")]
    NotBound(&'static str),
    /// The database did not do what was asked.
    #[error("the database does not answer: try again in a few seconds")]
    DatabaseFailed,
    /// The issuer's keys are needed and cannot be had.
    #[error("the keys of the token's issuer cannot be fetched: try again in a few seconds")]
    IssuerUnreachable,
    /// A page of an origin that is not allowed.
    #[error("origin {0} is not allowed: add it to MCP_ALLOWED_ORIGINS")]
    Origin(String),
    /// The body is not JSON-RPC.
    #[error(transparent)]
    Body(#[from] DecodeError),
    /// The body is over [`MAX_BODY`].
    #[error("the body is larger than 4 MiB ({MAX_BODY} bytes)")]
    TooLarge,
    /// The body is not declared as JSON.
    #[error("Content-Type must be application/json")]
    ContentType,
    /// The client does not take what a POST may answer.
    #[error(
        "Accept must include application/json, and should include text/event-stream (*/* is fine)"
    )]
    AcceptPost,
    /// The client takes no event stream, and the call asks it something on its own.
    #[error(
        "the call asks your client a question, which needs an event stream: Accept must include \
         text/event-stream (*/* is fine)"
    )]
    AcceptQuestion,
    /// The client does not take an event stream.
    #[error("Accept must include text/event-stream (*/* is fine)")]
    AcceptStream,
    /// The request needs a session.
    #[error(
        "Mcp-Session-Id is missing: send `initialize` first, and the Mcp-Session-Id that it \
         returns with every request"
    )]
    NoSession,
    /// The message endpoint needs a session in its URL.
    #[error(
        "sessionId is missing: open GET /sse first, and post to the endpoint that its first event \
         names"
    )]
    NoSessionInUrl,
    /// Unknown, forged, foreign, expired or ended: the client learns no more than this.
    #[error("session not found: send `initialize` to start a new one")]
    SessionNotFound,
    /// A version header that names no version served here.
    #[error("unsupported protocol version {0}; supported: {versions}", versions = versions())]
    Version(String),
    /// `initialize` where it may not be.
    #[error("{0}")]
    Initialize(&'static str),
    /// A toolset that does not exist.
    #[error("{0}")]
    Toolset(#[from] UnknownToolset),
    /// A batch in a version that has none.
    #[error("batches exist only in protocol version 2025-03-26: send one message per request")]
    Batch,
    /// Another HTTP method.
    #[error("method not allowed; allowed: {0}")]
    Method(&'static str),
    /// No such path.
    #[error("not found: the MCP endpoint is /mcp")]
    NotFound,
    /// The session's object did not answer.
    #[error(
        "the session did not answer within {0} s; the call may still be running: check before you \
         repeat it"
    )]
    TimedOut(u64),
    /// The session's object failed.
    #[error(
        "internal error: the session failed. If the call changes something, the change may have \
         happened: check before you repeat it"
    )]
    Failed,
    /// Whether a session was ended is not known, or it cannot be ended.
    #[error("the state of your sessions cannot be read or changed: try again in a second")]
    HubUnreachable,
    /// Whether an OAuth grant goes on is not known.
    #[error("the server cannot check whether your access is still valid: try again in a second")]
    GrantUnreachable,
    /// The session's object has too much to do.
    #[error("the session is overloaded: try again in a second")]
    Overloaded,
    /// A credential that none of the usable keys is, where others of its kind cannot be used: whether it
    /// is one of those is not known.
    #[error("this server is misconfigured: {}", misconfigured(None))]
    Unjudged,
    /// No credential came, and the only way in is the shared secret.
    #[error("unauthorized: {0}; send `X-MCP-Secret: <secret>`")]
    NoSecret(&'static str),
    /// The request passed this server before, or too many gateways.
    #[error(
        "the request came back to this server: one of its upstreams is this server itself, or leads \
         to it"
    )]
    Loop,
    /// The upstream behind the door does not answer: why.
    #[error("{0}")]
    Upstream(String),
    /// The credential is not good for the upstream behind the door: the scopes that it needs, and the challenge that
    /// says so.
    #[error("insufficient scope: this needs `{0}`")]
    UpstreamScope(String, String),
}

/// The body of a 429. It is not JSON-RPC, because proxies and scripts read it.
fn rate_limited_body(message: &str, pause: u64) -> Vec<u8> {
    Object::new()
        .text("error", "Rate limit exceeded")
        .text("message", message)
        .number("retryAfter", pause)
        .end()
        .into_bytes()
}

/// The body for a caller outside the rollout: it names the subject that `ROLLOUT_ALLOW` can list.
fn not_rolled_out_body(message: &str, percentage: u8, subject: Subject) -> Vec<u8> {
    Object::new()
        .text("error", "Not available yet")
        .text("message", message)
        .number("percentage", percentage.into())
        .text("subject", &subject.to_text())
        .end()
        .into_bytes()
}

/// The challenge that a wrong token is answered with (RFC 6750 §3.1).
fn wrong_token(why: &str) -> String {
    format!(r#"Bearer error="invalid_token", error_description="{why}""#)
}

fn misconfigured(reason: Option<&str>) -> &str {
    reason.unwrap_or("the operator finds the reason in the server's log")
}

fn versions() -> String {
    Version::ALL.map(Version::as_str).join(", ")
}

impl Refusal {
    /// Whether it counts as a guess of its address.
    pub fn is_guess(&self) -> bool {
        matches!(self, Self::WrongCredential(_) | Self::Unjudged)
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Body(_)
            | Self::NoSession
            | Self::NoSessionInUrl
            | Self::Version(_)
            | Self::Initialize(_)
            | Self::Toolset(_)
            | Self::Batch => 400,
            Self::Unauthorized(_)
            | Self::NoSecret(_)
            | Self::SignIn(..)
            | Self::WrongCredential(_)
            | Self::AccessOver(_) => 401,
            Self::Origin(_) | Self::Scope(_) | Self::UpstreamScope(..) | Self::TokenNotAccepted => {
                403
            }
            Self::SessionNotFound | Self::NotFound => 404,
            Self::Method(_) => 405,
            Self::AcceptPost | Self::AcceptQuestion | Self::AcceptStream => 406,
            Self::TooLarge => 413,
            Self::ContentType => 415,
            Self::RateLimit(..) | Self::TooManyAttempts(_) => 429,
            Self::Failed => 500,
            Self::NotBound(_) => 501,
            Self::NotConfigured
            | Self::Misconfigured(_)
            | Self::Unjudged
            | Self::IssuerUnreachable
            | Self::QuotaUnreachable
            | Self::TokenUnchecked
            | Self::DatabaseFailed
            | Self::Rollout(..)
            | Self::HubUnreachable
            | Self::GrantUnreachable
            | Self::Overloaded => 503,
            Self::Upstream(_) => 502,
            Self::TimedOut(_) => 504,
            Self::Loop => 508,
        }
    }

    /// The body where nothing waits for an id: the request was refused before or without reading it.
    pub fn body(&self) -> Vec<u8> {
        self.body_for(&RefusedRequest::Nothing)
    }

    /// The body of the answer to what was asked. Without an id that is known it is no JSON-RPC, which
    /// fails the request at once also in clients that find requests by their ids.
    pub fn body_for(&self, asked: &RefusedRequest) -> Vec<u8> {
        if let Self::RateLimit(_, pause) | Self::TooManyAttempts(pause) = self {
            return rate_limited_body(&self.to_string(), *pause);
        }
        if let Self::Rollout(percentage, subject) = self {
            return not_rolled_out_body(&self.to_string(), *percentage, *subject);
        }
        let code = self.code().unwrap_or(TRANSPORT_ERROR);
        let error = RpcError { code, message: self.to_string(), data: self.data() };
        match asked {
            RefusedRequest::Request(id) => error_text(Some(id), &error),
            RefusedRequest::Unknown => {
                Object::new().raw("error", &error.to_json()).end().into_bytes()
            }
            RefusedRequest::Nothing => error_text(None, &error),
        }
    }

    /// Whether a client that finds requests by their ids would wait on for an answer without one. Of other
    /// refusals clients read the status first, or the body that is refused has no id.
    pub fn leaves_waiting(&self) -> bool {
        let plain = matches!(self, Self::Rollout(..) | Self::Body(_));
        !plain && !matches!(self.status(), 401 | 403 | 404 | 429)
    }

    /// Whether the body was passed on, or read and thrown away, by then.
    pub fn comes_after_the_body(&self) -> bool {
        matches!(self, Self::TooLarge | Self::Failed | Self::TimedOut(_) | Self::Overloaded)
    }

    /// A header that belongs to it.
    pub fn header(&self) -> Option<(&'static str, Cow<'static, str>)> {
        let challenge = "WWW-Authenticate";
        match self {
            // RFC 9110 §15.5.2 wants a challenge, and the secret's header is no scheme.
            Self::Unauthorized(_) | Self::NoSecret(_) => Some((challenge, "Bearer".into())),
            Self::WrongCredential(why) | Self::AccessOver(why) => {
                Some((challenge, wrong_token(why).into()))
            }
            Self::Scope(beyond) => Some((challenge, beyond.challenge().into())),
            Self::SignIn(_, said) | Self::UpstreamScope(_, said) => {
                Some((challenge, said.clone().into()))
            }
            Self::Method(allowed) => Some(("Allow", (*allowed).into())),
            Self::IssuerUnreachable | Self::DatabaseFailed | Self::TokenUnchecked => {
                Some(("Retry-After", "5".into()))
            }
            Self::RateLimit(_, pause) | Self::TooManyAttempts(pause) => {
                Some(("Retry-After", pause.to_string().into()))
            }
            Self::Rollout(..) => Some(("Retry-After", "60".into())),
            Self::QuotaUnreachable
            | Self::HubUnreachable
            | Self::GrantUnreachable
            | Self::Overloaded => Some(("Retry-After", "1".into())),
            _ => None,
        }
    }

    /// The JSON-RPC code, where its body is JSON-RPC.
    pub fn code(&self) -> Option<i32> {
        Some(match self {
            Self::RateLimit(..) | Self::TooManyAttempts(_) | Self::Rollout(..) => return None,
            Self::Body(error) => error.code(),
            Self::Initialize(_) | Self::Batch => INVALID_REQUEST,
            Self::SessionNotFound => SESSION_NOT_FOUND,
            Self::Failed | Self::TimedOut(_) | Self::Loop | Self::Upstream(_) => INTERNAL_ERROR,
            _ => TRANSPORT_ERROR,
        })
    }

    fn data(&self) -> Option<Value> {
        match self {
            Self::Version(asked) => {
                let supported = Version::ALL.map(Version::as_str);
                Some(json!({ "supported": supported, "requested": asked }))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_refusal_names_what_is_supported() {
        let text = String::from_utf8(Refusal::Version("1.0".into()).body()).unwrap();
        for version in Version::ALL {
            assert!(text.contains(&format!("\"{}\"", version.as_str())), "{text}");
        }
    }

    #[test]
    fn a_refusal_carries_the_id_of_its_request_or_is_no_json_rpc() {
        let id = RefusedRequest::in_body(br#"{"id":"a-1"}"#);
        let text = |asked| String::from_utf8(Refusal::NoSession.body_for(asked)).unwrap();
        assert!(text(&id).starts_with(r#"{"jsonrpc":"2.0","id":"a-1","error":{"#), "{}", text(&id));
        let unknown = text(&RefusedRequest::Unknown);
        assert!(unknown.starts_with(r#"{"error":{"code":-32000,"#), "{unknown}");
        assert!(text(&RefusedRequest::Nothing).contains(r#""id":null"#));
    }

    #[test]
    fn the_origin_refusal_names_the_setting() {
        let text = Refusal::Origin("https://evil.example".into()).to_string();
        assert!(text.contains("MCP_ALLOWED_ORIGINS"), "{text}");
    }
}
