//! What a caller is told when an upstream gave no result.
//!
//! Invariant: the model reads of a failure in a tool's result, and other methods fail with a JSON-RPC error. A call that may
//! have been carried out is never called a failure: its outcome is unknown, and the text says so. No text holds a URL's query,
//! a credential or a session id; what the upstream sent is quoted with at most 200 characters.

use mcp_client::error::{Phase, RpcFailure, UpstreamError};
use mcp_protocol::{
    content::CallToolResult,
    fields::fields,
    jsonrpc::{INTERNAL_ERROR, RESOURCE_NOT_FOUND, RpcError},
    raw,
    splice::Splice,
    version::Version,
};
use mcp_server::{outcome::Outcome, toolset::Effect};
use serde_json::{Map, Value};

use crate::{breaker::Refused, connect::Unconnected, text};

/// Characters of an upstream's text that a message repeats.
const MAX_QUOTE: usize = 200;

/// The request that failed.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The configured name of the upstream.
    pub upstream: &'a str,
    /// The method.
    pub method: &'a str,
    /// The effect of the tool, where one was called. None: another method, which only reads.
    pub effect: Option<Effect>,
    /// The version in front.
    pub version: Version,
    /// The version that was agreed with the upstream, where one was.
    pub behind: Option<Version>,
    /// Whether it was sent in an earlier round, in which the upstream asked its client.
    pub is_begun: bool,
}

/// What the caller gets.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// A tool's result with `isError`.
    Tool(CallToolResult),
    /// A JSON-RPC error of this server.
    Error(RpcError),
    /// The upstream's JSON-RPC error: the text of the `error` object.
    Passed(String),
}

impl Answer {
    /// The answer to a request that the upstream's breaker did not let through.
    pub fn refused(asked: Asked<'_>, refused: Refused) -> Self {
        let why = format!(
            "{} failed several times in a row or asked to be left alone, and is not called now",
            asked.upstream
        );
        failure(asked, &held_up(asked, why), Some(refused.retry_after_ms), None)
    }

    /// The answer to a request of something that the upstream has or not: it was looked up in a list, and the list ended so.
    pub fn unlisted(asked: Asked<'_>, error: &UpstreamError) -> Self {
        unsent(asked, "because it could not be looked up", error)
    }

    /// The answer to a request before which the handshake ended so.
    pub fn not_sent(asked: Asked<'_>, error: &UpstreamError) -> Self {
        unsent(asked, "so that it can be tried again", error)
    }

    /// The answer to a request that could not be sent as the person who calls. `link`: where that person connects a key.
    pub fn unconnected(asked: Asked<'_>, unconnected: &Unconnected, link: Option<&str>) -> Self {
        let why = unconnected.described(asked.upstream);
        let why = match link {
            Some(link) => format!("{why}. Open {link} to connect it, then try again"),
            None => why,
        };
        failure(asked, &why, None, link)
    }

    /// The answer to a request that ended so.
    pub fn of(asked: Asked<'_>, error: &UpstreamError) -> Self {
        if let UpstreamError::Rpc(rpc) = error
            && !rpc.is_hop()
        {
            return Self::Passed(passed(asked, rpc));
        }
        told(asked, error, described(asked, error), error.may_have_run())
    }

    /// The answer to a request that the upstream had begun to answer when it ended so.
    pub fn interrupted(asked: Asked<'_>, error: &UpstreamError) -> Self {
        let what = match error {
            // Whose credential it is does not matter to what ran.
            UpstreamError::Unauthorized { .. } => {
                format!(
                    "{} refused the credential before its answer was complete (401)",
                    asked.upstream
                )
            }
            error => described(asked, error),
        };
        told(asked, error, what, true)
    }
}

fn unsent(asked: Asked<'_>, why: &str, error: &UpstreamError) -> Answer {
    let what = match error {
        UpstreamError::Rpc(rpc) => {
            let text = text::quote(&rpc.message, MAX_QUOTE);
            format!("{} answered with the error {}: {text}", asked.upstream, rpc.code)
        }
        error => described(asked, error),
    };
    let why = match asked.is_begun {
        true => format!("what the request names could not be looked up: {what}"),
        false => format!("Nothing was sent, {why}: {what}"),
    };
    failure(asked, &held_up(asked, why), retry_after(error), None)
}

/// Why a request goes no further, with what that means for one that was begun.
pub(crate) fn held_up(asked: Asked<'_>, why: String) -> String {
    match asked.is_begun {
        true => format!(
            "The outcome is unknown: the request was sent before, and may still wait for the answers to its questions. They \
             were not passed on: {why}. Send them again with the same `requestState`"
        ),
        false => why,
    }
}

fn told(asked: Asked<'_>, error: &UpstreamError, what: String, may_have_run: bool) -> Answer {
    let changes = asked.effect.is_some_and(|effect| effect != Effect::Read);
    let why = match (may_have_run, changes) {
        (true, true) => format!(
            "The outcome is unknown: {what}. It may have carried out the call, in whole or in part, and the call was \
             not sent again. Check what it did before you call it again"
        ),
        (true, false) if asked.effect.is_some() => {
            format!("{what}. The tool only reads, so that it can be called again")
        }
        _ => what,
    };
    failure(asked, &why, retry_after(error), None)
}

impl From<Answer> for Outcome {
    /// The outcome of the request. `data` of the upstream's error is read on the way, so that numbers beyond a double are
    /// rounded in it.
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Tool(result) => Self::Tool(result),
            Answer::Error(error) => Self::Failed(error),
            Answer::Passed(text) => Self::Failed(read(&text)),
        }
    }
}

