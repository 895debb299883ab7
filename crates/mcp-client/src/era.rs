//! Which wire an upstream speaks: asked once, decided by what came back.
//!
//! ```text
//! server/discover ──► 2026-07-28 is listed ────────────────────► stateless
//!       │ another answer, or a 4xx that is not of 2026-07-28
//!       ▼
//! initialize ───────► a version that has sessions ─────────────► session
//!       │ 400, 404, 405, 406, 410, 415 without a JSON-RPC error
//!       ▼
//! GET ──────────────► an event stream with `endpoint` ─────────► HTTP with SSE
//! ```
//!
//! Invariant: a refusal for want of a credential or of capacity, a server's failure and a silent network prove nothing: the
//! probe ends with them, and the next one starts anew. The versions in an answer count, not that there is one, because some
//! servers answer `server/discover` while they negotiate down. Source: MCP 2026-07-28 `basic/versioning` "Backward
//! Compatibility".

use mcp_protocol::{
    fields::fields,
    jsonrpc::{INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND},
    raw,
    stateless::error::UNSUPPORTED_VERSION,
    version::Version,
};
use serde_json::value::RawValue;

use crate::{
    error::{RpcFailure, UpstreamError},
    request::Declaration,
    session::{SessionId, initialize},
    sse_2024,
    stateless::{discover, read_discovered},
    upstream::Upstream,
};

/// The wire of an upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// 2026-07-28: every request stands for itself.
    Stateless,
    /// Streamable HTTP with `initialize`, 2025-03-26 to 2025-11-25.
    Session,
    /// HTTP with SSE, 2024-11-05.
    Sse,
}

impl Era {
    /// Its name in the configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stateless => "stateless",
            Self::Session => "session",
            Self::Sse => "sse",
        }
    }

    /// Reads the name in the configuration; None for others, `auto` included.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Stateless, Self::Session, Self::Sse].into_iter().find(|era| era.as_str() == text)
    }
}

/// What an upstream said about itself.
#[derive(Debug, Clone)]
pub struct Handshake {
    /// The wire.
    pub era: Era,
    /// The version that was agreed on.
    pub version: Version,
    /// `serverInfo`, unread.
    pub server_info: Option<Box<RawValue>>,
    /// `capabilities`, unread: an object.
    pub capabilities: Box<RawValue>,
    /// `instructions`.
    pub instructions: Option<String>,
    /// The session, where the upstream opened one. Whoever made the handshake ends it.
    pub session: Option<SessionId>,
}

/// What a probe leads to.
#[derive(Debug)]
pub enum Verdict {
    /// The wire is known.
    Known(Handshake),
    /// The older wire is to be tried.
    Older,
    /// The probe ends, and nothing is proved.
    Failed(UpstreamError),
}

/// What the answer to `server/discover` proves.
pub fn after_discover(answer: Result<Box<RawValue>, UpstreamError>) -> Verdict {
    match answer {
        Ok(result) => read_discovered(&result).map_or(Verdict::Older, Verdict::Known),
        Err(UpstreamError::Rpc(failure)) if is_legacy_error(&failure) => Verdict::Older,
        Err(
            UpstreamError::NotFound { .. }
            | UpstreamError::Refused { .. }
            | UpstreamError::SessionGone
            | UpstreamError::BadAnswer { .. }
            | UpstreamError::NoAnswer { .. },
        ) => Verdict::Older,
        Err(error) => Verdict::Failed(error),
    }
}

/// Whether a JSON-RPC error comes from a server of an older era.
fn is_legacy_error(failure: &RpcFailure) -> bool {
    if failure.code == i64::from(UNSUPPORTED_VERSION) {
        return offers_sessions(failure);
    }
    // A server's own failure is not the era's.
    let unknown = [METHOD_NOT_FOUND, INVALID_REQUEST, INVALID_PARAMS].map(i64::from);
    !failure.is_hop() && (failure.status < 500 || unknown.contains(&failure.code))
}

