//! The errors of a stateless request and their form on the wire: HTTP status,
//! JSON-RPC code, data. The one place that knows.
//!
//! Invariant: 400 and 404 are for what the specification wants them for; every other error is the
//! answer of a request that was understood, and comes with 200. Source: MCP 2026-07-28
//! `basic/index` "Error Codes", `basic/transports/streamable-http`.

use serde_json::{Value, json};
use thiserror::Error;

use crate::stateless::request_state::{RequestStateError, StateTooLarge};
use crate::{
    bytes::cut_text,
    capabilities::ClientCapabilities,
    jsonrpc::{
        INTERNAL_ERROR, INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, RequestId, RpcError,
        error_text,
    },
    object::Object,
    stateless::{envelope::EnvelopeError, headers::HeaderError, mrtr::InputResponsesError},
    version::Version,
};

/// A header does not repeat what the body says.
pub const HEADER_MISMATCH: i32 = -32020;
/// The request needs what the client did not declare.
pub const MISSING_CLIENT_CAPABILITY: i32 = -32021;
/// The version is not served.
pub const UNSUPPORTED_VERSION: i32 = -32022;

/// Bytes of a method's name that an error repeats.
const MAX_SHOWN: usize = 128;

/// Why a stateless request is not carried out.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum StatelessError {
    /// Several messages in one body.
    #[error("batches do not exist in protocol version 2026-07-28: send one message per request")]
    Batch,
    /// The envelope is incomplete or malformed.
    #[error("invalid request envelope: {0}")]
    Envelope(#[from] EnvelopeError),
    /// The version that the envelope names is not served without a session.
    #[error("{}", unsupported(.0))]
    UnsupportedVersion(String),
    /// A header is missing, malformed, or says otherwise than the body.
    #[error("header mismatch: {0}")]
    Header(#[from] HeaderError),
    /// There is no such method, or it went away with the sessions.
    #[error("no method `{0}` in protocol version 2026-07-28")]
    MethodNotFound(String),
    /// The client did not declare what the request needs.
    #[error(
        "this needs client capabilities that the request does not declare: {0}; declare them in \
         `_meta[\"io.modelcontextprotocol/clientCapabilities\"]`"
    )]
    MissingCapability(ClientCapabilities),
    /// A parameter is missing.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A parameter must be a text.
    #[error("`{0}` must be a string")]
    NotText(&'static str),
    /// Another fault of the parameters.
    #[error("{0}")]
    Params(String),
    /// No such resource.
    #[error("no resource `{0}`: see resources/list and resources/templates/list")]
    ResourceNotFound(String),
    /// `requestState` was not made by this server for this request, or is over.
    #[error(transparent)]
    RequestState(#[from] RequestStateError),
    /// The answers of earlier rounds do not fit into a `requestState`.
    #[error(transparent)]
    StateTooLarge(#[from] StateTooLarge),
    /// An answer of the client is malformed.
    #[error("`inputResponses`: {0}")]
    Input(#[from] InputResponsesError),
    /// The server failed.
    #[error("internal error: {0}")]
    Internal(String),
}

impl StatelessError {
    /// The error for a method that does not exist.
    pub fn method_not_found(name: &str) -> Self {
        Self::MethodNotFound(cut_text(name, MAX_SHOWN).to_owned())
    }

    /// Refuses what needs more than the client declared.
    ///
    /// # Errors
    /// 400, −32021 with what is missing.
    pub fn unless_declared(
        declared: ClientCapabilities,
        needed: ClientCapabilities,
    ) -> Result<(), Self> {
        let missing = needed.without(declared);
        if missing.is_empty() { Ok(()) } else { Err(Self::MissingCapability(missing)) }
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        match self {
            Self::Batch
            | Self::Envelope(_)
            | Self::UnsupportedVersion(_)
            | Self::Header(_)
            | Self::MissingCapability(_) => 400,
            Self::MethodNotFound(_) => 404,
            Self::Missing(_)
            | Self::NotText(_)
            | Self::Params(_)
            | Self::ResourceNotFound(_)
            | Self::RequestState(_)
            | Self::StateTooLarge(_)
            | Self::Input(_)
            | Self::Internal(_) => 200,
        }
    }

    /// The JSON-RPC code.
    pub fn code(&self) -> i32 {
        match self {
            Self::Batch => INVALID_REQUEST,
            Self::UnsupportedVersion(_) => UNSUPPORTED_VERSION,
            Self::Header(_) => HEADER_MISMATCH,
            Self::MethodNotFound(_) => METHOD_NOT_FOUND,
            Self::MissingCapability(_) => MISSING_CLIENT_CAPABILITY,
            Self::Envelope(_)
            | Self::Missing(_)
            | Self::NotText(_)
            | Self::Params(_)
            | Self::ResourceNotFound(_)
            | Self::RequestState(_)
            | Self::StateTooLarge(_)
            | Self::Input(_) => INVALID_PARAMS,
            Self::Internal(_) => INTERNAL_ERROR,
        }
    }

    /// `error.data`, where the specification has some.
    pub fn data(&self) -> Option<Value> {
        match self {
            Self::UnsupportedVersion(asked) => {
                Some(json!({ "supported": supported_instead_of(asked), "requested": asked }))
            }
            Self::MissingCapability(missing) => {
                Some(json!({ "requiredCapabilities": missing.declaration() }))
            }
            Self::ResourceNotFound(uri) => Some(json!({ "uri": uri })),
            _ => None,
        }
    }

    /// The whole response. It carries the id of the request; without one it has no `id`, which
    /// must not be `null` in this era.
    pub fn response(&self, id: Option<&RequestId>) -> Vec<u8> {
        let error = RpcError::from(self);
        match id {
            Some(id) => error_text(Some(id), &error),
            None => {
                let answer = Object::new().text("jsonrpc", "2.0");
                answer.raw("error", &error.to_json()).end().into_bytes()
            }
        }
    }
}

impl From<&StatelessError> for RpcError {
    fn from(error: &StatelessError) -> Self {
        Self { code: error.code(), message: error.to_string(), data: error.data() }
    }
}

/// The versions to try instead, newest first. One that has sessions is not offered again to a
/// client that asked for it without one: it would come back the same way.
fn supported_instead_of(asked: &str) -> Vec<&'static str> {
    let has_sessions = Version::parse(asked).is_some();
    let offered: &[Version] = if has_sessions { &Version::STATELESS } else { &Version::ALL };
    offered.iter().rev().map(|version| version.as_str()).collect()
}

fn unsupported(asked: &str) -> String {
    let shown = cut_text(asked, MAX_SHOWN);
    let instead = supported_instead_of(asked).join(", ");
    match Version::parse(asked) {
        Some(_) => format!(
            "protocol version {shown} has sessions: send `initialize` without `_meta` to start \
             one, or use version {instead}"
        ),
        None => format!("unsupported protocol version {shown}; supported: {instead}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Examples, raw};

    #[test]
    fn an_error_keeps_the_id_of_its_request() {
        for id in ["7", "\"a\"", "-1"] {
            let id = RequestId::read(&raw(id)).unwrap();
            let text = StatelessError::method_not_found("ping").response(Some(&id));
            let answer: Value = serde_json::from_slice(&text).unwrap();
            assert_eq!(answer["id"].to_string(), id.as_json());
            assert_eq!(answer["error"]["code"], -32601);
        }
        let answer: Value = serde_json::from_slice(&StatelessError::Batch.response(None)).unwrap();
        assert_eq!(answer["error"]["code"], -32600);
        assert_eq!(answer.get("id"), None);
    }

    #[test]
    fn an_undeclared_capability_is_told_as_clients_declare_it() {
        let needed = ClientCapabilities::SAMPLING.with(ClientCapabilities::TASKS);
        let error = StatelessError::unless_declared(ClientCapabilities::TASKS, needed).unwrap_err();
        assert_eq!((error.status(), error.code()), (400, -32021));
        assert_eq!(error.data(), Some(json!({ "requiredCapabilities": { "sampling": {} } })));
        assert_eq!(StatelessError::unless_declared(needed, needed), Ok(()));
    }

    #[test]
    fn errors_of_requests_that_were_understood_come_with_200() {
        for error in [
            StatelessError::Missing("name"),
            StatelessError::NotText("uri"),
            StatelessError::Params("no tool `x`".into()),
            StatelessError::ResourceNotFound("a:b".into()),
            StatelessError::RequestState(RequestStateError),
        ] {
            assert_eq!((error.status(), error.code()), (200, -32602), "{error}");
        }
        let internal = StatelessError::Internal("x".into());
        assert_eq!((internal.status(), internal.code()), (200, -32603));
    }

    #[test]
    fn a_missing_resource_is_named() {
        let error = StatelessError::ResourceNotFound("test://x".into());
        assert_eq!(error.data(), Some(json!({ "uri": "test://x" })));
    }

    #[test]
    fn a_batch_is_an_invalid_request() {
        assert_eq!((StatelessError::Batch.status(), StatelessError::Batch.code()), (400, -32600));
    }

    #[test]
    fn the_codes_are_those_of_the_specification() {
        let Some(examples) = Examples::or_skip("the codes are those of the specification") else {
            return;
        };
        for (of, code) in [
            ("HeaderMismatchError", HEADER_MISMATCH),
            ("MissingRequiredClientCapabilityError", MISSING_CLIENT_CAPABILITY),
            ("UnsupportedProtocolVersionError", UNSUPPORTED_VERSION),
        ] {
            for (file, example) in examples.of(of) {
                assert_eq!(example["error"]["code"], code, "{of}/{file}");
            }
        }
    }
}
