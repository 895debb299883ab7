//! Durable Objects as the runtime calls them: one class for each, thin enough to cost little.
//!
//! `#[worker::durable_object]` makes a machine of its own for every method of every class, each some
//! kilobytes of the bundle; here all methods of all classes share one.

use std::rc::Rc;

use crate::platform::{
    http::{Request, Response},
    instance::promise,
};
use futures_util::{
    FutureExt as _, TryFutureExt as _,
    future::{LocalBoxFuture, ready},
};
use js_sys::Promise;
use wasm_bindgen::JsValue;
use worker::{Result, State, WebSocket};

/// What an object does when it is called.
pub trait Object {
    /// Answers a request.
    fn fetch(self: Rc<Self>, request: Request) -> LocalBoxFuture<'static, Result<Response>>;

    /// Its alarm went off.
    fn alarm(self: Rc<Self>) -> LocalBoxFuture<'static, Result<()>> {
        ready(Ok(())).boxed_local()
    }

    /// One of its hibernatable sockets was closed by the other side. Their messages are not listened
    /// to: they only carry what the object tells.
    fn closed(self: Rc<Self>, _socket: WebSocket) -> LocalBoxFuture<'static, Result<()>> {
        ready(Ok(())).boxed_local()
    }
}

/// Keeps an object awake until a future is done.
pub fn keep(state: &State, future: LocalBoxFuture<'static, ()>) {
    state.wait_until(future);
}

/// The answer to a request as the runtime awaits it.
pub fn answer(future: LocalBoxFuture<'static, Result<Response>>) -> Promise {
    promise(future.map_ok(JsValue::from).boxed_local())
}

/// The end of a call without an answer as the runtime awaits it.
pub fn end(future: LocalBoxFuture<'static, Result<()>>) -> Promise {
    promise(future.map_ok(|()| JsValue::UNDEFINED).boxed_local())
}

/// Makes the class `$name` that the runtime constructs, of an [`Object`] with `new(State, Env)`.
#[macro_export]
macro_rules! durable_object {
    ($(#[$doc:meta])* $name:ident($object:ty)) => {
        $(#[$doc])*
        #[wasm_bindgen::prelude::wasm_bindgen]
        pub struct $name(std::rc::Rc<dyn $crate::platform::object::Object>);

        impl std::panic::RefUnwindSafe for $name {}

        #[wasm_bindgen::prelude::wasm_bindgen]
        impl $name {
            #[doc = "Called by the runtime before the object's first event."]
            #[wasm_bindgen(constructor)]
            pub fn new(state: worker::worker_sys::DurableObjectState, env: worker::Env) -> Self {
                Self(std::rc::Rc::new(<$object>::new(worker::State::from(state), env)))
            }

            #[doc = "Called by the runtime for each request."]
            pub fn fetch(&self, request: web_sys::Request) -> js_sys::Promise {
                $crate::platform::object::answer(self.0.clone().fetch($crate::platform::http::Request::to_object(request)))
            }

            #[doc = "Called by the runtime when the alarm is due."]
            pub fn alarm(&self) -> js_sys::Promise {
                $crate::platform::object::end(self.0.clone().alarm())
            }

            #[doc = "Called by the runtime for each message of a hibernatable socket."]
            #[wasm_bindgen(js_name = webSocketMessage)]
            pub fn message(&self) {}

            #[doc = "Called by the runtime when a hibernatable socket was closed."]
            #[wasm_bindgen(js_name = webSocketClose)]
            pub fn close(&self, socket: web_sys::WebSocket) -> js_sys::Promise {
                $crate::platform::object::end(self.0.clone().closed(socket.into()))
            }

            #[doc = "Called by the runtime when a hibernatable socket failed."]
            #[wasm_bindgen(js_name = webSocketError)]
            pub fn error(&self, socket: web_sys::WebSocket) -> js_sys::Promise {
                $crate::platform::object::end(self.0.clone().closed(socket.into()))
            }
        }
    };
}
