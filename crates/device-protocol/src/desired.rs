//! What a device is to run.
//!
//! Invariant: the state as a whole has a generation. A device applies a newer one, answers with the generation that it has
//! applied, and ignores an older one: sending it again is harmless, and it never expires. What a device may not do by its
//! security mode it does not do, whatever is desired.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a server is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Want {
    /// Run.
    Running,
    /// Not run, until a person wants it to: this stays over restarts of the agent and of the machine.
    Stopped,
    /// Start at the first call, and stop when it is idle.
    OnDemand,
    /// What this version does not know; the device leaves the server as it is.
    #[serde(other)]
    Unknown,
}

/// A server that a device is to have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredServer {
    /// Its id on the device.
    pub server: String,
    /// What it is to do.
    pub want: Want,
    /// Who wants it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// A definition that is proposed, in the form of an entry of `mcpServers`. The device decides whether it takes effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Value>,
}

/// The payload of [`crate::message::Desired`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesiredState {
    /// The servers. One that is not among them is left as the device has it.
    #[serde(default)]
    pub servers: Vec<DesiredServer>,
}

/// Whether a desired state is to be applied on a device that has applied this one.
pub fn is_newer(generation: u64, applied: u64) -> bool {
    generation > applied
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_applied_once() {
        assert!(is_newer(2, 1) && !is_newer(2, 2) && !is_newer(1, 2));
    }

    #[test]
    fn what_a_later_version_wants_is_unknown() {
        let text = r#"{"servers":[{"server":"echo","want":"paused","until":5},{"server":"b","want":"on_demand"}]}"#;
        let state: DesiredState = serde_json::from_str(text).unwrap();
        let wants: Vec<Want> = state.servers.iter().map(|server| server.want).collect();
        assert_eq!(wants, [Want::Unknown, Want::OnDemand]);
        assert_eq!(serde_json::from_str::<DesiredState>("{}").unwrap(), DesiredState::default());
    }
}
