//! Carries the events and the answer of one call to the client that reads them.
//!
//! Invariant: the call never waits for its reader. Events are bounded in number and in bytes, and are
//! dropped beyond that; questions to the client and the final answer are not. An event stays in the ring
//! ([`ring`]) until its room is needed, so that a client that lost its connection reads on where it was.
//! One reader at a time has a queue of what it has not read yet ([`reader`]); both share the bytes.
//!
//! ```text
//!            push/ask                finish(reply)
//!   Open ───────────────▶ Streaming ─────────────▶ Done
//!     └──────────────────finish(reply)──────────────┘
//! ```
//!
//! A quick call is answered whole, and makes neither a ring nor a queue.

mod reader;
mod ring;

pub use reader::CallStream;

use std::{cell::RefCell, rc::Rc};

use futures_channel::oneshot;
use mcp_auth::scope::BeyondScope;
use mcp_protocol::{
    event::{self, StreamName},
    jsonrpc::RequestId,
};
use reader::{Feed, Queue};
use ring::Ring;

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

/// One call's events and answer. Shared by the call, its driver and its readers; never by two objects.
#[derive(Default)]
pub struct Channel(RefCell<Inner>);

/// Takes messages as they come.
pub type Sink = Rc<dyn Fn(&[u8])>;

/// What the client can receive before the answer.
#[derive(Default)]
enum Delivery {
    /// Events on the stream of the call.
    #[default]
    Stream,
    /// Nothing: the client takes one answer in one piece.
    Whole,
    /// Messages that go out at once, on a wire whose one stream carries everything.
    Direct(Sink),
}

#[derive(Default)]
struct Inner {
    request: Option<RequestId>,
    stream: Option<StreamName>,
    priming: bool,
    delivery: Delivery,
    ring: Ring,
    /// The queue of the reader, while there is one.
    feed: Option<Feed>,
    /// Whether the answer has become a stream.
    streamed: bool,
    /// When the client is to come back, in milliseconds, where its connection ends before the call.
    pause: Option<u32>,
    /// Takes word of the first event, a pause or the end, until the answer is a stream.
    first: Option<oneshot::Sender<()>>,
    reply: Option<Reply>,
    done: bool,
}

impl Channel {
    /// A new channel; the call names itself once it has been read.
    pub fn new() -> Rc<Self> {
        Rc::new(Self::default())
    }

    /// The channel of a request whose events have no ids, because its stream cannot be read on.
    pub fn of_request(request: RequestId) -> Rc<Self> {
        Self::with(Inner { request: Some(request), ..Inner::default() })
    }

    /// The channel of a client that takes one answer and nothing before it.
    pub fn whole_only() -> Rc<Self> {
        Self::with(Inner { delivery: Delivery::Whole, ..Inner::default() })
    }

    /// A channel that keeps nothing: every message goes to `sink` at once.
    pub fn direct(sink: Sink) -> Rc<Self> {
        Self::with(Inner { delivery: Delivery::Direct(sink), ..Inner::default() })
    }

    fn with(inner: Inner) -> Rc<Self> {
        Rc::new(Self(RefCell::new(inner)))
    }

    /// Whether a question on it reaches the client.
    pub fn takes_questions(&self) -> bool {
        !matches!(self.0.borrow().delivery, Delivery::Whole)
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
        inner.ring.start_at(u32::from(priming));
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
        self.0.borrow().streamed
    }

