//! Forgetting what is known of an upstream, where an administrator or the upstream itself changed something.

use mcp_auth::subject::Subject;
use mcp_protocol::list_kind::ListKind;

use super::Memory;

impl Memory {
    /// Has a list asked for again before it is shown to a subject.
    pub fn outdate(&self, upstream: &str, kind: ListKind, subject: Subject) {
        for kept in self.lists.borrow().iter().filter(|kept| kept.is_of(upstream, kind)) {
            if kept.whose.subject.is_none_or(|owner| owner == subject) {
                kept.list.outdated.set(true);
            }
        }
    }

    /// Has the lists of an upstream, and its pins, asked for again. What requests under way learn is not noted.
    pub fn forget_lists(&self, upstream: &str) {
        self.generations.raise(upstream);
        self.lists.borrow_mut().retain(|kept| *kept.upstream != *upstream);
        self.pins.forget(upstream);
    }

    /// Forgets all that is known of an upstream: another server may stand behind its name now.
    pub fn forget(&self, upstream: &str) {
        self.forget_lists(upstream);
        self.upstreams.borrow_mut().remove(upstream);
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use mcp_client::era::Era;

    use super::*;
    use crate::memory::{KnownList, Whose};

    #[test]
    fn what_is_known_of_one_upstream_is_forgotten_and_no_more() {
        let memory = Memory::default();
        let whose = Whose::default();
        for name in ["a", "b"] {
            memory.note_era(name, Era::Session, 1);
            memory.pins.note_equal(name, [1; 32], 1);
            memory.note_list(&name.into(), ListKind::Tools, whose, Rc::<KnownList>::default());
        }
        let knows = |name: &str| {
            let has_list = memory.list(name, ListKind::Tools, whose).is_some();
            (has_list, memory.pins.is_equal(name, [1; 32], 1), memory.era(name, 1).is_some())
        };
        memory.forget_lists("a");
        assert_eq!(knows("a"), (false, false, true));
        memory.forget("a");
        assert_eq!((knows("a"), knows("b")), ((false, false, false), (true, true, true)));
    }
}
