//! The messages of a link: the header of a frame says which one it is.
//!
//! Invariant: a message that is not known is no error. It is ignored and counted, or answered with [`Unsupported`] where it
//! must be understood; so are fields ignored that are not known. What is new is used only where the other side named the
//! capability.

use serde::{Deserialize, Serialize};

use crate::{
    channel::ChannelId,
    command::{Command, CommandResult},
    exchange::{Cancel, Credit, Data, End, Failed, Head, Open},
    hello::{Challenge, Hello, Welcome},
};

/// What is sent first: the first class before the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Handshake, commands, credits.
    Control,
    /// Exchanges with servers.
    Mcp,
    /// The states of servers.
    State,
    /// Metrics.
    Metrics,
    /// Logs.
    Logs,
}

/// Messages of a lane arrive in the order in which they were sent, one after the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Lane {
    /// The lane of a class.
    Class(Class),
    /// The lane of a channel.
    Channel(ChannelId),
}

/// A side of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The device's object, also for the Worker behind it.
    Object,
    /// The device.
    Device,
}

/// Who sends a message.
#[derive(Debug, Clone, Copy)]
enum Sender {
    Object,
    Device,
    Both,
}

impl Sender {
    fn only(self) -> Option<Side> {
        match self {
            Self::Object => Some(Side::Object),
            Self::Device => Some(Side::Device),
            Self::Both => None,
        }
    }
}

/// The table of messages: the name on the wire, the type, the class, the side that sends it.
macro_rules! messages {
    ($($name:literal $variant:ident $class:ident $from:ident: $doc:literal,)+) => {
        /// A message. The bodies of [`Open`] and [`Data`], the records of [`Logs`] and the like are the payload of its frame.
        #[derive(Debug, Clone, PartialEq, Serialize)]
        #[serde(tag = "t")]
        pub enum Message {
            $(#[doc = $doc] #[serde(rename = $name)] $variant($variant),)+
            /// One that this version does not know.
            #[serde(skip_serializing)]
            Unknown(Unknown),
        }

        impl Message {
            /// Reads the fields of the message with this name. `must`: it is to be answered where it is not known.
            pub(crate) fn read(name: &str, must: bool, json: &[u8]) -> serde_json::Result<Self> {
                match name {
                    $($name => serde_json::from_slice(json).map(Self::$variant),)+
                    _ => Ok(Self::Unknown(Unknown { name: name.to_owned(), must })),
                }
            }

            /// The side that alone sends it. None: both do.
            pub fn only_from(&self) -> Option<Side> {
                match self {
                    $(Self::$variant(_) => Sender::$from.only(),)+
                    Self::Unknown(_) => None,
                }
            }

            /// Its class.
            pub fn class(&self) -> Class {
                match self {
                    $(Self::$variant(_) => Class::$class,)+
                    Self::Unknown(_) => Class::Control,
                }
            }
        }

        $(impl From<$variant> for Message {
            fn from(message: $variant) -> Self {
                Self::$variant(message)
            }
        })+
    };
}

messages! {
    "challenge" Challenge Control Object: "The object's first message.",
    "hello" Hello Control Device: "The device's first message.",
    "welcome" Welcome Control Object: "The object takes the device.",
    "ack" Ack Control Both: "Nothing but the acknowledgement that every header can carry.",
    "bye" Bye Control Device: "The device goes away on purpose.",
    "unsupported" Unsupported Control Both: "A message that had to be understood was not.",
    "credit" Credit Control Both: "More of the exchanges may be sent.",
    "command" Command Control Object: "Something is to be done once.",
    "result" CommandResult Control Device: "What became of a command.",
    "desired" Desired Control Object: "What is to run; the payload is [`crate::desired::DesiredState`] as JSON.",
    "stored" Stored Control Object: "Logs were stored.",
    "watch" Watch Control Object: "What is being looked at.",
    "open" Open Mcp Object: "A request; its body is the payload.",
    "head" Head Mcp Device: "The status and the headers of its answer.",
    "data" Data Mcp Device: "A piece of the answer's body, which is the payload.",
    "end" End Mcp Device: "The answer is complete.",
    "error" Failed Mcp Device: "There is no answer, or not all of it.",
    "cancel" Cancel Mcp Object: "The answer is not wanted any more.",
    "state" State State Device: "What runs; the payload is [`crate::server_state::Report`] as JSON.",
    "metrics" Metrics Metrics Device: "Metrics; they are the payload.",
    "logs" Logs Logs Device: "Log records; they are the payload.",
}

impl Message {
    /// The lane that it is sent in.
    pub fn lane(&self) -> Lane {
        match self {
            Self::Open(Open { ch, .. })
            | Self::Head(Head { ch, .. })
            | Self::Data(Data { ch })
            | Self::End(End { ch })
            | Self::Failed(Failed { ch, .. })
            | Self::Cancel(Cancel { ch, .. }) => Lane::Channel(*ch),
            other => Lane::Class(other.class()),
        }
    }

    /// The channel that it is sent in.
    pub fn channel(&self) -> Option<ChannelId> {
        match self.lane() {
            Lane::Channel(channel) => Some(channel),
            Lane::Class(_) => None,
        }
    }

    /// Whether frames with it are numbered, so that a link that is resumed has lost none.
    pub fn is_numbered(&self) -> bool {
        !matches!(self, Self::Challenge(_) | Self::Hello(_) | Self::Welcome(_) | Self::Ack(_))
    }
}

/// A message that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// Its name.
    pub name: String,
    /// Whether it must be understood: it is answered with [`Unsupported`].
    pub must: bool,
}

/// Nothing but the acknowledgement that every header can carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {}

/// The device goes away on purpose: that is no fault, and causes no alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bye {
    /// Why.
    pub reason: ByeReason,
}

/// Why a device goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ByeReason {
    /// The agent is updated, and comes back.
    Update,
    /// The machine shuts down.
    Shutdown,
    /// A person stopped the agent.
    Stop,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

/// A message that had to be understood was not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unsupported {
    /// Its name.
    pub name: String,
}

/// What is to run on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Which desired state it is. The device applies the newest, and repeats are harmless.
    pub generation: u64,
}

/// What runs on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The generation of the desired state that the device has applied.
    pub observed_generation: u64,
}

/// Metrics of a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metrics {
    /// How long the period was, in milliseconds.
    pub period_ms: u64,
    /// How long ago it ended, in milliseconds.
    pub ended_ms_ago: u64,
}

/// A batch of log records, which stays as the device compressed it until it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Logs {
    /// The sequence number of the first record. The device never uses one twice.
    pub first: u64,
    /// That of the last one.
    pub last: u64,
    /// How many records there are.
    pub lines: u64,
    /// Bytes of the records before compression.
    pub bytes: u64,
    /// How they are compressed, such as `gzip`.
    pub codec: String,
    /// Lines that were dropped on the device since the last batch.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub dropped: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Records up to this sequence number are stored: the device may forget them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// The last one.
    pub last: u64,
}

/// What is being looked at, and is therefore sent at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    /// A person follows the logs.
    #[serde(default)]
    pub logs: bool,
    /// A person follows the metrics.
    #[serde(default)]
    pub metrics: bool,
}
