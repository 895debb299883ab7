//! What is alerted, and by which rule.

use serde::{Deserialize, Serialize};

const S: u64 = 1_000;
const M: u64 = 60 * S;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The device was not heard of for 5 minutes, and did not say that it leaves.
    DeviceOffline,
    /// A server crashes again and again.
    CrashLoop,
    /// A server cannot start: it is misconfigured or not approved.
    CannotStart,
    /// A server was restarted five times in an hour.
    Restarts,
    /// A fifth of the calls of a server fail.
    ErrorRate,
    /// A server does not answer.
    Hang,
    /// More than 10,000 lines of logs were dropped.
    LogStorm,
    /// Less than 5 % of the disk is free.
    Disk,
    /// The agent is too old.
    AgentTooOld,
    /// The certificate ends within 7 days and is not renewed.
    Certificate,
    /// Two machines have one identity, a command was refused, or a definition was changed on the device.
    Security,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::DeviceOffline,
        Self::CrashLoop,
        Self::CannotStart,
        Self::Restarts,
        Self::ErrorRate,
        Self::Hang,
        Self::LogStorm,
        Self::Disk,
        Self::AgentTooOld,
        Self::Certificate,
        Self::Security,
    ];

    /// Its name, in settings and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::DeviceOffline => "device-offline",
            Self::CrashLoop => "crash-loop",
            Self::CannotStart => "cannot-start",
            Self::Restarts => "restarts",
            Self::ErrorRate => "error-rate",
            Self::Hang => "hang",
            Self::LogStorm => "log-storm",
            Self::Disk => "disk",
            Self::AgentTooOld => "agent-too-old",
            Self::Certificate => "certificate",
            Self::Security => "security",
        }
    }

    /// The rule of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }

    /// What it says, in a sentence.
    pub const fn title(self) -> &'static str {
        match self {
            Self::DeviceOffline => "The device is offline",
            Self::CrashLoop => "The server crashes again and again",
            Self::CannotStart => "The server cannot start",
            Self::Restarts => "The server was restarted five times in an hour",
            Self::ErrorRate => "A fifth of the server's calls fail",
            Self::Hang => "The server does not answer",
            Self::LogStorm => "Thousands of log lines were dropped",
            Self::Disk => "The disk of the device is nearly full",
            Self::AgentTooOld => "The agent of the device is too old",
            Self::Certificate => "The certificate of the device ends and is not renewed",
            Self::Security => "The security of the device needs attention",
        }
    }

    /// What to do.
    pub const fn runbook(self) -> &'static str {
        match self {
            Self::DeviceOffline => {
                "Check that the machine is on and has a network. On it, `mcp-device doctor` names what is in the way."
            }
            Self::CrashLoop => {
                "Read the last exits and the log of the server. It is tried every 15 minutes; a start by hand resets the count."
            }
            Self::CannotStart => {
                "The server's state says which: correct its definition, or approve it on the device with `mcp-device approve`."
            }
            Self::Restarts => "Read the last exits and the log of the server.",
            Self::ErrorRate => "Read the log of the server, and try one of its tools.",
            Self::Hang => "The agent restarts the server. If that repeats, read its log.",
            Self::LogStorm => {
                "Lower the log level of the server: only the first lines of each burst are kept."
            }
            Self::Disk => {
                "Free space on the device. Logs of the agent take no more than their limit."
            }
            Self::AgentTooOld => "Update the agent with `mcp-device update`.",
            Self::Certificate => {
                "Check the clock and the key store of the device with `mcp-device doctor`."
            }
            Self::Security => {
                "Read the audit of the device. If the change was not yours, revoke the device."
            }
        }
    }

    /// How long an alert waits for others that it belongs together with.
    pub const fn hold_ms(self) -> u64 {
        match self {
            // As long as the time in which a group gathers: an offline device is known after minutes anyway.
            Self::DeviceOffline => super::GROUP_MS,
            Self::Security => 0,
            _ => 5 * S,
        }
    }

    /// The least time between two messages of an incident.
    pub const fn repeat_ms(self) -> u64 {
        match self {
            Self::Disk | Self::AgentTooOld | Self::Certificate => 24 * 60 * M,
            _ => 15 * M,
        }
    }

    /// Whether incidents of many devices become one message. Those of security are each its own.
    pub const fn is_grouped(self) -> bool {
        !matches!(self, Self::Security)
    }
}

/// What an incident is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The id of the device.
    pub device: String,
    /// The id of the server. None: the device itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
}

impl Subject {
    /// A device.
    pub fn device(id: &str) -> Self {
        Self { device: id.to_owned(), server: None }
    }

    /// A server of a device.
    pub fn server(device: &str, server: &str) -> Self {
        Self { device: device.to_owned(), server: Some(server.to_owned()) }
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.device)?;
        self.server.iter().try_for_each(|server| write!(f, "/{server}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_a_name_that_leads_back_to_it() {
        for rule in Rule::ALL {
            assert_eq!(Rule::from_name(rule.name()), Some(rule));
            let text = serde_json::to_string(&rule).unwrap();
            assert_eq!(text, format!("\"{}\"", rule.name()));
            assert!(!rule.title().is_empty() && !rule.runbook().is_empty());
        }
        assert_eq!(Rule::from_name("x"), None);
        assert_eq!(Subject::server("d", "s").to_string(), "d/s");
    }
}
