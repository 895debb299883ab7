//! The handshake: the object challenges, the device shows who it is, and both agree on a version and its limits.
//!
//! ```text
//! object → device  challenge  nonce, connection, versions
//! device → object  hello      versions, capabilities, limits, signature over the challenge, link to resume
//! object → device  welcome    version, capabilities, limits, link
//! ```
//!
//! Invariant: both sides compute the version from both ranges, and the signature covers it: a proxy that changes a range
//! makes the signature wrong. Where there is no common version the object closes with
//! [`crate::close_code::CloseCode::Version`].

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::{Limits, RESUME_MS};
use mcp_protocol::base64url;

/// The versions of this protocol that a side speaks. The Worker speaks the newest and the one before for 12 months.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Versions {
    /// The oldest.
    pub min: u16,
    /// The newest.
    pub max: u16,
}

impl Versions {
    /// Those of this crate.
    pub const KNOWN: Self = Self { min: 1, max: 1 };

    /// The newest version that both sides speak.
    pub fn common(self, other: Self) -> Option<u16> {
        let newest = self.max.min(other.max);
        (newest >= self.min.max(other.min)).then_some(newest)
    }
}

/// What a side can do beyond its version, by name. Both must name it before one uses it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Capabilities(BTreeSet<String>);

impl Capabilities {
    /// These names.
    pub fn of<const N: usize>(names: [&str; N]) -> Self {
        Self(names.into_iter().map(str::to_owned).collect())
    }

    /// Whether the side named it.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// What both sides named.
    #[must_use]
    pub fn common(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }
}

/// The object's first message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// Random bytes that no other connection has.
    #[serde(with = "base64url")]
    pub nonce: [u8; 32],
    /// Names this connection.
    pub connection: Uuid,
    /// The object's versions.
    pub proto: Versions,
    /// The Worker's build, for people.
    #[serde(default)]
    pub build: String,
}

/// The device's first message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The device's versions.
    pub proto: Versions,
    /// Its signature over [`crate::proof::Proof`].
    #[serde(with = "base64url")]
    pub signature: [u8; 64],
    /// Names the installation: random, made at its first start. Another one with the same certificate is a clone.
    pub instance: Uuid,
    /// Names this start of the agent.
    pub boot: Uuid,
    /// The agent's build, for people.
    #[serde(default)]
    pub build: String,
    /// The operating system, for people.
    #[serde(default)]
    pub os: String,
    /// What it can do.
    #[serde(default)]
    pub caps: Capabilities,
    /// What it takes.
    #[serde(default)]
    pub limits: Limits,
    /// The link that it had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Resume>,
}

/// The object takes the device. From here on frames are numbered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome {
    /// The common version.
    pub version: u16,
    /// The Worker's build, for people.
    #[serde(default)]
    pub build: String,
    /// What the object can do.
    #[serde(default)]
    pub caps: Capabilities,
    /// What it takes.
    #[serde(default = "limits_of_worker")]
    pub limits: Limits,
    /// Names the link. Another one than the device had: nothing was resumed, and every channel of before is over.
    pub link: Uuid,
    /// Frames of the device up to this number arrived in a link that is resumed.
    #[serde(default)]
    pub received: u64,
}

fn limits_of_worker() -> Limits {
    Limits::OF_WORKER
}

/// A link to go on with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// Its name.
    pub link: Uuid,
    /// Frames of the object up to this number arrived.
    pub received: u64,
}

/// Whether a link may still be resumed whose socket ended so long ago.
pub fn is_resumable(ended_ms: u64, now_ms: u64) -> bool {
    now_ms.saturating_sub(ended_ms) < RESUME_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn versions(min: u16, max: u16) -> Versions {
        Versions { min, max }
    }

    #[test]
    fn the_newest_common_version_is_spoken() {
        for (ours, theirs, common) in [
            (versions(2, 3), versions(3, 3), Some(3)),
            (versions(2, 3), versions(1, 2), Some(2)),
            (versions(2, 3), versions(3, 255), Some(3)),
            (versions(2, 3), versions(1, 1), None),
            (versions(2, 3), versions(4, 4), None),
            (versions(2, 3), versions(0, 0), None),
            (versions(2, 3), versions(3, 2), None),
            (versions(2, 3), versions(0, u16::MAX), Some(3)),
        ] {
            assert_eq!(ours.common(theirs), common, "{theirs:?}");
            assert_eq!(theirs.common(ours), common, "both sides compute the same");
        }
    }

    #[test]
    fn a_capability_is_used_where_both_sides_named_it() {
        let both = Capabilities::of(["a", "b"]).common(&Capabilities::of(["b", "c"]));
        assert_eq!((both.has("a"), both.has("b"), both.has("c")), (false, true, false));
    }

    #[test]
    fn a_hello_of_the_first_version_needs_few_fields() {
        let id = Uuid::nil();
        let text = format!(
            r#"{{"proto":{{"min":1,"max":9}},"signature":"{}","instance":"{id}","boot":"{id}","later":1}}"#,
            base64url::to_text(&[1; 64]),
        );
        let hello: Hello = serde_json::from_str(&text).unwrap();
        assert_eq!((hello.limits, hello.resume), (Limits::OF_DEVICE, None));
        let text = format!(r#"{{"version":1,"link":"{id}"}}"#);
        let welcome: Welcome = serde_json::from_str(&text).unwrap();
        assert_eq!((welcome.limits, welcome.received), (Limits::OF_WORKER, 0));
    }

    #[test]
    fn a_link_is_resumed_within_a_minute() {
        assert!(is_resumable(1_000, 60_999) && !is_resumable(1_000, 61_000));
        assert!(is_resumable(1_000, 0), "a clock that went back");
    }
}
