//! The versions of MCP that this server speaks, and what differs between them, as data.
//!
//! Source: MCP `basic/lifecycle` "Version Negotiation" and the changelog of each version.

/// A version of the protocol in the era of sessions. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the versions")]
pub enum Version {
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
}

impl Version {
    /// All of them, oldest first.
    pub const ALL: [Self; 3] = [Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25];

    /// What is offered to a client that asks for a version unknown here.
    pub const LATEST: Self = Self::V2025_11_25;

    /// The text on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
        }
    }

    /// Reads the text on the wire.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }

    /// The version to answer `initialize` with: the one asked for where it is served.
    pub fn negotiate(asked: &str) -> Self {
        Self::parse(asked).unwrap_or(Self::LATEST)
    }

    /// Whether a body may be a JSON-RPC batch (only 2025-03-26).
    pub fn batches(self) -> bool {
        self == Self::V2025_03_26
    }

    /// Whether an event stream starts with an event that has an id and no data (SEP-1699). Older
    /// clients choke on the empty data.
    pub fn priming_event(self) -> bool {
        self >= Self::V2025_11_25
    }

    /// The byte that stands for it in a session id.
    pub fn code(self) -> u8 {
        match self {
            Self::V2025_03_26 => 1,
            Self::V2025_06_18 => 2,
            Self::V2025_11_25 => 3,
        }
    }

    /// The version of a byte in a session id.
    pub fn from_code(code: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.code() == code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_version_is_answered_with_the_latest() {
        assert_eq!(Version::negotiate("1999-01-01"), Version::V2025_11_25);
        assert_eq!(Version::negotiate("2025-03-26"), Version::V2025_03_26);
    }

    #[test]
    fn a_code_leads_back_to_its_version() {
        for version in Version::ALL {
            assert_eq!(Version::from_code(version.code()), Some(version));
        }
    }
}
