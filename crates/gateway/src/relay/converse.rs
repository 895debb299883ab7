//! One request to an upstream that has sessions, from its sending to its answer: progress and log messages
//! go to the client in front, and the upstream's questions are answered by it.
//!
//! Invariant: the request is sent once. Where the client takes it back it is taken back behind, under the
//! id that the upstream knows. What fails after the upstream has begun to answer, as the way of an answer
//! to a question, is never taken for a failure of the sending.

use std::{cell::Cell, pin::pin, rc::Rc, time::Duration};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{Either, LocalBoxFuture, select},
    stream::FuturesUnordered,
};
use mcp_client::{
    error::UpstreamError,
    exchange::Exchange,
    message::{Answer, Incoming},
    request::Request,
};
use mcp_platform::SharedPlatform;
use mcp_protocol::{
    fields::fields,
    jsonrpc::{INTERNAL_ERROR, RequestId, RpcError},
    log_level::LoggingLevel,
    raw,
};
use mcp_server::notifier::Notifier;
use serde_json::Value;

use super::{
    Asked, Failure, Peer, once_begun,
    questions::{self, MAX_QUESTIONS},
    sse::SharedExchange,
};

/// The answers to requests of the upstream, from the question to the client to their way to the upstream.
type Replies = FuturesUnordered<LocalBoxFuture<'static, ()>>;

/// Requests of the upstream whose answers or refusals are on their way.
const MAX_REPLIES: usize = 2 * MAX_QUESTIONS;

/// Why a request is no longer wanted.
const TAKEN_BACK: &str = "the client took its request back";
const TOO_LATE: &str = "its time is over";
const TOO_MUCH: &str = "it asks too much at a time";

/// How long the upstream may take to hear of it, while the client waits for its answer.
const HEARS_WITHIN: Duration = Duration::from_secs(2);

/// A request in flight, on either wire.
enum Sent {
    Http(Box<Exchange>),
    Sse(SharedExchange),
}

impl Sent {
    async fn next(&mut self) -> Option<Result<Incoming, UpstreamError>> {
        match self {
            Self::Http(exchange) => exchange.next().await,
            Self::Sse(exchange) => exchange.next().await,
        }
    }

    fn id(&self) -> RequestId {
        match self {
            Self::Http(exchange) => exchange.id().clone(),
            Self::Sse(exchange) => exchange.id().clone(),
        }
    }
}

impl Peer {
    fn send(&self, request: Request<'_>) -> Result<Sent, UpstreamError> {
        match self {
            Self::Http(connection) => Ok(Sent::Http(Box::new(connection.request(request)))),
            Self::Sse(link) => link.request(request).map(Sent::Sse),
        }
    }

    async fn respond(
        &self,
        id: &RequestId,
        outcome: Result<&str, &RpcError>,
    ) -> Result<(), UpstreamError> {
        match self {
            Self::Http(connection) => connection.respond(id, outcome).await,
            Self::Sse(link) => link.respond(id, outcome).await,
        }
    }

    /// Ends a request and tells the upstream so. HTTP with SSE is told while its stream is open: the session ends with
    /// that.
    async fn cancel(&self, sent: Sent, reason: &str) {
        let id = sent.id();
        // The upstream may have ended it already.
        match (self, sent) {
            (Self::Sse(link), Sent::Sse(exchange)) => {
                exchange.leave();
                let _ = link.cancel(&id, reason).await;
            }
            (Self::Http(connection), sent) => {
                drop(sent);
                let _ = connection.cancel(&id, Some(reason)).await;
            }
            (Self::Sse(_), Sent::Http(_)) => {}
        }
    }
}

