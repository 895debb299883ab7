//! The way from a running call to whoever reads its answer.
//!
//! Invariant: the call never waits for its reader. Notifications are bounded and lossy, the final
//! answer is not: it is kept whatever the reader does.
//!
//! ```text
//!            push/comment            finish(reply)
//!   Open ───────────────▶ Streaming ─────────────▶ Done
//!     └──────────────────finish(reply)──────────────┘
//! ```

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use crate::protocol::{
    event::{self, StreamName},
    jsonrpc::RequestId,
};

/// Notifications that wait for a slow reader; later ones are dropped.
const MAX_WAITING: usize = 1_024;
/// Bytes of notifications that wait.
const MAX_WAITING_BYTES: usize = 1024 * 1024;

/// The end of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// The body had no request: 202 without content.
    Accepted,
    /// A response, or a batch of them.
    Json {
        /// The HTTP status where it is answered whole.
        status: u16,
        /// The text.
        body: Vec<u8>,
    },
}

/// One call's way back. Shared by the call, its driver and its reader; never by two requests at
/// once.
#[derive(Debug, Default)]
pub struct Channel(RefCell<Inner>);

#[derive(Debug, Default)]
struct Inner {
    request: Option<RequestId>,
    stream: Option<StreamName>,
    priming: bool,
    place: u32,
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
    reply: Option<Reply>,
    done: bool,
    reader_gone: bool,
    waker: Option<Waker>,
}

impl Channel {
    /// A new channel; the call names itself once it has been read.
    pub fn new() -> Rc<Self> {
        Rc::new(Self::default())
    }

    /// Names the call and its stream. `priming`: whether the stream starts with an empty event.
    pub fn name(&self, request: RequestId, stream: StreamName, priming: bool) {
        let mut inner = self.0.borrow_mut();
        inner.request = Some(request);
        inner.stream = Some(stream);
        inner.priming = priming;
        // Place 0 is that event's, whatever is sent before the answer becomes a stream.
        inner.place = u32::from(priming);
    }

    /// The request that the call answers.
    pub fn request(&self) -> Option<RequestId> {
        self.0.borrow().request.clone()
    }

    /// Sends a notification to the client, unless too many wait already.
    pub fn push(&self, json: &[u8]) {
        let mut inner = self.0.borrow_mut();
        if inner.done || inner.reader_gone || inner.is_full() {
            return;
        }
        let frame = inner.frame(json);
        inner.put(frame);
        inner.wake();
    }

    /// Shows the client that the call goes on, and the runtime whether the client is there.
    pub fn keep_alive(&self) {
        let mut inner = self.0.borrow_mut();
        if !inner.done && !inner.reader_gone && inner.waiting.is_empty() {
            inner.put(event::KEEP_ALIVE.to_vec());
            inner.wake();
        }
    }

    /// Ends the call. Only the first end counts.
    pub fn finish(&self, reply: Reply) {
        let mut inner = self.0.borrow_mut();
        if !inner.done {
            inner.done = true;
            inner.reply = Some(reply);
            inner.wake();
        }
    }

    /// Ends the call without an answer: the client took its request back.
    pub fn cancel(&self) {
        let mut inner = self.0.borrow_mut();
        inner.done = true;
        inner.reply = None;
        inner.wake();
    }

    /// The answer of a call that is done and sent no event before it.
    pub fn take_whole(&self) -> Option<Reply> {
        let mut inner = self.0.borrow_mut();
        if inner.waiting.is_empty() { inner.reply.take() } else { None }
    }

