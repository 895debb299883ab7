//! The versions of MCP that this server speaks, and what differs between them, as data.
//!
//! Invariant: no other module compares versions; it asks for the rule by name. What each version's
//! messages may carry is a table of its own, [`vocabulary`](crate::version_schema). Source: MCP
//! `basic/lifecycle` "Version Negotiation" (to 2025-11-25), `basic/versioning` (2026-07-28), and
//! the changelog of each version.

use crate::jsonrpc::{INVALID_PARAMS, RESOURCE_NOT_FOUND};

/// A version of the protocol. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names are the versions")]
pub enum Version {
    V2024_11_05,
    V2025_03_26,
    V2025_06_18,
    V2025_11_25,
    V2026_07_28,
}

impl Version {
    /// All that are served, oldest first.
    pub const ALL: [Self; 5] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
    ];

    /// Those that `initialize` starts a session of. 2024-11-05 has a wire of its own (HTTP+SSE),
    /// and is accepted over Streamable HTTP too.
    pub const SESSION: [Self; 4] =
        [Self::V2024_11_05, Self::V2025_03_26, Self::V2025_06_18, Self::V2025_11_25];

    /// Those in which every request stands for itself.
    pub const STATELESS: [Self; 1] = [Self::V2026_07_28];

    /// The version that `initialize` offers if the requested one has no sessions here.
    pub const LATEST: Self = Self::V2025_11_25;

    /// The text on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// Reads the text on the wire.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.as_str() == text)
    }

    /// The version to answer `initialize` with: the one asked for where it has sessions.
    pub fn negotiate(asked: &str) -> Self {
        Self::parse(asked).filter(|version| !version.is_stateless()).unwrap_or(Self::LATEST)
    }

    /// Whether a text names a version of the stateless era, served here or not: a date from
    /// 2026-07-28 on.
    pub fn names_stateless(text: &str) -> bool {
        let like_date = |(byte, shape): (u8, u8)| match shape {
            b'-' => byte == b'-',
            _ => byte.is_ascii_digit(),
        };
        text.len() == 10
            && text.bytes().zip(*b"dddd-dd-dd").all(like_date)
            && text >= Self::V2026_07_28.as_str()
    }

    /// Whether there are no sessions: each request carries its version and capabilities, and
    /// questions to the client are answers (SEP-2575, SEP-2322).
    pub fn is_stateless(self) -> bool {
        self >= Self::V2026_07_28
    }

    /// Whether a body may be a JSON-RPC batch (only 2025-03-26).
    pub fn batches(self) -> bool {
        self == Self::V2025_03_26
    }

    /// Whether events carry ids, and a client that lost its stream may ask for the rest of it
    /// (Streamable HTTP with sessions).
    pub fn event_ids(self) -> bool {
        self >= Self::V2025_03_26 && !self.is_stateless()
    }

    /// Whether an event stream starts with an event that has an id and no data (SEP-1699). Older
    /// clients choke on the empty data.
    pub fn priming_event(self) -> bool {
        self == Self::V2025_11_25
    }

    /// Whether every result says its `resultType`.
    pub fn result_type(self) -> bool {
        self >= Self::V2026_07_28
    }

    /// Whether lists and resources carry `ttlMs` and `cacheScope` (SEP-2549).
    pub fn cache_hints(self) -> bool {
        self >= Self::V2026_07_28
    }

    /// Whether a progress report may have a message.
    pub fn progress_message(self) -> bool {
        self >= Self::V2025_03_26
    }

    /// The code of the error that says a resource does not exist (SEP-2164).
    pub fn resource_not_found(self) -> i32 {
        if self.is_stateless() { INVALID_PARAMS } else { RESOURCE_NOT_FOUND }
    }

    /// The byte that stands for it in a session id. A code is never used again for another.
    pub fn code(self) -> u8 {
        match self {
            Self::V2025_03_26 => 1,
            Self::V2025_06_18 => 2,
            Self::V2025_11_25 => 3,
            Self::V2024_11_05 => 4,
            Self::V2026_07_28 => 5,
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

    /// The versions for which a rule holds.
    fn those(rule: fn(Version) -> bool) -> Vec<&'static str> {
        Version::ALL.into_iter().filter(|version| rule(*version)).map(Version::as_str).collect()
    }

    #[test]
    fn an_unknown_version_is_answered_with_the_latest_that_has_sessions() {
        for asked in ["1999-01-01", "2026-07-28", "2027-01-01", ""] {
            assert_eq!(Version::negotiate(asked), Version::V2025_11_25, "{asked}");
        }
        for version in Version::SESSION {
            assert_eq!(Version::negotiate(version.as_str()), version);
        }
    }

    #[test]
    fn a_code_leads_back_to_its_version() {
        for version in Version::ALL {
            assert_eq!(Version::from_code(version.code()), Some(version));
        }
        assert_eq!(Version::from_code(0), None);
    }

    #[test]
    fn every_version_belongs_to_one_era() {
        let both: Vec<Version> = Version::SESSION.into_iter().chain(Version::STATELESS).collect();
        assert_eq!(both, Version::ALL);
        assert_eq!(those(Version::is_stateless), ["2026-07-28"]);
    }

    #[test]
    fn the_rules_hold_for_the_versions_that_brought_them() {
        assert_eq!(those(Version::batches), ["2025-03-26"]);
        assert_eq!(those(Version::priming_event), ["2025-11-25"]);
        assert_eq!(those(Version::event_ids), ["2025-03-26", "2025-06-18", "2025-11-25"]);
        assert_eq!(those(Version::result_type), ["2026-07-28"]);
        assert_eq!(those(Version::cache_hints), ["2026-07-28"]);
        assert_eq!(those(Version::progress_message).len(), 4);
    }

    #[test]
    fn a_missing_resource_has_a_code_of_its_own_in_sessions_only() {
        assert_eq!(Version::V2025_11_25.resource_not_found(), -32002);
        assert_eq!(Version::V2026_07_28.resource_not_found(), -32602);
    }

    #[test]
    fn a_date_from_the_stateless_era_on_names_it() {
        for text in ["2026-07-28", "2026-07-29", "2027-01-01", "9999-12-31"] {
            assert!(Version::names_stateless(text), "{text}");
        }
        for text in
            ["2026-07-27", "2025-11-25", "", "v999.0.0", "2026-07-28 ", "20260728", "ffff-ff-ff"]
        {
            assert!(!Version::names_stateless(text), "{text}");
        }
    }
}
