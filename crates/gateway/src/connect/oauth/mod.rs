//! This server as the OAuth client of an upstream's authorization server, for a person (`auth` of kind `oauth`).
//!
//! - [`server`]: which authorization server, and what it says of itself.
//! - [`client`]: this server there, registered or configured.
//! - [`token`]: codes and refresh tokens are exchanged for tokens, which are kept as one text.
//!
//! Invariant: every address that is asked is checked like that of an upstream. A token goes to the upstream that it was
//! issued for, a refresh token to the token endpoint that issued it, and no text that is shown quotes an answer.
//! Source: MCP 2026-07-28 `basic/authorization`, RFC 9728, RFC 8414, RFC 7591, RFC 7636, RFC 8707, RFC 9207.

pub mod client;
pub mod server;
pub mod token;

use std::time::Duration;

use mcp_platform::{Method, OutboundRequest, SharedPlatform};

use crate::address::{self, Surroundings};

/// How long an authorization server may take for one answer.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes that its answer may have.
const MAX_ANSWER: usize = 256 * 1024;

/// An answer of an authorization server: its status, and its text.
pub(super) type Said = (u16, String);

/// Sends a request to an address that may be called.
///
/// # Errors
/// Where it may not, or does not answer: why, for the person.
pub(super) async fn ask(
    (method, url): (Method, &str),
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
    surroundings: Surroundings<'_>,
    platform: &SharedPlatform,
) -> Result<Said, String> {
    let checked = address::check(url, surroundings).map_err(|error| {
        format!("its authorization server has an address that is refused: {error}")
    })?;
    let accept = ("Accept", "application/json".to_owned());
    let headers = std::iter::once(accept).chain(headers).collect();
    let url = checked.href;
    let request =
        OutboundRequest { method, url, headers, body, timeout: TIMEOUT, at_most: MAX_ANSWER };
    match platform.fetch(request).await {
        Ok(answer) => {
            let text = String::from_utf8(answer.body);
            let text = text.map_err(|_| "its authorization server gave no text".to_owned())?;
            Ok((answer.status, text))
        }
        Err(_) => Err("its authorization server cannot be reached".to_owned()),
    }
}
