//! Which request a refusal answers: found out from the request itself.

use mcp_auth::{asked::Asked, refusal::Refusal};
use worker::Method;

use crate::{body::read_body, platform::http::Request};

/// Bytes of a body that is read for the id alone.
const READ_FOR_ID: usize = 256 * 1024;

/// Finds out from a request that is about to be refused, with its body if that can be read.
pub async fn asked_by(request: &Request, refusal: &Refusal) -> Asked {
    if request.method() != Method::Post || !refusal.leaves_waiting() {
        return Asked::Nothing;
    }
    if refusal.comes_after_the_body() || !is_small(request) {
        return Asked::Unknown;
    }
    match read_body(request).await {
        Ok(Ok(body)) => Asked::in_body(&body),
        _ => Asked::Unknown,
    }
}

fn is_small(request: &Request) -> bool {
    let declared = request.header("content-length");
    declared
        .and_then(|length| length.trim().parse().ok())
        .is_some_and(|it: usize| it <= READ_FOR_ID)
}
