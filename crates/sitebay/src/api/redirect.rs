//! Which redirects are followed: those that stay with the service.
//!
//! Invariant: the token and a body never go to another origin (RFC 9110 §15.4).

use super::{error::ApiError, request::Request};
use mcp_platform::{Method, OutboundResponse, url::Url};

/// How many redirects one request follows.
pub(crate) const MOST: u32 = 3;

/// Where a response sends the request; None when it is not a redirect.
pub(crate) fn target(
    request: &Request,
    from: &Url,
    response: &OutboundResponse,
) -> Result<Option<Url>, ApiError> {
    let keeps_method = match response.status {
        307 | 308 => true,
        301..=303 => false,
        _ => return Ok(None),
    };
    let location = response.location.as_deref().unwrap_or_default();
    let refused =
        || ApiError::RedirectRefused { status: response.status, location: shown(from, location) };
    let target = from.join(location).ok_or_else(refused)?;
    let allowed = keeps_method || request.method == Method::Get;
    if location.is_empty() || !allowed || target.origin != from.origin {
        return Err(refused());
    }
    Ok(Some(target))
}

/// The address without query and credentials, which may be secret.
fn shown(from: &Url, location: &str) -> String {
    match from.join(location) {
        Some(url) => format!("{}{}", url.origin, url.path),
        None => "an address that cannot be read".to_owned(),
    }
}
