//! The bytes that are kept for calls in objects: for their readers, and of their requests.
//!
//! Invariant: what was taken is given back, at the latest when its holder is dropped.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    task::{Context, Poll, Waker},
};

/// How many bytes may still be kept. Copies share them.
#[derive(Debug, Clone)]
pub(super) struct Budget(Rc<Cell<usize>>);

/// Bytes that are taken from a budget until this is dropped.
#[derive(Debug)]
pub(super) struct Charge {
    taken: usize,
    budget: Budget,
}

/// Bytes that are kept.
#[derive(Debug)]
pub(super) struct Kept {
    bytes: Vec<u8>,
    _charge: Option<Charge>,
}

impl Budget {
    pub(super) fn new(bytes: usize) -> Self {
        Self(Rc::new(Cell::new(bytes)))
    }

    /// Takes so many bytes. None: there is no room for them.
    pub(super) fn charge(&self, bytes: usize) -> Option<Charge> {
        self.0.set(self.0.get().checked_sub(bytes)?);
        Some(Charge { taken: bytes, budget: self.clone() })
    }

    /// Keeps bytes. None: there is no room for them.
    pub(super) fn keep(&self, bytes: Vec<u8>) -> Option<Kept> {
        let charge = self.charge(bytes.capacity())?;
        Some(Kept { bytes, _charge: Some(charge) })
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        let left = &self.budget.0;
        left.set(left.get().saturating_add(self.taken));
    }
}

impl Kept {
    /// Keeps the few bytes that say why a call ends, whether or not there is room.
    pub(super) fn last(bytes: Vec<u8>) -> Self {
        Self { bytes, _charge: None }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn take(mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}

/// The frames that wait for one reader.
#[derive(Default)]
pub(super) struct FrameQueue {
    frames: RefCell<VecDeque<Kept>>,
    ended: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl FrameQueue {
    pub(super) fn push(&self, frame: Kept) {
        self.frames.borrow_mut().push_back(frame);
        self.wake();
    }

    pub(super) fn end(&self) {
        self.ended.set(true);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.frames.borrow().iter().map(Kept::len).sum()
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    pub(super) fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        let next = self.frames.borrow_mut().pop_front();
        match (next, self.ended.get()) {
            (Some(frame), _) => Poll::Ready(Some(frame.take())),
            (None, true) => Poll::Ready(None),
            (None, false) => {
                *self.waker.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}
