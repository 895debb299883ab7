//! Sessions of an upstream: their ids, and how one is opened (2024-11-05 to 2025-11-25).
//!
//! Source: MCP 2025-11-25 `basic/lifecycle`, `basic/transports` "Session Management".

use serde_json::value::RawValue;

use mcp_auth::secret::Secret;
use mcp_protocol::{fields::fields, jsonrpc::RequestId, object::Object, raw, version::Version};

use crate::{
    connection::Connection,
    era::{Era, Handshake, object_or_empty},
    error::UpstreamError,
    exchange::{Exchange, Reading},
    headers,
    request::{Declaration, request_text},
    upstream::Upstream,
};

/// Bytes that a session id may have.
const MAX_SESSION_ID: usize = 1024;

/// The id that an upstream gave a session: visible ASCII of at most 1 KiB. It is never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionId(Secret);

impl SessionId {
    /// Reads an id; None where it is empty, too long, or has other characters. Two headers arrive as one with a comma
    /// and a space in it, which is none either.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = !text.is_empty() && text.len() <= MAX_SESSION_ID;
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(Secret::new(text)))
    }

    /// The text, for the header and for a sealed store.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// Opens a session: `initialize`, then `notifications/initialized`.
///
/// # Errors
/// Where the upstream refuses, or agrees to a version that has no sessions here.
pub async fn initialize(
    upstream: &Upstream,
    declaration: &Declaration,
) -> Result<Handshake, UpstreamError> {
    let within = upstream.endpoint().timeouts.headers;
    let id = RequestId::number(0);
    let text = request_text(&id, "initialize", Some(&initialize_params(declaration)));
    let reading = Reading { version: None, session: None, headers_within: within };
    let deadline = upstream.deadline(None, Some(within));
    let mut exchange = Exchange::new(upstream, id, headers::post(), text, reading, deadline);
    let result = exchange.wait_for_result().await?;
    let session = exchange.session_header().map(|text| SessionId::parse(text).ok_or_else(bad_id));
    let session = session.transpose()?;
    let handshake = read_initialized(Era::Session, &result, session)?;
    let connection = Connection::of(upstream.clone(), declaration.clone(), &handshake, 1);
    match connection.notify("notifications/initialized", None).await {
        // Some servers answer notifications with an error although they took them.
        Ok(()) | Err(UpstreamError::Rpc(_) | UpstreamError::Refused { .. }) => Ok(handshake),
        Err(error) => Err(error),
    }
}

fn bad_id() -> UpstreamError {
    UpstreamError::bad_answer("the id of the session is not visible ASCII of at most 1 KiB", b"")
}

/// The parameters of `initialize`.
pub(crate) fn initialize_params(declaration: &Declaration) -> String {
    Object::new()
        .text("protocolVersion", Version::LATEST.as_str())
        .raw("capabilities", &declaration.capabilities)
        .raw("clientInfo", &declaration.client_info)
        .end()
}

/// What the result of `initialize` says.
///
/// # Errors
/// Where it lacks a version, or names one that has no sessions here.
pub(crate) fn read_initialized(
    era: Era,
    result: &RawValue,
    session: Option<SessionId>,
) -> Result<Handshake, UpstreamError> {
    let bad = |why| UpstreamError::bad_answer(why, result.get().as_bytes());
    let names = ["protocolVersion", "capabilities", "serverInfo", "instructions"];
    let found = fields(result.get(), names).map_err(|_| bad("a field is there twice"))?;
    let [version, capabilities, server_info, instructions] = found;
    let version = version.and_then(raw::text).and_then(|text| Version::parse(&text));
    let version = version
        .filter(|version| !version.is_stateless())
        .ok_or_else(|| bad("it agrees to no version that has sessions here"))?;
    Ok(Handshake {
        era,
        version,
        server_info: server_info.map(ToOwned::to_owned),
        capabilities: object_or_empty(capabilities),
        instructions: instructions.and_then(raw::string),
        session,
    })
}