/// An `error` object as a value.
fn read(text: &str) -> RpcError {
    let [code, message, data] = fields(text, ["code", "message", "data"]).unwrap_or_default();
    RpcError {
        code: code.and_then(raw::number).unwrap_or(INTERNAL_ERROR),
        message: message.and_then(raw::string).unwrap_or_default(),
        data: data.and_then(|data| raw::value(data.get()).ok()),
    }
}

/// The upstream's error in the words of the version in front.
fn passed(asked: Asked<'_>, rpc: &RpcFailure) -> String {
    let text = rpc.to_json();
    let is_read = asked.method == "resources/read";
    let meant = asked.behind.map_or(RESOURCE_NOT_FOUND, Version::resource_not_found);
    // In session versions the other code has no second meaning; in 2026-07-28 it says so of a read alone.
    let is_missing =
        rpc.code == i64::from(RESOURCE_NOT_FOUND) || (is_read && rpc.code == i64::from(meant));
    let code = i64::from(asked.version.resource_not_found());
    if !is_missing || rpc.code == code {
        return text;
    }
    let mut splice = Splice::new(&text);
    if let Ok([Some(sent)]) = fields(&text, ["code"]) {
        splice.replace(sent, code.to_string());
    }
    splice.end().into_owned()
}

/// What happened, without a full stop.
fn described(asked: Asked<'_>, error: &UpstreamError) -> String {
    let name = asked.upstream;
    let configuration = "the operator must check its configuration";
    match error {
        UpstreamError::Rpc(rpc) => format!(
            "{name} refused the request, because it and this gateway, or it and this client, do not support the \
             same (code {}): {}",
            rpc.code,
            text::quote(&rpc.message, MAX_QUOTE)
        ),
        // One of the person who calls is asked for anew, see [`Answer::unconnected`].
        UpstreamError::Unauthorized { .. } => {
            format!("{name} refuses the credential that this server has for it: {configuration}")
        }
        UpstreamError::Forbidden { challenge } => match challenge.as_deref().and_then(scope) {
            Some(scope) => format!("Access was refused by {name}: the scope `{scope}` is needed"),
            None => format!("Access was refused by {name}"),
        },
        UpstreamError::SessionGone => {
            format!("{name} ended the session twice in a row, and nothing was carried out")
        }
        UpstreamError::NotFound { status } => {
            format!(
                "{name} has no MCP server at its configured address ({status}): {configuration}"
            )
        }
        UpstreamError::TooMany { status, .. } => {
            format!("{name} gets too many requests and asks to come back later ({status})")
        }
        UpstreamError::Refused { status, quote } => {
            format!("{name} refused the request ({status}){}", quoted(quote))
        }
        UpstreamError::Unavailable { status, .. } => format!("{name} failed ({status})"),
        UpstreamError::Unreachable { .. } => format!("{name} cannot be reached"),
        UpstreamError::TimedOut { phase, after } => {
            let what = match phase {
                Phase::Headers => "did not begin to answer within",
                Phase::Idle => "sent nothing for",
                Phase::Whole => "did not end its answer within",
            };
            format!("{name} {what} {} s", after.as_secs_f32())
        }
        UpstreamError::Cut => {
            format!("The connection to {name} broke before its answer was complete")
        }
        UpstreamError::BadAnswer { why, quote } => {
            format!("{name} gave an answer that cannot be read: {why}{}", quoted(quote))
        }
        UpstreamError::NoAnswer { status } => format!("{name} gave no answer ({status})"),
        UpstreamError::TooLarge { limit } => {
            format!("{name} gave an answer of more than {limit} bytes")
        }
        UpstreamError::Redirect { status } => {
            format!("{name} redirects to another address ({status}): {configuration}")
        }
        UpstreamError::Loop => format!("{name} leads back to this server: {configuration}"),
        UpstreamError::Unsendable(why) => format!("The request cannot be sent to {name}: {why}"),
    }
}

fn quoted(quote: &str) -> String {
    match text::quote(quote, MAX_QUOTE) {
        quote if quote.trim().is_empty() => String::new(),
        quote => format!(": {quote}"),
    }
}

/// The scope that a challenge names (RFC 6750 §3).
fn scope(challenge: &str) -> Option<String> {
    let (_, after) = challenge.split_once("scope=\"")?;
    let (scope, _) = after.split_once('"')?;
    (!scope.is_empty()).then(|| text::quote(scope, MAX_QUOTE))
}

/// When the upstream may be asked again, in milliseconds.
fn retry_after(error: &UpstreamError) -> Option<u64> {
    match error {
        UpstreamError::TooMany { retry_after, .. }
        | UpstreamError::Unavailable { retry_after, .. } => {
            retry_after.and_then(|wait| u64::try_from(wait.as_millis()).ok())
        }
        _ => None,
    }
}

fn failure(asked: Asked<'_>, why: &str, retry_after_ms: Option<u64>, link: Option<&str>) -> Answer {
    if asked.effect.is_some() {
        let text = match retry_after_ms {
            Some(wait) => format!("{why}. retryAfterMs: {wait}"),
            None => format!("{why}."),
        };
        return Answer::Tool(CallToolResult::error(text));
    }
    let wait = retry_after_ms.map(|wait| ("retryAfterMs", Value::from(wait)));
    let link = link.map(|link| ("url", Value::from(link)));
    let data: Map<String, Value> =
        wait.into_iter().chain(link).map(|(name, value)| (name.to_owned(), value)).collect();
    let data = (!data.is_empty()).then_some(Value::Object(data));
    Answer::Error(RpcError { data, ..RpcError::new(INTERNAL_ERROR, why) })
}

#[cfg(test)]
#[path = "errors_tests.rs"]
mod tests;
