//! The WebAssembly instance, and who waits for it.
//!
//! Invariant: whatever ends the instance (a panic while another one unwinds, memory that ran out), nobody waits
//! for it any more: what it owes fails at once, calls as well as bodies. `entry.js` makes the next one.

use std::panic::AssertUnwindSafe;

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use js_sys::{Function, Promise};
use wasm_bindgen::{JsValue, handler::set_on_abort, prelude::wasm_bindgen};
use wasm_bindgen_futures::spawn_local;
use worker::Result;

#[wasm_bindgen(module = "/src/platform/instance.js")]
extern "C" {
    #[wasm_bindgen(js_name = whenEnded)]
    fn listen(listener: Function);
    fn ended();
    fn begun() -> Promise;
    fn done(promise: &Promise, value: &JsValue);
    fn failed(promise: &Promise, error: &JsValue);
}

/// Calls a function when this instance ends. For `entry.js`, once for each instance.
#[wasm_bindgen(js_name = whenEnded)]
pub fn when_ended(listener: Function) {
    listen(listener);
    set_on_abort(ended);
}

/// A future as the runtime awaits it.
pub fn promise(future: LocalBoxFuture<'static, Result<JsValue>>) -> Promise {
    let owed = begun();
    let promise = owed.clone();
    spawn_local(async move {
        match AssertUnwindSafe(future).catch_unwind().await {
            Ok(Ok(value)) => done(&owed, &value),
            Ok(Err(error)) => failed(&owed, &error.into()),
            Err(_) => failed(&owed, &js_sys::Error::new("a panic").into()),
        }
    });
    promise
}
