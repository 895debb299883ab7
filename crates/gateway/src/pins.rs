//! Pins: definitions of tools as they were seen first, or as an administrator approved them.
//!
//! Invariant: what a model reads of a tool does not change unnoticed. A pin outlives the tool, so that one that goes away and
//! comes back is compared with what it was. Pins belong to one upstream, or to one person's view of it where lists differ by
//! person.

use std::collections::{BTreeMap, BTreeSet};

use mcp_platform::record::Record;
use mcp_protocol::fields::fields;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::canonical::canonical_object;

/// Tools of one upstream that are pinned. Of more, none is: with `block` they are hidden.
pub const MAX_PINS: usize = 5_000;

/// What happens to a tool whose definition is not the one that was pinned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PinPolicy {
    /// Nothing is pinned.
    Off,
    /// The change is reported, and the tool shown.
    #[default]
    Warn,
    /// The change is reported, and the tool hidden until an administrator approves it.
    Block,
}

impl PinPolicy {
    /// The words for them in the configuration.
    pub const WORDS: [(&'static str, Self); 3] =
        [("off", Self::Off), ("warn", Self::Warn), ("block", Self::Block)];

    /// The word for it in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Block => "block",
        }
    }
}

/// What happens to a tool that has no pin, unless nothing is pinned at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnknownTools {
    /// It is shown, and pinned.
    #[default]
    Allow,
    /// It is hidden until an administrator approves it.
    Block,
}

impl UnknownTools {
    /// The words for them in the configuration.
    pub const WORDS: [(&'static str, Self); 2] = [("allow", Self::Allow), ("block", Self::Block)];

    /// The word for it in the configuration.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Block => "block",
        }
    }
}

/// The digest of what a model reads of a tool: SHA-256, in hexadecimal digits, over the canonical form of its `name`, `title`,
/// `description`, `inputSchema`, `outputSchema`, `annotations` and `_meta.ui`, as far as it has them. None: it is no
/// definition.
pub fn digest(definition: &str) -> Option<String> {
    let names = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"];
    let [name, title, description, input, output, annotations] = fields(definition, names).ok()?;
    let values = [name, title, description, input, output, annotations];
    let [meta] = fields(definition, ["_meta"]).ok()?;
    let ui = meta.and_then(|meta| fields(meta.get(), ["ui"]).ok()).and_then(|[ui]| ui);
    let all = names.into_iter().zip(values).chain([("_meta.ui", ui)]);
    let pinned = all.filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let canonical = canonical_object(pinned).ok()?;
    let hash = Sha256::digest(canonical);
    Some(hash.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The pins of an upstream, as they are stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pins {
    /// By the tool's name at the upstream.
    #[serde(default)]
    tools: BTreeMap<String, Pin>,
}

impl Record for Pins {}

/// The pin of a tool.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Pin {
    /// The digest that was seen first, or approved. None: the tool waits for approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    approved: Option<String>,
    /// Another digest that was seen last, and reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seen: Option<String>,
    /// Whether it is missing from the upstream's list.
    #[serde(default, skip_serializing_if = "is_false")]
    removed: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// What a comparison found for one tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The tool's name at the upstream.
    pub tool: String,
    /// What was found.
    pub change: Change,
    /// The digest that is pinned.
    pub pinned: Option<String>,
    /// The digest that the upstream's list has now.
    pub seen: Option<String>,
    /// Whether it is the first time, so that the log should name it.
    pub is_new: bool,
}

/// A difference between the pins and a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The tool was not there before, or was never approved.
    Unknown,
    /// Its definition changed.
    Changed,
    /// It is missing from the list.
    Removed,
}

/// The outcome of a comparison.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The tools that are neither listed nor called, by their names at the upstream.
    pub hidden: BTreeSet<String>,
    /// The differences.
    pub findings: Vec<Finding>,
    /// Whether the pins changed, so that they must be stored.
    pub changed: bool,
}

