//! Why an upstream gave no result, told apart as far as a gateway answers differently.
//!
//! Invariant: no text in here holds a credential, a session id or a query; what an upstream sent is quoted with at most
//! 200 characters and without control characters.

use std::time::Duration;

use serde_json::value::RawValue;
use thiserror::Error;

use mcp_protocol::{
    characters::is_plain,
    fields::fields,
    jsonrpc::{
        INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR, SESSION_NOT_FOUND,
        TRANSPORT_ERROR,
    },
    object::Object,
    raw,
    stateless::error::{HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY, UNSUPPORTED_VERSION},
};

/// Characters of an answer that an error quotes.
const MAX_QUOTE: usize = 200;

/// A JSON-RPC error of the upstream, as it sent it.
#[derive(Debug, Clone)]
pub struct RpcFailure {
    /// `error.code`; −32603 where it is no integer.
    pub code: i64,
    /// `error.message`.
    pub message: String,
    /// `error.data`, unread.
    pub data: Option<Box<RawValue>>,
    /// The whole `error` object, unread.
    pub raw: Box<RawValue>,
    /// The HTTP status that it came with.
    pub status: u16,
}

impl RpcFailure {
    /// Whether it is one of the errors that concern this hop alone (−32020 to −32022): they are dealt with here and never
    /// passed on.
    pub fn is_hop(&self) -> bool {
        [HEADER_MISMATCH, MISSING_CLIENT_CAPABILITY, UNSUPPORTED_VERSION]
            .map(i64::from)
            .contains(&self.code)
    }

    /// Whether a server of another wire says that it cannot read the request. A number of the kind that it gives to an error
    /// of its own comes with a success.
    pub fn is_of_another_wire(&self) -> bool {
        self.code == i64::from(UNSUPPORTED_VERSION) || (self.is_hop() && self.status == 400)
    }

    /// The text of an `error` object that every client can read: the upstream's own where it is one.
    pub fn to_json(&self) -> String {
        let well_formed =
            fields(self.raw.get(), ["code", "message"]).is_ok_and(|[code, message]| {
                code.and_then(raw::number::<i64>).is_some() && message.and_then(raw::text).is_some()
            });
        if well_formed {
            return self.raw.get().to_owned();
        }
        let error =
            Object::new().raw("code", &self.code.to_string()).text("message", &self.message);
        match &self.data {
            Some(data) => error.raw("data", data.get()).end(),
            None => error.end(),
        }
    }

    /// Whether it says that the request was refused before anything ran.
    fn refused_unread(&self) -> bool {
        let unread = [PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS];
        self.is_hop() || unread.map(i64::from).contains(&self.code) || self.refused_by_transport()
    }

    /// Whether the transport refused the request before it looked what it asks for.
    pub(crate) fn refused_by_transport(&self) -> bool {
        let codes = [TRANSPORT_ERROR, SESSION_NOT_FOUND].map(i64::from);
        (400..500).contains(&self.status) && codes.contains(&self.code)
    }
}

/// The part of an exchange in which a deadline passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Connecting, and waiting for the headers.
    Headers,
    /// Waiting for the next byte.
    Idle,
    /// The whole exchange.
    Whole,
}

/// What must happen before a request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// It must not be sent again.
    Never,
    /// Only a request that changes nothing may be sent again.
    IfItReads,
    /// A new session must be opened first.
    NewSession,
    /// The credential must be renewed first.
    NewCredential,
    /// Another version of the protocol must be chosen first.
    OtherVersion,
    /// The tool's definition must be listed anew first.
    NewDefinition,
    /// The upstream asks to wait first.
    Later,
}