/// Whether the versions in the data of −32022 include one that has sessions, and not the one that was refused.
fn offers_sessions(failure: &RpcFailure) -> bool {
    let Some(Ok([Some(supported)])) =
        failure.data.as_ref().map(|data| fields(data.get(), ["supported"]))
    else {
        return false;
    };
    let offered = raw::elements(supported.get()).unwrap_or_default();
    let versions = || offered.iter().filter_map(|listed| Version::parse(&raw::text(listed)?));
    versions().any(|version| !version.is_stateless()) && !versions().any(Version::is_stateless)
}

/// What the answer to `initialize` proves.
pub fn after_initialize(answer: Result<Handshake, UpstreamError>) -> Verdict {
    match answer {
        Ok(handshake) => Verdict::Known(handshake),
        Err(
            UpstreamError::NotFound { .. }
            | UpstreamError::Refused { status: 400 | 405 | 406 | 415, .. },
        ) => Verdict::Older,
        Err(error) => Verdict::Failed(error),
    }
}

/// Whether an error may come of an upstream that no longer speaks this era, as after a deployment: the probe is to be made
/// anew. The request has not run.
pub fn may_have_changed(era: Era, error: &UpstreamError) -> bool {
    match error {
        UpstreamError::NotFound { .. } => true,
        UpstreamError::Refused { status, .. } => matches!(status, 400 | 405 | 406 | 415),
        UpstreamError::Rpc(failure) if era == Era::Stateless => {
            failure.code == i64::from(UNSUPPORTED_VERSION) || failure.refused_by_transport()
        }
        // An older server knows none of the codes of 2026-07-28.
        UpstreamError::Rpc(failure) => failure.is_hop(),
        _ => false,
    }
}

/// Makes the handshake of the wire that the configuration names, or finds out the wire. A session that it opens is the
/// caller's to use and to end; a stream of HTTP with SSE is closed again.
///
/// # Errors
/// Where no wire is spoken, or nothing could be proved.
pub async fn handshake(
    upstream: &Upstream,
    declaration: &Declaration,
    era: Option<Era>,
) -> Result<Handshake, UpstreamError> {
    match era {
        None => probe(upstream, declaration).await,
        Some(Era::Stateless) => {
            let result = discover(upstream, declaration).await?;
            read_discovered(&result).ok_or_else(|| {
                UpstreamError::bad_answer("it does not list 2026-07-28", result.get().as_bytes())
            })
        }
        Some(Era::Session) => initialize(upstream, declaration).await,
        Some(Era::Sse) => sse_handshake(upstream, declaration).await,
    }
}

async fn probe(upstream: &Upstream, declaration: &Declaration) -> Result<Handshake, UpstreamError> {
    match after_discover(discover(upstream, declaration).await) {
        Verdict::Known(handshake) => return Ok(handshake),
        Verdict::Failed(error) => return Err(error),
        Verdict::Older => {}
    }
    let opened = initialize(upstream, declaration).await;
    let refused = opened.as_ref().err().cloned();
    match (after_initialize(opened), refused) {
        (Verdict::Known(handshake), _) => Ok(handshake),
        (Verdict::Failed(error), _) => Err(error),
        // Of two refusals, the one of the younger wire says more.
        (Verdict::Older, refused) => {
            let found = sse_handshake(upstream, declaration).await;
            found.map_err(|error| refused.unwrap_or(error))
        }
    }
}

async fn sse_handshake(
    upstream: &Upstream,
    declaration: &Declaration,
) -> Result<Handshake, UpstreamError> {
    sse_2024::connect(upstream, declaration, 1).await.map(|(_, handshake)| handshake)
}

/// The object, or an empty one.
pub(crate) fn object_or_empty(value: Option<&RawValue>) -> Box<RawValue> {
    let object = value.filter(|value| raw::is_object(value));
    object.map_or_else(
        || RawValue::from_string("{}".to_owned()).unwrap_or_else(|_| RawValue::NULL.to_owned()),
        ToOwned::to_owned,
    )
}