impl Pins {
    /// Compares a list with the pins, and pins what is new. `tools` are names at the upstream with their digests; a list that is
    /// not `complete` says nothing of tools that are missing from it.
    pub fn compare<'a>(
        &mut self,
        tools: impl IntoIterator<Item = (&'a str, &'a str)>,
        complete: bool,
        policy: PinPolicy,
        unknown: UnknownTools,
    ) -> Comparison {
        let mut found = Comparison::default();
        if policy == PinPolicy::Off {
            return found;
        }
        let mut listed = BTreeSet::new();
        for (tool, digest) in tools {
            listed.insert(tool);
            let Some((change, pin, is_new)) = self.see(tool, digest, unknown, &mut found.changed)
            else {
                continue;
            };
            let is_hidden = match change {
                Change::Unknown => policy == PinPolicy::Block || unknown == UnknownTools::Block,
                Change::Changed | Change::Removed => policy == PinPolicy::Block,
            };
            if is_hidden {
                found.hidden.insert(tool.to_owned());
            }
            found.findings.push(Finding {
                tool: tool.to_owned(),
                change,
                pinned: pin,
                seen: Some(digest.to_owned()),
                is_new,
            });
        }
        if complete {
            self.note_removed(&listed, &mut found);
        }
        found
    }

    /// Looks at one tool: what is to be reported of it, with its pin, and whether that is new.
    fn see(
        &mut self,
        tool: &str,
        digest: &str,
        unknown: UnknownTools,
        changed: &mut bool,
    ) -> Option<(Change, Option<String>, bool)> {
        let has_room = self.tools.len() < MAX_PINS;
        let Some(pin) = self.tools.get_mut(tool) else {
            if !has_room {
                return Some((Change::Unknown, None, false));
            }
            *changed = true;
            let digest = Some(digest.to_owned());
            let (pin, report) = match unknown {
                UnknownTools::Allow => (Pin { approved: digest, ..Pin::default() }, None),
                UnknownTools::Block => {
                    (Pin { seen: digest, ..Pin::default() }, Some((Change::Unknown, None, true)))
                }
            };
            self.tools.insert(tool.to_owned(), pin);
            return report;
        };
        *changed |= std::mem::take(&mut pin.removed);
        if pin.approved.as_deref() == Some(digest) {
            // A change that was taken back is reported again when it comes again.
            *changed |= pin.seen.take().is_some();
            return None;
        }
        let is_new = pin.seen.as_deref() != Some(digest);
        if is_new {
            pin.seen = Some(digest.to_owned());
            *changed = true;
        }
        let change = if pin.approved.is_some() { Change::Changed } else { Change::Unknown };
        Some((change, pin.approved.clone(), is_new))
    }

    fn note_removed(&mut self, listed: &BTreeSet<&str>, found: &mut Comparison) {
        for (tool, pin) in &mut self.tools {
            if pin.removed || listed.contains(tool.as_str()) {
                continue;
            }
            pin.removed = true;
            found.changed = true;
            found.findings.push(Finding {
                tool: tool.clone(),
                change: Change::Removed,
                pinned: pin.approved.clone(),
                seen: None,
                is_new: true,
            });
        }
    }

    /// Approves a definition of a tool by its digest, which must be the one that was seen last. False: it was not.
    pub fn approve(&mut self, tool: &str, digest: &str) -> bool {
        let Some(pin) = self.tools.get_mut(tool) else {
            return false;
        };
        let is_seen = pin.seen.as_deref() == Some(digest);
        if is_seen {
            pin.approved = pin.seen.take();
        }
        is_seen || pin.approved.as_deref() == Some(digest)
    }

    /// Forgets a tool, so that it is an unknown one when it is listed again. False: it has no pin.
    pub fn forget(&mut self, tool: &str) -> bool {
        self.tools.remove(tool).is_some()
    }

    /// Tools that wait for approval: name, pinned digest, digest seen last.
    pub fn pending(&self) -> impl Iterator<Item = (&str, Option<&str>, &str)> {
        self.tools.iter().filter_map(|(tool, pin)| {
            Some((tool.as_str(), pin.approved.as_deref(), pin.seen.as_deref()?))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use PinPolicy::{Block, Off, Warn};

    fn compare(pins: &mut Pins, tools: &[(&str, &str)], policy: PinPolicy) -> Comparison {
        pins.compare(tools.iter().copied(), true, policy, UnknownTools::Allow)
    }

    fn changes(found: &Comparison) -> Vec<(&str, Change, bool)> {
        found.findings.iter().map(|f| (f.tool.as_str(), f.change, f.is_new)).collect()
    }

    #[test]
    fn the_digest_is_of_what_a_model_reads_in_any_spelling() {
        let tool = r#"{"name":"a","description":"x","inputSchema":{"type":"object","n":1.0},"_meta":{"ui":{"v":1},"t":1},"icons":[]}"#;
        let same = r#"{ "inputSchema":{"n":1,"type":"obj\u0065ct"},"description":"x","name":"a","title":null,"_meta":{"ui":{"v":1}},"ttl":2}"#;
        assert_eq!(digest(tool), digest(same));
        assert_eq!(digest(tool).unwrap().len(), 64);
        for (from, to) in [
            ("\"name\":\"a\"", "\"name\":\"b\""),
            ("\"x\"", "\"y\""),
            ("1.0", "2"),
            ("{\"v\":1}", "{\"v\":2}"),
            ("\"icons\"", "\"annotations\""),
            ("\"icons\":[]", "\"title\":\"\""),
            ("\"icons\":[]", "\"outputSchema\":{}"),
        ] {
            assert_ne!(digest(tool), digest(&tool.replacen(from, to, 1)), "{to}");
        }
        let known = "d9d719b27480b55cd4918020e7473e716ed3569c8adafe926cf9b10b4f8ef064";
        assert_eq!(digest(r#"{"name" : "a"}"#).as_deref(), Some(known));
        for text in ["[]", "", r#"{"name":"a","name":"b"}"#] {
            assert_eq!(digest(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_seen_first_is_pinned() {
        let mut pins = Pins::default();
        let first = compare(&mut pins, &[("a", "1"), ("b", "2")], Block);
        assert_eq!((first.hidden.len(), first.findings.len(), first.changed), (0, 0, true));
        let again = compare(&mut pins, &[("a", "1"), ("b", "2")], Block);
        assert_eq!(again, Comparison::default());
        assert_eq!(Pins::from_json(&pins.to_json()), Some(pins));
    }

    // Statement 17.
    #[test]
    fn a_changed_tool_is_hidden_until_the_digest_is_approved() {
        let mut pins = Pins::default();
        compare(&mut pins, &[("a", "1"), ("b", "2")], Block);
        let found = compare(&mut pins, &[("a", "9"), ("b", "2")], Block);
        assert!(found.hidden.contains("a") && found.hidden.len() == 1 && found.changed);
        let finding = &found.findings[0];
        assert_eq!((finding.pinned.as_deref(), finding.seen.as_deref()), (Some("1"), Some("9")));
        let again = compare(&mut pins, &[("a", "9"), ("b", "2")], Block);
        assert_eq!(changes(&again), [("a", Change::Changed, false)]);
        assert!(again.hidden.contains("a") && !again.changed);
        assert!(!pins.approve("a", "8") && !pins.approve("x", "9"));
        assert_eq!(pins.pending().collect::<Vec<_>>(), [("a", Some("1"), "9")]);
        assert!(pins.approve("a", "9") && pins.pending().next().is_none());
        assert!(compare(&mut pins, &[("a", "9"), ("b", "2")], Block).hidden.is_empty());
    }

    #[test]
    fn a_change_that_is_taken_back_is_news_when_it_comes_again() {
        let mut pins = Pins::default();
        for (digest, hidden) in [("1", 0), ("2", 1), ("1", 0), ("2", 1)] {
            let found = compare(&mut pins, &[("a", digest)], Block);
            assert_eq!(found.hidden.len(), hidden, "{digest}");
            assert!(found.findings.iter().all(|finding| finding.is_new));
        }
    }

    #[test]
    fn with_warnings_all_tools_are_shown() {
        let mut pins = Pins::default();
        compare(&mut pins, &[("a", "1")], Warn);
        let found = compare(&mut pins, &[("a", "2"), ("b", "1")], Warn);
        assert_eq!(changes(&found), [("a", Change::Changed, true)]);
        assert!(found.hidden.is_empty());
        assert_eq!(compare(&mut pins, &[("a", "3")], Off), Comparison::default());
    }

    #[test]
    fn a_tool_that_comes_back_is_compared_with_what_it_was() {
        let mut pins = Pins::default();
        compare(&mut pins, &[("a", "1"), ("b", "2")], Block);
        let partial = pins.compare([("b", "2")], false, Block, UnknownTools::Allow);
        assert_eq!(partial, Comparison::default());
        let gone = compare(&mut pins, &[("b", "2")], Block);
        assert_eq!(changes(&gone), [("a", Change::Removed, true)]);
        assert_eq!(compare(&mut pins, &[("b", "2")], Block), Comparison::default());
        assert!(compare(&mut pins, &[("a", "7"), ("b", "2")], Block).hidden.contains("a"));
        assert!(compare(&mut pins, &[("a", "1"), ("b", "2")], Block).hidden.is_empty());
    }

    #[test]
    fn an_unknown_tool_waits_for_approval_where_it_must() {
        for policy in [Warn, Block] {
            let mut pins = Pins::default();
            let see =
                |pins: &mut Pins| pins.compare([("a", "1")], true, policy, UnknownTools::Block);
            assert_eq!(changes(&see(&mut pins)), [("a", Change::Unknown, true)]);
            let again = see(&mut pins);
            assert_eq!(changes(&again), [("a", Change::Unknown, false)]);
            assert!(again.hidden.contains("a"));
            assert!(pins.approve("a", "1"));
            assert_eq!(see(&mut pins), Comparison::default());
            assert!(pins.forget("a") && !pins.forget("a"));
            assert!(see(&mut pins).hidden.contains("a"));
        }
    }

    #[test]
    fn pins_are_bounded() {
        let names: Vec<String> = (0..=MAX_PINS).map(|n| format!("t{n:05}")).collect();
        let tools: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
        let mut pins = Pins::default();
        let found = compare(&mut pins, &tools, Block);
        assert_eq!(found.hidden.into_iter().collect::<Vec<_>>(), [format!("t{MAX_PINS:05}")]);
        assert!(compare(&mut Pins::default(), &tools, Warn).hidden.is_empty());
    }
}