/// Sends a request and waits for its result. `begun` is set at the first message of the upstream that may come of the
/// request.
///
/// # Errors
/// Where there is none.
pub(super) async fn ask(
    peer: &Peer,
    asked: &Asked<'_>,
    back: &Rc<dyn Notifier>,
    platform: &SharedPlatform,
    begun: &Cell<bool>,
) -> Result<String, Failure> {
    if back.is_cancelled() {
        return Err(Failure::TakenBack);
    }
    let mut sent = peer.send(asked.request(asked.params))?;
    let mut replies = Replies::new();
    let mut taken_back = back.cancelled();
    loop {
        let came = {
            let next = pin!(next(&mut sent, &mut replies));
            match select(&mut taken_back, next).await {
                Either::Left(_) => None,
                Either::Right((came, _)) => Some(came.unwrap_or(Err(UpstreamError::Cut))),
            }
        };
        let Some(came) = came else {
            drop(replies);
            peer.cancel(sent, TAKEN_BACK).await;
            return Err(Failure::TakenBack);
        };
        let incoming = match came {
            Err(late @ UpstreamError::TimedOut { .. }) => {
                drop(replies);
                let told = pin!(peer.cancel(sent, TOO_LATE));
                select(told, platform.sleep(HEARS_WITHIN)).await;
                return Err(late.into());
            }
            Err(error) if begun.get() => return Err(once_begun(error)),
            came => came?,
        };
        // A peer that speaks another wire by now did not read what it was asked.
        if !matches!(&incoming, Incoming::Answer(Answer::Error(failure)) if failure.is_of_another_wire())
        {
            begun.set(true);
        }
        match incoming {
            Incoming::Answer(answer) => return Ok(answer.into_result()?.get().to_owned()),
            Incoming::Request { .. } if replies.len() >= MAX_REPLIES => {
                drop(replies);
                peer.cancel(sent, TOO_MUCH).await;
                return Err(UpstreamError::bad_answer(TOO_MUCH, b"").into());
            }
            Incoming::Request { id, method, params } => {
                let may_ask = replies.len() < MAX_QUESTIONS;
                let (peer, back) = (peer.clone(), back.clone());
                let reply = async move {
                    let reply = match may_ask {
                        true => questions::ask(&*back, &method, params.as_deref()).await,
                        false => Err(RpcError::new(INTERNAL_ERROR, "too many questions are open")),
                    };
                    let text = reply.as_ref().map(Value::to_string);
                    // The request has run: an answer that does not arrive is for the upstream to miss.
                    let _ = peer.respond(&id, text.as_deref().map_err(|error| *error)).await;
                };
                replies.push(reply.boxed_local());
            }
            other => pass_on(&other, &**back),
        }
    }
}

/// The next message of the upstream, while answers of the client are on their way.
async fn next(sent: &mut Sent, replies: &mut Replies) -> Option<Result<Incoming, UpstreamError>> {
    let mut came = pin!(sent.next());
    while !replies.is_empty() {
        match select(came, replies.next()).await {
            Either::Left((came, _)) => return came,
            Either::Right((_, waits)) => came = waits,
        }
    }
    came.await
}

/// Passes progress and log messages on. Other notifications concern lists and resources, not this call.
pub(super) fn pass_on(incoming: &Incoming, back: &dyn Notifier) {
    match incoming {
        Incoming::Progress { progress, params } => {
            let [total, message] = fields(params.get(), ["total", "message"]).unwrap_or([None; 2]);
            let message = message.and_then(raw::string);
            back.progress(*progress, total.and_then(raw::float), message.as_deref());
        }
        Incoming::Log { params } => {
            let names = ["level", "logger", "data"];
            let [level, logger, data] = fields(params.get(), names).unwrap_or([None; 3]);
            let level = level.and_then(raw::text).and_then(|name| LoggingLevel::parse(&name));
            let data = data.and_then(|data| raw::value(data.get()).ok());
            if let (Some(level), Some(data)) = (level, data) {
                let logger = logger.and_then(raw::string).unwrap_or_default();
                back.log(level, &logger, data);
            }
        }
        Incoming::Notification { .. } | Incoming::Request { .. } | Incoming::Answer(_) => {}
    }
}

#[cfg(test)]
#[path = "converse_tests.rs"]
mod tests;
