//! Commands: what a device does once, as opposed to what it keeps running ([`crate::desired`]).
//!
//! Invariant: a command is delivered at least once and takes effect at most once, by the [`crate::ledger`]. One that could not
//! be delivered in time never takes effect: its time to live is relative, because devices have no common time.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::crockford;

/// Names a command: a ULID, so that ids are ordered by time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CommandId(u128);

/// The text is no id of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected the id of a command: 26 characters")]
pub struct NoCommandId;

/// Random bits of a ULID.
const RANDOM_BITS: u32 = 80;

impl CommandId {
    /// An id of this time, in milliseconds since the epoch, and random bits, of which the lower 80 count.
    pub fn new(now_ms: u64, random: u128) -> Self {
        let time = u128::from(now_ms).wrapping_shl(RANDOM_BITS);
        Self(time | (random & (u128::MAX >> 48)))
    }
}

impl fmt::Display for CommandId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crockford::encode(self.0))
    }
}

impl From<CommandId> for String {
    fn from(id: CommandId) -> Self {
        id.to_string()
    }
}

impl FromStr for CommandId {
    type Err = NoCommandId;

    fn from_str(text: &str) -> Result<Self, NoCommandId> {
        crockford::decode(text).map(Self).ok_or(NoCommandId)
    }
}

impl TryFrom<String> for CommandId {
    type Error = NoCommandId;

    fn try_from(text: String) -> Result<Self, NoCommandId> {
        text.parse()
    }
}

/// Something that a device is to do once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Its name. The same one again is the same command.
    pub id: CommandId,
    /// How long it may wait, in milliseconds from receipt.
    pub ttl_ms: u64,
    /// What to do.
    pub action: Action,
    /// The server that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Who wants it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What a device does once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Restart the server.
    Restart,
    /// Take no new calls of the server, and stop it after those in flight.
    Drain,
    /// Forget the server's failures, so that a crash loop ends.
    ResetFailures,
    /// Collect what a person who helps must know, without secrets.
    Collect,
    /// Update the agent.
    Update,
    /// Replace the device's key.
    RotateKey,
    /// One that this version does not know: it is answered with [`Outcome::Unsupported`].
    #[serde(other)]
    Unknown,
}

impl Command {
    /// The command as it is sent now, with the rest of its time. None: it has waited too long.
    pub fn sent_after(&self, waited_ms: u64) -> Option<Self> {
        let ttl_ms = self.ttl_ms.checked_sub(waited_ms).filter(|rest| *rest > 0)?;
        Some(Self { ttl_ms, ..self.clone() })
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandResult {
    /// The command.
    pub id: CommandId,
    /// What became of it.
    pub outcome: Outcome,
    /// More about it, for people.
    #[serde(default)]
    pub detail: String,
}

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was tried, and failed.
    Failed,
    /// It waited too long, and was not tried.
    Expired,
    /// The device's security mode does not allow it.
    Refused,
    /// The device does not know such a command.
    Unsupported,
    /// The agent ended before it was done: it may have had its effect.
    Interrupted,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_ulids_in_the_order_of_their_time() {
        // The example of the specification: 01ARZ3NDEKTSV4RRFFQ69G5FAV was made at 1469922850259.
        let id: CommandId = "01ARZ3NDEKTSV4RRFFQ69G5FAV".parse().unwrap();
        assert_eq!(CommandId::new(1_469_922_850_259, id.0), id);
        assert_eq!(id.to_string(), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
        assert!(CommandId::new(1, u128::MAX) < CommandId::new(2, 0));
        assert_eq!("01ARZ3NDEKTSV4RRFFQ69G5FA".parse::<CommandId>(), Err(NoCommandId));
    }

    fn command() -> Command {
        let id = CommandId::new(1, 1);
        Command { id, ttl_ms: 60_000, action: Action::Restart, server: None, by: None }
    }

    #[test]
    fn a_command_that_waited_too_long_is_not_sent() {
        assert_eq!(command().sent_after(59_999).map(|sent| sent.ttl_ms), Some(1));
        assert_eq!(command().sent_after(60_000), None);
        assert_eq!(command().sent_after(u64::MAX), None);
    }

    #[test]
    fn an_action_of_a_later_version_is_unknown() {
        let text = serde_json::to_string(&command()).unwrap().replace("restart", "reboot");
        assert_eq!(serde_json::from_str::<Command>(&text).unwrap().action, Action::Unknown);
    }
}
