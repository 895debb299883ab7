//! The messages that wait for the client of a held stream.
//!
//! Invariant: they are bounded in number and in bytes. A message that is larger than the bound waits
//! only where nothing else does, so that the largest result that may be sent can be sent.

use std::{
    cell::Cell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, ready},
};

use futures_channel::mpsc::{Receiver, Sender, channel};
use futures_util::{Stream, StreamExt as _};

use mcp_protocol::event;

/// Messages that may wait.
const MAX_MESSAGES: usize = 256;
/// Bytes that they may have together: answers to calls that ran at once come at once, also to a client
/// that reads. The runtime holds up to two pieces more: the one that it writes and the next one.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The end of the queue that takes messages.
pub struct SendQueue {
    queue: Sender<Vec<u8>>,
    bytes: Rc<Cell<usize>>,
}

/// The end of the queue that the client reads: all that waits comes as one piece.
pub struct QueuedFrames {
    queue: Receiver<Vec<u8>>,
    bytes: Rc<Cell<usize>>,
}

/// The client reads too slowly: what waits already leaves no room for one more message.
#[derive(Debug, PartialEq, Eq)]
pub struct TooSlow;

/// A queue for the client of one stream.
pub fn queue() -> (SendQueue, QueuedFrames) {
    // Each sender has a place of its own beside these.
    let (sender, receiver) = channel(MAX_MESSAGES.saturating_sub(1));
    let bytes = Rc::new(Cell::new(0));
    (SendQueue { queue: sender, bytes: bytes.clone() }, QueuedFrames { queue: receiver, bytes })
}

impl SendQueue {
    /// Adds a message. One to a client that left is dropped.
    ///
    /// # Errors
    /// Where there is no room for it.
    pub fn push(&mut self, frame: Vec<u8>) -> Result<(), TooSlow> {
        let (waiting, more) = (self.bytes.get(), frame.len());
        if waiting > 0 && waiting.saturating_add(more) > MAX_BYTES {
            return Err(TooSlow);
        }
        match self.queue.try_send(frame) {
            Ok(()) => self.bytes.set(waiting.saturating_add(more)),
            Err(error) if error.is_full() => return Err(TooSlow),
            Err(_) => {}
        }
        Ok(())
    }

    /// Ends the stream behind a last comment, for which there is always room.
    pub fn end(mut self, last_words: &str) {
        let mut last = self.queue.clone();
        // Only a client that left does not get it.
        let _ = last.try_send(event::comment(last_words));
        self.queue.close_channel();
    }

    /// Whether the client left.
    pub fn is_over(&self) -> bool {
        self.queue.is_closed()
    }
}

impl Stream for QueuedFrames {
    type Item = Vec<u8>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        let Some(mut piece) = ready!(self.queue.poll_next_unpin(cx)) else {
            return Poll::Ready(None);
        };
        while let Poll::Ready(Some(frame)) = self.queue.poll_next_unpin(cx) {
            piece.extend_from_slice(&frame);
        }
        self.bytes.set(0);
        Poll::Ready(Some(piece))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &mut QueuedFrames) -> Option<Option<usize>> {
        let piece = futures_util::FutureExt::now_or_never(pieces.next());
        piece.map(|piece| piece.map(|piece| piece.len()))
    }

    #[test]
    fn a_message_of_any_size_waits_alone_and_leaves_no_room() {
        let (mut waiting, mut pieces) = queue();
        assert_eq!(waiting.push(vec![b'x'; 4 * MAX_BYTES]), Ok(()));
        assert_eq!(waiting.push(vec![b'x']), Err(TooSlow));
        assert_eq!(read(&mut pieces), Some(Some(4 * MAX_BYTES)));
        assert_eq!(waiting.push(vec![b'x']), Ok(()));
    }

    #[test]
    fn what_waits_and_the_last_words_are_read_before_the_end() {
        let (mut waiting, mut pieces) = queue();
        while waiting.push(vec![b'x'; 1_000]) == Ok(()) {}
        waiting.end("closed");
        let whole = MAX_MESSAGES * 1_000 + ": closed\n\n".len();
        assert_eq!(read(&mut pieces), Some(Some(whole)));
        assert_eq!(read(&mut pieces), Some(None));
    }

    #[test]
    fn a_client_that_left_makes_nothing_wait() {
        let (mut waiting, pieces) = queue();
        drop(pieces);
        assert!(waiting.is_over());
        for _ in 0..2 * MAX_MESSAGES {
            assert_eq!(waiting.push(vec![b'x'; MAX_BYTES]), Ok(()));
        }
    }

    proptest! {
        #[test]
        fn what_waits_is_bounded(frames in prop::collection::vec((0..MAX_BYTES, any::<bool>()), 0..16)) {
            let (mut waiting, mut pieces) = queue();
            let mut expected = 0_usize;
            for (bytes, reads) in frames {
                if waiting.push(vec![b'x'; bytes]).is_ok() {
                    expected = expected.saturating_add(bytes);
                }
                prop_assert!(expected <= MAX_BYTES && waiting.bytes.get() == expected);
                if reads && let Some(read) = read(&mut pieces) {
                    prop_assert_eq!(read, Some(expected));
                    expected = 0;
                }
            }
        }
    }
}
