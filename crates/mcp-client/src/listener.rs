//! The stream on which a session's server sends what belongs to no request.
//!
//! Invariant: answers on it are passed over; they have been given on the streams of their requests.

use std::collections::VecDeque;

use mcp_platform::stream::BodyStream;

use crate::{
    body::Body,
    error::UpstreamError,
    message::{Incoming, Message, Rules, read},
    reader::EventReader,
    upstream::Upstream,
};

/// A stream that is being listened to. It has no deadline: its holder ends it by dropping it.
pub struct Listener {
    body: Body,
    reader: EventReader,
    ready: VecDeque<Incoming>,
    depth: usize,
}

impl Listener {
    pub(crate) fn new(upstream: &Upstream, chunks: BodyStream) -> Self {
        let limits = upstream.endpoint().limits;
        Self {
            body: Body::new(chunks, upstream.deadline(None, None), None),
            reader: EventReader::new(limits.event),
            ready: VecDeque::new(),
            depth: limits.depth,
        }
    }

    /// The id of the last event, from which on the stream can be opened again.
    pub fn last_event_id(&self) -> Option<&str> {
        self.reader.last_id()
    }

    /// The wait before the stream is opened again, in milliseconds, where the server names one.
    pub fn retry_ms(&self) -> Option<u64> {
        self.reader.retry_ms()
    }

    /// The next message; None where the stream ended. Progress comes as a notification like others. What is no message is
    /// passed over, as nothing waits for it.
    ///
    /// # Errors
    /// Where the stream broke, or an event is too large.
    pub async fn next(&mut self) -> Result<Option<Incoming>, UpstreamError> {
        loop {
            if let Some(incoming) = self.ready.pop_front() {
                return Ok(Some(incoming));
            }
            if let Some(event) = self.reader.next_event()? {
                let rules = Rules { batch: true, depth: self.depth, status: 200 };
                let is_message = event.name.is_empty() || event.name == "message";
                let messages =
                    if is_message { read(event.data.as_bytes(), rules) } else { continue };
                self.ready.extend(
                    messages.unwrap_or_default().into_iter().filter_map(Message::unsolicited),
                );
                continue;
            }
            match self.body.next().await? {
                Some(chunk) => self.reader.push(&chunk),
                None => return Ok(None),
            }
        }
    }
}
