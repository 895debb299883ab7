//! Whether the client of a request is still connected.
//!
//! The runtime reports that a client left through `Request.signal`, and ends the request 30 s
//! later without running any destructor.

use std::{
    future::Future,
    panic::AssertUnwindSafe,
    pin::Pin,
    task::{Context, Poll},
};

use futures_channel::oneshot::{self, Receiver};
use futures_util::FutureExt as _;
use wasm_bindgen::{JsCast as _, prelude::Closure};
use web_sys::AbortSignal;

/// The departure of the client that sent a request.
#[derive(Clone)]
pub struct Disconnect(web_sys::Request);

impl Disconnect {
    /// That of the client of this request.
    pub fn of(request: &web_sys::Request) -> Self {
        // Another handle; the request's own `clone` would make another request.
        Self(Clone::clone(request))
    }

    /// Whether the client left.
    pub fn is_disconnected(&self) -> bool {
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
    left: Receiver<()>,
    listener: Closure<dyn FnMut()>,
}

const ABORT: &str = "abort";

impl Wait {
    fn new(signal: AbortSignal) -> Self {
        let (leaves, mut left) = oneshot::channel();
        let mut leaves = AssertUnwindSafe(Some(leaves));
        let listener = Closure::<dyn FnMut()>::new(move || {
            let _ = leaves.take().map(|leaves| leaves.send(()));
        });
        let function = listener.as_ref().unchecked_ref();
        // A signal without a listener never completes.
        let _ = signal.add_event_listener_with_callback(ABORT, function);
        if signal.aborted() {
            left.close();
        }
        Self { signal, left, listener }
    }
}

impl Future for Wait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.left.poll_unpin(cx).map(drop)
    }
}

impl Drop for Wait {
    fn drop(&mut self) {
        let function = self.listener.as_ref().unchecked_ref();
        let _ = self.signal.remove_event_listener_with_callback(ABORT, function);
    }
}
