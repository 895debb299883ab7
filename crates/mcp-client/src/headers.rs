//! The headers of a hop, written anew for each request.
//!
//! Invariant: nothing of a caller's request is in them but what the body says as well, and the headers that the operator has
//! passed on ([`Endpoint`](crate::endpoint::Endpoint)). Source: MCP
//! `basic/transports/streamable-http` (2026-07-28 "Request Metadata"; 2025-06-18 "Protocol Version Header").

use std::borrow::Cow;

use serde_json::value::RawValue;
use thiserror::Error;

use mcp_protocol::{
    fields::fields,
    raw,
    stateless::{
        header_value,
        headers::{METHOD_HEADER, NAME_HEADER, VERSION_HEADER},
        method::{Method, NamedBy},
        param_declarations::ParamHeader,
        param_headers,
    },
    version::Version,
};

use crate::{error::UpstreamError, session::SessionId};

/// The gateways that a request passed: their names, the last one at the end.
pub const TRAIL_HEADER: &str = "X-Mcp-Gateways";
/// The id of a session.
pub const SESSION_HEADER: &str = "Mcp-Session-Id";
/// The event from which on a stream is resumed.
pub const LAST_EVENT_HEADER: &str = "Last-Event-ID";

/// Gateways that a request may pass.
const MAX_GATEWAYS: usize = 3;
/// Bytes of one header's value.
const MAX_VALUE: usize = 8 << 10;

/// A list of headers.
pub type HeaderList = Vec<(Cow<'static, str>, String)>;

/// The gateways that a request passed, this one included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trail(String);

/// The request has been here before, or passed too many gateways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the request passed this gateway before, or more than {MAX_GATEWAYS} of them")]
pub struct LoopFound;

impl Trail {
    /// The trail of a request that came with this header, with this gateway's own name at its end. The name is an opaque word
    /// of letters and digits that no other deployment has.
    ///
    /// # Errors
    /// Where the name is there already, or the trail is too long.
    pub fn of(inbound: Option<&str>, own: &str) -> Result<Self, LoopFound> {
        let before = inbound.unwrap_or_default();
        let names: Vec<&str> =
            before.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        if names.contains(&own) || names.len() >= MAX_GATEWAYS {
            return Err(LoopFound);
        }
        let words = |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let kept = names.into_iter().filter(words).chain([own]);
        Ok(Self(kept.collect::<Vec<_>>().join(", ")))
    }

    /// The value of the header.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The headers of every POST.
pub(crate) fn post() -> HeaderList {
    vec![
        ("Content-Type".into(), "application/json".into()),
        ("Accept".into(), "application/json, text/event-stream".into()),
    ]
}

/// The headers of a request for an event stream.
pub(crate) fn get() -> HeaderList {
    vec![("Accept".into(), "text/event-stream".into())]
}

/// Adds those of a session.
pub(crate) fn push_session(
    headers: &mut HeaderList,
    version: Version,
    session: Option<&SessionId>,
) {
    // Versions before 2025-06-18 do not know the header.
    if version >= Version::V2025_06_18 {
        headers.push((VERSION_HEADER.into(), version.as_str().to_owned()));
    }
    if let Some(session) = session {
        headers.push((SESSION_HEADER.into(), session.expose().to_owned()));
    }
}

/// Adds those that repeat the body of a request of 2026-07-28.
///
/// # Errors
/// Where a value is too long for a header.
pub(crate) fn push_stateless(
    headers: &mut HeaderList,
    version: Version,
    method: &str,
    params: &str,
    declared: &[ParamHeader],
) -> Result<(), UpstreamError> {
    headers.push((VERSION_HEADER.into(), version.as_str().to_owned()));
    headers.push((METHOD_HEADER.into(), header_value::encoded(method).into_owned()));
    let named = Method::parse(method).ok().and_then(Method::named_by).map(NamedBy::field);
    if let Some(name) = named.and_then(|field| text_of(params, field)) {
        headers.push((NAME_HEADER.into(), header_value::encoded(&name).into_owned()));
    }
    if !declared.is_empty() {
        let arguments = fields(params, ["arguments"]).ok().and_then(|[arguments]| arguments);
        let written = param_headers::written(declared, arguments).into_iter();
        headers.extend(written.map(|(name, value)| (Cow::Owned(name), value)));
    }
    let too_long = headers.iter().any(|(_, value)| value.len() > MAX_VALUE);
    let refused = UpstreamError::Unsendable("a value that a header repeats is too long");
    if too_long { Err(refused) } else { Ok(()) }
}

fn text_of(params: &str, field: &'static str) -> Option<String> {
    let [value] = fields(params, [field]).ok()?;
    value.and_then(|value: &RawValue| raw::string(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trail_ends_with_its_own_name_and_knows_a_loop() {
        assert_eq!(Trail::of(None, "a1").unwrap().as_str(), "a1");
        assert_eq!(Trail::of(Some("b, c"), "a").unwrap().as_str(), "b, c, a");
        assert_eq!(Trail::of(Some(""), "a").unwrap().as_str(), "a");
        assert_eq!(Trail::of(Some("b\r\nX: y, c"), "a").unwrap().as_str(), "c, a");
        for inbound in ["a", "b,a", "a ,b", "b, c, d", "b,c,d,e"] {
            assert_eq!(Trail::of(Some(inbound), "a"), Err(LoopFound), "{inbound}");
        }
    }
}
