//! Channels: one exchange with a server on a device each ([`crate::exchange`]).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Names a channel of a link, and is never used again in it. Its text, 16 hexadecimal digits, is also the tag of the Worker's socket.
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
}
