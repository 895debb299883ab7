//! A timer that may be polled by one task and then by another, and leaves nothing behind.
//!
//! This is our own code because `worker::Delay` keeps the waker of its first poll: a call that is polled once by
//! its handler and then moved into a task of its own would never wake (tried with 0.8.7: comments of held streams
//! stopped). Nor would a `JsFuture` do: one that is dropped before its promise is settled is never freed, and most
//! timers are dropped, because they are deadlines.

use std::{
    cell::Cell,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use wasm_bindgen::{JsCast as _, prelude::Closure};
use web_sys::WorkerGlobalScope;

/// Completes after its time; dropping it clears the timer.
pub struct Sleep {
    bell: Rc<Bell>,
    timer: Option<i32>,
    /// What the timer calls.
    _ring: Closure<dyn FnMut()>,
}

/// Rings once.
#[derive(Default)]
pub(super) struct Bell {
    rang: Cell<bool>,
    waker: Cell<Option<Waker>>,
}

impl Bell {
    pub(super) fn ring(&self) {
        self.rang.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Ready once it rang.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<()> {
        if self.rang.get() {
            return Poll::Ready(());
        }
        self.waker.set(Some(cx.waker().clone()));
        Poll::Pending
    }
}

impl Sleep {
    /// Starts a timer.
    pub fn new(duration: Duration) -> Self {
        let millis = i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
        let bell = Rc::new(Bell::default());
        let shared = AssertUnwindSafe(bell.clone());
        let ring = Closure::<dyn FnMut()>::new(move || shared.ring());
        let function = ring.as_ref().unchecked_ref();
        let set = scope().set_timeout_with_callback_and_timeout_and_arguments_0(function, millis);
        // Where there are no timers, nothing waits for one.
        bell.rang.set(set.is_err());
        Self { bell, timer: set.ok(), _ring: ring }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let rang = self.bell.poll(cx);
        if rang.is_ready() {
            self.timer = None;
        }
        rang
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            scope().clear_timeout_with_handle(timer);
        }
    }
}

fn scope() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}
