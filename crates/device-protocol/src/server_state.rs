//! The states of servers on a device, as it reports them.
//!
//! Invariant: times are relative to the report, because clocks of devices lie. Reasons are a closed set, so that a page and an
//! alert can say what to do; the text beside them is for people.

use serde::{Deserialize, Serialize};

use crate::desired::Want;

/// What a server is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerState {
    /// It is switched off on the device.
    Disabled,
    /// It does not run, as wanted.
    Stopped,
    /// Its program is being fetched for the first time.
    Installing,
    /// Its process was started, and the handshake is not done.
    Starting,
    /// The handshake is done and its lists are read.
    Ready,
    /// It answers, but something is wrong.
    Degraded,
    /// It is being stopped.
    Stopping,
    /// It failed, and is started again soon.
    Backoff,
    /// It failed too often, and is tried seldom.
    CrashLoop,
    /// Its command is not approved on the device.
    Unapproved,
    /// It cannot be started before a person mends its definition.
    Misconfigured,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

impl ServerState {
    /// Whether calls are answered.
    pub fn is_up(self) -> bool {
        matches!(self, Self::Ready | Self::Degraded)
    }

    /// Whether a person must act before it runs.
    pub fn needs_a_person(self) -> bool {
        matches!(self, Self::Unapproved | Self::Misconfigured)
    }
}

/// Why a server is in its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// Nothing out of the ordinary.
    Ordinary,
    /// A person stopped it.
    StoppedByPerson,
    /// It was not used for a while, or not yet, and starts on demand.
    NotUsed,
    /// It ended by itself after its input was closed.
    Finished,
    /// The agent is going away.
    AgentEnds,
    /// Other starts come first.
    WaitsForTurn,
    /// It ended without being asked to, whatever its exit code.
    Exited,
    /// It did not finish the handshake in time.
    StartDeadline,
    /// It refused the handshake.
    HandshakeRefused,
    /// The system refused to start it: the program, the folder or a secret is missing.
    NotStarted,
    /// It answered none of several probes with no call in flight, or did not read.
    Hang,
    /// It took more memory than it may.
    OutOfMemory,
    /// It writes to its standard output what is no MCP message.
    Noise,
    /// No definition of its name was approved on the device.
    NeverApproved,
    /// Another definition than this one was approved.
    DefinitionChanged,
    /// A new definition, or a person wanted it to start again.
    Restart,
    /// One that this version does not know.
    #[serde(other)]
    Unknown,
}

/// How a process ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastExit {
    /// Its exit code. A process that a signal ended has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i32>,
    /// The signal that ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signal: Option<i32>,
    /// How long ago, in milliseconds.
    pub ms_ago: u64,
    /// The end of what it wrote to its standard error.
    #[serde(default)]
    pub stderr: String,
}

/// How often a server was started again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Restarts {
    /// In a row, without five stable minutes.
    pub run: u32,
    /// In the last hour.
    pub hour: u32,
    /// Since it was defined.
    pub total: u64,
}

/// A server on a device, at the time of the report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerStatus {
    /// Its id on the device.
    pub server: String,
    /// What it is to do.
    pub desired: Want,
    /// What it does.
    pub state: ServerState,
    /// Why.
    pub reason: Reason,
    /// More about it, for people: what is wrong and what mends it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Who stopped it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<String>,
    /// How long it has been in this state, in milliseconds.
    pub for_ms: u64,
    /// Which start of its process this is. Later starts have larger numbers.
    #[serde(default)]
    pub run: u64,
    /// How its last process ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_exit: Option<LastExit>,
    /// How often it was started again.
    #[serde(default)]
    pub restarts: Restarts,
    /// When it is tried again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_attempt_in_ms: Option<u64>,
}

/// The payload of [`crate::message::State`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether it has every server; otherwise only those that changed.
    #[serde(default)]
    pub full: bool,
    /// The servers.
    #[serde(default)]
    pub servers: Vec<ServerStatus>,
    /// Servers that the device has no more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_the_first_version_needs_few_fields() {
        let text = r#"{"servers":[{"server":"echo","desired":"running","state":"hibernating","reason":"cold","for_ms":5,"x":1}]}"#;
        let report: Report = serde_json::from_str(text).unwrap();
        let status = &report.servers[0];
        assert_eq!((status.state, status.reason), (ServerState::Unknown, Reason::Unknown));
        assert!(
            !report.full && status.restarts == Restarts::default() && status.last_exit.is_none()
        );
    }

    #[test]
    fn states_are_words_that_people_read() {
        let text = serde_json::to_string(&[ServerState::CrashLoop, ServerState::Ready]).unwrap();
        assert_eq!(text, r#"["crash_loop","ready"]"#);
        assert!(ServerState::Degraded.is_up() && !ServerState::Starting.is_up());
        assert!(
            ServerState::Unapproved.needs_a_person() && !ServerState::CrashLoop.needs_a_person()
        );
    }
}
