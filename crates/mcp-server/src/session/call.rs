//! One request of a session that is being answered.
//!
//! Invariant: a channel belongs to the POST that brought the request. Its events and its answer are
//! those of all requests of a batch; what one request was taken back for ends that request alone.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Context, Waker},
};

use crate::channel::Channel;
use mcp_protocol::jsonrpc::RequestId;

/// One request that is being answered.
pub(super) struct Call {
    /// Its id.
    pub(super) id: RequestId,
    /// The way back of its POST.
    pub(super) channel: Rc<Channel>,
    /// Whether it is all of its POST.
    pub(super) alone: bool,
    cancelled: Cell<bool>,
    task: RefCell<Option<String>>,
    waker: RefCell<Option<Waker>>,
}

impl Call {
    /// A request of the POST that this channel belongs to.
    pub(super) fn new(id: RequestId, channel: Rc<Channel>, alone: bool) -> Rc<Self> {
        let (task, waker) = (RefCell::default(), RefCell::default());
        Rc::new(Self { id, channel, alone, cancelled: Cell::new(false), task, waker })
    }

    /// The client takes the request back: it is not answered any more.
    pub(super) fn cancel(&self) {
        self.cancelled.set(true);
        if self.alone {
            self.channel.cancel();
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Whether the client took the request back, or its POST is answered.
    pub(super) fn is_over(&self) -> bool {
        self.is_cancelled() || self.channel.is_done()
    }

    /// Whether the client took the request back.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// Whoever polls this hears when the client takes the request back.
    pub(super) fn hear(&self, cx: &Context<'_>) {
        *self.waker.borrow_mut() = Some(cx.waker().clone());
    }

    /// Sends a notification to the client.
    pub(super) fn push(&self, json: &[u8]) {
        if !self.is_cancelled() {
            self.channel.push(json);
        }
    }

    /// The request goes on in this task.
    pub(super) fn moved(&self, task: &str) {
        *self.task.borrow_mut() = Some(task.to_owned());
    }

    /// The task in which the request goes on.
    pub(super) fn task(&self) -> Option<String> {
        self.task.borrow().clone()
    }
}
