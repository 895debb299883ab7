//! Which upstreams behind the common door a caller chose, beside the tools of this server.
//!
//! Invariant: a selection has names only. Whether there is an upstream of a name, and whether the caller may use
//! it, is for the door to say.

use std::{collections::BTreeSet, rc::Rc};

use crate::tool_selection::ToolSelection;

/// Stands between the names of upstreams and the choice of this server's own tools in a session's id.
const PLUS: char = '+';

/// A choice of upstreams.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum UpstreamSelection {
    /// All of them.
    #[default]
    All,
    /// Those of these names.
    Named(Rc<[String]>),
}

impl UpstreamSelection {
    /// The upstreams of these names.
    pub fn of(names: impl IntoIterator<Item = String>) -> Self {
        let names: BTreeSet<String> = names.into_iter().collect();
        Self::Named(names.into_iter().collect())
    }

    /// Whether the tools of this upstream are listed.
    pub fn lists(&self, upstream: &str) -> bool {
        match self {
            Self::All => true,
            Self::Named(names) => names.iter().any(|name| name == upstream),
        }
    }

    /// Whether what this upstream has may be used. `dynamic` finds the tools of all, and what is found may be called.
    pub fn reaches(&self, upstream: &str, tools: ToolSelection) -> bool {
        tools.is_dynamic() || self.lists(upstream)
    }

    /// Whether nothing of any upstream may be used.
    pub fn is_empty(&self, tools: ToolSelection) -> bool {
        !tools.is_dynamic() && matches!(self, Self::Named(names) if names.is_empty())
    }

    /// The same with more upstreams.
    #[must_use]
    pub fn with(&self, more: &[String]) -> Self {
        match self {
            Self::Named(names) if !more.is_empty() => Self::of(names.iter().chain(more).cloned()),
            same => same.clone(),
        }
    }
}

/// What a caller chose at the common door.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Of this server's own tools.
    pub tools: ToolSelection,
    /// Of upstreams.
    pub upstreams: UpstreamSelection,
}

impl Selection {
    /// The text that a session's id carries.
    pub fn to_claim(&self) -> String {
        let tools = self.tools.to_claim();
        match &self.upstreams {
            UpstreamSelection::All => tools,
            // The end of the text says whether only tools that read are meant, for readers who know no names.
            UpstreamSelection::Named(names) => format!("{}{PLUS}{tools}", names.join(",")),
        }
    }

    /// Reads it back.
    pub fn from_claim(claim: &str) -> Self {
        let (upstreams, tools) = match claim.rsplit_once(PLUS) {
            Some((names, tools)) => {
                let names = names.split(',').filter(|name| !name.is_empty());
                (UpstreamSelection::of(names.map(str::to_owned)), tools)
            }
            None => (UpstreamSelection::All, claim),
        };
        Self { tools: ToolSelection::from_claim(tools), upstreams }
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::btree_set, prelude::*};

    use super::*;
    use crate::tool_selection::DYNAMIC;

    fn named(names: &[&str]) -> UpstreamSelection {
        UpstreamSelection::of(names.iter().map(|name| (*name).to_owned()))
    }

    #[test]
    fn what_is_not_chosen_is_not_reached_unless_it_can_be_found() {
        let (some, finds) =
            (ToolSelection::default(), ToolSelection { sets: DYNAMIC, ..ToolSelection::default() });
        assert!(UpstreamSelection::All.lists("a") && !UpstreamSelection::All.is_empty(some));
        let one = named(&["a"]);
        assert!(one.lists("a") && !one.lists("b") && !one.reaches("b", some));
        assert!(one.reaches("b", finds) && !one.lists("b"));
        let none = named(&[]);
        assert!(none.is_empty(some) && !none.is_empty(finds) && !one.is_empty(some));
        let more = one.with(&["b".to_owned(), "a".to_owned()]);
        assert_eq!(more, named(&["a", "b"]));
        assert_eq!(UpstreamSelection::All.with(&["b".to_owned()]), UpstreamSelection::All);
    }

    #[test]
    fn a_claim_without_names_is_one_of_a_session_that_reaches_all() {
        for (claim, read_only) in [("4", false), ("80000000-ro", true), ("", false)] {
            let read = Selection::from_claim(claim);
            assert_eq!((read.upstreams, read.tools.read_only), (UpstreamSelection::All, read_only));
        }
        assert_eq!(Selection::default().to_claim(), ToolSelection::default().to_claim());
    }

    #[test]
    fn a_reader_of_choices_without_names_learns_that_only_what_reads_is_meant() {
        let tools = ToolSelection { read_only: true, ..ToolSelection::default() };
        let claim = Selection { tools, upstreams: named(&["tickets"]) }.to_claim();
        assert!(ToolSelection::from_claim(&claim).read_only, "{claim}");
    }

    proptest! {
        #[test]
        fn a_selection_comes_back_from_its_claim(
            names in proptest::option::of(btree_set("[a-z][a-z0-9-]{0,15}", 0..5)),
            sets: u32,
            read_only: bool,
        ) {
            let upstreams = names.map_or(UpstreamSelection::All, UpstreamSelection::of);
            let tools = ToolSelection { sets, read_only, legacy: false };
            let selection = Selection { tools, upstreams };
            prop_assert_eq!(Selection::from_claim(&selection.to_claim()), selection);
        }
    }
}
