//! What a subject's hub stores of the keys that the person connected, and of links that were opened.
//!
//! Invariant: a key is stored sealed. A link belongs to the browser that opened it first, checks at most
//! [`MAX_ATTEMPTS`] keys, and connects once; one that is older than the key that is connected is over, so that no two
//! links of one question connect different keys.

use mcp_auth::oauth::{Hash, hash};
use mcp_platform::record::Record;
use mcp_protocol::base64url;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq as _;

use super::{keboola::Project, link::LINK_LASTS};

/// Seconds that a key is kept after its last use.
pub const KEPT_FOR: u64 = 30 * 86_400;
/// Seconds after which a use prolongs that.
const PROLONGED_AFTER: u64 = 86_400;
/// Keys that are checked for one link.
pub const MAX_ATTEMPTS: u8 = 5;

/// A key that a person connected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredCredential {
    /// The sealed key.
    pub sealed: String,
    /// When it was connected, in milliseconds since 1970.
    pub connected_ms: u64,
    /// Whether the upstream refused it since.
    #[serde(default)]
    pub is_refused: bool,
    /// What it opens, where the person chose a stack: the key is sealed for that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<Project>,
}

impl Record for StoredCredential {}

/// Names a sealed key: no two are sealed alike.
pub fn revision(sealed: &str) -> String {
    let digest = hash(sealed);
    base64url::to_text(digest.get(..16).unwrap_or_default())
}

impl StoredCredential {
    /// The name of the stack that the person chose.
    pub fn stack(&self) -> Option<&str> {
        self.project.as_ref().map(|project| project.stack.as_str())
    }

    /// Whether it is the one of this name.
    pub fn is(&self, named: &str) -> bool {
        revision(&self.sealed) == named
    }

    /// Whether a use now prolongs the time until which it is kept.
    pub fn is_prolonged(until_s: u64, now_s: u64) -> bool {
        until_s.saturating_sub(now_s) <= KEPT_FOR.saturating_sub(PROLONGED_AFTER)
    }

    /// Whether it was connected after this link was made.
    fn is_younger(&self, visit: &Visit) -> bool {
        !self.is_refused && visit.issued_ms < self.connected_ms
    }
}

/// A browser at the page of a link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visit {
    /// The configured name of the upstream.
    pub upstream: String,
    /// The hash of the link's secret.
    #[serde(with = "base64url")]
    pub link: Hash,
    /// The hash of the browser's cookie.
    #[serde(with = "base64url")]
    pub browser: Hash,
    /// When the link was made, in milliseconds since 1970.
    pub issued_ms: u64,
}

impl Visit {
    /// Until when the link is good, in seconds since 1970.
    pub fn until(&self) -> u64 {
        (self.issued_ms / 1_000).saturating_add(LINK_LASTS.into())
    }
}

/// Why a link is no good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkFault {
    /// Another browser opened it.
    OtherBrowser,
    /// A key was connected with it, or with another one since it was made.
    Over,
    /// Too many keys were checked for it, or too many links are open.
    TooMany,
}

/// A link that was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedLink {
    #[serde(with = "base64url")]
    browser: Hash,
    #[serde(default)]
    attempts: u8,
    #[serde(default)]
    is_used: bool,
    /// The sealed errand of the person who went to the upstream's authorization server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub errand: Option<String>,
}

impl Record for OpenedLink {}

/// What a visit does with a link: its row before, and after.
pub type Step = fn(Option<&OpenedLink>, &Visit) -> Result<OpenedLink, LinkFault>;

impl OpenedLink {
    /// The page is shown.
    ///
    /// # Errors
    /// In another browser than the first, and after it was used.
    pub fn shown(before: Option<&Self>, visit: &Visit) -> Result<Self, LinkFault> {
        match before {
            None => Ok(Self { browser: visit.browser, attempts: 0, is_used: false, errand: None }),
            Some(_) => Self::again(before, visit),
        }
    }

    /// A key is about to be checked.
    ///
    /// # Errors
    /// As [`Self::shown`], where it was not shown, and where too many were checked.
    pub fn tried(before: Option<&Self>, visit: &Visit) -> Result<Self, LinkFault> {
        let link = Self::again(before, visit)?;
        if link.attempts >= MAX_ATTEMPTS {
            return Err(LinkFault::TooMany);
        }
        Ok(Self { attempts: link.attempts.saturating_add(1), ..link })
    }

    /// A key is connected, or removed.
    ///
    /// # Errors
    /// As [`Self::shown`], and where it was not shown.
    pub fn used(before: Option<&Self>, visit: &Visit) -> Result<Self, LinkFault> {
        Ok(Self { is_used: true, ..Self::again(before, visit)? })
    }

