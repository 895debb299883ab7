//! The messages that wait for the client of a held stream.
//!
//! Invariant: they are bounded in number and in bytes. A message that is larger than the bound waits
//! only where nothing else does, so that the largest result that may be sent can be sent.

use std::task::{Context, Poll, Waker};

use mcp_protocol::event;

/// Messages that may wait.
const MAX_MESSAGES: usize = 256;
/// Bytes that they may have together: answers to calls that ran at once come at once, also to a client
/// that reads. The runtime holds up to two pieces more: the one that it writes and the next one.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// What the client has yet to read. It goes out in one piece.
#[derive(Default)]
pub struct Waiting {
    text: Vec<u8>,
    messages: usize,
    is_over: bool,
    reader: Option<Waker>,
}

/// The client reads too slowly: what waits already leaves no room for one more message.
#[derive(Debug, PartialEq, Eq)]
pub struct TooSlow;

impl Waiting {
    /// Adds a message.
    ///
    /// # Errors
    /// Where there is no room for it.
    pub fn push(&mut self, frame: Vec<u8>) -> Result<(), TooSlow> {
        let bytes = self.text.len().saturating_add(frame.len());
        if self.messages > 0 && (bytes > MAX_BYTES || self.messages >= MAX_MESSAGES) {
            return Err(TooSlow);
        }
        self.add(frame);
        Ok(())
    }

    /// Ends the stream behind a last comment, for which there is always room.
    pub fn end(&mut self, last_words: &str) {
        if !self.is_over {
            self.is_over = true;
            self.add(event::comment(last_words));
        }
    }

    /// Notes that the client left.
    pub fn leave(&mut self) {
        self.is_over = true;
    }

    /// Whether nothing more comes, or the client left.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// All that waits as one piece, or None at the end of the stream.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        if self.messages > 0 {
            self.messages = 0;
            return Poll::Ready(Some(std::mem::take(&mut self.text)));
        }
        if self.is_over {
            return Poll::Ready(None);
        }
        self.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn add(&mut self, frame: Vec<u8>) {
        if self.text.is_empty() {
            self.text = frame;
        } else {
            self.text.extend_from_slice(&frame);
        }
        self.messages = self.messages.saturating_add(1);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(waiting: &mut Waiting) -> Poll<Option<usize>> {
        let piece = waiting.poll(&mut Context::from_waker(Waker::noop()));
        piece.map(|piece| piece.map(|piece| piece.len()))
    }

    #[test]
    fn a_message_of_any_size_waits_alone_and_leaves_no_room() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.push(vec![b'x'; 4 * MAX_BYTES]), Ok(()));
        assert_eq!(waiting.push(vec![b'x']), Err(TooSlow));
        assert_eq!(read(&mut waiting), Poll::Ready(Some(4 * MAX_BYTES)));
        assert_eq!(waiting.push(vec![b'x']), Ok(()));
    }

    #[test]
    fn what_waits_and_the_last_words_are_read_before_the_end() {
        let mut waiting = Waiting::default();
        while waiting.push(vec![b'x'; 1_000]) == Ok(()) {}
        waiting.end("closed");
        waiting.end("closed again");
        let whole = MAX_MESSAGES * 1_000 + ": closed\n\n".len();
        assert_eq!(read(&mut waiting), Poll::Ready(Some(whole)));
        assert_eq!(read(&mut waiting), Poll::Ready(None));
    }

    proptest! {
        #[test]
        fn what_waits_is_bounded(frames in prop::collection::vec((0..MAX_BYTES, any::<bool>()), 0..16)) {
            let mut waiting = Waiting::default();
            let mut expected = 0_usize;
            for (bytes, reads) in frames {
                if waiting.push(vec![b'x'; bytes]).is_ok() {
                    expected = expected.saturating_add(bytes);
                }
                prop_assert!(waiting.text.len() <= MAX_BYTES && waiting.text.len() == expected);
                if reads && waiting.poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                    expected = 0;
                }
            }
        }
    }
}
