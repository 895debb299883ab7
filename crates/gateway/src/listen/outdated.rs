//! How the object of a session is told that a list of an upstream is old.
//!
//! The Worker that holds the session's stream hears of the change, and the object answers `tools/list`, perhaps in another
//! isolate. The text goes over the socket of the stream, before the client hears of the change.

use mcp_auth::subject::Subject;
use mcp_platform::record::Record;
use mcp_protocol::list_kind::ListKind;
use mcp_server::notifier::ChangeEvent;
use serde::{Deserialize, Serialize};

use super::News;
use crate::memory::Memory;

/// The message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outdated {
    /// The configured name of the upstream.
    upstream: String,
    /// The change of a list.
    change: ChangeEvent,
}

impl Record for Outdated {}

impl Outdated {
    /// What an object must hear of news. None: nothing.
    pub fn of(news: &News) -> Option<Self> {
        let (upstream, change) = (news.upstream.to_string(), news.change.clone());
        (!lists(&change).is_empty()).then_some(Self { upstream, change })
    }

    /// Has the lists asked for again before they are shown to a subject.
    pub fn note(&self, memory: &Memory, subject: Subject) {
        for kind in lists(&self.change) {
            memory.outdate(&self.upstream, *kind, subject);
        }
    }
}

/// The lists that are old after a change.
fn lists(change: &ChangeEvent) -> &'static [ListKind] {
    match change {
        ChangeEvent::ToolsChanged => &[ListKind::Tools],
        ChangeEvent::PromptsChanged => &[ListKind::Prompts],
        ChangeEvent::ResourcesChanged => &[ListKind::Resources, ListKind::ResourceTemplates],
        ChangeEvent::ResourceUpdated(_) | ChangeEvent::Task(..) => &[],
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;
    use crate::memory::{KnownList, Whose};

    #[test]
    fn a_list_that_is_old_is_asked_for_again_by_its_subject_and_still_stands_in() {
        let memory = Memory::default();
        let whose = |n| Whose { subject: Some(Subject([n; 16])), ..Whose::default() };
        for (kind, n) in [(ListKind::Tools, 1), (ListKind::Prompts, 1), (ListKind::Tools, 2)] {
            memory.note_list(&"t".into(), kind, whose(n), Rc::<KnownList>::default());
        }
        let news = News { upstream: "t".into(), change: ChangeEvent::ToolsChanged };
        let text = Outdated::of(&news).unwrap().to_json();
        assert_eq!(text, r#"{"upstream":"t","change":{"list":"tools"}}"#);
        Outdated::from_json(&text).unwrap().note(&memory, Subject([1; 16]));
        let list = |kind, n| memory.list("t", kind, whose(n)).unwrap();
        let old = list(ListKind::Tools, 1);
        assert!(!old.is_fresh(0) && !old.is_usable(0) && old.is_last_good(0));
        assert!(list(ListKind::Prompts, 1).is_fresh(0) && list(ListKind::Tools, 2).is_fresh(0));
    }

    #[test]
    fn news_of_resources_and_other_texts_make_no_list_old() {
        let updated = ChangeEvent::ResourceUpdated("a:1".to_owned());
        assert_eq!(Outdated::of(&News { upstream: "t".into(), change: updated }), None);
        for text in ["", "{}", r#"{"upstream":"t"}"#, r#"{"upstream":"t","change":{"list":"x"}}"#] {
            assert_eq!(Outdated::from_json(text), None, "{text}");
        }
    }
}