    /// Ready once there is something to tell: an event or the end.
    pub fn poll_news(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.0.borrow_mut();
        if inner.done || !inner.waiting.is_empty() {
            return Poll::Ready(());
        }
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The first bytes of the stream, where it starts with any.
    pub fn start_stream(&self) {
        let mut inner = self.0.borrow_mut();
        if inner.priming
            && let Some(stream) = &inner.stream
        {
            let first = event::priming(&stream.event_id(0));
            inner.waiting.push_front(first);
        }
    }

    /// All bytes that wait as one chunk, or None at the end of the stream.
    pub fn poll_chunk(&self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        let mut inner = self.0.borrow_mut();
        let mut chunk = inner.take_waiting();
        if let Some(Reply::Json { body, .. }) = inner.reply.take() {
            let frame = inner.frame(&body);
            chunk.extend_from_slice(&frame);
        }
        if !chunk.is_empty() {
            return Poll::Ready(Some(chunk));
        }
        if inner.done {
            return Poll::Ready(None);
        }
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The reader left: events go nowhere from here on, the call goes on.
    pub fn reader_left(&self) {
        let mut inner = self.0.borrow_mut();
        inner.reader_gone = true;
        inner.waiting.clear();
        inner.waiting_bytes = 0;
    }
}

impl Inner {
    fn is_full(&self) -> bool {
        self.waiting.len() >= MAX_WAITING || self.waiting_bytes >= MAX_WAITING_BYTES
    }

    fn next_id(&mut self) -> Option<String> {
        let id = self.stream.as_ref()?.event_id(self.place);
        self.place = self.place.saturating_add(1);
        Some(id)
    }

    fn frame(&mut self, json: &[u8]) -> Vec<u8> {
        let id = self.next_id();
        event::message(id.as_deref(), json)
    }

    fn put(&mut self, frame: Vec<u8>) {
        self.waiting_bytes = self.waiting_bytes.saturating_add(frame.len());
        self.waiting.push_back(frame);
    }

    fn take_waiting(&mut self) -> Vec<u8> {
        self.waiting_bytes = 0;
        let mut frames = self.waiting.drain(..);
        let mut chunk = frames.next().unwrap_or_default();
        frames.for_each(|frame| chunk.extend_from_slice(&frame));
        chunk
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;

    fn named(priming: bool) -> Rc<Channel> {
        let channel = Channel::new();
        let id = RequestId::read(&RawValue::from_string("1".into()).unwrap()).unwrap();
        channel.name(id.clone(), StreamName::of_call("i", 0, &id), priming);
        channel
    }

    fn chunk(channel: &Channel) -> Poll<Option<String>> {
        let mut cx = Context::from_waker(Waker::noop());
        channel.poll_chunk(&mut cx).map(|c| c.map(|bytes| String::from_utf8(bytes).unwrap()))
    }

    fn json(body: &str) -> Reply {
        Reply::Json { status: 200, body: body.as_bytes().to_vec() }
    }

    #[test]
    fn a_call_without_events_is_answered_whole() {
        let channel = named(true);
        channel.finish(json("{}"));
        assert_eq!(channel.take_whole(), Some(json("{}")));
    }

    #[test]
    fn a_call_with_events_becomes_a_stream_that_ends_after_its_answer() {
        let channel = named(false);
        channel.push(b"1");
        channel.finish(json("2"));
        assert_eq!(channel.take_whole(), None);
        channel.start_stream();
        let Poll::Ready(Some(text)) = chunk(&channel) else { panic!("no chunk") };
        assert_eq!(text.matches("data: ").count(), 2);
        assert_eq!(chunk(&channel), Poll::Ready(None));
    }

    #[test]
    fn a_stream_starts_with_an_empty_event_where_the_version_has_it() {
        let channel = named(true);
        channel.start_stream();
        let Poll::Ready(Some(text)) = chunk(&channel) else { panic!("no chunk") };
        assert!(text.starts_with("id: i.0.MQ.0\ndata: \n\n"), "{text}");
    }

    #[test]
    fn a_reader_that_never_reads_costs_bounded_memory_and_loses_no_answer() {
        let channel = named(false);
        for _ in 0..100_000 {
            channel.push(&[b'1'; 100]);
        }
        assert!(channel.0.borrow().waiting_bytes <= MAX_WAITING_BYTES + 200);
        channel.finish(json("\"the answer\""));
        let Poll::Ready(Some(text)) = chunk(&channel) else { panic!("no chunk") };
        assert!(text.contains("the answer"));
    }

    #[test]
    fn a_call_goes_on_when_its_reader_leaves() {
        let channel = named(false);
        channel.push(b"1");
        channel.reader_left();
        channel.push(b"2");
        channel.finish(json("3"));
        assert!(channel.0.borrow().done);
    }

    #[test]
    fn a_cancelled_call_ends_without_an_answer() {
        let channel = named(false);
        channel.cancel();
        channel.finish(json("late"));
        assert_eq!(chunk(&channel), Poll::Ready(None));
    }
}
