//! A batch (2025-03-26 `basic` "Batching"): several messages in one POST, whose responses go out
//! together.
//!
//! Invariant: each request ends by itself. One that the client takes back is not answered and not
//! waited for, and goes on to its end as it would alone; one that panics is answered with an error. The
//! responses have [`MAX_RESULT`] bytes together: one that does not fit is replaced by an error when it
//! is made, so that no more than that waits for the others.

use std::{
    future::poll_fn,
    panic::AssertUnwindSafe,
    rc::Rc,
    task::{Context as Polled, Poll},
};

use futures_util::{FutureExt as _, future::LocalBoxFuture};

use super::{Session, call::Call, serve::handle_message};
use crate::{
    call::{panic_reply, store_answer},
    channel::{Channel, Reply},
    context::Context,
    result_size::MAX_RESULT,
};
use mcp_protocol::jsonrpc::{INTERNAL_ERROR, Message, RequestId, RpcError, error_text};

/// One message of a batch.
struct BatchItem<'a> {
    /// Where it is a request.
    call: Option<Rc<Call>>,
    answer: LocalBoxFuture<'a, Reply>,
    reply: Option<Reply>,
}

impl<'a> BatchItem<'a> {
    fn new(
        session: &'a Rc<Session>,
        ctx: &'a Context,
        message: Message<'a>,
        channel: &Rc<Channel>,
    ) -> Self {
        let id = message.request().cloned();
        let call = id.clone().map(|id| Call::new(id, channel.clone(), false));
        let answer = AssertUnwindSafe(handle_message(session, ctx, message, call.clone()))
            .catch_unwind()
            .map(move |caught| caught.unwrap_or_else(|_| panic_reply(id.as_ref())));
        Self { call, answer: answer.boxed_local(), reply: None }
    }

    fn poll(&mut self, cx: &mut Polled<'_>, room: &mut ResponseBudget) {
        if self.reply.is_some() {
            return;
        }
        if let Some(call) = &self.call {
            call.hear(cx);
        }
        if let Poll::Ready(reply) = self.answer.as_mut().poll(cx) {
            let id = self.call.as_ref().map(|call| &call.id);
            self.reply = Some(match self.is_cancelled() {
                true => Reply::Accepted,
                false => room.take(id, reply),
            });
        }
    }

    fn is_cancelled(&self) -> bool {
        self.call.as_ref().is_some_and(|call| call.is_cancelled())
    }

    fn is_over(&self) -> bool {
        self.reply.is_some()
    }

    /// The text of its response, where it is to have one.
    fn response(&self) -> Option<&[u8]> {
        self.reply.as_ref().filter(|_| !self.is_cancelled())?.body()
    }
}

/// Bytes that are left for the responses of a batch.
struct ResponseBudget(usize);

impl ResponseBudget {
    /// Takes a response, or an error in its place. One response always fits, because it was bounded
    /// when it was made.
    fn take(&mut self, id: Option<&RequestId>, reply: Reply) -> Reply {
        let size = reply.body().map_or(0, <[u8]>::len);
        if size > self.0 && self.0 < MAX_RESULT {
            let body = error_text(id, &RpcError::new(INTERNAL_ERROR, TOO_LARGE));
            return Reply::Json { status: 200, body };
        }
        self.0 = self.0.saturating_sub(size);
        reply
    }
}

/// The error for a request whose response does not fit.
const TOO_LARGE: &str = "The responses of this batch are too large to send together (8 MiB), and this one \
                         is left out. The request itself was carried out. Send what reads alone.";
const _: () = assert!(MAX_RESULT == 8 * 1024 * 1024);

/// Answers a batch.
pub(super) async fn batch(
    session: &Rc<Session>,
    ctx: &Context,
    messages: Vec<Message<'_>>,
    channel: &Rc<Channel>,
) -> Reply {
    if let Some(id) = messages.iter().find_map(Message::request) {
        session.name(channel, id);
    }
    let part = |message| BatchItem::new(session, ctx, message, channel);
    let mut parts: Vec<BatchItem<'_>> = messages.into_iter().map(part).collect();
    let mut room = ResponseBudget(MAX_RESULT);
    until(&mut parts, &mut room, |part| part.is_over() || part.is_cancelled()).await;
    let reply = joined(&parts);
    if !parts.iter().all(BatchItem::is_over) {
        // The answer does not wait for requests that were taken back.
        if reply.body().is_some() {
            store_answer(&reply, channel, &*session.keeper).await;
            channel.finish(reply);
            session.keeper.ended();
        } else {
            channel.cancel();
        }
        until(&mut parts, &mut room, BatchItem::is_over).await;
        return Reply::Accepted;
    }
    reply
}

/// Polls all parts until each is as far as this.
async fn until<'a>(
    parts: &mut [BatchItem<'a>],
    room: &mut ResponseBudget,
    is_far: impl Fn(&BatchItem<'a>) -> bool,
) {
    poll_fn(|cx| {
        for part in parts.iter_mut() {
            part.poll(cx, room);
        }
        if parts.iter().all(&is_far) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The responses in the order of their requests.
fn joined(parts: &[BatchItem<'_>]) -> Reply {
    let responses: Vec<&[u8]> = parts.iter().filter_map(BatchItem::response).collect();
    if responses.is_empty() {
        return Reply::Accepted;
    }
    let mut body = vec![b'['];
    body.extend_from_slice(&responses.join(&b','));
    body.push(b']');
    Reply::Json { status: 200, body }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(bytes: usize) -> Reply {
        Reply::Json { status: 200, body: vec![b'1'; bytes] }
    }

    #[test]
    fn one_response_always_fits_and_what_follows_fits_into_the_rest() {
        for (sizes, fit) in [
            (vec![MAX_RESULT + 40, 1], vec![true, false]),
            (vec![MAX_RESULT / 2, MAX_RESULT / 2 + 1, MAX_RESULT / 2], vec![true, false, true]),
            (vec![0, 10, MAX_RESULT], vec![true, true, false]),
        ] {
            let mut room = ResponseBudget(MAX_RESULT);
            let taken =
                sizes.iter().map(|size| room.take(None, response(*size)) == response(*size));
            assert_eq!(taken.collect::<Vec<_>>(), fit, "{sizes:?}");
        }
    }
}
