//! An exchange with a server on a device: one HTTP request of the Worker and its answer, in a channel of its own.
//!
//! ```text
//!   Worker ── open (the request's body) ──────────────► device
//!          ◄─ head (status and headers) ──────────────
//!          ◄─ data (a piece of the answer's body) … ──
//!          ◄─ end, or error ──────────────────────────
//!          ── cancel, at any time ────────────────────►
//! ```
//!
//! Invariant: an exchange ends with one `end`, `error` or `cancel`; what arrives in its channel later is dropped. It speaks
//! Streamable HTTP in the server's own era, so that a server on a device is an upstream like any other; nothing on the way
//! translates or sends again. Where a body is cut into pieces means nothing.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{channel::ChannelId, fault::Fault, message::Message};

/// Begins an exchange. The payload is the request's body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Open {
    /// The new channel.
    pub ch: ChannelId,
    /// The server's id on the device.
    pub server: String,
    /// The method of the request.
    pub method: String,
    /// Its headers, with names in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
    /// How long the exchange may take, in milliseconds from receipt, on a monotonic clock: devices have no common time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
}

/// Begins an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The channel.
    pub ch: ChannelId,
    /// The HTTP status.
    pub status: u16,
    /// The headers, with names in lower case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, String)>,
}

/// The next piece of an answer's body, which is the payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// The channel.
    pub ch: ChannelId,
}

/// The answer is complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// The channel.
    pub ch: ChannelId,
}

/// The exchange failed: there is no answer, or not all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// The channel.
    pub ch: ChannelId,
    /// Why.
    pub reason: FailReason,
    /// What to say of it, and where it happened.
    pub fault: Fault,
}

/// Why an exchange failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailReason {
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
    /// A message is too large.
    TooLarge,
    /// It took too long.
    Deadline,
    /// The Worker gave no credit for too long.
    Starved,
    /// The Worker broke a rule of this protocol.
    Violation,
    /// The link could not be resumed.
    Reset,
    /// The agent goes away.
    Leaving,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The Worker wants no answer any more, nor the rest of one. What was not sent of the request never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancel {
    /// The channel.
    pub ch: ChannelId,
    /// Why.
    pub reason: CancelReason,
}

/// Why no answer is wanted any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelReason {
    /// The client has gone, or wants it no more.
    Gone,
    /// It took too long.
    Deadline,
    /// The device gave no credit for too long.
    Starved,
    /// The device broke a rule of this protocol.
    Violation,
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
    /// Bytes. A number that is not positive is an error of the channel, which is why it can be read.
    pub bytes: i64,
}

/// How far an answer is, for the side that receives it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Answer {
    /// Nothing has arrived.
    #[default]
    Awaited,
    /// Its head has arrived.
    Body,
    /// It is complete, or will never be.
    Over,
}

/// The message does not belong there in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the message is out of its order in the answer")]
pub struct OutOfOrder;

impl Answer {
    /// How far it is after this message of its channel.
    ///
    /// # Errors
    /// Where the message cannot be the next one: the exchange is cancelled as a violation.
    pub fn after(self, message: &Message) -> Result<Self, OutOfOrder> {
        match (self, message) {
            (Self::Awaited, Message::Head(_)) | (Self::Body, Message::Data(_)) => Ok(Self::Body),
            (Self::Body, Message::End(_)) => Ok(Self::Over),
            (Self::Awaited | Self::Body, Message::Failed(_)) => Ok(Self::Over),
            _ => Err(OutOfOrder),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault::{Place, Provenance, Sent};

    const CH: &str = "000000000000001f";

    #[test]
    fn an_answer_has_a_head_then_a_body_and_one_end() {
        let ch: ChannelId = CH.parse().unwrap();
        let fault =
            Fault { message: "m".into(), provenance: Provenance::new(Place::Link, Sent::No) };
        let failed = Failed { ch, reason: FailReason::Reset, fault };
        let [head, data, end, failed, cancel]: [Message; 5] = [
            Head { ch, status: 200, headers: vec![] }.into(),
            Data { ch }.into(),
            End { ch }.into(),
            failed.into(),
            Cancel { ch, reason: CancelReason::Gone }.into(),
        ];
        let run = |messages: &[&Message]| {
            messages.iter().try_fold(Answer::Awaited, |answer, message| answer.after(message))
        };
        assert_eq!(run(&[&head, &data, &data, &end]), Ok(Answer::Over));
        assert_eq!(run(&[&head, &end]), Ok(Answer::Over));
        assert_eq!(run(&[&head, &data, &failed]), Ok(Answer::Over));
        assert_eq!(run(&[&failed]), Ok(Answer::Over));
        for wrong in [
            &[&data][..],
            &[&end],
            &[&cancel],
            &[&head, &head],
            &[&head, &end, &data],
            &[&head, &end, &end],
            &[&failed, &failed],
            &[&head, &end, &failed],
        ] {
            assert_eq!(run(wrong), Err(OutOfOrder), "{wrong:?}");
        }
    }

    #[test]
    fn reasons_of_a_later_version_are_unknown() {
        let cancel = format!(r#"{{"ch":"{CH}","reason":"bored","since":5}}"#);
        let cancel: Cancel = serde_json::from_str(&cancel).unwrap();
        assert_eq!(cancel.reason, CancelReason::Unknown);
        let failed = format!(
            r#"{{"ch":"{CH}","reason":"haunted","fault":{{"message":"m","where":"agent","sent_to_process":"no"}}}}"#
        );
        let failed: Failed = serde_json::from_str(&failed).unwrap();
        assert_eq!(failed.reason, FailReason::Unknown);
    }

    #[test]
    fn a_credit_below_zero_can_be_read() {
        let credit: Credit = serde_json::from_str(r#"{"bytes":-1}"#).unwrap();
        assert_eq!(credit, Credit { ch: None, bytes: -1 });
    }
}
