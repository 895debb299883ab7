//! What the Durable Objects have in common.

use futures_util::future::LocalBoxFuture;
use worker::State;

/// Keeps an object awake until a future is done.
pub fn keep(state: &State, future: LocalBoxFuture<'static, ()>) {
    state.wait_until(future);
}
