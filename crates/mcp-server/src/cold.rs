//! Futures that are compiled apart from their callers.
//!
//! The runtime compiles a function when it is first called, and `wasm-opt` puts a future that is awaited in one place
//! into the function that awaits it. With every alternative inside, an isolate's first request compiles OAuth,
//! administration, the other wires and every refusal before it is answered. Behind a pointer each is a function of its
//! own, which is compiled when it is first needed.
//!
//! `cargo xtask bench --start` counts what is compiled until the first answer: 331 functions of 289 KiB in 10.3 ms
//! (`bench/START.md`).

use std::future::Future;

use futures_util::future::{FutureExt as _, LocalBoxFuture};

/// A future that is compiled when it first runs, and not with its caller: for what is rare, and for alternatives of
/// which a request takes one.
pub fn cold<'a, T>(future: impl Future<Output = T> + 'a) -> LocalBoxFuture<'a, T> {
    future.boxed_local()
}
