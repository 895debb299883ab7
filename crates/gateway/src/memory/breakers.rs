//! The circuit breakers of an upstream: one for each of its stacks, because one that is down says nothing of the others.
//!
//! Invariant: bounded in number. Stacks come from the configuration, which changes; the breaker that was used longest ago
//! makes room, as if its stack had not failed.

use std::rc::Rc;

use super::Memory;
use crate::{
    breaker::{Admitted, Breaker, Outcome, Refused},
    config::MAX_STACKS,
};

/// An upstream, and the stack of it to which a request goes, where it has several.
pub type Target<'a> = (&'a str, Option<&'a str>);

/// One for each stack, and one for what is sent without a stack.
const MAX_BREAKERS: usize = MAX_STACKS.saturating_add(1);

#[derive(Debug, Clone)]
struct OfStack {
    /// None: the upstream has no stacks.
    stack: Option<Rc<str>>,
    breaker: Breaker,
}

/// The breakers of one upstream. The one that was used last is the last.
#[derive(Debug, Clone, Default)]
pub(super) struct Breakers(Vec<OfStack>);

impl Breakers {
    fn get(&self, stack: Option<&str>) -> Option<&Breaker> {
        let found = self.0.iter().find(|one| one.stack.as_deref() == stack);
        found.map(|one| &one.breaker)
    }

    /// Changes the breaker of a stack, which is the one that was used last from then on.
    pub(super) fn with<T>(
        &mut self,
        stack: Option<&str>,
        change: impl FnOnce(&mut Breaker) -> T,
    ) -> T {
        let at = self.0.iter().position(|one| one.stack.as_deref() == stack);
        let mut one = match at {
            Some(at) => self.0.remove(at),
            None => OfStack { stack: stack.map(Rc::from), breaker: Breaker::default() },
        };
        let changed = change(&mut one.breaker);
        if self.0.len() >= MAX_BREAKERS {
            self.0.remove(0);
        }
        self.0.push(one);
        changed
    }

    /// The states of those that are not closed, by their stacks.
    fn not_closed(&self, now_ms: u64) -> Vec<(Option<Rc<str>>, &'static str)> {
        let states = self.0.iter().map(|one| (one.stack.clone(), one.breaker.state(now_ms)));
        states.filter(|(_, state)| *state != "closed").collect()
    }
}

/// A request that a breaker let through. Dropped before its end is noted, it is given back: neither a failure nor a success.
pub struct Running {
    memory: Rc<Memory>,
    upstream: Rc<str>,
    stack: Option<Rc<str>>,
    admitted: Admitted,
}

impl Drop for Running {
    fn drop(&mut self) {
        // After its end was noted this changes nothing.
        let (admitted, stack) = (self.admitted, self.stack.as_deref());
        self.memory.with(&self.upstream, |known| {
            known.breakers.with(stack, |breaker| breaker.give_back(admitted));
        });
    }
}

impl Memory {
    /// Asks whether a request may be sent.
    ///
    /// # Errors
    /// Where the upstream failed too often there.
    pub fn admit(
        self: &Rc<Self>,
        (upstream, stack): (&Rc<str>, Option<&Rc<str>>),
        now_ms: u64,
    ) -> Result<Running, Refused> {
        let mut admitted = Err(Refused { retry_after_ms: 1 });
        self.with(upstream, |known| {
            admitted = known.breakers.with(stack.map(|stack| &**stack), |one| one.admit(now_ms));
        });
        admitted.map(|admitted| Running {
            memory: self.clone(),
            upstream: upstream.clone(),
            stack: stack.cloned(),
            admitted,
        })
    }

    /// Notes how a request ended, for the breaker.
    pub(super) fn ended(&self, (upstream, stack): Target<'_>, outcome: Outcome, now_ms: u64) {
        self.with(upstream, |known| {
            known.breakers.with(stack, |breaker| breaker.ended(outcome, now_ms));
        });
    }

    /// The state of a breaker, in a word.
    pub fn breaker(&self, (upstream, stack): Target<'_>, now_ms: u64) -> &'static str {
        let upstreams = self.upstreams.borrow();
        let breaker = upstreams.get(upstream).and_then(|known| known.breakers.get(stack));
        breaker.map_or("closed", |breaker| breaker.state(now_ms))
    }

    /// The states of the breakers of an upstream that are not closed, by their stacks.
    pub fn breakers(&self, upstream: &str, now_ms: u64) -> Vec<(Option<Rc<str>>, &'static str)> {
        let upstreams = self.upstreams.borrow();
        upstreams.get(upstream).map(|known| known.breakers.not_closed(now_ms)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use mcp_client::error::UpstreamError;

    use super::*;

    fn fails(memory: &Memory, stack: Option<&str>, times: u32) {
        for _ in 0..times {
            memory.note_end(("keboola", stack), Some(&UpstreamError::Cut), 1_000);
        }
    }

    #[test]
    fn a_stack_that_is_down_closes_no_other() {
        let memory = Rc::<Memory>::default();
        let (name, [us, eu]): (Rc<str>, [Rc<str>; 2]) =
            ("keboola".into(), ["us", "eu"].map(Rc::from));
        fails(&memory, Some("us"), 5);
        assert!(memory.admit((&name, Some(&us)), 1_000).is_err());
        assert!(memory.admit((&name, Some(&eu)), 1_000).is_ok());
        assert_eq!(memory.breaker(("keboola", Some("eu")), 1_000), "closed");
        assert_eq!(memory.breakers("keboola", 1_000), [(Some(us.clone()), "open")]);
        // An answer of one stack says nothing of another.
        memory.note_end(("keboola", Some("eu")), None, 1_000);
        assert!(memory.admit((&name, Some(&us)), 1_000).is_err());
        let probe = memory.admit((&name, Some(&us)), 31_000).unwrap();
        drop(memory.admit((&name, Some(&eu)), 31_000).unwrap());
        assert!(memory.admit((&name, Some(&us)), 31_000).is_err(), "its probe is on its way");
        drop(probe);
        assert!(memory.admit((&name, Some(&us)), 31_000).is_ok());
    }

    #[test]
    fn all_stacks_and_what_has_none_have_a_breaker_at_a_time() {
        let memory = Memory::default();
        fails(&memory, None, 5);
        for n in 0..MAX_STACKS {
            fails(&memory, Some(&format!("s{n}")), 5);
        }
        assert_eq!(memory.breakers("keboola", 1_000).len(), MAX_STACKS + 1);
    }

    #[test]
    fn breakers_are_bounded_and_the_one_used_longest_ago_makes_room() {
        let memory = Memory::default();
        fails(&memory, Some("first"), 5);
        fails(&memory, Some("second"), 5);
        for n in 2..MAX_BREAKERS {
            fails(&memory, Some(&format!("s{n}")), 1);
        }
        fails(&memory, Some("first"), 1);
        fails(&memory, Some("one more"), 1);
        let known = memory.upstreams.borrow().get("keboola").unwrap().breakers.0.len();
        assert_eq!(known, MAX_BREAKERS);
        let state = |stack| memory.breaker(("keboola", Some(stack)), 1_000);
        assert_eq!((state("first"), state("second")), ("open", "closed"));
    }
}
