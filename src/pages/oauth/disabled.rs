//! Answers where OAuth clients look and nothing is: 404 in the form of an OAuth error, which is what
//! they show to their people. Clients parse what `/register` answers as RFC 6749 §5.2 even with 404.

use worker::{Method, Result};

use super::reply;
use crate::platform::http::Response;
use mcp_auth::{authentication::AuthConfig, oauth::error::OAuthError};

/// Answers any OAuth request to a server without OAuth, and names its authentication method. `is_open`: authentication
/// is off.
///
/// # Errors
/// Only where the runtime fails.
pub fn off(method: &Method, auth: &AuthConfig, is_open: bool) -> Result<Response> {
    match method {
        Method::Options => reply::preflight(),
        _ => not_found(way_in(auth, is_open)),
    }
}

/// Answers a request for a document of something that is not here.
pub(super) fn nothing() -> Result<Response> {
    not_found("this server has no resource or issuer at this path: the MCP endpoint is /mcp")
}

fn not_found(why: &'static str) -> Result<Response> {
    reply::json(404, &OAuthError::request(why).to_json())
}

fn way_in(auth: &AuthConfig, is_open: bool) -> &'static str {
    if is_open {
        "this server has no OAuth: no sign-in is needed, connect without credentials"
    } else if auth.is_closed() {
        "this server has no OAuth, and refuses all requests until its operator sets the secret \
         MCP_API_KEY"
    } else if auth.takes_secrets_only() {
        "this server has no OAuth: connect with the header X-MCP-Secret: <secret>, with the secret from its \
         operator"
    } else {
        "this server has no OAuth: connect with the header Authorization: Bearer <key>, with a key from \
         its operator"
    }
}
