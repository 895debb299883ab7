//! What an isolate knows of pins: the tools of a list whose definitions are not the pinned ones, and lists in which all are.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use mcp_protocol::object::{Object, array};
use mcp_server::toolset::Effect;

use crate::{config::MAX_UPSTREAMS, memory::FRESH, pins::Finding};

/// Marks that are shown at once.
const MAX_SHOWN: usize = 50;

/// A tool whose definition is not the pinned one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// What the comparison found.
    pub finding: Finding,
    /// Its name at the common door.
    pub exposed: Rc<str>,
    /// Its name at the door of the upstream.
    pub shown: Rc<str>,
    /// Its effect.
    pub effect: Effect,
    /// Whether it is neither listed nor called.
    pub is_hidden: bool,
}

impl Mark {
    /// Bytes that it takes.
    pub fn bytes(&self) -> usize {
        let digests = self.finding.seen.len().saturating_mul(2);
        let texts = [self.finding.tool.len(), self.exposed.len(), self.shown.len(), digests];
        texts.into_iter().fold(size_of::<Self>(), usize::saturating_add)
    }

    fn to_json(&self) -> String {
        Object::new()
            .text("tool", &self.exposed)
            .text("change", self.finding.change.word())
            .text_if("pinned", self.finding.pinned.as_deref())
            .text("seen", &self.finding.seen)
            .flag("hidden", self.is_hidden)
            .end()
    }
}

/// The JSON text of an array of the first marks, for people.
pub fn shown(marks: &[Mark]) -> String {
    let first: Vec<String> = marks.iter().take(MAX_SHOWN).map(Mark::to_json).collect();
    array(&first)
}

/// The lists that were compared last with the pins of each upstream, and differed in nothing.
#[derive(Debug, Default)]
pub struct KnownPins {
    /// By upstream: the digest of the list, and when it was compared, in milliseconds since 1970.
    equal: RefCell<BTreeMap<String, ([u8; 32], u64)>>,
}

impl KnownPins {
    /// Whether a list was compared lately, so that its pins need not be asked.
    pub fn is_equal(&self, upstream: &str, list: [u8; 32], now_ms: u64) -> bool {
        let equal = self.equal.borrow();
        let fresh = u64::try_from(FRESH.as_millis()).unwrap_or_default();
        let is_fresh = |compared: u64| now_ms.abs_diff(compared) < fresh;
        equal.get(upstream).is_some_and(|(known, at)| *known == list && is_fresh(*at))
    }

    /// Notes a list that differs in nothing from its pins.
    pub fn note_equal(&self, upstream: &str, list: [u8; 32], now_ms: u64) {
        let mut equal = self.equal.borrow_mut();
        if equal.len() >= MAX_UPSTREAMS && !equal.contains_key(upstream) {
            equal.clear();
        }
        equal.insert(upstream.to_owned(), (list, now_ms));
    }

    /// Has the pins of an upstream asked again.
    pub fn forget(&self, upstream: &str) {
        self.equal.borrow_mut().remove(upstream);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pins::Change;

    #[test]
    fn a_list_that_was_compared_a_minute_ago_is_compared_again() {
        let known = KnownPins::default();
        known.note_equal("tickets", [1; 32], 1_000);
        assert!(known.is_equal("tickets", [1; 32], 60_999));
        assert!(!known.is_equal("tickets", [1; 32], 61_000));
        assert!(!known.is_equal("tickets", [2; 32], 1_000));
        assert!(!known.is_equal("other", [1; 32], 1_000));
        known.forget("tickets");
        assert!(!known.is_equal("tickets", [1; 32], 1_000));
        (0..500).for_each(|n| known.note_equal(&format!("up{n}"), [1; 32], 1));
        assert!(known.equal.borrow().len() <= MAX_UPSTREAMS);
    }

    #[test]
    fn the_first_marks_are_shown_with_both_digests() {
        let finding = Finding {
            tool: "a".into(),
            change: Change::Changed,
            pinned: Some("1".into()),
            seen: "2".into(),
            is_new: false,
        };
        let (exposed, shown_name) = ("t_a".into(), "a".into());
        let mark =
            Mark { finding, exposed, shown: shown_name, effect: Effect::Read, is_hidden: true };
        let one = r#"[{"tool":"t_a","change":"changed","pinned":"1","seen":"2","hidden":true}]"#;
        assert_eq!(shown(std::slice::from_ref(&mark)), one);
        assert_eq!(shown(&vec![mark; 900]).matches("t_a").count(), MAX_SHOWN);
    }
}