    /// Sends a notification to the client, unless too many wait already.
    pub fn push(&self, json: &[u8]) {
        let mut inner = self.0.borrow_mut();
        if !inner.done && inner.has_room(json.len()) {
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
        let inner = self.0.borrow();
        if let Some(feed) = inner.feed.as_ref().filter(|feed| !inner.done && feed.is_read()) {
            feed.send_aside(event::KEEP_ALIVE.to_vec());
        }
    }

    /// Ends the reader's connection and tells it to come back after `retry_ms` (SEP-1699).
    pub fn pause(&self, retry_ms: u32) {
        let mut inner = self.0.borrow_mut();
        if inner.stream.is_none() || inner.done {
            return;
        }
        match &mut inner.feed {
            Some(feed) => {
                feed.send_aside(event::retry(retry_ms));
                feed.close();
            }
            None => {
                inner.pause = Some(retry_ms);
                inner.tell_first();
            }
        }
    }

    /// Ends the call. Only the first end counts.
    pub fn finish(&self, reply: Reply) {
        let mut inner = self.0.borrow_mut();
        if !inner.done {
            inner.reply = Some(reply);
            if inner.feed.is_some() || matches!(inner.delivery, Delivery::Direct(_)) {
                inner.append_answer();
            }
            inner.end();
        }
    }

    /// Ends the call without an answer: the client took its request back.
    pub fn cancel(&self) {
        let mut inner = self.0.borrow_mut();
        inner.reply = None;
        inner.end();
    }

    /// Whether the client took its request back, or the call is over.
    pub fn is_done(&self) -> bool {
        self.0.borrow().done
    }

    /// Bytes that it keeps for readers, its answer included.
    pub fn weight(&self) -> usize {
        let inner = self.0.borrow();
        let answer = inner.reply.as_ref().and_then(Reply::body).map_or(0, <[u8]>::len);
        inner.ring.bytes().saturating_add(answer)
    }

    /// The answer of a call that is done and sent no event before it.
    pub fn take_whole(&self) -> Option<Reply> {
        let mut inner = self.0.borrow_mut();
        if inner.ring.is_empty() && inner.pause.is_none() { inner.reply.take() } else { None }
    }

    /// Ready once there is something to tell: an event, a pause or the end. There is one at a time.
    pub fn first_news(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        let mut inner = self.0.borrow_mut();
        inner.first = Some(sender);
        if inner.done || inner.pause.is_some() || !inner.ring.is_empty() {
            inner.tell_first();
        }
        receiver
    }

    /// The whole stream, for the first reader.
    pub fn events(self: &Rc<Self>) -> CallStream {
        let mut inner = self.0.borrow_mut();
        let mut feed = Feed::new();
        if let Some(stream) = inner.stream.as_ref().filter(|_| inner.priming) {
            // The reader must know the id before it is told to come back.
            feed.send_aside(event::priming(&stream.event_id(0)));
        }
        let pause = inner.pause.take();
        if let Some(retry_ms) = pause {
            feed.send_aside(event::retry(retry_ms));
        }
        inner.replay(&feed, 0);
        if pause.is_some() {
            feed.close();
        }
        CallStream::new(self.clone(), inner.attach(feed))
    }

    /// What follows the event at `last`, for a reader that comes back.
    pub fn events_after(self: &Rc<Self>, last: u32) -> CallStream {
        let mut inner = self.0.borrow_mut();
        inner.pause = None;
        let feed = Feed::new();
        inner.replay(&feed, last.saturating_add(1));
        CallStream::new(self.clone(), inner.attach(feed))
    }

    /// A reader left: the call goes on, and events wait for one that comes back.
    fn left(&self, queue: &Rc<Queue>) {
        let mut inner = self.0.borrow_mut();
        if inner.feed.as_ref().is_some_and(|feed| feed.is_of(queue)) {
            inner.feed = None;
        }
    }

    /// Whether somebody reads.
    pub fn has_reader(&self) -> bool {
        self.0.borrow().feed.is_some()
    }
}

impl Inner {
    /// Makes room for an event of so many bytes where it can.
    fn has_room(&mut self, bytes: usize) -> bool {
        match self.delivery {
            Delivery::Whole => false,
            Delivery::Direct(_) => true,
            Delivery::Stream => {
                let unread = self.feed.as_ref().and_then(Feed::unread);
                let unread = unread.unwrap_or_else(|| self.ring.len());
                self.ring.make_room(bytes, unread)
            }
        }
    }

    fn append(&mut self, json: &[u8]) {
        if let Delivery::Direct(sink) = &self.delivery {
            return sink(json);
        }
        let event = self.ring.add(self.stream.as_ref(), json);
        if let Some(feed) = &self.feed {
            feed.send(&event);
        }
        self.streamed = true;
        self.tell_first();
    }

    /// Puts the answer behind the events once the call is over.
    fn append_answer(&mut self) {
        if let Some(body) = self.reply.take().as_ref().and_then(Reply::body) {
            self.append(body);
        }
    }

