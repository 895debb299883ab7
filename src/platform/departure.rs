//! Whether the client of a request is still connected.
//!
//! The runtime tells a request that its client left through `Request.signal`, and ends the request 30 s
//! later without running any destructor.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use wasm_bindgen::{JsCast as _, prelude::Closure};
use web_sys::AbortSignal;

use super::sleep::Bell;

/// The departure of the client that sent a request.
#[derive(Clone)]
pub struct Departure(web_sys::Request);

impl Departure {
    /// That of the client of this request.
    pub fn of(request: &web_sys::Request) -> Self {
        // Another handle; the request's own `clone` would make another request.
        Self(Clone::clone(request))
    }

    /// Whether the client left.
    pub fn has_happened(&self) -> bool {
        self.signal().aborted()
    }

    /// Completes when the client leaves.
    pub fn wait(&self) -> Wait {
        Wait::new(self.signal())
    }

    // Most requests are answered before anybody asks, so the signal is taken over only then.
    fn signal(&self) -> AbortSignal {
        self.0.signal()
    }
}

/// Completes when the signal aborts; dropping it removes the listener.
pub struct Wait {
    signal: AbortSignal,
    bell: Rc<Bell>,
    listener: Closure<dyn FnMut()>,
}

const ABORT: &str = "abort";

impl Wait {
    fn new(signal: AbortSignal) -> Self {
        let bell = Rc::new(Bell::default());
        let shared = AssertUnwindSafe(bell.clone());
        let listener = Closure::<dyn FnMut()>::new(move || shared.ring());
        let function = listener.as_ref().unchecked_ref();
        // A signal that cannot be listened to never tells anything.
        let _ = signal.add_event_listener_with_callback(ABORT, function);
        if signal.aborted() {
            bell.ring();
        }
        Self { signal, bell, listener }
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.bell.poll(cx)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let function = self.listener.as_ref().unchecked_ref();
        let _ = self.signal.remove_event_listener_with_callback(ABORT, function);
    }
}
