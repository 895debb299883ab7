//! Channels: one MCP session through a device each.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::fault::Fault;

/// Names an MCP channel of a link. Its text, 16 hexadecimal digits, is also the tag of the Worker's socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ChannelId(u64);

/// The text names no channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a channel of 16 hexadecimal digits")]
pub struct NoChannel;

impl ChannelId {
    /// A channel by a random number.
    pub fn new(random: u64) -> Self {
        Self(random)
    }
}

impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl From<ChannelId> for String {
    fn from(channel: ChannelId) -> Self {
        channel.to_string()
    }
}

impl FromStr for ChannelId {
    type Err = NoChannel;

    fn from_str(text: &str) -> Result<Self, NoChannel> {
        let is_one = text.len() == 16 && text.bytes().all(|b| b"0123456789abcdef".contains(&b));
        let number = u64::from_str_radix(text, 16).ok().filter(|_| is_one);
        number.map(Self).ok_or(NoChannel)
    }
}

impl TryFrom<String> for ChannelId {
    type Error = NoChannel;

    fn try_from(text: String) -> Result<Self, NoChannel> {
        text.parse()
    }
}

/// Opens a channel to a server: the client's side begins a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The new channel.
    pub ch: ChannelId,
    /// The server's id on the device.
    pub server: String,
    /// The MCP version that the client's side speaks in this channel.
    pub version: String,
    /// The keyed hash that names the person, for servers that run one process for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How long the server may take to start, in milliseconds from receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// The channel leads to a running process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// The channel.
    pub ch: ChannelId,
    /// Which start of the server's process it is: another number means that its state is gone.
    pub run: u64,
    /// The MCP version that the process speaks.
    pub version: String,
}

/// One MCP message, which is the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// The channel.
    pub ch: ChannelId,
    /// How long the answer may take, in milliseconds from receipt, on a monotonic clock: devices have no common time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// No answer to this request is wanted any more. It is in the channel's order, so it never overtakes its request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// The channel.
    pub ch: ChannelId,
    /// The request's id as JSON text, because `1` and `"1"` are two ids.
    pub request: String,
    /// Why.
    pub reason: CancelReason,
}

/// Why no answer is wanted any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The client cancelled it.
    Client,
    /// The client has gone.
    Gone,
    /// Its deadline is over.
    Deadline,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

/// More may be sent. Without a channel it is for the whole socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credit {
    /// The channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ch: Option<ChannelId>,
    /// Bytes. One that is not positive is an error of the channel, which is why it can be read.
    pub bytes: i64,
}

/// Ends a channel for both sides. What arrives in it later is dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// The channel.
    pub ch: ChannelId,
    /// Why.
    pub reason: CloseReason,
    /// What went wrong, and where. None: nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
}

/// Why a channel ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseReason {
    /// The session has ended.
    Ended,
    /// The session was idle for too long.
    Idle,
    /// The device has no such server.
    UnknownServer,
    /// The server is stopped, and is not started on demand.
    Stopped,
    /// The server's command is not approved on the device.
    Unapproved,
    /// The server's definition must be mended.
    Misconfigured,
    /// The server does not start.
    NotStarted,
    /// The process ended.
    Exited,
    /// The server has as many sessions as it may.
    Full,
    /// The other side gave no credit for too long.
    Starved,
    /// The other side broke a rule of this protocol.
    Violation,
    /// The channel is not open here.
    NotOpen,
    /// The link could not be resumed.
    Reset,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_16_hexadecimal_digits() {
        let channel = ChannelId::new(0x1f);
        assert_eq!(channel.to_string(), "000000000000001f");
        assert_eq!("000000000000001f".parse(), Ok(channel));
        assert_eq!(u64::MAX, "ffffffffffffffff".parse::<ChannelId>().unwrap().0);
        for wrong in ["", "1f", "000000000000001F", "+00000000000001f", "0000000000000001f"] {
            assert_eq!(wrong.parse::<ChannelId>(), Err(NoChannel), "{wrong}");
        }
    }

    #[test]
    fn a_reason_of_a_later_version_is_unknown() {
        let close = r#"{"ch":"000000000000001f","reason":"quarantined","since":5}"#;
        let close: Close = serde_json::from_str(close).unwrap();
        assert_eq!((close.reason, close.fault), (CloseReason::Unknown, None));
    }

    #[test]
    fn a_credit_below_zero_can_be_read() {
        let credit: Credit = serde_json::from_str(r#"{"bytes":-1}"#).unwrap();
        assert_eq!(credit, Credit { ch: None, bytes: -1 });
    }
}
