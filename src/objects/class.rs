//! The class of an object as the runtime calls it: it hands everything on to the file's `Inner`.

/// Declares a class over `Inner`, which has `new`, and `receive` for requests. With `alarm` it also has `due`, and
/// with `sockets` `left`, which is called when a hibernatable socket was closed or failed. Clients' messages on
/// sockets are ignored: the sockets only carry what the object sends.
macro_rules! class {
    ($(#[$doc:meta])* $name:ident(requests)) => {
        $crate::objects::class::class!(@class [fetch] [$(#[$doc])*] $name);
    };
    ($(#[$doc:meta])* $name:ident(requests, alarm)) => {
        $crate::objects::class::class!(@class [alarm] [$(#[$doc])*] $name
            async fn alarm(&self) -> ::worker::Result<::worker::Response> {
                self.0.clone().due().boxed_local().await?;
                ::worker::Response::empty()
            }
        );
    };
    ($(#[$doc:meta])* $name:ident(requests, alarm, sockets)) => {
        $crate::objects::class::class!(@class [] [$(#[$doc])*] $name
            async fn alarm(&self) -> ::worker::Result<::worker::Response> {
                self.0.clone().due().boxed_local().await?;
                ::worker::Response::empty()
            }

            async fn websocket_message(
                &self,
                _socket: ::worker::WebSocket,
                _message: ::worker::WebSocketIncomingMessage,
            ) -> ::worker::Result<()> {
                Ok(())
            }

            async fn websocket_close(
                &self,
                socket: ::worker::WebSocket,
                _code: usize,
                _reason: String,
                _was_clean: bool,
            ) -> ::worker::Result<()> {
                self.0.clone().left(socket).boxed_local().await
            }

            async fn websocket_error(
                &self,
                socket: ::worker::WebSocket,
                _error: ::worker::Error,
            ) -> ::worker::Result<()> {
                self.0.clone().left(socket).boxed_local().await
            }
        );
    };
    (@class [$($group:ident)?] [$(#[$doc:meta])*] $name:ident $($method:tt)*) => {
        $(#[$doc])*
        #[::worker_macros::durable_object$(($group))?]
        pub struct $name(::std::rc::Rc<Inner>);

        impl ::std::panic::RefUnwindSafe for $name {}

        impl ::worker::DurableObject for $name {
            fn new(state: ::worker::State, env: ::worker::Env) -> Self {
                Self(::std::rc::Rc::new(Inner::new(state, env)))
            }

            async fn fetch(&self, request: ::worker::Request) -> ::worker::Result<::worker::Response> {
                self.0.clone().receive(request.into()).boxed_local().await.map(Into::into)
            }

            $($method)*
        }
    };
}

pub(super) use class;
