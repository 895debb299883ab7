//! One reader of a call's stream: an `mpsc` queue of the frames that it has not read yet.
//!
//! Invariant: every event in the queue is in the ring, too, which drops none of them. The bytes of a reader
//! that does not read are therefore those of the ring, and the queue needs no bound of its own. Beside
//! events it has at most three frames without a place: the event that starts the stream, one keep-alive
//! comment and the time to come back. When another reader comes, the queue of the one before is emptied:
//! a connection that is never read keeps nothing.
//!
//! A reader comes only once an answer has become a stream, so the word of the first event, which makes it
//! one, is a one-shot of the channel and no item of this queue.

use std::{
    cell::{Cell, RefCell},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use futures_channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures_util::{Stream, StreamExt as _};

use super::{Channel, ring::Frame};

/// The end of a reader's queue that the channel writes to.
pub(super) struct Feed {
    /// None once nothing more comes on this connection.
    sender: Option<UnboundedSender<Frame>>,
    queue: Rc<Queue>,
}

/// The end that is read, and what waits there.
pub(super) struct Queue {
    /// None once another reader came.
    frames: RefCell<Option<UnboundedReceiver<Frame>>>,
    /// Events that wait, without frames that have no place.
    events: Cell<usize>,
    /// Bytes of all frames that wait.
    bytes: Cell<usize>,
}

impl Feed {
    pub(super) fn new() -> Self {
        let (sender, receiver) = unbounded();
        let frames = RefCell::new(Some(receiver));
        let queue = Queue { frames, events: Cell::new(0), bytes: Cell::new(0) };
        Self { sender: Some(sender), queue: Rc::new(queue) }
    }

    /// The end that is read.
    pub(super) fn queue(&self) -> Rc<Queue> {
        self.queue.clone()
    }

    /// Whether this is the end that belongs to it.
    pub(super) fn is_of(&self, queue: &Rc<Queue>) -> bool {
        Rc::ptr_eq(&self.queue, queue)
    }

    /// Sends an event.
    pub(super) fn send(&self, event: &Frame) {
        if self.put(event.clone()) {
            self.queue.events.set(self.queue.events.get().saturating_add(1));
        }
    }

    /// Sends bytes that have no place on the stream.
    pub(super) fn send_aside(&self, bytes: Vec<u8>) {
        self.put(Rc::new(bytes));
    }

    fn put(&self, frame: Frame) -> bool {
        let bytes = self.queue.bytes.get().saturating_add(frame.len());
        let sent = self.sender.as_ref().is_some_and(|sender| sender.unbounded_send(frame).is_ok());
        if sent {
            self.queue.bytes.set(bytes);
        }
        sent
    }

    /// Ends the connection behind what waits.
    pub(super) fn close(&mut self) {
        self.sender = None;
    }

    /// Whether nothing waits for the reader.
    pub(super) fn is_read(&self) -> bool {
        self.queue.bytes.get() == 0
    }

    /// The latest events that the reader has not read; None where later ones do not reach it any more.
    pub(super) fn unread(&self) -> Option<usize> {
        self.sender.as_ref().map(|_| self.queue.events.get())
    }

    /// Ends the connection at once, because another reader came.
    pub(super) fn give_way(mut self) {
        self.queue.frames.take();
        // Wakes the reader.
        self.close();
    }
}

/// The body of a streamed answer: each read returns all frames that wait, as one piece. Dropping it marks the
/// reader as gone in the channel.
pub struct CallStream {
    channel: Rc<Channel>,
    queue: Rc<Queue>,
}

impl CallStream {
    pub(super) fn new(channel: Rc<Channel>, queue: Rc<Queue>) -> Self {
        Self { channel, queue }
    }
}

impl Stream for CallStream {
    type Item = Vec<u8>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut frames = self.queue.frames.borrow_mut();
        let Some(frames) = frames.as_mut() else {
            return Poll::Ready(None);
        };
        let Some(first) = ready!(frames.poll_next_unpin(cx)) else {
            return Poll::Ready(None);
        };
        let mut piece = Vec::with_capacity(self.queue.bytes.replace(0));
        piece.extend_from_slice(&first);
        while let Poll::Ready(Some(frame)) = frames.poll_next_unpin(cx) {
            piece.extend_from_slice(&frame);
        }
        self.queue.events.set(0);
        Poll::Ready(Some(piece))
    }
}

impl Drop for CallStream {
    fn drop(&mut self) {
        self.channel.left(&self.queue);
    }
}