    fn end(&mut self) {
        self.done = true;
        if let Some(feed) = &mut self.feed {
            feed.close();
        }
        self.tell_first();
    }

    fn tell_first(&mut self) {
        if let Some(first) = self.first.take() {
            // The handler may have left.
            let _ = first.send(());
        }
    }

    /// Sends the events that are kept from this place on.
    fn replay(&mut self, feed: &Feed, place: u32) {
        self.append_answer();
        for event in self.ring.from(place) {
            feed.send(event);
        }
    }

    /// Makes this the queue of the reader.
    fn attach(&mut self, mut feed: Feed) -> Rc<Queue> {
        if self.done {
            feed.close();
        }
        self.streamed = true;
        let queue = feed.queue();
        if let Some(before) = self.feed.replace(feed) {
            before.give_way();
        }
        queue
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        task::{Context, Poll, Wake},
    };

    use futures_util::{FutureExt as _, StreamExt as _};
    use serde_json::value::RawValue;

    use super::{ring::MAX_BYTES, *};

    fn named(priming: bool) -> Rc<Channel> {
        let channel = Channel::new();
        let id = RequestId::read(&RawValue::from_string("1".into()).unwrap()).unwrap();
        channel.name(id.clone(), StreamName::of_call("i", 0, &id), priming);
        channel
    }

    /// What waits; None where nothing does, and Some(None) at the end.
    fn piece(reader: &mut CallStream) -> Option<Option<String>> {
        let piece = reader.next().now_or_never()?;
        Some(piece.map(|bytes| String::from_utf8(bytes).unwrap()))
    }

    #[track_caller]
    fn text(reader: &mut CallStream) -> String {
        piece(reader).flatten().expect("a piece")
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
        let mut reader = channel.events();
        assert_eq!(text(&mut reader).matches("data: ").count(), 2);
        assert_eq!(piece(&mut reader), Some(None));
    }

    #[test]
    fn a_stream_starts_with_an_empty_event_where_the_version_has_it() {
        let channel = named(true);
        let mut reader = channel.events();
        let text = text(&mut reader);
        assert!(text.starts_with("id: i.0.MQ.0\ndata: \n\n"), "{text}");
    }

    #[test]
    fn a_reader_that_never_reads_costs_bounded_memory_and_loses_no_answer() {
        for bytes in [100, 10_000, 700_000] {
            let channel = named(false);
            let mut reader = channel.events();
            for _ in 0..20_000 {
                channel.push(&vec![b'1'; bytes]);
            }
            // The id and the name of the last event come on top.
            assert!(channel.weight() <= MAX_BYTES + 200, "{bytes} bytes each");
            channel.finish(json("\"the answer\""));
            assert!(text(&mut reader).contains("the answer"));
        }
    }

    #[test]
    fn a_reader_that_comes_back_reads_on_where_it_was() {
        let channel = named(false);
        channel.push(b"1");
        let mut first = channel.events();
        assert!(text(&mut first).contains("id: i.0.MQ.0\n"));
        drop(first);
        channel.push(b"2");
        channel.finish(json("3"));
        let mut second = channel.events_after(0);
        let rest = text(&mut second);
        assert!(!rest.contains("data: 1") && rest.contains("data: 2"), "{rest}");
        assert!(rest.contains("data: 3"), "{rest}");
        assert_eq!(piece(&mut second), Some(None));
        // What was written may be read again.
        let mut third = channel.events_after(0);
        assert!(text(&mut third).contains("data: 3"));
        assert_eq!(piece(&mut second), Some(None));
    }

    #[test]
    fn a_channel_is_named_once() {
        let channel = named(false);
        channel.push(b"1");
        let id = RequestId::read(&RawValue::from_string("2".into()).unwrap()).unwrap();
        channel.name(id.clone(), StreamName::of_call("i", 1, &id), true);
        channel.push(b"2");
        let mut reader = channel.events();
        let text = text(&mut reader);
        assert!(text.contains("id: i.0.MQ.0\n") && text.contains("id: i.0.MQ.1\n"), "{text}");
        assert_eq!(piece(&mut reader), None);
    }

