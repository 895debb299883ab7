//! Carries the events and the answer of one call to the client that reads them.
//!
//! Invariant: the call never waits for its reader. Events are bounded in number and in bytes, and are
//! dropped beyond that; questions to the client and the final answer are not. An event stays in the ring
//! (`ring`) until its room is needed, so that a client that lost its connection reads on where it was.
//! One reader at a time has a queue of what it has not read yet (`reader`); both share the bytes.
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
    event::{self, StreamId},
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
    stream: Option<StreamId>,
    priming: bool,
    delivery: Delivery,
    ring: Ring,
    /// The queue of the reader, while there is one.
    feed: Option<Feed>,
    /// Whether the answer has become a stream.
    streamed: bool,
    /// The last reader left before the end.
    deserted: bool,
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
    pub fn name(&self, request: RequestId, stream: StreamId, priming: bool) {
        let mut inner = self.0.borrow_mut();
        if inner.stream.is_some() {
            return;
        }
        inner.request = Some(request);
        inner.stream = Some(stream);
        inner.priming = priming;
        // Place 0 is that event's, even if others are sent before the response becomes a stream.
        inner.ring.start_at(u32::from(priming));
    }

    /// The request that the call answers.
    pub fn request(&self) -> Option<RequestId> {
        self.0.borrow().request.clone()
    }

    /// The name of the call's stream.
    pub fn stream(&self) -> Option<StreamId> {
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

    /// Ends the reader's connection and asks it to reconnect after `retry_ms` (SEP-1699).
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
            // The reader must know the id before it is asked to reconnect.
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
            inner.deserted = !inner.done;
        }
    }

    /// Whether its last reader left before the end, and none came since.
    pub fn is_deserted(&self) -> bool {
        self.0.borrow().deserted
    }

    /// Whether it has a reader.
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
        self.deserted = false;
        let queue = feed.queue();
        if let Some(before) = self.feed.replace(feed) {
            before.give_way();
        }
        queue
    }
}

#[cfg(test)]
mod tests;