/// Why there is no result.
#[derive(Debug, Clone, Error)]
pub enum UpstreamError {
    /// The upstream answered with a JSON-RPC error.
    #[error("error {}: {}", .0.code, quote(.0.message.as_bytes()))]
    Rpc(RpcFailure),
    /// 401.
    #[error("the credential was refused (401)")]
    Unauthorized {
        /// `WWW-Authenticate`.
        challenge: Option<String>,
    },
    /// 403.
    #[error("access was refused (403)")]
    Forbidden {
        /// `WWW-Authenticate`, which may name the scope that is missing.
        challenge: Option<String>,
    },
    /// 404 to a request of a session: the session is over, and nothing ran.
    #[error("the session is over (404)")]
    SessionGone,
    /// 404 or 410 to a request without a session: there is no MCP server at this address.
    #[error("there is no MCP endpoint at this address ({status})")]
    NotFound {
        /// The status.
        status: u16,
    },
    /// 408, 425 or 429.
    #[error("the server asks to come back later ({status})")]
    TooMany {
        /// The status.
        status: u16,
        /// How long `Retry-After` asks to wait, at most a day.
        retry_after: Option<Duration>,
    },
    /// Any other 4xx.
    #[error("the server refused the request ({status}): {quote}")]
    Refused {
        /// The status.
        status: u16,
        /// The beginning of the body.
        quote: String,
    },
    /// 5xx.
    #[error("the server failed ({status})")]
    Unavailable {
        /// The status.
        status: u16,
        /// How long `Retry-After` asks to wait, at most a day.
        retry_after: Option<Duration>,
    },
    /// The connection could not be made, or broke before the headers of the answer.
    #[error("the server cannot be reached: {why}")]
    Unreachable {
        /// The runtime's text.
        why: String,
        /// Whether the connection was certainly never made.
        never_connected: bool,
    },
    /// A deadline passed.
    #[error("no answer within {} s ({phase:?})", .after.as_secs_f32())]
    TimedOut {
        /// In which part.
        phase: Phase,
        /// The deadline.
        after: Duration,
    },
    /// The answer broke off.
    #[error("the answer broke off")]
    Cut,
    /// The answer is none that the protocol allows.
    #[error("the answer is wrong: {why}: {quote}")]
    BadAnswer {
        /// The fault.
        why: &'static str,
        /// The beginning of the answer.
        quote: String,
    },
    /// The answer has no body although the request wants one: 202 or 204.
    #[error("the server gave no answer ({status})")]
    NoAnswer {
        /// The status.
        status: u16,
    },
    /// An event or the whole answer is larger than its limit.
    #[error("the answer is larger than {limit} bytes")]
    TooLarge {
        /// The limit that was passed.
        limit: usize,
    },
    /// A redirect that must not be followed.
    #[error("the server redirects elsewhere ({status})")]
    Redirect {
        /// The status.
        status: u16,
    },
    /// The upstream leads back to this server.
    #[error("the address leads back to this server")]
    Loop,
    /// The request cannot be written: its parameters are no object, or a header cannot carry a value.
    #[error("the request cannot be sent: {0}")]
    Unsendable(&'static str),
}

impl UpstreamError {
    /// An answer that the protocol does not allow, quoted from its beginning.
    pub fn bad_answer(why: &'static str, body: &[u8]) -> Self {
        Self::BadAnswer { why, quote: quote(body) }
    }

    /// The same without these texts in what it quotes, should an upstream repeat its credential.
    #[must_use]
    pub(crate) fn without(mut self, secrets: &[&str]) -> Self {
        if let Self::BadAnswer { quote, .. } | Self::Refused { quote, .. } = &mut self {
            for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
                *quote = quote.replace(secret, "[secret]");
            }
        }
        self
    }

    /// Whether the upstream may have carried the request out, in whole or in part.
    pub fn may_have_run(&self) -> bool {
        match self {
            Self::Rpc(failure) => !failure.refused_unread(),
            Self::Unreachable { never_connected, .. } => !never_connected,
            Self::TooMany { status, .. } => *status == 408,
            Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::SessionGone
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::Redirect { .. }
            | Self::Loop
            | Self::Unsendable(_) => false,
            Self::Unavailable { .. }
            | Self::TimedOut { .. }
            | Self::Cut
            | Self::BadAnswer { .. }
            | Self::NoAnswer { .. }
            | Self::TooLarge { .. } => true,
        }
    }