    /// The link in the browser that opened it.
    fn again(before: Option<&Self>, visit: &Visit) -> Result<Self, LinkFault> {
        let link = before.ok_or(LinkFault::Over)?;
        if !bool::from(link.browser.ct_eq(&visit.browser)) {
            return Err(LinkFault::OtherBrowser);
        }
        if link.is_used { Err(LinkFault::Over) } else { Ok(link.clone()) }
    }

    /// The row after a visit, beside the key that is connected.
    ///
    /// # Errors
    /// Where the link is no good.
    pub fn after(
        before: Option<&Self>,
        connected: Option<&StoredCredential>,
        (step, visit): (Step, &Visit),
    ) -> Result<Self, LinkFault> {
        let after = step(before, visit)?;
        let is_over = connected.is_some_and(|connected| connected.is_younger(visit));
        if is_over { Err(LinkFault::Over) } else { Ok(after) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn visit(browser: u8) -> Visit {
        Visit { upstream: "tickets".into(), link: [1; 32], browser: [browser; 32], issued_ms: 100 }
    }

    fn stored(connected_ms: u64) -> StoredCredential {
        StoredCredential {
            sealed: "c2VhbGVk".into(),
            connected_ms,
            is_refused: false,
            project: None,
        }
    }

    fn after(
        before: Option<&OpenedLink>,
        step: Step,
        browser: u8,
    ) -> Result<OpenedLink, LinkFault> {
        OpenedLink::after(before, None, (step, &visit(browser)))
    }

    #[test]
    fn a_link_belongs_to_the_browser_that_opened_it_first_and_is_used_once() {
        let opened = after(None, OpenedLink::shown, 1).unwrap();
        assert_eq!(after(Some(&opened), OpenedLink::shown, 1), Ok(opened.clone()));
        for step in [OpenedLink::shown as Step, OpenedLink::tried, OpenedLink::used] {
            assert_eq!(after(Some(&opened), step, 2), Err(LinkFault::OtherBrowser));
        }
        let used = after(Some(&opened), OpenedLink::used, 1).unwrap();
        for step in [OpenedLink::shown as Step, OpenedLink::tried, OpenedLink::used] {
            assert_eq!(after(Some(&used), step, 1), Err(LinkFault::Over));
            assert_eq!(after(Some(&used), step, 2), Err(LinkFault::OtherBrowser));
        }
        assert_eq!(OpenedLink::from_json(&used.to_json()), Some(used));
    }

    #[test]
    fn nothing_is_connected_by_a_link_that_nobody_opened() {
        for step in [OpenedLink::tried as Step, OpenedLink::used] {
            assert_eq!(after(None, step, 1), Err(LinkFault::Over));
        }
    }

    #[test]
    fn five_keys_are_checked_for_one_link() {
        let mut link = after(None, OpenedLink::shown, 1).unwrap();
        for _ in 0..MAX_ATTEMPTS {
            link = after(Some(&link), OpenedLink::tried, 1).unwrap();
        }
        assert_eq!(after(Some(&link), OpenedLink::tried, 1), Err(LinkFault::TooMany));
        assert!(after(Some(&link), OpenedLink::used, 1).is_ok());
    }

    #[test]
    fn a_link_that_is_older_than_the_connected_key_is_over() {
        let with = |stored: &StoredCredential| {
            OpenedLink::after(None, Some(stored), (OpenedLink::shown, &visit(1))).map(drop)
        };
        assert_eq!(with(&stored(99)), Ok(()));
        assert_eq!(with(&stored(100)), Ok(()));
        assert_eq!(with(&stored(101)), Err(LinkFault::Over));
        assert_eq!(with(&StoredCredential { is_refused: true, ..stored(101) }), Ok(()));
    }

    #[test]
    fn a_key_is_kept_for_a_month_after_its_last_use_and_prolonged_once_a_day() {
        let until = 1_000 + KEPT_FOR;
        assert!(!StoredCredential::is_prolonged(until, 1_000));
        assert!(!StoredCredential::is_prolonged(until, 1_000 + 86_399));
        assert!(StoredCredential::is_prolonged(until, 1_000 + 86_400));
    }

    #[test]
    fn a_key_is_named_by_its_sealed_text() {
        let stored = stored(1);
        assert!(stored.is(&revision("c2VhbGVk")) && !stored.is(&revision("c2VhbGVl")));
        let row = r#"{"sealed":"c2VhbGVk","connected_ms":1}"#;
        assert_eq!(StoredCredential::from_json(row), Some(stored.clone()));
        let project = Some(Project { stack: "keboola.com".into(), ..Project::default() });
        let at_stack = StoredCredential { project, ..stored };
        assert_eq!(at_stack.stack(), Some("keboola.com"));
        assert_eq!(StoredCredential::from_json(&at_stack.to_json()), Some(at_stack));
    }
}
