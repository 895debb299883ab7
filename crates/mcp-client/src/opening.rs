//! The beginning of an exchange: the request is sent, and its answer told apart by status and media type.

use std::time::Duration;

use mcp_platform::{Method, stream::StreamResponse};

use crate::{
    body::{Body, MediaType, media_type},
    error::{RpcFailure, UpstreamError},
    headers::HeaderList,
    message::Answer,
    refusal::{Refused, classify},
    upstream::Upstream,
};

/// An answer whose headers are there.
pub(crate) enum Opened {
    Refused(RpcFailure),
    Json(StreamResponse),
    Events(StreamResponse),
}

/// Sends the request and tells its answer apart by status and media type.
pub(crate) async fn open(
    upstream: Upstream,
    headers: HeaderList,
    text: String,
    within: Duration,
    refused: Refused,
) -> Result<Opened, UpstreamError> {
    let response = upstream.send(Method::Post, headers, Some(text), Some(within)).await?;
    match (response.status, media_type(&response)) {
        (202 | 204 | 205, _) => Err(UpstreamError::NoAnswer { status: response.status }),
        (200..=299, MediaType::Json) => Ok(Opened::Json(response)),
        (200..=299, MediaType::Events) => Ok(Opened::Events(response)),
        (200..=299, MediaType::Other) => Err(wrong_type(&upstream, response).await),
        _ => match classify(&upstream, response, &refused).await? {
            Answer::Error(failure) => Ok(Opened::Refused(failure)),
            Answer::Result(_) => Err(UpstreamError::bad_answer("an error has a result", b"")),
        },
    }
}

/// An answer of another media type, quoted.
async fn wrong_type(upstream: &Upstream, response: StreamResponse) -> UpstreamError {
    let status = response.status;
    let mut body = Body::new(response.body, upstream.short_deadline(), None);
    match body.next().await {
        Ok(Some(chunk)) if !chunk.trim_ascii().is_empty() => {
            UpstreamError::bad_answer("it is neither JSON nor an event stream", &chunk)
        }
        _ => UpstreamError::NoAnswer { status },
    }
}