    /// What must happen before the request may be sent again.
    pub fn repeat(&self) -> Repeat {
        match self {
            Self::Rpc(failure) => match i32::try_from(failure.code) {
                Ok(UNSUPPORTED_VERSION) => Repeat::OtherVersion,
                Ok(HEADER_MISMATCH) => Repeat::NewDefinition,
                _ => Repeat::Never,
            },
            Self::SessionGone => Repeat::NewSession,
            Self::Unauthorized { .. } => Repeat::NewCredential,
            Self::TooMany { .. } => Repeat::Later,
            Self::Unavailable { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Cut => Repeat::IfItReads,
            Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::Refused { .. }
            | Self::BadAnswer { .. }
            | Self::NoAnswer { .. }
            | Self::TooLarge { .. }
            | Self::Redirect { .. }
            | Self::Loop
            | Self::Unsendable(_) => Repeat::Never,
        }
    }

    /// Whether it speaks against the upstream's health. A refusal, which one caller can bring about, does not.
    pub fn counts_against_health(&self) -> bool {
        match self {
            Self::NotFound { .. }
            | Self::Unavailable { .. }
            | Self::Unreachable { .. }
            | Self::TimedOut { .. }
            | Self::Cut
            | Self::BadAnswer { .. }
            | Self::NoAnswer { .. }
            | Self::TooLarge { .. }
            | Self::Redirect { .. }
            | Self::Loop => true,
            Self::TooMany { status, .. } => *status != 429,
            Self::Rpc(_)
            | Self::Unauthorized { .. }
            | Self::Forbidden { .. }
            | Self::SessionGone
            | Self::Refused { .. }
            | Self::Unsendable(_) => false,
        }
    }
}

/// The beginning of a body, in at most 200 characters without control characters.
pub(crate) fn quote(body: &[u8]) -> String {
    let most = body.get(..MAX_QUOTE.saturating_mul(4)).unwrap_or(body);
    let text = String::from_utf8_lossy(most);
    let directs = |c: char| matches!(c, '\u{200e}' | '\u{200f}');
    let shown = text.chars().map(|c| if is_plain(c) && !directs(c) { c } else { ' ' });
    shown.take(MAX_QUOTE).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rpc(code: i64) -> UpstreamError {
        let raw = RawValue::from_string("{}".to_owned()).unwrap();
        UpstreamError::Rpc(RpcFailure {
            code,
            message: String::new(),
            data: None,
            raw,
            status: 200,
        })
    }

    #[test]
    fn a_quote_is_short_and_controls_nothing() {
        let body = format!("<html>\r\n\u{1b}[31m\u{202e}\u{2066}\u{feff}{}", "ü".repeat(500));
        let quoted = quote(body.as_bytes());
        assert!(quoted.chars().count() <= 200 && quoted.starts_with("<html>"));
        assert!(quoted.chars().all(is_plain), "{quoted:?}");
        assert_eq!(quote(b"\xff\xfe a"), "\u{fffd}\u{fffd} a");
    }

    #[test]
    fn a_quote_does_not_repeat_a_credential() {
        let error = UpstreamError::bad_answer("it is no JSON", b"no key-1, no s-1")
            .without(&["key-1", "", "s-1"]);
        assert_eq!(
            error.to_string(),
            "the answer is wrong: it is no JSON: no [secret], no [secret]"
        );
    }

    #[test]
    fn what_was_refused_unread_has_not_run() {
        let refused = [-32700, -32600, -32601, -32602, -32020, -32021, -32022];
        assert!(refused.into_iter().all(|code| !rpc(code).may_have_run()));
        let mut refused = rpc(-32000);
        if let UpstreamError::Rpc(failure) = &mut refused {
            failure.status = 400;
        }
        assert!(!refused.may_have_run());
        assert!([-32603, -32000, 1].into_iter().all(|code| rpc(code).may_have_run()));
        for error in [
            UpstreamError::Unauthorized { challenge: None },
            UpstreamError::SessionGone,
            UpstreamError::TooMany { status: 429, retry_after: None },
            UpstreamError::Redirect { status: 302 },
            UpstreamError::Unreachable { why: String::new(), never_connected: true },
        ] {
            assert!(!error.may_have_run(), "{error}");
        }
        for error in [
            UpstreamError::Cut,
            UpstreamError::NoAnswer { status: 202 },
            UpstreamError::TimedOut { phase: Phase::Headers, after: Duration::ZERO },
            UpstreamError::Unavailable { status: 503, retry_after: None },
            UpstreamError::bad_answer("x", b""),
            UpstreamError::Unreachable { why: String::new(), never_connected: false },
        ] {
            assert!(error.may_have_run(), "{error}");
        }
    }

    #[test]
    fn a_repeat_waits_for_what_was_missing() {
        assert_eq!(rpc(-32022).repeat(), Repeat::OtherVersion);
        assert_eq!(rpc(-32020).repeat(), Repeat::NewDefinition);
        assert_eq!(rpc(-32603).repeat(), Repeat::Never);
        assert_eq!(UpstreamError::SessionGone.repeat(), Repeat::NewSession);
        assert_eq!(UpstreamError::Cut.repeat(), Repeat::IfItReads);
    }

    #[test]
    fn a_refusal_does_not_count_against_health() {
        for error in [
            rpc(-32603),
            UpstreamError::Unauthorized { challenge: None },
            UpstreamError::Forbidden { challenge: None },
            UpstreamError::SessionGone,
            UpstreamError::TooMany { status: 429, retry_after: None },
        ] {
            assert!(!error.counts_against_health(), "{error}");
        }
        assert!(UpstreamError::Cut.counts_against_health());
    }
}
