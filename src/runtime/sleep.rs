//! A timer that may be polled by one task and then by another.
//!
//! `worker::Delay` keeps the waker of its first poll, so that a call which is polled once by its
//! handler and then moved into a task of its own would never wake.

use std::{
    cell::Cell,
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use js_sys::Promise;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::JsFuture;
use web_sys::WorkerGlobalScope;

/// Completes after its time; dropping it clears the timer.
pub struct Sleep {
    due: JsFuture,
    timer: Option<i32>,
}

impl Sleep {
    /// Starts a timer.
    pub fn new(duration: Duration) -> Self {
        let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
        let millis = i32::try_from(duration.as_millis()).unwrap_or(i32::MAX);
        let timer = AssertUnwindSafe(Cell::new(None));
        let promise = Promise::new(&mut |resolve, _reject| {
            let set = scope.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, millis);
            timer.set(set.ok());
        });
        Self { due: JsFuture::from(promise), timer: timer.get() }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let due = Pin::new(&mut self.due).poll(cx);
        if due.is_ready() {
            self.timer = None;
        }
        due.map(|_| ())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(timer) = self.timer {
            let scope: WorkerGlobalScope = js_sys::global().unchecked_into();
            scope.clear_timeout_with_handle(timer);
        }
    }
}
