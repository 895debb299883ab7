//! Misbehaviour on demand.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::engine::call::{Call, decoded};
use crate::engine::reply::Reply;

/// The fault for matching requests, instead of or on top of a proper response.
///
/// A fault with a `status` or with `cut` takes the place of the real answer; one without only
/// changes it (its delay, body, content type or `Retry-After`). Of several that match, the one
/// given first applies.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
#[serde(default)]
pub struct Fault {
    /// The method to match; any without one.
    pub method: Option<String>,
    /// The path to match, after the API prefix: exact, or a prefix ending in `*`; any without
    /// one. For Keboola it begins with the service, `/queue/jobs`, or with stack and service; for
    /// Cloudflare it may leave out the account or the zone: `/d1/database`.
    pub path: Option<String>,
    /// The status to answer with.
    pub status: Option<u16>,
    /// The `Retry-After` header to send.
    pub retry_after: Option<String>,
    /// How long to wait, in milliseconds: before the real thing, or with `after`, after it.
    pub delay_ms: Option<u64>,
    /// Whether to close the connection without an answer.
    pub cut: bool,
    /// The body to send; without one, the API's error shape, which names the status.
    pub body: Option<String>,
    /// Whether the body is sent in ISO 8859-1, so that its umlauts are not UTF-8.
    pub latin1: bool,
    /// The body's content type; JSON without one.
    pub content_type: Option<String>,
    /// How many requests to do this to; `None` is for ever.
    pub times: Option<u32>,
    /// Whether to do the real thing first and only then answer with the fault.
    pub after: bool,
}

impl Fault {
    /// Whether the real answer is not to be sent.
    pub(crate) fn replaces(&self) -> bool {
        self.cut || self.status.is_some()
    }

    /// The answer to send, given the real one where there is one.
    pub(crate) fn apply(&self, real: Option<Reply>, failure: impl Fn(u16, &str) -> Reply) -> Reply {
        let mut reply = match (self.status, real) {
            (Some(status), _) => failure(status, reason(status)),
            (None, Some(real)) => real,
            (None, None) => failure(500, reason(500)),
        };
        if let Some(body) = &self.body {
            reply.body = if self.latin1 { latin1(body) } else { body.clone().into() };
        }
        if let Some(kind) = &self.content_type {
            reply.content_type.clone_from(kind);
        }
        if let Some(after) = &self.retry_after {
            reply.headers.retain(|(name, _)| *name != "retry-after");
            reply = reply.with("retry-after", after);
        }
        reply
    }

    fn matches(&self, call: &Call, paths: &[String]) -> bool {
        let method = self.method.as_ref();
        if method.is_some_and(|method| !method.eq_ignore_ascii_case(&call.method)) {
            return false;
        }
        let Some(wanted) = &self.path else {
            return true;
        };
        let fits = |path: &str| match wanted.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == wanted,
        };
        paths.iter().any(|path| fits(path) || fits(&decoded(path)))
    }
}

/// The faults that are still to happen.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    waiting: Vec<Fault>,
}

impl Faults {
    /// Adds one behind the others.
    pub(crate) fn add(&mut self, fault: Fault) {
        if fault.times != Some(0) {
            self.waiting.push(fault);
        }
    }

    /// The fault that applies to a request with these paths, if any; uses up one of its times.
    pub(crate) fn take(&mut self, call: &Call, paths: &[String]) -> Option<Fault> {
        let at = self.waiting.iter().position(|fault| fault.matches(call, paths))?;
        let fault = self.waiting.get_mut(at)?;
        let found = fault.clone();
        if let Some(times) = &mut fault.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.waiting.remove(at);
            }
        }
        Some(found)
    }

    /// Those that are still to happen.
    pub(crate) fn waiting(&self) -> &[Fault] {
        &self.waiting
    }

    /// Forgets them all.
    pub(crate) fn clear(&mut self) {
        self.waiting.clear();
    }
}

/// A text in ISO 8859-1; what that does not have is a question mark.
fn latin1(text: &str) -> Bytes {
    text.chars().map(|character| u8::try_from(character).unwrap_or(b'?')).collect()
}

fn reason(status: u16) -> &'static str {
    hyper::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error")
}
