//! The way from a running call to whoever reads its answer, now or after coming back.
//!
//! Invariant: the call never waits for its reader. Notifications are bounded and lossy; questions to
//! the client and the final answer are not. What was written stays until it no longer fits, so that
//! a client that lost its connection reads on where it was.
//!
//! ```text
//!            push/ask                finish(reply)
//!   Open ───────────────▶ Streaming ─────────────▶ Done
//!     └──────────────────finish(reply)──────────────┘
//! ```

use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    task::{Context, Poll, Waker},
};

use mcp_auth::scope::BeyondScope;
use mcp_protocol::{
    event::{self, StreamName},
    jsonrpc::RequestId,
};

/// Notifications that are kept for a reader that is slow or away.
const MAX_EVENTS: usize = 1_024;
/// Bytes that they may have together; one alone may have more. Questions to the client and the answer
/// come on top: a call puts one round of questions at a time and has one answer, whose results have at
/// most `MAX_RESULT` bytes each.
const MAX_BYTES: usize = 1024 * 1024;

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
    /// A response to a request that is beyond the caller's scopes.
    Forbidden(BeyondScope, Vec<u8>),
}

impl Reply {
    /// The text of the responses, where there are any.
    pub fn body(&self) -> Option<&[u8]> {
        match self {
            Self::Accepted => None,
            Self::Json { body, .. } | Self::Forbidden(_, body) => Some(body),
        }
    }
}

/// One call's way back. Shared by the call, its driver and its readers; never by two objects.
#[derive(Debug, Default)]
pub struct Channel(RefCell<Inner>);

/// One reader of a channel; a later one takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaderId(u32);

#[derive(Debug, Default)]
struct Inner {
    request: Option<RequestId>,
    stream: Option<StreamName>,
    priming: bool,
    /// The place of the next event.
    place: u32,
    events: VecDeque<(u32, Vec<u8>)>,
    bytes: usize,
    reply: Option<Reply>,
    done: bool,
    reader: u32,
    /// The place that the reader reads next; None while nobody reads.
    cursor: Option<u32>,
    /// Bytes outside the numbered events, for the reader of the moment.
    aside: Vec<u8>,
    /// The reader's connection ends here, the call does not.
    pause: bool,
    waker: Option<Waker>,
    /// The client takes one answer and nothing before it.
    whole_only: bool,
    /// Where messages go at once, on a wire whose one stream carries everything.
    direct: Direct,
}

/// Takes messages as they come.
pub type Sink = Rc<dyn Fn(&[u8])>;

#[derive(Default)]
struct Direct(Option<Sink>);

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Direct").field(&self.0.is_some()).finish()
    }
}

impl Channel {
    /// A new channel; the call names itself once it has been read.
    pub fn new() -> Rc<Self> {
        Rc::new(Self::default())
    }

    /// The channel of a request whose events have no ids, because its stream cannot be read on.
    pub fn of_request(request: RequestId) -> Rc<Self> {
        let channel = Self::default();
        channel.0.borrow_mut().request = Some(request);
        Rc::new(channel)
    }

    /// The channel of a client that takes one answer and nothing before it.
    pub fn whole_only() -> Rc<Self> {
        let channel = Self::default();
        channel.0.borrow_mut().whole_only = true;
        Rc::new(channel)
    }

    /// Whether a question on it reaches the client.
    pub fn takes_questions(&self) -> bool {
        !self.0.borrow().whole_only
    }

    /// A channel that keeps nothing: every message goes to `sink` at once.
    pub fn direct(sink: Sink) -> Rc<Self> {
        let channel = Self::default();
        channel.0.borrow_mut().direct = Direct(Some(sink));
        Rc::new(channel)
    }

