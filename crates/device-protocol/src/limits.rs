//! The limits of a link, and the ones that each side announces.
//!
//! A received WebSocket message above 32 MiB ends the socket of a Durable Object with 1009, and nothing slows a sender down
//! there: 300 messages of 1 MiB reached 300 waiting handlers at once (measured on workerd 1.20261117). So frames
//! are small, and every byte of an exchange is sent against a credit.

use serde::{Deserialize, Serialize};

/// Bytes of a WebSocket message: one frame, or several small ones.
pub const MAX_FRAME: usize = 1 << 20;
/// Bytes of a frame's header.
pub const MAX_HEADER: usize = 16 << 10;
/// Bytes of payload in a frame; a longer message is sent in chunks of this size.
pub const CHUNK: usize = 256 << 10;
/// Bytes of small frames that share a WebSocket message.
pub const BUNDLE: usize = 64 << 10;
/// Bytes of a request's body to a device. A server on the TypeScript SDK ends at a line above 10 MiB (measured, 1.32.2).
pub const MAX_TO_DEVICE: usize = 8 << 20;
/// Bytes of a piece of an answer's body from a device: an MCP message is one piece.
pub const MAX_FROM_DEVICE: usize = 16 << 20;
/// Bytes of any other message: states, metrics, logs.
pub const MAX_OTHER: usize = 1 << 20;
/// Bytes of messages that arrive in chunks at the same time.
pub const MAX_ASSEMBLY: usize = 32 << 20;
/// Bytes that may be on their way in one channel.
pub const CHANNEL_CREDIT: u64 = 1 << 20;
/// Bytes that may be on their way in all channels of a socket.
pub const SOCKET_CREDIT: u64 = 4 << 20;
/// After so long without credit a channel is closed, in milliseconds.
pub const STARVED_MS: u64 = 30_000;
/// Frames that are kept until the other side has acknowledged them.
pub const WINDOW_FRAMES: usize = 256;
/// Bytes of frames that are kept.
pub const WINDOW_BYTES: usize = 4 << 20;
/// How long after its socket ended a link can be resumed, in milliseconds.
pub const RESUME_MS: u64 = 60_000;
/// The most that an acknowledgement is held back, in milliseconds.
pub const ACK_MS: u64 = 1_000;

/// What a side takes. Each is at most this crate's own value, so that an older side is not overrun.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// Bytes of a WebSocket message.
    pub frame: u64,
    /// Bytes of a body, or of a piece of one, uncompressed.
    pub message: u64,
    /// The credit with which a channel begins, in bytes.
    pub channel_credit: u64,
    /// The credit with which a socket begins, in bytes.
    pub socket_credit: u64,
}

/// Less than this would stop a link: a header and a little payload must fit.
const LEAST: u64 = 64 << 10;

impl Default for Limits {
    fn default() -> Self {
        Self::OF_DEVICE
    }
}

impl Limits {
    /// What a device takes.
    pub const OF_DEVICE: Self = Self::with_message(MAX_TO_DEVICE as u64);
    /// What the Worker takes.
    pub const OF_WORKER: Self = Self::with_message(MAX_FROM_DEVICE as u64);

    const fn with_message(message: u64) -> Self {
        Self {
            frame: MAX_FRAME as u64,
            message,
            channel_credit: CHANNEL_CREDIT,
            socket_credit: SOCKET_CREDIT,
        }
    }

    /// The limits to keep towards a side that announced these: never more than `known`, which is what such a side has in this
    /// version, and never so little that nothing could be sent.
    #[must_use]
    pub fn within(self, known: Self) -> Self {
        let within = |theirs: u64, known: u64| theirs.clamp(LEAST, known.max(LEAST));
        Self {
            frame: within(self.frame, known.frame),
            message: within(self.message, known.message),
            channel_credit: within(self.channel_credit, known.channel_credit),
            socket_credit: within(self.socket_credit, known.socket_credit),
        }
    }

    /// Bytes of payload that a frame to this side has at most.
    pub fn chunk(self) -> usize {
        let frame = usize::try_from(self.frame).unwrap_or(MAX_FRAME);
        frame.saturating_sub(MAX_HEADER).min(CHUNK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn announced_limits_are_kept_within_what_this_version_knows() {
        let huge = Limits { frame: u64::MAX, message: u64::MAX, ..Limits::OF_WORKER };
        assert_eq!(huge.within(Limits::OF_WORKER), Limits::OF_WORKER);
        let none = Limits { frame: 0, message: 0, channel_credit: 0, socket_credit: 0 };
        let least = none.within(Limits::OF_DEVICE);
        assert!(least.chunk() > 0 && least.channel_credit == LEAST);
        assert_eq!(Limits::OF_DEVICE.chunk(), CHUNK);
    }

    #[test]
    fn limits_that_are_not_announced_are_those_of_a_device() {
        let read: Limits = serde_json::from_str(r#"{"frame":70000,"new":1}"#).unwrap();
        assert_eq!(read, Limits { frame: 70_000, ..Limits::OF_DEVICE });
    }
}
