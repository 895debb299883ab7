//! Reading a request's body within its limit.

use futures_util::StreamExt as _;
use worker::{ByteStream, Result};

use crate::platform::http::Request;
use mcp_auth::refusal::{MAX_BODY, Refusal};
use mcp_protocol::raw;
use mcp_server::apart::compiled_apart;

/// Bytes of a refused body that are read and thrown away. A client that is still sending would see
/// a broken connection instead of the refusal.
const DISCARDED: usize = 32 * 1024 * 1024;

/// Reads the whole body, without a byte order mark before it. One that declares its length is read at once; only a chunked one is
/// counted on the way, which costs a quarter of the speed.
pub async fn read_body(request: &Request) -> Result<std::result::Result<Vec<u8>, Refusal>> {
    let read = match declared_length(request) {
        Some(length) if length > MAX_BODY => {
            return compiled_apart(refuse(request.stream()?)).await;
        }
        Some(_) => request.bytes().await.map(Ok),
        None => compiled_apart(count(request)).await,
    };
    Ok(read?.map(without_mark))
}

fn without_mark(body: Vec<u8>) -> Vec<u8> {
    let text = raw::unmarked(&body);
    if text.len() == body.len() { body } else { text.to_vec() }
}

/// The `Content-Length`, where it is a number.
fn declared_length(request: &Request) -> Option<usize> {
    request.header("content-length")?.trim().parse().ok()
}

/// Refuses a body that declares more than the limit, and reads nothing of any other.
pub async fn check_declared(request: &Request) -> Result<std::result::Result<(), Refusal>> {
    match declared_length(request) {
        Some(length) if length > MAX_BODY => compiled_apart(refuse(request.stream()?)).await,
        _ => Ok(Ok(())),
    }
}

async fn count(request: &Request) -> Result<std::result::Result<Vec<u8>, Refusal>> {
    let Some(mut stream) = request.stream()? else {
        return Ok(Ok(Vec::new()));
    };
    let mut body = Vec::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk?;
        if body.len().saturating_add(chunk.len()) > MAX_BODY {
            return refuse(Some(stream)).await;
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Ok(body))
}

async fn refuse<T>(rest: Option<ByteStream>) -> Result<std::result::Result<T, Refusal>> {
    let mut left = DISCARDED;
    let Some(mut rest) = rest else {
        return Ok(Err(Refusal::TooLarge));
    };
    while let Some(Ok(chunk)) = rest.next().await {
        match left.checked_sub(chunk.len()) {
            Some(less) => left = less,
            None => break,
        }
    }
    Ok(Err(Refusal::TooLarge))
}
