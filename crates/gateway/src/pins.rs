//! Pins: definitions of tools as they were seen first, or as an administrator approved them.
//!
//! Invariant: what a model reads of a tool does not change unnoticed. A pin outlives the tool, so that one that goes away and
//! comes back is compared with what it was. Pins belong to one upstream, or to one person's view of it where the person's own
//! credential decides what is listed.

use std::collections::BTreeMap;

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
/// `description`, `inputSchema`, `outputSchema`, `annotations` and `_meta.ui`, as far as it has them. Of what has no such
/// form, it is the digest of the text.
pub fn digest(definition: &str) -> String {
    match pinned_form(definition) {
        Some(form) => hexadecimal(&Sha256::digest(form)),
        None => hexadecimal(&Sha256::digest(definition)),
    }
}

/// The digest of a whole list, for a comparison with another in one step.
pub fn digest_of_list<'a>(tools: impl IntoIterator<Item = (&'a str, &'a str)>) -> [u8; 32] {
    let mut hash = Sha256::new();
    for (tool, digest) in tools {
        // The length tells a name from the digest behind it.
        hash.update(tool.len().to_le_bytes());
        hash.update(tool);
        hash.update(digest);
    }
    hash.finalize().into()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What is pinned of a definition. None: it is no object, has a field twice, or a value that cannot be read.
fn pinned_form(definition: &str) -> Option<String> {
    let names = ["name", "title", "description", "inputSchema", "outputSchema", "annotations"];
    let [name, title, description, input, output, annotations] = fields(definition, names).ok()?;
    let values = [name, title, description, input, output, annotations];
    let [meta] = fields(definition, ["_meta"]).ok()?;
    let [ui] = match meta {
        Some(meta) => fields(meta.get(), ["ui"]).ok()?,
        None => [None],
    };
    let all = names.into_iter().zip(values).chain([("_meta.ui", ui)]);
    canonical_object(all.filter_map(|(name, value)| Some((name.to_owned(), value?)))).ok()
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
pub struct Pin {
    /// The digest that was seen first, or approved. None: the tool waits for approval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved: Option<String>,
    /// Another digest that was seen last, and reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<String>,
}

/// What a comparison found for one tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The tool's name at the upstream.
    pub tool: String,
    /// What was found.
    pub change: Change,
    /// The digest that is pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<String>,
    /// The digest that the upstream's list has now.
    pub seen: String,
    /// Whether it is the first time, so that the log names it.
    #[serde(default)]
    pub is_new: bool,
}

impl Finding {
    /// Whether the tool is neither listed nor called.
    pub fn hides(&self, policy: PinPolicy, unknown: UnknownTools) -> bool {
        match self.change {
            Change::Unknown => policy == PinPolicy::Block || unknown == UnknownTools::Block,
            Change::Changed => policy == PinPolicy::Block,
        }
    }
}

/// A difference between the pins and a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// The tool was not there before and was never approved, or there is no room for its pin.
    Unknown,
    /// Its definition changed.
    Changed,
}

impl Change {
    /// The word for it in answers and counters.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Changed => "changed",
        }
    }
}

