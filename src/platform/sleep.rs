//! A timer that may be polled by one task and then by another, and leaves nothing behind.
//!
//! This is our own code because `worker::Delay` keeps the waker of its first poll: a call that is polled once by
//! its handler and then moved into a task of its own would never wake (tried with 0.8.7: comments of held streams
//! stopped). Nor would a `JsFuture` do: one that is dropped before its promise is settled is never freed, and most
//! timers are dropped, because they are deadlines.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_channel::oneshot::{self, Receiver};
use futures_util::FutureExt as _;
use wasm_bindgen::{JsCast as _, prelude::Closure};
use web_sys::WorkerGlobalScope;

/// Completes after its time; dropping it clears the timer.
pub struct Sleep {
    rung: Receiver<()>,
    timer: Option<i32>,
    /// The timer's callback.
    _ring: Closure<dyn FnMut()>,
}

impl Sleep {
    /// Starts a timer.
    pub fn new(duration: Duration) -> Self {
        let millis = i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
        let (bell, mut rung) = oneshot::channel();
        let mut bell = AssertUnwindSafe(Some(bell));
        let ring = Closure::<dyn FnMut()>::new(move || {
            let _ = bell.take().map(|bell| bell.send(()));
        });
        let function = ring.as_ref().unchecked_ref();
        let set = scope().set_timeout_with_callback_and_timeout_and_arguments_0(function, millis);
        if set.is_err() {
            // Where there are no timers, nothing waits for one.
            rung.close();
        }
        Self { rung, timer: set.ok(), _ring: ring }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let rung = self.rung.poll_unpin(cx).map(drop);
        if rung.is_ready() {
            self.timer = None;
        }
        rung
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
