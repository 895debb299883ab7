//! Puts messages together that arrive in chunks. The pieces of an answer's body ([`Data`]) are handed on as they arrive,
//! because where it is cut means nothing; only compressed ones wait for their end.
//!
//! Invariant: the chunks of a message arrive in its lane one after the other, without another message between them; anything
//! else is an error, and the message is dropped. No message is larger than its limit, compressed or not, and messages that
//! are not complete have together at most [`MAX_ASSEMBLY`] bytes with their headers, which are counted when their first chunk
//! arrives: neither their sizes nor their number can fill the memory.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::{
    channel::ChannelId,
    compression::{InflateError, inflate},
    exchange::Data,
    frame::{Frame, Header},
    limits::{Limits, MAX_ASSEMBLY, MAX_HEADER, MAX_OTHER},
    message::{Lane, Message},
};

/// A message that is complete, or a piece of an answer's body.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// The message.
    pub message: Message,
    /// Its payload, not compressed.
    pub payload: Vec<u8>,
}

/// Why a chunk is refused. In a channel it is a violation of its exchange, otherwise an error of the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChunkError {
    /// The message is too large.
    #[error("the message has {size} bytes; the limit is {limit}")]
    TooLarge {
        /// Its bytes.
        size: u64,
        /// Bytes that it may have.
        limit: u64,
    },
    /// Too many messages arrive at the same time.
    #[error("more than {MAX_ASSEMBLY} bytes of messages arrive at the same time")]
    TooMuch,
    /// A chunk is missing, came twice or came out of order.
    #[error("a chunk begins at {got}, and not at {expected}")]
    Order {
        /// Where the next chunk begins.
        expected: u64,
        /// Where this one does.
        got: u64,
    },
    /// Another message began before this one was complete, or the chunks differ in what they say of it.
    #[error("the chunks are of different messages")]
    Mixed,
    /// The payload cannot be read.
    #[error(transparent)]
    Inflate(#[from] InflateError),
}

/// A message of which the end has not arrived.
#[derive(Debug, Clone)]
struct Partial {
    message: Message,
    inflated: Option<u64>,
    total: u64,
    /// Bytes that have arrived.
    arrived: u64,
    /// Those that are kept for its end.
    bytes: Vec<u8>,
}

impl Partial {
    /// Bytes that it will have here.
    fn reserved(&self) -> u64 {
        let kept = if self.is_handed_on() { 0 } else { self.total };
        kept.saturating_add(MAX_HEADER as u64)
    }

    fn is_handed_on(&self) -> bool {
        matches!(self.message, Message::Data(Data { .. })) && self.inflated.is_none()
    }
}

/// The messages that arrive over a socket.
#[derive(Debug)]
pub struct Assembler {
    limit: u64,
    lanes: BTreeMap<Lane, Partial>,
    /// Bytes that the messages in `lanes` will have.
    reserved: u64,
}

impl Assembler {
    /// An empty one of a side that takes this much.
    pub fn new(limits: Limits) -> Self {
        Self { limit: limits.message, lanes: BTreeMap::new(), reserved: 0 }
    }

    /// Takes a frame. None: its message is not complete.
    ///
    /// # Errors
    /// Where it does not follow the one before in its lane, or its message is too large. What had arrived of it is dropped.
    pub fn take(&mut self, frame: Frame<'_>) -> Result<Option<Received>, ChunkError> {
        let Frame { header: Header { message, part, inflated, .. }, payload } = frame;
        let lane = message.lane();
        let before = self.remove(lane);
        let limit = self.limit(lane);
        let total = part.map_or(payload.len() as u64, |part| part.total);
        let size = total.max(inflated.unwrap_or_default());
        if size > limit {
            return Err(ChunkError::TooLarge { size, limit });
        }
        let at = part.map_or(0, |part| part.at);
        let mut partial = match before {
            None => Partial { message, inflated, total, arrived: 0, bytes: Vec::new() },
            Some(before) => {
                let is_same = before.message == message
                    && (before.inflated, before.total) == (inflated, total);
                if !is_same {
                    return Err(ChunkError::Mixed);
                }
                before
            }
        };
        if at != partial.arrived {
            return Err(ChunkError::Order { expected: partial.arrived, got: at });
        }
        partial.arrived = at.saturating_add(payload.len() as u64);
        partial.bytes.extend_from_slice(payload);
        self.advance(lane, partial, limit)
    }

