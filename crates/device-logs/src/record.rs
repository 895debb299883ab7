//! A record: one line of a device's log, as it travels and is stored.
//!
//! Invariant: two versions of agent and Worker read each other's records. Fields that were added later have a default, and
//! what is not known is skipped.

use serde::{Deserialize, Serialize};

/// The highest sequence number: the last integer that a JSON number holds exactly everywhere (RFC 8259 §6).
pub const MAX_SEQUENCE: u64 = (1 << 53) - 1;
/// Bytes of a server's id.
const MAX_SERVER_ID: usize = 64;
/// Bytes of a message: the text of a line, and what says that it was cut.
const MAX_MESSAGE: usize = crate::text::MAX_TEXT + 64;

/// Where a line comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// What the server's process writes to its standard error.
    Stderr,
    /// Lines of its standard output that are no messages of MCP.
    StdoutNoise,
    /// `notifications/message`.
    Mcp,
    /// Changes of state and exits.
    Supervisor,
    /// The agent itself.
    Agent,
    /// One that a later version added.
    #[serde(other)]
    Other,
}

/// The levels of MCP, which are those of RFC 5424.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase", from = "String")]
#[expect(missing_docs, reason = "the names say what they are")]
pub enum Level {
    Debug,
    #[default]
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

impl From<String> for Level {
    /// One that is not known is no reason to lose a line.
    fn from(name: String) -> Self {
        match name.as_str() {
            "debug" => Self::Debug,
            "notice" => Self::Notice,
            "warning" => Self::Warning,
            "error" => Self::Error,
            "critical" => Self::Critical,
            "alert" => Self::Alert,
            "emergency" => Self::Emergency,
            _ => Self::Info,
        }
    }
}

/// Lines that are not in the log, and how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mark {
    /// Came faster than allowed.
    #[serde(skip_serializing_if = "is_zero")]
    pub dropped: u64,
    /// Were equal to the line before.
    #[serde(skip_serializing_if = "is_zero")]
    pub repeated: u64,
    /// Were the oldest when there was no room: a gap.
    #[serde(skip_serializing_if = "is_zero")]
    pub missing: u64,
    /// The first sequence number of a gap in what had numbers already; its last is that of the record. 0: they had none.
    #[serde(skip_serializing_if = "is_zero")]
    pub from: u64,
}

impl Mark {
    /// Whether it marks nothing.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// All lines that it stands for.
    pub const fn lines(&self) -> u64 {
        self.dropped.saturating_add(self.repeated).saturating_add(self.missing)
    }
}

/// One line of a device's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number. It is never given twice by a device, and says the order: clocks of devices lie.
    #[serde(rename = "s")]
    pub sequence: u64,
    /// The device's time of day, in milliseconds since the epoch.
    #[serde(rename = "t")]
    pub time_ms: u64,
    /// Milliseconds since the device started, which no setting of its clock changes.
    #[serde(rename = "m", default)]
    pub mono_ms: u64,
    /// Where the line comes from.
    #[serde(rename = "src")]
    pub source: Source,
    /// The id of the server; empty for the agent's own lines.
    #[serde(rename = "srv", default, skip_serializing_if = "String::is_empty")]
    pub server: String,
    /// Which start of the server it is from.
    #[serde(default)]
    pub run: u64,
    /// How grave it is.
    #[serde(rename = "lvl", default)]
    pub level: Level,
    /// Its text.
    #[serde(rename = "msg")]
    pub message: String,
    /// Lines that it stands for.
    #[serde(default, skip_serializing_if = "Mark::is_none")]
    pub mark: Mark,
}

impl Record {
    /// The record as a line of JSON, with its line break.
    pub fn to_line(&self) -> String {
        // Fails for maps whose keys are no text; a record has none.
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    /// Reads a line. None: it is no record.
    pub fn from_line(line: &[u8]) -> Option<Self> {
        serde_json::from_slice(line).ok()
    }

    /// Whether it is within the limits that an agent keeps.
    pub fn is_within_limits(&self) -> bool {
        (1..=MAX_SEQUENCE).contains(&self.sequence)
            && self.server.len() <= MAX_SERVER_ID
            && self.server.bytes().all(|byte| byte.is_ascii_graphic())
            && self.message.len() <= MAX_MESSAGE
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_short_names_of_its_fields() {
        let record = Record {
            sequence: 7,
            time_ms: 1_795_161_600_000,
            mono_ms: 12,
            source: Source::StdoutNoise,
            server: "echo".to_owned(),
            run: 3,
            level: Level::Warning,
            message: "a \"b\"".to_owned(),
            mark: Mark { dropped: 5, ..Mark::default() },
        };
        let line = r#"{"s":7,"t":1795161600000,"m":12,"src":"stdout_noise","srv":"echo","run":3,"lvl":"warning","msg":"a \"b\"","mark":{"dropped":5}}"#;
        assert_eq!(record.to_line(), format!("{line}\n"));
        assert_eq!(Record::from_line(line.as_bytes()), Some(record.clone()));
        assert!(record.is_within_limits());
        assert_eq!(record.mark.lines(), 5);
        let wrong = [
            Record { sequence: 0, ..record.clone() },
            Record { sequence: MAX_SEQUENCE + 1, ..record.clone() },
            Record { server: "a b".to_owned(), ..record.clone() },
            Record { server: "a".repeat(65), ..record.clone() },
            Record { message: "x".repeat(8 * 1024 + 65), ..record },
        ];
        assert!(wrong.iter().all(|record| !record.is_within_limits()));
    }

    #[test]
    fn a_record_of_another_version_is_read() {
        let line = br#"{"s":1,"t":2,"src":"kernel","lvl":"verbose","msg":"x","new":{},"mark":{"eaten":1}}"#;
        let record = Record::from_line(line).unwrap();
        assert_eq!((record.source, record.level), (Source::Other, Level::Info));
        assert!(record.mark.is_none() && record.server.is_empty());
        assert_eq!(Record::from_line(b"{}"), None);
        assert_eq!(Record::from_line(b"\xff"), None);
    }
}