    #[test]
    fn a_pause_ends_the_connection_and_not_the_call() {
        let channel = named(true);
        channel.pause(500);
        let mut reader = channel.events();
        let before = text(&mut reader);
        assert!(before.starts_with("id: ") && before.contains("retry: 500"), "{before}");
        assert_eq!(piece(&mut reader), Some(None));
        let mut back = channel.events_after(0);
        assert_eq!(piece(&mut back), None);
        channel.finish(json("3"));
        assert!(text(&mut back).contains("data: 3"));
    }

    #[test]
    fn a_cancelled_call_ends_without_an_answer() {
        let channel = named(false);
        let mut reader = channel.events();
        channel.cancel();
        channel.finish(json("late"));
        assert_eq!(piece(&mut reader), Some(None));
    }

    #[test]
    fn another_reader_ends_the_one_before_and_drops_what_waited_for_it() {
        let channel = named(false);
        channel.push(b"1");
        let mut first = channel.events();
        let frame = Rc::downgrade(channel.0.borrow().ring.from(0).next().unwrap());
        let mut second = channel.events_after(0);
        assert_eq!(frame.strong_count(), 1, "only the ring keeps it");
        channel.push(b"2");
        assert_eq!(piece(&mut first), Some(None));
        assert!(text(&mut second).contains("data: 2"));
        // The end of the first connection is not the end of the second.
        drop(first);
        assert!(channel.has_reader());
        drop(second);
        assert!(!channel.has_reader());
    }

    #[test]
    fn a_reader_that_waits_hears_of_an_event_of_the_end_and_of_another_reader() {
        let woken = |act: fn(&Rc<Channel>)| {
            let channel = named(false);
            let mut reader = channel.events();
            let waker = Arc::new(Woken::default());
            let polled = reader.poll_next_unpin(&mut Context::from_waker(&waker.clone().into()));
            assert_eq!(polled, Poll::Pending);
            act(&channel);
            waker.0.load(Ordering::Relaxed)
        };
        assert!(woken(|channel| channel.push(b"1")));
        assert!(woken(|channel| channel.keep_alive()));
        assert!(woken(|channel| channel.pause(1)));
        assert!(woken(|channel| channel.cancel()));
        assert!(woken(|channel| channel.finish(json("1"))));
        assert!(woken(|channel| drop(channel.events_after(0))));
    }

    #[derive(Default)]
    struct Woken(AtomicBool);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_a_reader_has_read_makes_room_and_what_it_has_not_read_stays() {
        let channel = named(false);
        let mut reader = channel.events();
        let large = vec![b'1'; MAX_BYTES / 2];
        for _ in 0..8 {
            channel.push(&large);
            assert!(text(&mut reader).len() > large.len());
        }
        channel.push(&large);
        // One more does not fit beside the one that waits.
        channel.push(&large);
        channel.push(b"2");
        let rest = text(&mut reader);
        assert_eq!(rest.matches("data: ").count(), 2, "the large one and the small one");
        assert!(channel.weight() <= MAX_BYTES);
    }

    #[test]
    fn a_comment_shows_that_the_call_goes_on_where_nothing_else_waits() {
        let channel = named(false);
        channel.keep_alive();
        let mut reader = channel.events();
        channel.keep_alive();
        channel.keep_alive();
        assert_eq!(text(&mut reader), ": keep-alive\n\n");
        channel.push(b"1");
        channel.keep_alive();
        assert!(!text(&mut reader).contains("keep-alive"));
    }

    #[test]
    fn the_first_news_are_an_event_a_pause_or_the_end() {
        let told = |act: fn(&Channel)| {
            let channel = named(false);
            let mut news = channel.first_news();
            assert_eq!(news.try_recv(), Ok(None));
            act(&channel);
            let later = channel.first_news().try_recv();
            (news.try_recv(), later) == (Ok(Some(())), Ok(Some(())))
        };
        assert!(told(|channel| channel.push(b"1")));
        assert!(told(|channel| channel.pause(1)));
        assert!(told(|channel| channel.cancel()));
        assert!(told(|channel| channel.finish(Reply::Accepted)));
    }
}