    fn advance(
        &mut self,
        lane: Lane,
        mut partial: Partial,
        limit: u64,
    ) -> Result<Option<Received>, ChunkError> {
        if partial.arrived >= partial.total {
            return received(partial, limit).map(Some);
        }
        let reserved = self.reserved.saturating_add(partial.reserved());
        if reserved > MAX_ASSEMBLY as u64 {
            return Err(ChunkError::TooMuch);
        }
        let piece = partial.is_handed_on().then(|| Received {
            message: partial.message.clone(),
            payload: std::mem::take(&mut partial.bytes),
        });
        self.reserved = reserved;
        self.lanes.insert(lane, partial);
        Ok(piece)
    }

    /// Drops what has arrived of a message in a channel.
    pub fn drop_channel(&mut self, channel: ChannelId) {
        self.remove(Lane::Channel(channel));
    }

    fn remove(&mut self, lane: Lane) -> Option<Partial> {
        let partial = self.lanes.remove(&lane)?;
        self.reserved = self.reserved.saturating_sub(partial.reserved());
        Some(partial)
    }

    fn limit(&self, lane: Lane) -> u64 {
        match lane {
            Lane::Channel(_) => self.limit,
            Lane::Class(_) => MAX_OTHER as u64,
        }
    }
}

fn received(partial: Partial, limit: u64) -> Result<Received, ChunkError> {
    let Partial { message, inflated, bytes, .. } = partial;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let payload = match inflated {
        None => bytes,
        Some(size) => inflate(&bytes, size, limit)?,
    };
    Ok(Received { message, payload })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        exchange::{Cancel, CancelReason, Open},
        frame::Part,
        limits::CHUNK,
        message::{State, Stored},
    };

    fn open(number: u64) -> Message {
        let (ch, server, method) = (ChannelId::new(number), "echo".into(), "POST".into());
        Open { ch, server, method, headers: vec![], deadline_ms: None }.into()
    }

    fn chunk(message: Message, at: u64, total: u64, payload: &[u8]) -> Frame<'_> {
        let part = Some(Part { at, total });
        Frame { header: Header { part, ..message.into() }, payload }
    }

    fn assembler() -> Assembler {
        Assembler::new(Limits::OF_DEVICE)
    }

    #[test]
    fn chunks_become_one_message_and_lanes_do_not_mix() {
        let mut assembler = assembler();
        assert_eq!(assembler.take(chunk(open(1), 0, 4, b"ab")), Ok(None));
        assert_eq!(assembler.take(chunk(open(2), 0, 3, b"xy")), Ok(None));
        let stored = Message::from(Stored { last: 1 });
        let whole = Received { message: stored.clone(), payload: b"".to_vec() };
        assert_eq!(assembler.take(Frame { header: stored.into(), payload: b"" }), Ok(Some(whole)));
        let one = assembler.take(chunk(open(1), 2, 4, b"cd")).unwrap().unwrap();
        let two = assembler.take(chunk(open(2), 2, 3, b"z")).unwrap().unwrap();
        assert_eq!((&*one.payload, &*two.payload), (&b"abcd"[..], &b"xyz"[..]));
        assert_eq!(assembler.reserved, 0);
    }

    #[test]
    fn a_chunk_that_does_not_follow_is_refused_and_its_message_dropped() {
        let order = |expected, got| ChunkError::Order { expected, got };
        let other = Cancel { ch: ChannelId::new(1), reason: CancelReason::Gone };
        for (frame, error) in [
            (chunk(open(1), 4, 6, b"ef"), order(2, 4)),
            (chunk(open(1), 0, 6, b"ab"), order(2, 0)),
            (chunk(open(1), 1, 6, b"bc"), order(2, 1)),
            (chunk(open(1), 2, 5, b"cd"), ChunkError::Mixed),
            (chunk(other.into(), 2, 6, b"cd"), ChunkError::Mixed),
            (Frame { header: open(1).into(), payload: b"{}" }, ChunkError::Mixed),
        ] {
            let mut assembler = assembler();
            assembler.take(chunk(open(1), 0, 6, b"ab")).unwrap();
            assert_eq!(assembler.take(frame), Err(error));
            assert_eq!(assembler.reserved, 0);
            assert_eq!(assembler.take(chunk(open(1), 2, 6, b"cd")), Err(order(0, 2)));
            assert!(assembler.take(Frame { header: open(1).into(), payload: b"{}" }).is_ok());
        }
    }

    #[test]
    fn a_message_that_is_too_large_is_refused_at_its_first_chunk() {
        let limit = Limits::OF_DEVICE.message;
        let too_large = |size, limit| Err(ChunkError::TooLarge { size, limit });
        let mut assembler = assembler();
        assert_eq!(assembler.take(chunk(open(1), 0, limit, b"a")), Ok(None));
        assert_eq!(assembler.take(chunk(open(2), 0, limit + 1, b"a")), too_large(limit + 1, limit));
        assert_eq!(assembler.take(chunk(open(2), 0, u64::MAX, b"a")), too_large(u64::MAX, limit));
        let other = MAX_OTHER as u64;
        let state = Message::from(State { observed_generation: 1 });
        assert_eq!(assembler.take(chunk(state, 0, other + 1, b"a")), too_large(other + 1, other));
        let header = Header { inflated: Some(limit + 1), ..open(2).into() };
        assert_eq!(assembler.take(Frame { header, payload: b"a" }), too_large(limit + 1, limit));
    }

    #[test]
    fn the_pieces_of_a_body_are_handed_on_as_they_arrive_in_order() {
        let data = || Message::from(Data { ch: ChannelId::new(1) });
        let total = Limits::OF_WORKER.message;
        let mut assembler = Assembler::new(Limits::OF_WORKER);
        for (at, piece) in [(0, &b"ab"[..]), (2, b"c")] {
            let received = Received { message: data(), payload: piece.to_vec() };
            assert_eq!(assembler.take(chunk(data(), at, total, piece)), Ok(Some(received)));
        }
        assert_eq!(assembler.reserved, MAX_HEADER as u64, "nothing of the body is kept");
        let missing = assembler.take(chunk(data(), 4, total, b"e"));
        assert_eq!(missing, Err(ChunkError::Order { expected: 3, got: 4 }));
        let too_large = assembler.take(chunk(data(), 0, total + 1, b"a"));
        assert!(matches!(too_large, Err(ChunkError::TooLarge { .. })));
    }

    #[test]
    fn messages_that_are_not_complete_are_bounded_together() {
        let mut assembler = assembler();
        let limit = Limits::OF_DEVICE.message;
        for number in 1..=3 {
            assert_eq!(assembler.take(chunk(open(number), 0, limit, b"a")), Ok(None));
        }
        assert_eq!(assembler.take(chunk(open(4), 0, limit, b"a")), Err(ChunkError::TooMuch));
        let whole = assembler.take(Frame { header: open(5).into(), payload: &[0; CHUNK] });
        assert!(whole.unwrap().is_some(), "a message in one frame waits for nothing");
        assembler.drop_channel(ChannelId::new(1));
        assert_eq!(assembler.take(chunk(open(4), 0, limit, b"a")), Ok(None));
    }

    #[test]
    fn messages_that_are_not_complete_are_bounded_in_number() {
        let mut assembler = assembler();
        let data = |number| Message::from(Data { ch: ChannelId::new(number) });
        let taken = (0..10_000).filter(|number| {
            let frame = chunk(data(*number), 0, 2, b"a");
            assembler.take(frame).is_ok()
        });
        assert_eq!(taken.count(), MAX_ASSEMBLY / MAX_HEADER);
    }

    #[test]
    fn a_compressed_message_is_inflated_when_it_is_complete() {
        let text = "a result, ".repeat(500).into_bytes();
        let compressed = crate::compression::deflate(&text).unwrap();
        let (half, size) = (compressed.len() / 2, compressed.len() as u64);
        let frame = |at: usize, payload, inflated| {
            let part = Some(Part { at: at as u64, total: size });
            Frame { header: Header { part, inflated: Some(inflated), ..open(1).into() }, payload }
        };
        let mut assembler = assembler();
        for (inflated, is_right) in [(text.len() as u64, true), (1, false)] {
            assert_eq!(assembler.take(frame(0, &compressed[..half], inflated)), Ok(None));
            let whole = assembler.take(frame(half, &compressed[half..], inflated));
            match is_right {
                true => assert_eq!(whole.unwrap().unwrap().payload, text),
                false => assert_eq!(whole, Err(ChunkError::Inflate(InflateError::Malformed))),
            }
        }
    }
}
