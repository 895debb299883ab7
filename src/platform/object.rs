//! Helpers of the Durable Objects.

use crate::platform::http::{self, Request, Response};
use futures_util::future::LocalBoxFuture;
use mcp_platform::message::{self, Message, MessageForm};
use worker::{Result, State};

/// What an object is asked by a request, and in which form. None: nothing that it knows.
///
/// # Errors
/// Where the request's body cannot be read.
pub async fn asked<M: Message>(request: &Request) -> Result<Option<(M, MessageForm)>> {
    let body = request.text().await?;
    Ok(message::read(request.path(), &body))
}

/// The answer to such a request.
///
/// # Errors
/// Only where the runtime fails.
pub fn answered<M: Message>(answer: &M::Answer, form: MessageForm) -> Result<Response> {
    let (status, text) = message::answer::<M>(answer, form);
    http::text(status, &text)
}

/// Keeps an object awake until a future is done.
pub fn wait_until(state: &State, future: LocalBoxFuture<'static, ()>) {
    state.wait_until(future);
}
