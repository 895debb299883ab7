//! A link: the numbered frames of both directions, over one socket after another.
//!
//! ```text
//!          welcome                    socket ends
//!   new ───────────► connected ─────────────────────► waiting ──► lost, after a minute or by an unknown link
//!                        ▲    resume from `received`     │
//!                        └───────────────────────────────┘
//! ```
//!
//! Invariant: the other side gets each numbered frame once and in order, or the link is lost and every channel of it ends with
//! an error. A sender keeps at most [`WINDOW_FRAMES`] frames of [`WINDOW_BYTES`] that are not acknowledged.
//! It knows no clock and no socket: time is what the caller says.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    frame::{FrameError, Header, MAX_SEQ},
    limits::{ACK_MS, CHUNK, MAX_HEADER, WINDOW_BYTES, WINDOW_FRAMES},
    message::{Ack, Class, Message},
};

/// Frames that only control messages may add to a full window.
const RESERVED_FRAMES: usize = 32;
/// Bytes that only control messages may add.
const RESERVED_BYTES: usize = CHUNK;
/// After so many frames an acknowledgement is due at once.
const ACK_FRAMES: usize = WINDOW_FRAMES / 4;
/// After so many bytes an acknowledgement is due at once.
const ACK_BYTES: usize = WINDOW_BYTES / 4;

/// Why a link cannot go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LinkError {
    /// A frame is missing.
    #[error("frame {expected} is missing before frame {got}")]
    Gap {
        /// The number of the next frame.
        expected: u64,
        /// The number that came.
        got: u64,
    },
    /// A frame has a number that it must not have, or none that it must have.
    #[error("the frame is numbered wrongly")]
    Numbering,
    /// A frame is acknowledged that was not sent.
    #[error("frame {0} is acknowledged, and was not sent")]
    NotSent(u64),
    /// Frames that the other side has not got are not kept any more.
    #[error("the frames to resume from are not there any more")]
    Lost,
}

/// What to do with a frame that arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Handle it.
    New,
    /// It was handled before: drop it.
    Again,
}

/// Where a link stands: what outlives the memory of an object, in the attachment of its socket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The number of the last frame that was sent.
    pub sent: u64,
    /// The number of the last frame that arrived.
    pub received: u64,
}

/// The numbered frames of both directions.
#[derive(Debug, Clone, Default)]
pub struct Link {
    at: Position,
    /// Frames that are not acknowledged, oldest first; the last one is number `at.sent`.
    kept: VecDeque<Vec<u8>>,
    kept_bytes: usize,
    /// The last frame without a number, which is not kept for another socket.
    unnumbered: Vec<u8>,
    due: Due,
}

/// What has arrived and was not acknowledged.
#[derive(Debug, Clone, Copy, Default)]
struct Due {
    frames: usize,
    bytes: usize,
    since_ms: Option<u64>,
}

impl Link {
    /// A link that stands there and keeps nothing. Frames of before can be neither resumed nor missed.
    pub fn at(at: Position) -> Self {
        Self { at, ..Self::default() }
    }

    /// Where it stands.
    pub fn position(&self) -> Position {
        self.at
    }

    /// Whether everything that was sent is acknowledged.
    pub fn is_settled(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether another frame of this class may be sent. Control messages have a reserve, so that they pass when the link is slow.
    pub fn has_room(&self, class: Class) -> bool {
        let (frames, bytes) = match class {
            Class::Control => (0, 0),
            _ => (RESERVED_FRAMES, RESERVED_BYTES),
        };
        let next = CHUNK.saturating_add(MAX_HEADER);
        self.kept.len().saturating_add(frames) < WINDOW_FRAMES
            && self.kept_bytes.saturating_add(bytes).saturating_add(next) <= WINDOW_BYTES
            && self.at.sent < MAX_SEQ
    }

    /// The bytes to send for a frame. They carry the acknowledgement that is due.
    ///
    /// # Errors
    /// Where it is too large.
    pub fn send(&mut self, header: Header, payload: &[u8]) -> Result<&[u8], FrameError> {
        let is_numbered = header.message.is_numbered();
        let seq = if is_numbered { self.at.sent.saturating_add(1) } else { 0 };
        if seq > MAX_SEQ {
            return Err(FrameError::Sequence);
        }
        let ack = self.at.received;
        let bytes = Header { seq, ack, ..header }.frame(payload)?;
        self.due = Due::default();
        if !is_numbered {
            self.unnumbered = bytes;
            return Ok(&self.unnumbered);
        }
        self.at.sent = seq;
        self.kept_bytes = self.kept_bytes.saturating_add(bytes.len());
        self.kept.push_back(bytes);
        Ok(self.kept.back().map_or(&[], Vec::as_slice))
    }

    /// Takes note of a frame that arrived. `bytes`: those of its payload.
    ///
    /// # Errors
    /// Where the link cannot go on: the socket is to be closed, and the next one resumes nothing.
    pub fn receive(
        &mut self,
        header: &Header,
        bytes: usize,
        now_ms: u64,
    ) -> Result<Arrival, LinkError> {
        self.acknowledged(header.ack)?;
        if header.message.is_numbered() != (header.seq > 0) {
            return Err(LinkError::Numbering);
        }
        let expected = self.at.received.saturating_add(1);
        match header.seq {
            0 => Ok(Arrival::New),
            got if got > expected => Err(LinkError::Gap { expected, got }),
            got if got < expected => Ok(Arrival::Again),
            _ => {
                self.at.received = expected;
                self.due.frames = self.due.frames.saturating_add(1);
                self.due.bytes = self.due.bytes.saturating_add(bytes);
                self.due.since_ms.get_or_insert(now_ms);
                Ok(Arrival::New)
            }
        }
    }

    /// When an acknowledgement is to be sent, if no other frame carries it before. None: nothing is to be acknowledged.
    pub fn ack_at_ms(&self) -> Option<u64> {
        let Due { frames, bytes, since_ms } = self.due;
        let wait = if frames >= ACK_FRAMES || bytes >= ACK_BYTES { 0 } else { ACK_MS };
        since_ms.map(|since_ms| since_ms.saturating_add(wait))
    }

    /// The frame that only acknowledges.
    ///
    /// # Errors
    /// Never: it is small.
    pub fn ack(&mut self) -> Result<&[u8], FrameError> {
        self.send(Message::Ack(Ack {}).into(), &[])
    }

    /// The frames that the other side has not got, to be sent first over the new socket.
    ///
    /// # Errors
    /// Where it has got what was not sent, or lacks what is not kept: the link is lost.
    pub fn resume(&mut self, received: u64) -> Result<impl Iterator<Item = &[u8]>, LinkError> {
        let oldest = self.oldest();
        if received.saturating_add(1) < oldest {
            return Err(LinkError::Lost);
        }
        self.acknowledged(received)?;
        // What arrived over the old socket is acknowledged by the handshake.
        self.due = Due::default();
        Ok(self.kept.iter().map(Vec::as_slice))
    }

    /// The number of the oldest frame that is kept, or of the next one.
    fn oldest(&self) -> u64 {
        let kept = u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        self.at.sent.saturating_sub(kept).saturating_add(1)
    }

    fn acknowledged(&mut self, ack: u64) -> Result<(), LinkError> {
        if ack > self.at.sent {
            return Err(LinkError::NotSent(ack));
        }
        while self.oldest() <= ack {
            let Some(frame) = self.kept.pop_front() else { break };
            self.kept_bytes = self.kept_bytes.saturating_sub(frame.len());
        }
        Ok(())
    }
}
