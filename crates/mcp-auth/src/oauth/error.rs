//! Errors as OAuth names them: RFC 6749 §4.1.2.1 and §5.2, RFC 7591 §3.2.2, RFC 8707 §2.

use mcp_protocol::object::Object;

/// The name of an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the specifications")]
pub enum ErrorCode {
    AccessDenied,
    InvalidClient,
    InvalidClientMetadata,
    InvalidGrant,
    InvalidRedirectUri,
    InvalidRequest,
    InvalidTarget,
    TemporarilyUnavailable,
    UnsupportedGrantType,
    UnsupportedResponseType,
}

impl ErrorCode {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::InvalidClient => "invalid_client",
            Self::InvalidClientMetadata => "invalid_client_metadata",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRedirectUri => "invalid_redirect_uri",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidTarget => "invalid_target",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
        }
    }
}

/// Why something is refused, and what would be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OAuthError {
    /// The name.
    pub code: ErrorCode,
    /// The description, for the client's developer.
    pub why: &'static str,
}

impl OAuthError {
    /// A fault.
    pub const fn new(code: ErrorCode, why: &'static str) -> Self {
        Self { code, why }
    }

    /// One of the request's shape.
    pub const fn request(why: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, why)
    }

    /// One of a code or a token.
    pub const fn grant(why: &'static str) -> Self {
        Self::new(ErrorCode::InvalidGrant, why)
    }

    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self.code {
            ErrorCode::InvalidClient => 401,
            ErrorCode::TemporarilyUnavailable => 503,
            _ => 400,
        }
    }

    /// The JSON body.
    pub fn to_json(self) -> String {
        Object::new().text("error", self.code.as_str()).text("error_description", self.why).end()
    }
}
