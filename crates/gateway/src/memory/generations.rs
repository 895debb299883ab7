//! What requests learn of an upstream, and whether that is still so when they end.
//!
//! Invariant: what was asked for before something of an upstream was forgotten, or with other settings than those that count
//! now, is not noted afterwards. A door may be as old as a stream of its client, and its settings with it.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use mcp_client::era::{Era, Handshake};
use mcp_server::remote::About;

use super::{Memory, about};
use crate::config::{MAX_UPSTREAMS, Upstreams};

/// What was forgotten of an upstream when a request to it began.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Generation(u64);

impl Generation {
    /// That of a request with settings that do not count any more.
    const OVER: Self = Self(u64::MAX);
}

/// How often something was forgotten of each upstream.
#[derive(Default)]
pub(super) struct Generations {
    /// Of all upstreams together, so that no number comes twice.
    last: Cell<u64>,
    /// That of an upstream which is not among `of`.
    others: Cell<Generation>,
    of: RefCell<BTreeMap<String, Generation>>,
    /// The settings that count. None: those of any door.
    settings: RefCell<Option<Rc<Upstreams>>>,
}

impl Generations {
    fn get(&self, upstream: &str) -> Generation {
        self.of.borrow().get(upstream).copied().unwrap_or(self.others.get())
    }

    /// A number that did not come before.
    pub(super) fn next(&self) -> u64 {
        let next = self.last.get().saturating_add(1);
        self.last.set(next);
        next
    }

    /// Notes that something of an upstream was forgotten.
    pub(super) fn raise(&self, upstream: &str) {
        let next = Generation(self.next());
        let mut of = self.of.borrow_mut();
        if of.len() >= MAX_UPSTREAMS && !of.contains_key(upstream) {
            of.clear();
            self.others.set(next);
        }
        of.insert(upstream.to_owned(), next);
    }
}

impl Memory {
    /// Has these settings count from now on.
    pub fn set_upstreams(&self, upstreams: Rc<Upstreams>) {
        self.generations.settings.replace(Some(upstreams));
    }

    /// What a request must read of an upstream before it begins, so that what it learns can be noted. `upstreams`: the
    /// settings that it has.
    pub fn generation(&self, upstreams: &Rc<Upstreams>, upstream: &str) -> Generation {
        let settings = self.generations.settings.borrow();
        let counts = settings.as_ref().is_none_or(|settings| {
            Rc::ptr_eq(settings, upstreams) || settings.get(upstream) == upstreams.get(upstream)
        });
        if counts { self.generations.get(upstream) } else { Generation::OVER }
    }

    /// Whether nothing was forgotten of an upstream since then.
    pub fn is_current(&self, upstream: &str, generation: Generation) -> bool {
        self.generations.get(upstream) == generation
    }

    /// Notes what an upstream said of itself when a session was opened that goes on.
    pub fn note_about(&self, upstream: &str, asked: Generation, about: &About, now_ms: u64) {
        if self.is_current(upstream, asked) {
            self.with(upstream, |known| known.about = Some((about.clone(), now_ms)));
        }
    }

    /// Notes the wire of an upstream.
    pub fn note_era(&self, upstream: &str, era: Era, now_ms: u64) {
        self.with(upstream, |known| known.era = Some((era, now_ms)));
    }

    /// Notes that an upstream does not speak 2026-07-28.
    pub fn note_older(&self, upstream: &str, asked: Generation, now_ms: u64) {
        if self.is_current(upstream, asked) {
            self.with(upstream, |known| known.older = Some(now_ms));
        }
    }

    /// Notes what a handshake led to.
    pub fn note_handshake(
        &self,
        upstream: &str,
        asked: Generation,
        found: &Handshake,
        now_ms: u64,
    ) {
        if self.is_current(upstream, asked) {
            self.with(upstream, |known| {
                known.era = Some((found.era, now_ms));
                known.about = Some((about(found), now_ms));
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use mcp_auth::secret::Secret;

    use super::*;
    use crate::{address::Surroundings, config::Rules};

    fn upstreams(settings: &str) -> Rc<Upstreams> {
        let secret = |_: &str| None::<Secret>;
        let rules = Rules { reserved: &[], surroundings: Surroundings::default(), secret: &secret };
        let upstreams = Upstreams::read(Some(settings), &rules);
        assert!(upstreams.errors.is_empty(), "{:?}", upstreams.errors);
        Rc::new(upstreams)
    }

    #[test]
    fn what_was_asked_before_something_was_forgotten_is_not_noted() {
        let (memory, all) = (Memory::default(), upstreams(""));
        let knows = |name: &str| memory.about(name, 1).is_some() || memory.is_older(name, 1);
        for forget in [Memory::forget, Memory::forget_lists] {
            let (a, b) = (memory.generation(&all, "a"), memory.generation(&all, "b"));
            forget(&memory, "a");
            memory.note_about("a", a, &About::default(), 1);
            memory.note_older("a", a, 1);
            memory.note_older("b", b, 1);
            assert_eq!((knows("a"), knows("b")), (false, true));
        }
        let again = memory.generation(&all, "a");
        memory.note_older("a", again, 1);
        assert!(knows("a"));
    }

    #[test]
    fn what_is_learned_with_other_settings_than_those_that_count_is_not_noted() {
        let memory = Memory::default();
        let two = |a: &str| {
            upstreams(&format!(r#"{{"a":{{"url":"{a}"}},"b":{{"url":"https://b.example.com/"}}}}"#))
        };
        let before = two("https://a.example.com/");
        let is_current = |settings: &Rc<Upstreams>, name: &str| {
            memory.is_current(name, memory.generation(settings, name))
        };
        assert!(is_current(&before, "a"), "before anything changed, any settings count");
        let after = two("https://other.example.com/");
        memory.set_upstreams(after.clone());
        memory.forget("a");
        assert!(!is_current(&before, "a") && is_current(&before, "b"));
        assert!(is_current(&after, "a"));
        assert!(is_current(&two("https://other.example.com/"), "a"), "they are the same again");
        memory.set_upstreams(upstreams(""));
        assert!(!is_current(&after, "a") && !is_current(&after, "b"));
    }

    #[test]
    fn no_more_is_kept_than_upstreams_can_be_configured_and_no_number_comes_twice() {
        let (memory, all) = (Memory::default(), upstreams(""));
        let (first, never) = (memory.generation(&all, "up0"), memory.generation(&all, "never"));
        for n in 0..200 {
            memory.forget_lists(&format!("up{n}"));
        }
        assert!(memory.generations.of.borrow().len() <= MAX_UPSTREAMS);
        assert!(!memory.is_current("up0", first) && !memory.is_current("never", never));
    }
}