impl Pins {
    /// Compares a list with the pins, and pins what is new: the differences, and whether the pins changed, so that they must be
    /// stored. `tools` are names at the upstream with their digests.
    pub fn compare<'a>(
        &mut self,
        tools: impl IntoIterator<Item = (&'a str, &'a str)>,
        unknown: UnknownTools,
    ) -> (Vec<Finding>, bool) {
        let (mut findings, mut changed) = (Vec::new(), false);
        for (tool, digest) in tools {
            let found = self.see(tool, digest, unknown, &mut changed);
            findings.extend(found.map(|(change, pinned, is_new)| Finding {
                tool: tool.to_owned(),
                change,
                pinned,
                seen: digest.to_owned(),
                is_new,
            }));
        }
        (findings, changed)
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

    /// All pins, by the tool's name at the upstream.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Pin)> {
        self.tools.iter().map(|(tool, pin)| (tool.as_str(), pin))
    }

    /// Tools that wait for approval: name, pinned digest, digest seen last.
    pub fn pending(&self) -> impl Iterator<Item = (&str, Option<&str>, &str)> {
        self.iter()
            .filter_map(|(tool, pin)| Some((tool, pin.approved.as_deref(), pin.seen.as_deref()?)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use PinPolicy::{Block, Warn};

    const ANY: UnknownTools = UnknownTools::Allow;

    /// The changes in a list, and whether the pins must be stored.
    fn see(pins: &mut Pins, tools: &[(&str, &str)]) -> (Vec<(String, Change, bool)>, bool) {
        let (found, changed) = pins.compare(tools.iter().copied(), ANY);
        let found = found.into_iter().map(|f| (f.tool, f.change, f.is_new)).collect();
        (found, changed)
    }

    fn changed(tool: &str, is_new: bool) -> (String, Change, bool) {
        (tool.to_owned(), Change::Changed, is_new)
    }

    #[test]
    fn the_digest_is_of_what_a_model_reads_in_any_spelling() {
        let tool = r#"{"name":"a","description":"x","inputSchema":{"type":"object","n":1.0},"_meta":{"ui":{"v":1},"t":1},"icons":[]}"#;
        let same = r#"{ "inputSchema":{"n":1,"type":"obj\u0065ct"},"description":"x","name":"a","title":null,"_meta":{"ui":{"v":1}},"ttl":2}"#;
        assert_eq!(digest(tool), digest(same));
        assert_eq!(digest(tool).len(), 64);
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
        assert_eq!(digest(r#"{"name" : "a"}"#), known);
    }

    #[test]
    fn nothing_changes_unnoticed_where_a_field_is_there_twice() {
        for (one, other) in [
            (r#"{"name":"a","name":"b"}"#, r#"{"name":"a","name":"c"}"#),
            (
                r#"{"name":"a","_meta":{"ui":{"v":1},"ui":{"v":2}}}"#,
                r#"{"name":"a","_meta":{"ui":{"v":1},"ui":{"v":3}}}"#,
            ),
            ("[1]", "[2]"),
        ] {
            assert_ne!(digest(one), digest(other), "{one}");
            assert_eq!(digest(one).len(), 64);
        }
    }

    #[test]
    fn lists_of_the_same_tools_have_one_digest() {
        let list = digest_of_list([("a", "1"), ("b", "2")]);
        assert_eq!(list, digest_of_list([("a", "1"), ("b", "2")]));
        for other in [[("a", "1"), ("b", "3")], [("a1", ""), ("b", "2")], [("b", "2"), ("a", "1")]]
        {
            assert_ne!(list, digest_of_list(other), "{other:?}");
        }
    }

    #[test]
    fn what_is_seen_first_is_pinned() {
        let mut pins = Pins::default();
        assert_eq!(see(&mut pins, &[("a", "1"), ("b", "2")]), (vec![], true));
        assert_eq!(see(&mut pins, &[("a", "1"), ("b", "2")]), (vec![], false));
        assert_eq!(Pins::from_json(&pins.to_json()), Some(pins));
    }

    // Statement 17.
    #[test]
    fn a_changed_tool_is_hidden_until_the_digest_is_approved() {
        let mut pins = Pins::default();
        see(&mut pins, &[("a", "1"), ("b", "2")]);
        let (found, stored) = pins.compare([("a", "9"), ("b", "2")], ANY);
        let [finding] = &found[..] else { panic!("{found:?}") };
        assert_eq!((finding.pinned.as_deref(), &*finding.seen, stored), (Some("1"), "9", true));
        assert!(finding.hides(Block, ANY) && !finding.hides(Warn, ANY));
        assert!(!finding.hides(Warn, UnknownTools::Block));
        let again = see(&mut pins, &[("a", "9"), ("b", "2")]);
        assert_eq!(again, (vec![changed("a", false)], false));
        assert!(!pins.approve("a", "8") && !pins.approve("x", "9"));
        assert_eq!(pins.pending().collect::<Vec<_>>(), [("a", Some("1"), "9")]);
        assert!(pins.approve("a", "9") && pins.pending().next().is_none());
        assert_eq!(see(&mut pins, &[("a", "9"), ("b", "2")]), (vec![], false));
        assert_eq!(see(&mut pins, &[("a", "1"), ("b", "2")]).0, [changed("a", true)]);
    }

    #[test]
    fn a_change_that_is_taken_back_is_news_when_it_comes_again() {
        let mut pins = Pins::default();
        for (digest, reported) in [("1", 0), ("2", 1), ("1", 0), ("2", 1), ("3", 1)] {
            let (found, stored) = see(&mut pins, &[("a", digest)]);
            assert_eq!((found.len(), stored), (reported, true), "{digest}");
            assert!(found.iter().all(|(_, _, is_new)| *is_new));
        }
    }

    #[test]
    fn a_tool_that_comes_back_is_compared_with_what_it_was() {
        let mut pins = Pins::default();
        see(&mut pins, &[("a", "1"), ("b", "2")]);
        assert_eq!(see(&mut pins, &[("b", "2")]), (vec![], false), "it stays pinned");
        assert_eq!(see(&mut pins, &[("a", "7"), ("b", "2")]).0, [changed("a", true)]);
        assert_eq!(see(&mut pins, &[("a", "1"), ("b", "2")]).0, []);
    }

    #[test]
    fn an_unknown_tool_waits_for_approval_where_it_must() {
        let unknown = UnknownTools::Block;
        let mut pins = Pins::default();
        for is_new in [true, false] {
            let (found, _) = pins.compare([("a", "1")], unknown);
            let [finding] = &found[..] else { panic!("{found:?}") };
            assert_eq!((finding.change, &finding.pinned), (Change::Unknown, &None));
            assert_eq!(finding.is_new, is_new);
            assert!([Warn, Block].into_iter().all(|policy| finding.hides(policy, unknown)));
        }
        assert!(pins.approve("a", "1"));
        assert_eq!(pins.compare([("a", "1")], unknown), (vec![], false));
    }

    #[test]
    fn pins_are_bounded() {
        let names: Vec<String> = (0..=MAX_PINS).map(|n| format!("t{n:05}")).collect();
        let tools: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
        let (found, _) = Pins::default().compare(tools.iter().copied(), ANY);
        let hidden = |policy| -> BTreeSet<&str> {
            let hidden = found.iter().filter(|finding| finding.hides(policy, ANY));
            hidden.map(|finding| finding.tool.as_str()).collect()
        };
        assert_eq!(hidden(Block), [&*format!("t{MAX_PINS:05}")].into());
        assert!(hidden(Warn).is_empty());
    }
}