    /// Names the call and its stream. `priming`: whether the stream starts with an empty event. Only
    /// the first name counts: events carry it.
    pub fn name(&self, request: RequestId, stream: StreamName, priming: bool) {
        let mut inner = self.0.borrow_mut();
        if inner.stream.is_some() {
            return;
        }
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

    /// The name of the call's stream.
    pub fn stream(&self) -> Option<StreamName> {
        self.0.borrow().stream.clone()
    }

    /// Whether the answer has become a stream.
    pub fn is_streamed(&self) -> bool {
        let inner = self.0.borrow();
        inner.reader > 0 || !inner.events.is_empty()
    }

    /// Sends a notification to the client, unless too many wait already.
    pub fn push(&self, json: &[u8]) {
        let mut inner = self.0.borrow_mut();
        if !inner.done && !inner.whole_only && inner.has_room(json.len()) {
            inner.append(json);
        }
    }

    /// Sends a request to the client; it is never dropped.
    pub fn ask(&self, json: &[u8]) {
        let mut inner = self.0.borrow_mut();
        if !inner.done {
            inner.append(json);
        }
    }

    /// Shows the client that the call goes on, and the runtime whether the client is there.
    pub fn keep_alive(&self) {
        let mut inner = self.0.borrow_mut();
        if !inner.done && inner.cursor == Some(inner.place) && inner.aside.is_empty() {
            inner.aside.extend_from_slice(event::KEEP_ALIVE);
            inner.wake();
        }
    }

    /// Ends the reader's connection and tells it to come back after `retry_ms` (SEP-1699).
    pub fn pause(&self, retry_ms: u32) {
        let mut inner = self.0.borrow_mut();
        if inner.stream.is_some() && !inner.done {
            inner.aside.extend_from_slice(&event::retry(retry_ms));
            inner.pause = true;
            inner.wake();
        }
    }

    /// Ends the call. Only the first end counts.
    pub fn finish(&self, reply: Reply) {
        let mut inner = self.0.borrow_mut();
        if !inner.done {
            inner.done = true;
            inner.reply = Some(reply);
            if inner.direct.0.is_some() {
                inner.settle();
            }
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

    /// Whether the client took its request back, or the call is over.
    pub fn is_done(&self) -> bool {
        self.0.borrow().done
    }

    /// Bytes that it keeps for readers, its answer included.
    pub fn weight(&self) -> usize {
        let inner = self.0.borrow();
        let answer = inner.reply.as_ref().and_then(Reply::body).map_or(0, <[u8]>::len);
        inner.bytes.saturating_add(answer).saturating_add(inner.aside.len())
    }

    /// The answer of a call that is done and sent no event before it.
    pub fn take_whole(&self) -> Option<Reply> {
        let mut inner = self.0.borrow_mut();
        if inner.events.is_empty() && !inner.pause { inner.reply.take() } else { None }
    }

    /// Ready once there is something to tell: an event, a pause or the end.
    pub fn poll_news(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut inner = self.0.borrow_mut();
        if inner.done || inner.pause || !inner.events.is_empty() {
            return Poll::Ready(());
        }
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// A first reader: it gets everything.
    pub fn read(&self) -> ReaderId {
        let mut inner = self.0.borrow_mut();
        if inner.priming
            && let Some(stream) = &inner.stream
        {
            let first = event::priming(&stream.event_id(0));
            // The reader must know the id before it is told to come back.
            inner.aside.splice(0..0, first);
        }
        inner.attach(0)
    }

    /// A reader that comes back and has read up to the event at `last`.
    pub fn read_after(&self, last: u32) -> ReaderId {
        let mut inner = self.0.borrow_mut();
        inner.aside.clear();
        inner.pause = false;
        inner.attach(last.saturating_add(1))
    }

    /// All bytes that wait as one chunk, or None at the end of the stream.
    pub fn poll_chunk(&self, reader: ReaderId, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        let mut inner = self.0.borrow_mut();
        if inner.reader != reader.0 {
            return Poll::Ready(None);
        }
        inner.settle();
        let chunk = inner.take_chunk();
        if !chunk.is_empty() {
            return Poll::Ready(Some(chunk));
        }
        if inner.done || inner.pause {
            return Poll::Ready(None);
        }
        inner.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// A reader left: the call goes on, and events wait for one that comes back.
    pub fn left(&self, reader: ReaderId) {
        let mut inner = self.0.borrow_mut();
        if inner.reader == reader.0 {
            inner.cursor = None;
            inner.aside.clear();
        }
    }

    /// Whether somebody reads.
    pub fn has_reader(&self) -> bool {
        self.0.borrow().cursor.is_some()
    }
}

impl Inner {
    /// Makes room for so many bytes where it can: what the reader has seen goes first.
    fn has_room(&mut self, more: usize) -> bool {
        while self.is_full(more) {
            let seen = self.cursor.zip(self.events.front()).is_some_and(|(at, (p, _))| *p < at);
            if !seen {
                return false;
            }
            self.drop_first();
        }
        true
    }

    fn is_full(&self, more: usize) -> bool {
        let bytes = self.bytes.saturating_add(more);
        self.events.len() >= MAX_EVENTS || (self.bytes > 0 && bytes > MAX_BYTES)
    }

    fn drop_first(&mut self) {
        if let Some((_, frame)) = self.events.pop_front() {
            self.bytes = self.bytes.saturating_sub(frame.len());
        }
    }

    fn append(&mut self, json: &[u8]) {
        if let Some(sink) = &self.direct.0 {
            return sink(json);
        }
        let id = self.stream.as_ref().map(|stream| stream.event_id(self.place));
        let frame = event::message(id.as_deref(), json);
        self.bytes = self.bytes.saturating_add(frame.len());
        self.events.push_back((self.place, frame));
        self.place = self.place.saturating_add(1);
        self.wake();
    }

    fn attach(&mut self, from: u32) -> ReaderId {
        self.reader = self.reader.saturating_add(1);
        self.cursor = Some(from);
        self.wake();
        ReaderId(self.reader)
    }

    /// Puts the final answer behind the events once the call is over.
    fn settle(&mut self) {
        if let Some(body) = self.reply.take().as_ref().and_then(Reply::body) {
            self.append(body);
        }
    }

    fn take_chunk(&mut self) -> Vec<u8> {
        let mut chunk = std::mem::take(&mut self.aside);
        let from = self.cursor.unwrap_or(self.place);
        for (_, frame) in self.events.iter().filter(|(place, _)| *place >= from) {
            chunk.extend_from_slice(frame);
        }
        self.cursor = Some(self.place);
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

    fn chunk(channel: &Channel, reader: ReaderId) -> Poll<Option<String>> {
        let mut cx = Context::from_waker(Waker::noop());
        let chunk = channel.poll_chunk(reader, &mut cx);
        chunk.map(|c| c.map(|bytes| String::from_utf8(bytes).unwrap()))
    }

    #[track_caller]
    fn text(channel: &Channel, reader: ReaderId) -> String {
        let Poll::Ready(Some(text)) = chunk(channel, reader) else { panic!("no chunk") };
        text
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
        let reader = channel.read();
        assert_eq!(text(&channel, reader).matches("data: ").count(), 2);
        assert_eq!(chunk(&channel, reader), Poll::Ready(None));
    }

    #[test]
    fn a_stream_starts_with_an_empty_event_where_the_version_has_it() {
        let channel = named(true);
        let reader = channel.read();
        let text = text(&channel, reader);
        assert!(text.starts_with("id: i.0.MQ.0\ndata: \n\n"), "{text}");
    }

    #[test]
    fn a_reader_that_never_reads_costs_bounded_memory_and_loses_no_answer() {
        for bytes in [100, 10_000, 700_000] {
            let channel = named(false);
            let reader = channel.read();
            for _ in 0..20_000 {
                channel.push(&vec![b'1'; bytes]);
            }
            // The id and the name of the last event come on top.
            assert!(channel.0.borrow().bytes <= MAX_BYTES + 200, "{bytes} bytes each");
            channel.finish(json("\"the answer\""));
            assert!(text(&channel, reader).contains("the answer"));
        }
    }

    #[test]
    fn a_reader_that_comes_back_reads_on_where_it_was() {
        let channel = named(false);
        channel.push(b"1");
        let first = channel.read();
        assert!(text(&channel, first).contains("id: i.0.MQ.0\n"));
        channel.left(first);
        channel.push(b"2");
        channel.finish(json("3"));
        let second = channel.read_after(0);
        let rest = text(&channel, second);
        assert!(!rest.contains("data: 1") && rest.contains("data: 2"), "{rest}");
        assert!(rest.contains("data: 3"), "{rest}");
        assert_eq!(chunk(&channel, second), Poll::Ready(None));
        // What was written may be read again.
        let third = channel.read_after(0);
        assert!(text(&channel, third).contains("data: 3"));
        assert_eq!(chunk(&channel, second), Poll::Ready(None));
    }

    #[test]
    fn a_channel_is_named_once() {
        let channel = named(false);
        channel.push(b"1");
        let id = RequestId::read(&RawValue::from_string("2".into()).unwrap()).unwrap();
        channel.name(id.clone(), StreamName::of_call("i", 1, &id), true);
        channel.push(b"2");
        let reader = channel.read();
        let text = text(&channel, reader);
        assert!(text.contains("id: i.0.MQ.0\n") && text.contains("id: i.0.MQ.1\n"), "{text}");
        assert_eq!(chunk(&channel, reader), Poll::Pending);
    }

    #[test]
    fn a_pause_ends_the_connection_and_not_the_call() {
        let channel = named(true);
        channel.pause(500);
        let reader = channel.read();
        let before = text(&channel, reader);
        assert!(before.starts_with("id: ") && before.contains("retry: 500"), "{before}");
        assert_eq!(chunk(&channel, reader), Poll::Ready(None));
        let back = channel.read_after(0);
        assert_eq!(chunk(&channel, back), Poll::Pending);
        channel.finish(json("3"));
        assert!(text(&channel, back).contains("data: 3"));
    }

    #[test]
    fn a_cancelled_call_ends_without_an_answer() {
        let channel = named(false);
        let reader = channel.read();
        channel.cancel();
        channel.finish(json("late"));
        assert_eq!(chunk(&channel, reader), Poll::Ready(None));
    }
}
