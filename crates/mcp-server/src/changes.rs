//! Tracks whether a call may have changed something, and keeps it running until that is known.
//!
//! Invariant: from the moment a call may change something, or has work elsewhere that it must end itself,
//! until it ends, `waitUntil` keeps it running. A request whose client leaves before its answer would otherwise be ended without
//! dropping anything, so that no destructor could say what happened.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_channel::oneshot;
use futures_util::{FutureExt as _, future::LocalBoxFuture};

/// Keeps work running after the response, or without one.
pub type WaitUntil = Rc<dyn Fn(LocalBoxFuture<'static, ()>)>;

/// Returns whether the client of a request has disconnected.
pub type HasLeft = Rc<dyn Fn() -> bool>;

/// The changes of one call.
#[derive(Default)]
pub struct Changes {
    /// None: something else keeps the call running.
    wait_until: Option<WaitUntil>,
    /// None: the runtime does not say.
    has_left: Option<HasLeft>,
    begun: Cell<bool>,
    outlives: Cell<bool>,
    /// How many wait for something that must not end with the client.
    held: Cell<u32>,
    moved: Cell<bool>,
    target: RefCell<Option<String>>,
    unanswered: Cell<u32>,
    /// Dropping it ends what the runtime waits for.
    running: RefCell<Option<oneshot::Sender<()>>>,
}

impl Changes {
    /// Those of a call that runs inside a request of the Worker.
    pub fn in_request(wait_until: WaitUntil) -> Self {
        Self { wait_until: Some(wait_until), ..Self::default() }
    }

    /// The same where the runtime says whether the client has left.
    #[must_use]
    pub fn of_client(self, has_left: HasLeft) -> Self {
        Self { has_left: Some(has_left), ..self }
    }

    /// Whether the client has left, as far as the runtime knows.
    pub fn is_abandoned(&self) -> bool {
        self.has_left.as_ref().is_some_and(|has_left| has_left())
    }

    /// From here on the call may change something.
    pub fn begin(&self) {
        self.begun.set(true);
        self.outlive_client();
    }

    /// From here on the call has something under way elsewhere, which it ends where its client leaves: it
    /// goes on without its client for as long as that takes.
    pub fn outlive_client(&self) {
        self.outlives.set(true);
        self.keep_running();
    }

    /// The call goes on without its client while this is held, and ends with it again afterwards.
    pub fn hold(self: &Rc<Self>) -> Hold {
        self.held.update(|held| held.saturating_add(1));
        self.keep_running();
        Hold(self.clone())
    }

    fn keep_running(&self) {
        let is_kept = self.running.borrow().is_some();
        if let (false, Some(wait_until)) = (is_kept, &self.wait_until) {
            let (running, ended) = oneshot::channel();
            self.running.replace(Some(running));
            wait_until(ended.map(drop).boxed_local());
        }
    }

    /// Has the runtime run what is left of the call, also without its client.
    pub fn run_on(&self, rest: LocalBoxFuture<'static, ()>) {
        if let Some(wait_until) = &self.wait_until {
            wait_until(rest);
        }
    }

    /// Whether the call may have changed something.
    pub fn is_begun(&self) -> bool {
        self.begun.get()
    }

    /// Whether the call goes on when its client leaves.
    pub fn outlives_client(&self) -> bool {
        self.outlives.get() || self.held.get() > 0
    }

    /// From here on a task does the work of the call, or may do it.
    pub fn move_to_task(&self) {
        self.moved.set(true);
    }

    /// Whether a second run of the call could do something twice.
    pub fn must_not_run_again(&self) -> bool {
        self.is_begun() || self.moved.get()
    }

    /// Says what is changed, for the audit.
    pub(crate) fn set_target(&self, target: String) {
        self.target.replace(Some(target));
    }

    /// What is changed, as far as the tool has said so.
    pub(crate) fn target(&self) -> Option<String> {
        self.target.borrow().clone()
    }

    /// A change is sent.
    pub fn sent(&self) {
        self.unanswered.set(self.unanswered.get().saturating_add(1));
    }

    /// The answer to a change says whether it was made.
    pub fn answered(&self) {
        self.unanswered.set(self.unanswered.get().saturating_sub(1));
    }

    /// Whether a change was sent whose outcome is not known.
    pub fn is_unknown(&self) -> bool {
        self.unanswered.get() > 0
    }
}

/// While it lives, a call goes on without its client ([`Changes::hold`]).
pub struct Hold(Rc<Changes>);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.held.update(|held| held.saturating_sub(1));
        if !self.0.outlives_client() {
            self.0.running.take();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::poll_immediate;
    use pollster::block_on;

    use super::*;

    #[test]
    fn the_runtime_waits_from_the_first_change_to_the_end() {
        let waits: Rc<RefCell<Vec<LocalBoxFuture<'static, ()>>>> = Rc::default();
        let kept = waits.clone();
        let changes = Changes::in_request(Rc::new(move |task| kept.borrow_mut().push(task)));
        assert!(waits.borrow().is_empty() && !changes.is_begun());
        changes.begin();
        changes.begin();
        assert_eq!(waits.borrow().len(), 1);
        let mut wait = waits.borrow_mut().pop().unwrap();
        assert!(block_on(poll_immediate(&mut wait)).is_none());
        drop(changes);
        assert!(block_on(poll_immediate(&mut wait)).is_some());
    }

    #[test]
    fn work_elsewhere_keeps_a_call_running_and_is_no_change() {
        let waits: Rc<RefCell<Vec<LocalBoxFuture<'static, ()>>>> = Rc::default();
        let kept = waits.clone();
        let changes = Changes::in_request(Rc::new(move |task| kept.borrow_mut().push(task)));
        changes.outlive_client();
        assert!(changes.outlives_client() && !changes.is_begun());
        assert!(!changes.must_not_run_again());
        changes.begin();
        assert_eq!(waits.borrow().len(), 1);
        assert!(changes.is_begun());
    }

    #[test]
    fn a_call_that_is_held_goes_on_until_it_is_let_go() {
        let waits: Rc<RefCell<Vec<LocalBoxFuture<'static, ()>>>> = Rc::default();
        let kept = waits.clone();
        let changes =
            Rc::new(Changes::in_request(Rc::new(move |task| kept.borrow_mut().push(task))));
        let (one, other) = (changes.hold(), changes.hold());
        assert!(changes.outlives_client() && !changes.is_begun() && waits.borrow().len() == 1);
        drop(one);
        assert!(changes.outlives_client());
        drop(other);
        assert!(!changes.outlives_client());
        let mut wait = waits.borrow_mut().pop().unwrap();
        assert!(block_on(poll_immediate(&mut wait)).is_some());
        let held = changes.hold();
        changes.begin();
        drop(held);
        let mut wait = waits.borrow_mut().pop().unwrap();
        assert!(block_on(poll_immediate(&mut wait)).is_none() && changes.outlives_client());
    }

    #[test]
    fn a_call_that_changes_something_or_went_into_a_task_is_not_run_again() {
        for starts in [Changes::begin, Changes::move_to_task] {
            let changes = Changes::default();
            assert!(!changes.must_not_run_again());
            starts(&changes);
            assert!(changes.must_not_run_again());
        }
    }

    #[test]
    fn a_change_is_unknown_until_its_own_answer_came() {
        let changes = Changes::default();
        changes.sent();
        changes.sent();
        changes.answered();
        assert!(changes.is_unknown());
        changes.answered();
        assert!(!changes.is_unknown());
    }
}
