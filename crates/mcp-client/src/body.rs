//! Bodies of answers: read within their deadlines and limits, and told apart by media type.

use futures_util::StreamExt as _;

use mcp_platform::stream::{BodyStream, StreamResponse};
use mcp_protocol::media::is_json;

use crate::{deadline::Deadline, error::UpstreamError};

/// The media type of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MediaType {
    Json,
    Events,
    Other,
}

/// The media type, which alone decides how a body is read.
pub(crate) fn media_type(response: &StreamResponse) -> MediaType {
    let declared = response.headers.get("content-type");
    let essence = declared.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    match () {
        () if is_json(declared) => MediaType::Json,
        () if essence.eq_ignore_ascii_case("text/event-stream") => MediaType::Events,
        () => MediaType::Other,
    }
}

/// A body of at most so many bytes, with its deadlines.
pub(crate) struct Body {
    chunks: BodyStream,
    deadline: Deadline,
    received: usize,
    limit: Option<usize>,
}

impl Body {
    pub(crate) fn new(chunks: BodyStream, deadline: Deadline, limit: Option<usize>) -> Self {
        Self { chunks, deadline, received: 0, limit }
    }

    /// The next bytes; None at the end.
    ///
    /// # Errors
    /// Where they do not come in time, are too many, or the connection breaks.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, UpstreamError> {
        let Some(chunk) = self.deadline.wait(self.chunks.next()).await? else {
            return Ok(None);
        };
        let chunk = chunk.map_err(|_| UpstreamError::Cut)?;
        self.received = self.received.saturating_add(chunk.len());
        match self.limit {
            Some(limit) if self.received > limit => Err(UpstreamError::TooLarge { limit }),
            _ => Ok(Some(chunk)),
        }
    }

    /// Another body in its place, with the same deadlines.
    pub(crate) fn replace(&mut self, chunks: BodyStream) {
        self.chunks = chunks;
    }

    /// Lets the body have no more bytes than this.
    pub(crate) fn limit_to(&mut self, limit: usize) {
        self.limit = Some(limit);
    }

    pub(crate) fn deadline(&mut self) -> &mut Deadline {
        &mut self.deadline
    }
}
