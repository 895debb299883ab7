//! What is to be sent: one queue for each lane, and the order in which frames leave.
//!
//! Invariant: frames leave by class ([`Class`]), channels in turn, and the messages of a lane one after the other. A long
//! message leaves in chunks, and the order is decided anew before each: a result of 16 MiB holds up a command by one
//! chunk. Bytes of exchanges leave against credit; a channel without credit holds up no other.

use std::collections::{BTreeMap, VecDeque};

use thiserror::Error;

use crate::{
    channel::ChannelId,
    compression::deflate,
    credit::SendCredits,
    frame::{Header, Part},
    limits::{Limits, MAX_ASSEMBLY, MAX_OTHER},
    message::{Class, Lane, Message},
};

/// Why a message is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OutboxError {
    /// The other side takes no message of this size.
    #[error("the message has {size} bytes; the limit is {limit}")]
    TooLarge {
        /// Its bytes.
        size: usize,
        /// Bytes that a message may have.
        limit: usize,
    },
    /// Too much waits. What makes messages must wait, too.
    #[error("more than {MAX_ASSEMBLY} bytes wait to be sent")]
    Full,
}

/// A frame that is to be sent now.
#[derive(Debug, Clone, PartialEq)]
pub struct Outgoing {
    /// Its header, without numbers.
    pub header: Header,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// A message that waits, or of which the rest waits.
#[derive(Debug, Clone)]
struct Waiting {
    message: Message,
    payload: Vec<u8>,
    inflated: Option<u64>,
    sent: usize,
}

impl Waiting {
    fn rest(&self) -> usize {
        self.payload.len().saturating_sub(self.sent)
    }

    /// The next frame, of at most this much of the payload.
    fn next(&mut self, at_most: usize) -> Outgoing {
        let header = Header { inflated: self.inflated, ..self.message.clone().into() };
        if self.sent == 0 && self.payload.len() <= at_most {
            return Outgoing { header, payload: std::mem::take(&mut self.payload) };
        }
        let (at, total) = (self.sent as u64, self.payload.len() as u64);
        let end = self.sent.saturating_add(at_most).min(self.payload.len());
        let payload = self.payload.get(self.sent..end).unwrap_or_default().to_vec();
        self.sent = end;
        Outgoing { header: Header { part: Some(Part { at, total }), ..header }, payload }
    }
}

/// What is to be sent over a link.
#[derive(Debug)]
pub struct Outbox {
    limits: Limits,
    compresses: bool,
    lanes: BTreeMap<Lane, VecDeque<Waiting>>,
    /// Channels with something that waits; the one that sent last is at the end.
    turns: VecDeque<ChannelId>,
    /// Bytes of payload that wait.
    bytes: usize,
}

impl Outbox {
    /// An empty one towards a side that takes this much. `compresses`: both sides named the capability
    /// [`crate::compression::DEFLATE`].
    pub fn new(limits: Limits, compresses: bool) -> Self {
        Self { limits, compresses, lanes: BTreeMap::new(), turns: VecDeque::new(), bytes: 0 }
    }

    /// Puts a message at the end of its lane.
    ///
    /// # Errors
    /// Where it is too large, or too much waits.
    pub fn push(&mut self, message: Message, payload: Vec<u8>) -> Result<(), OutboxError> {
        let lane = message.lane();
        let (size, limit) = (payload.len(), self.limit(lane));
        if size > limit {
            return Err(OutboxError::TooLarge { size, limit });
        }
        if self.bytes > MAX_ASSEMBLY && size > 0 {
            return Err(OutboxError::Full);
        }
        // Logs are compressed where they are made.
        let compresses = self.compresses && message.class() != Class::Logs;
        let (payload, inflated) = match compresses.then(|| deflate(&payload)).flatten() {
            Some(compressed) => (compressed, Some(size as u64)),
            None => (payload, None),
        };
        self.bytes = self.bytes.saturating_add(payload.len());
        let queue = self.lanes.entry(lane).or_default();
        if let Lane::Channel(channel) = lane
            && queue.is_empty()
        {
            self.turns.push_back(channel);
        }
        queue.push_back(Waiting { message, payload, inflated, sent: 0 });
        Ok(())
    }

    /// The next frame. `has_room` says whether the link takes a frame of a class. None: nothing waits that may be sent.
    pub fn next(
        &mut self,
        credits: &mut SendCredits,
        has_room: impl Fn(Class) -> bool,
        now_ms: u64,
    ) -> Option<Outgoing> {
        const CLASSES: [Class; 5] =
            [Class::Control, Class::Mcp, Class::State, Class::Metrics, Class::Logs];
        CLASSES.into_iter().filter(|class| has_room(*class)).find_map(|class| match class {
            Class::Mcp => self.next_of_channels(credits, now_ms),
            class => self.next_of_lane(Lane::Class(class), self.limits.chunk()),
        })
    }

    /// Bytes that wait in a channel: what makes them is to stop while there are many.
    pub fn waiting(&self, channel: ChannelId) -> usize {
        let queue = self.lanes.get(&Lane::Channel(channel));
        queue.map_or(0, |queue| queue.iter().map(Waiting::rest).sum())
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Drops what waits in a channel, also the rest of a message. Send [`crate::exchange::Cancel`] or
    /// [`crate::exchange::Failed`] after it.
    pub fn drop_channel(&mut self, channel: ChannelId) {
        let queue = self.lanes.remove(&Lane::Channel(channel)).unwrap_or_default();
        let rest: usize = queue.iter().map(Waiting::rest).sum();
        self.bytes = self.bytes.saturating_sub(rest);
        self.turns.retain(|other| *other != channel);
    }

    fn limit(&self, lane: Lane) -> usize {
        match lane {
            Lane::Channel(_) => usize::try_from(self.limits.message).unwrap_or(usize::MAX),
            Lane::Class(_) => MAX_OTHER,
        }
    }

    /// The first channel in turn that may send.
    fn next_of_channels(&mut self, credits: &mut SendCredits, now_ms: u64) -> Option<Outgoing> {
        for _ in 0..self.turns.len() {
            let channel = self.turns.pop_front()?;
            self.turns.push_back(channel);
            let lane = Lane::Channel(channel);
            let rest = self.lanes.get(&lane).and_then(VecDeque::front).map_or(0, Waiting::rest);
            let credit = usize::try_from(credits.available(channel)).unwrap_or(usize::MAX);
            let at_most = rest.min(credit).min(self.limits.chunk());
            if rest > 0 && (at_most == 0 || credits.spend(channel, at_most as u64).is_err()) {
                credits.block(channel, now_ms);
                continue;
            }
            return self.next_of_lane(lane, at_most);
        }
        None
    }

    fn next_of_lane(&mut self, lane: Lane, at_most: usize) -> Option<Outgoing> {
        let queue = self.lanes.get_mut(&lane)?;
        let first = queue.front_mut()?;
        let outgoing = first.next(at_most);
        if first.rest() == 0 {
            queue.pop_front();
        }
        if queue.is_empty() {
            self.lanes.remove(&lane);
            self.turns.retain(|channel| lane != Lane::Channel(*channel));
        }
        self.bytes = self.bytes.saturating_sub(outgoing.payload.len());
        Some(outgoing)
    }
}
