//! The stages of a socket: which message may come when, and from which side.
//!
//! ```text
//! opened ── challenge ──► challenged ── hello ──► greeted ── welcome ──► connected ── everything else
//! ```
//!
//! Invariant: nothing is taken from a device that has not shown who it is, and no side takes what only it may send. A device
//! that is broken into can report on itself and answer; it can open nothing and command nothing.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::message::{Message, Side};

/// How far a socket is. Each side notes what it sends and what it receives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing was sent.
    #[default]
    Opened,
    /// The object has sent its challenge.
    Challenged,
    /// The device has sent its hello.
    Greeted,
    /// The object has taken the device.
    Connected,
}

/// The message may not come now, or not from this side: the socket is closed with
/// [`crate::close_code::CloseCode::Protocol`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the message may not come from this side now")]
pub struct OutOfStage;

impl Stage {
    /// How far the socket is after a message of this side.
    ///
    /// # Errors
    /// Where the message may not come now.
    pub fn after(self, from: Side, message: &Message) -> Result<Self, OutOfStage> {
        if message.only_from().is_some_and(|only| only != from) {
            return Err(OutOfStage);
        }
        match (self, message) {
            (Self::Opened, Message::Challenge(_)) => Ok(Self::Challenged),
            (Self::Challenged, Message::Hello(_)) => Ok(Self::Greeted),
            (Self::Greeted, Message::Welcome(_)) => Ok(Self::Connected),
            (_, Message::Challenge(_) | Message::Hello(_) | Message::Welcome(_)) => Err(OutOfStage),
            (Self::Connected, _) => Ok(Self::Connected),
            (Self::Opened | Self::Challenged | Self::Greeted, _) => Err(OutOfStage),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::messages;

    const STAGES: [Stage; 4] = [Stage::Opened, Stage::Challenged, Stage::Greeted, Stage::Connected];

    /// The names of the messages that a side may send at a stage.
    fn allowed(stage: Stage, from: Side) -> Vec<String> {
        let allowed = messages().into_iter().filter(|message| stage.after(from, message).is_ok());
        let mut names: Vec<String> = allowed
            .map(|message| serde_json::to_value(message).unwrap()["t"].as_str().unwrap().to_owned())
            .collect();
        names.dedup();
        names
    }

    #[test]
    fn a_handshake_has_one_order() {
        let of = |side| STAGES.map(|stage| allowed(stage, side));
        let [opened, challenged, greeted, _] = of(Side::Object);
        assert_eq!(
            (opened, challenged, greeted),
            (vec!["challenge".into()], vec![], vec!["welcome".into()])
        );
        let [opened, challenged, greeted, _] = of(Side::Device);
        assert_eq!((opened, challenged, greeted), (vec![], vec!["hello".into()], vec![]));
    }

    #[test]
    fn a_device_can_open_and_command_nothing() {
        let both = ["ack", "unsupported", "credit"];
        let of = |side| {
            let names = allowed(Stage::Connected, side);
            names.into_iter().filter(|name| !both.contains(&&**name)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of(Side::Device), "bye result head data end error state metrics logs");
        assert_eq!(of(Side::Object), "command desired stored watch open cancel");
    }

    #[test]
    fn stages_follow_each_other() {
        let [challenge, hello, welcome, ack]: [Message; 4] =
            messages()[..4].to_vec().try_into().unwrap();
        let steps = [
            (Side::Object, challenge),
            (Side::Device, hello),
            (Side::Object, welcome),
            (Side::Device, ack),
        ];
        let stages = steps.iter().scan(Stage::Opened, |stage, (side, message)| {
            *stage = stage.after(*side, message).unwrap();
            Some(*stage)
        });
        assert_eq!(stages.collect::<Vec<_>>()[..3], STAGES[1..]);
    }
}
