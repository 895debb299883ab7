//! What went wrong with a call, where, and whether it may be sent again.
//!
//! Invariant: a call is safe to repeat only if it was not written to the process, or its tool declares that repeating it is
//! harmless. Nothing on the way to a device sends a call again by itself.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Where a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// At the client.
    Client,
    /// In the Worker.
    Worker,
    /// In the device's object.
    Object,
    /// Between object and device.
    Link,
    /// In the agent on the device.
    Agent,
    /// In the server's process.
    Process,
    /// At a place that this version does not know.
    #[serde(other)]
    Unknown,
}

/// Whether a call was written to the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// It was.
    Yes,
    /// It was not: it has no effect.
    No,
    /// It may have been.
    #[serde(other)]
    Unknown,
}

/// Where a failed call got to. As `data` of a JSON-RPC error: `{"where":"link","sent_to_process":"unknown","retry_safe":false}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Where it failed.
    #[serde(rename = "where")]
    pub place: Place,
    /// Whether it was written to the process.
    pub sent_to_process: Sent,
    /// Whether sending it again is safe.
    #[serde(default)]
    retry_safe: bool,
}

impl Provenance {
    /// A call of a tool that may not be repeated, or that is not known well enough.
    pub fn new(place: Place, sent_to_process: Sent) -> Self {
        Self::of_call(place, sent_to_process, false)
    }

    /// A call; `is_repeatable` where its tool is annotated as read-only or idempotent.
    pub fn of_call(place: Place, sent_to_process: Sent, is_repeatable: bool) -> Self {
        let retry_safe = is_repeatable || sent_to_process == Sent::No;
        Self { place, sent_to_process, retry_safe }
    }

    /// Whether sending the call again is safe.
    pub fn is_retry_safe(self) -> bool {
        self.retry_safe
    }

    /// The `data` of a JSON-RPC error.
    pub fn to_data(self) -> Value {
        let Self { place, sent_to_process, retry_safe } = self;
        json!({ "where": place, "sent_to_process": sent_to_process, "retry_safe": retry_safe })
    }
}

/// An error on the way of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// What was wrong, and what to do next.
    pub message: String,
    /// Where.
    #[serde(flatten)]
    pub provenance: Provenance,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_safe_to_repeat_only_if_it_had_no_effect() {
        for (sent, repeatable, safe) in [
            (Sent::No, false, true),
            (Sent::No, true, true),
            (Sent::Yes, false, false),
            (Sent::Yes, true, true),
            (Sent::Unknown, false, false),
            (Sent::Unknown, true, true),
        ] {
            let provenance = Provenance::of_call(Place::Link, sent, repeatable);
            assert_eq!(provenance.is_retry_safe(), safe, "{provenance:?}");
        }
    }

    #[test]
    fn the_data_of_an_error_says_where_it_broke() {
        let data = Provenance::new(Place::Link, Sent::Unknown).to_data().to_string();
        assert_eq!(data, r#"{"retry_safe":false,"sent_to_process":"unknown","where":"link"}"#);
    }

    #[test]
    fn a_fault_of_a_later_version_is_read_with_care() {
        let text = r#"{"message":"m","where":"hypervisor","sent_to_process":"perhaps","code":7}"#;
        let fault: Fault = serde_json::from_str(text).unwrap();
        assert_eq!(fault.provenance, Provenance::new(Place::Unknown, Sent::Unknown));
        let text = serde_json::to_string(&fault).unwrap();
        assert_eq!(serde_json::from_str::<Fault>(&text).unwrap(), fault);
    }
}
