//! Reading a request's body within its limit: all of it, or as much as says which request is refused.

use futures_util::StreamExt as _;
use worker::{ByteStream, Method};

use crate::{
    error::{AppResult, Error},
    platform::http::Request,
};
use mcp_auth::{
    refusal::{MAX_BODY, Refusal},
    refused_request::RefusedRequest,
};
use mcp_protocol::raw;
use mcp_server::cold::cold;

/// Bytes of a refused body that are read and thrown away. A client that is still sending would see
/// a broken connection instead of the refusal.
const DISCARDED: usize = 32 * 1024 * 1024;

/// Bytes of a body that is read for the id of its request alone.
const READ_FOR_ID: usize = 256 * 1024;

/// Reads the whole body, without a byte order mark before it. A body that declares its length is read at once; only a
/// chunked one is read and counted piece by piece, and each piece is a call into JavaScript.
///
/// # Errors
/// [`Refusal::TooLarge`], and failures of the runtime.
pub async fn read_body(request: &Request) -> AppResult<Vec<u8>> {
    let body = match declared_length(request) {
        Some(length) if length > MAX_BODY => {
            return Err(cold(refuse(request.stream()?)).await);
        }
        Some(_) => request.bytes().await?,
        None => cold(count(request)).await?,
    };
    let text = raw::without_bom(&body);
    Ok(if text.len() == body.len() { body } else { text.to_vec() })
}

/// The `Content-Length`, where it is a number.
fn declared_length(request: &Request) -> Option<usize> {
    request.header("content-length")?.trim().parse().ok()
}

/// Refuses a body that declares more than the limit, and reads nothing of any other.
///
/// # Errors
/// As [`read_body`].
pub async fn check_declared(request: &Request) -> AppResult<()> {
    match declared_length(request) {
        Some(length) if length > MAX_BODY => Err(cold(refuse(request.stream()?)).await),
        _ => Ok(()),
    }
}

async fn count(request: &Request) -> AppResult<Vec<u8>> {
    let mut body = Vec::new();
    let Some(mut stream) = request.stream()? else {
        return Ok(body);
    };
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if body.len().saturating_add(chunk.len()) > MAX_BODY {
            return Err(refuse(Some(stream)).await);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// Reads on what is refused.
async fn refuse(rest: Option<ByteStream>) -> Error {
    let mut left = DISCARDED;
    if let Some(mut rest) = rest {
        while let Some(Ok(chunk)) = rest.next().await {
            match left.checked_sub(chunk.len()) {
                Some(less) => left = less,
                None => break,
            }
        }
    }
    Refusal::TooLarge.into()
}

/// The same error with the id of the refused request, as far as the HTTP request still has it.
pub async fn naming(error: Error, request: &Request) -> Error {
    match error {
        Error::Refused(refusal) => {
            let asked = asked_by(request, &refusal).await;
            Error::RefusedRequest(refusal, asked)
        }
        other => other,
    }
}

/// Which request is about to be refused. Reads its body where that can be read.
async fn asked_by(request: &Request, refusal: &Refusal) -> RefusedRequest {
    if request.method() != Method::Post || !refusal.leaves_waiting() {
        return RefusedRequest::Nothing;
    }
    let is_small = declared_length(request).is_some_and(|length| length <= READ_FOR_ID);
    if refusal.comes_after_the_body() || !is_small {
        return RefusedRequest::Unknown;
    }
    match read_body(request).await {
        Ok(body) => RefusedRequest::in_body(&body),
        Err(_) => RefusedRequest::Unknown,
    }
}
