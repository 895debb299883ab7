//! Lists that are being asked for: who needs one at the same time waits for it instead of asking as well.
//!
//! A Worker cannot wait for the request of another caller, so that the others look again and again.

use std::{cell::RefCell, rc::Rc};

use mcp_protocol::list_kind::ListKind;

use super::{Memory, Whose};

/// What is being asked for: a list of an upstream, and whose it will be.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Request {
    upstream: Rc<str>,
    kind: ListKind,
    whose: Whose,
    /// Requests for the same list are told apart by it.
    number: u64,
    /// When it is over at the latest, in milliseconds since 1970: the future of a caller who left may never be dropped.
    until_ms: u64,
}

/// The lists that are being asked for.
#[derive(Default)]
pub(super) struct AskedFor {
    requests: RefCell<Vec<Request>>,
}

/// A list that its holder asks for. Dropped, it does so no more.
pub struct Asking {
    memory: Rc<Memory>,
    number: u64,
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.memory.asked_for.requests.borrow_mut().retain(|request| request.number != self.number);
    }
}

/// A list that somebody else asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AskedElsewhere(u64);

impl Memory {
    /// Notes that a list is asked for.
    ///
    /// # Errors
    /// Where somebody else asks for it already.
    pub fn ask_for(
        self: &Rc<Self>,
        (upstream, kind, whose): (&str, ListKind, Whose),
        now_ms: u64,
        until_ms: u64,
    ) -> Result<Asking, AskedElsewhere> {
        let mut requests = self.asked_for.requests.borrow_mut();
        requests.retain(|request| now_ms < request.until_ms);
        let is_it = |other: &&Request| {
            *other.upstream == *upstream && other.kind == kind && other.whose == whose
        };
        if let Some(other) = requests.iter().find(is_it) {
            return Err(AskedElsewhere(other.number));
        }
        let number = self.generations.next();
        let upstream = upstream.into();
        requests.push(Request { upstream, kind, whose, number, until_ms });
        Ok(Asking { memory: self.clone(), number })
    }

    /// Whether a list is still being asked for by somebody else.
    pub fn is_asked_for(&self, asked: AskedElsewhere, now_ms: u64) -> bool {
        let requests = self.asked_for.requests.borrow();
        requests.iter().any(|request| request.number == asked.0 && now_ms < request.until_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_asked_for_once_at_a_time() {
        let memory = Rc::new(Memory::default());
        let ask = |upstream, kind, now_ms| {
            memory.ask_for((upstream, kind, Whose::default()), now_ms, now_ms + 10)
        };
        let first = ask("a", ListKind::Tools, 0).ok();
        assert!(first.is_some() && ask("b", ListKind::Tools, 0).is_ok());
        assert!(ask("a", ListKind::Prompts, 0).is_ok());
        let elsewhere = ask("a", ListKind::Tools, 1).err().unwrap();
        assert!(memory.is_asked_for(elsewhere, 9));
        assert!(!memory.is_asked_for(elsewhere, 10), "who asked is late or gone");
        drop(first);
        assert!(!memory.is_asked_for(elsewhere, 9));
        assert!(ask("a", ListKind::Tools, 2).is_ok());
    }

    #[test]
    fn who_is_over_does_not_end_the_one_who_asks_now() {
        let memory = Rc::new(Memory::default());
        let ask =
            |now_ms| memory.ask_for(("a", ListKind::Tools, Whose::default()), now_ms, now_ms + 10);
        let old = ask(0).ok();
        let new = ask(10).ok();
        drop(old);
        assert!(new.is_some() && ask(11).is_err());
    }
}
