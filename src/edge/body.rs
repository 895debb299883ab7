//! Reading a request's body within its limit.

use futures_util::StreamExt as _;
use worker::{Request, Result};

use crate::edge::refusal::{MAX_BODY, Refusal};

/// Reads the whole body. One that declares its length is read at once; only a chunked one is
/// counted on the way, which costs a quarter of the speed.
pub async fn read_body(request: &mut Request) -> Result<std::result::Result<Vec<u8>, Refusal>> {
    match declared_length(request)? {
        Some(length) if length > MAX_BODY => Ok(Err(Refusal::TooLarge)),
        Some(_) => request.bytes().await.map(Ok),
        None => count(request).await,
    }
}

/// The `Content-Length`, where it is a number.
pub fn declared_length(request: &Request) -> Result<Option<usize>> {
    let header = request.headers().get("content-length")?;
    Ok(header.and_then(|length| length.trim().parse().ok()))
}

async fn count(request: &mut Request) -> Result<std::result::Result<Vec<u8>, Refusal>> {
    if request.inner().body().is_none() {
        return Ok(Ok(Vec::new()));
    }
    let mut body = Vec::new();
    let mut stream = request.stream()?;
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if body.len().saturating_add(chunk.len()) > MAX_BODY {
            return Ok(Err(Refusal::TooLarge));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Ok(body))
}
