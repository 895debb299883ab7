//! The latest events of one call, for a reader that is slow, away or comes back.
//!
//! Invariant: what [`Ring::make_room`] allows keeps it within [`MAX_EVENTS`] and [`MAX_BYTES`]; one event alone
//! may be larger. Questions to the client and the answer are added without asking: a call has one round
//! of questions open at a time and has one answer, whose results have at most `MAX_RESULT` bytes each.

use std::{collections::VecDeque, rc::Rc};

use mcp_protocol::event::{self, StreamId};

/// Events that are kept.
const MAX_EVENTS: usize = 1_024;
/// Bytes that they may have together.
pub(super) const MAX_BYTES: usize = 1024 * 1024;

/// An event as it goes on the wire. The ring and the queue of a reader share it.
pub(super) type Frame = Rc<Vec<u8>>;

/// The latest events, oldest first.
#[derive(Default)]
pub(super) struct Ring {
    /// The place of the next event on its stream.
    next: u32,
    events: VecDeque<(u32, Frame)>,
    bytes: usize,
}

impl Ring {
    /// Gives the first event this place.
    pub(super) fn start_at(&mut self, place: u32) {
        self.next = place;
    }

    /// Whether it holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// The number of events that it holds.
    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// Bytes of its events.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes room for an event of so many bytes. The oldest events go first, but none of the latest
    /// `unread` ones. False where that leaves no room.
    pub(super) fn make_room(&mut self, bytes: usize, unread: usize) -> bool {
        while self.is_full(bytes) {
            if self.events.len() <= unread {
                return false;
            }
            if let Some((_, frame)) = self.events.pop_front() {
                self.bytes = self.bytes.saturating_sub(frame.len());
            }
        }
        true
    }

    fn is_full(&self, more: usize) -> bool {
        let bytes = self.bytes.saturating_add(more);
        self.events.len() >= MAX_EVENTS || (self.bytes > 0 && bytes > MAX_BYTES)
    }

    /// Adds a message as the next event of this stream; without a stream it has no id.
    pub(super) fn add(&mut self, stream: Option<&StreamId>, json: &[u8]) -> Frame {
        let id = stream.map(|stream| stream.event_id(self.next));
        let frame = Rc::new(event::message(id.as_deref(), json));
        self.bytes = self.bytes.saturating_add(frame.len());
        self.events.push_back((self.next, frame.clone()));
        self.next = self.next.saturating_add(1);
        frame
    }

    /// The events from this place on.
    pub(super) fn from(&self, place: u32) -> impl Iterator<Item = &Frame> {
        self.events.iter().filter(move |(at, _)| *at >= place).map(|(_, frame)| frame)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_bounded_and_never_drops_what_is_unread(
            sizes in prop::collection::vec((0..MAX_BYTES / 4, 0_usize..8), 0..64),
        ) {
            let mut ring = Ring::default();
            for (size, unread) in sizes {
                let unread = unread.min(ring.len());
                let kept: Vec<_> = ring.from(0).skip(ring.len().saturating_sub(unread)).cloned().collect();
                if ring.make_room(size, unread) {
                    ring.add(None, &vec![b'1'; size]);
                    // The name of the event and its line breaks come on top.
                    prop_assert!(ring.bytes() <= MAX_BYTES + 32 && ring.len() <= MAX_EVENTS);
                }
                let bytes: usize = ring.from(0).map(|frame| frame.len()).sum();
                prop_assert_eq!(ring.bytes(), bytes);
                for frame in &kept {
                    prop_assert!(ring.from(0).any(|other| Rc::ptr_eq(other, frame)));
                }
            }
        }
    }
}
