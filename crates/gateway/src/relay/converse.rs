//! One request to an upstream that has sessions, from its sending to its answer: progress and log messages
//! go to the client in front, and the upstream's questions are answered by it.
//!
//! Invariant: the request is sent once. Where the client takes it back it is taken back behind, under the
//! id that the upstream knows.

use std::rc::Rc;

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{Either, LocalBoxFuture, select},
    stream::FuturesUnordered,
};
use mcp_client::{error::UpstreamError, exchange::Exchange, message::Incoming, request::Request};
use mcp_protocol::{
    fields::fields,
    jsonrpc::{RequestId, RpcError},
    log_level::LoggingLevel,
    raw,
};
use mcp_server::notifier::Notifier;
use serde_json::Value;

use super::{Asked, Failure, Peer, questions, sse::SharedExchange};

/// An answer of the client to a request of the upstream.
type Reply = (RequestId, Result<Value, RpcError>);
type Replies = FuturesUnordered<LocalBoxFuture<'static, Reply>>;

/// Why the client's request is no longer wanted.
const REASON: &str = "the client took its request back";

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

    async fn cancel(&self, id: &RequestId) {
        let told = match self {
            Self::Http(connection) => connection.cancel(id, Some(REASON)).await,
            Self::Sse(link) => link.cancel(id, REASON).await,
        };
        // The upstream may have ended it already.
        let _ = told;
    }
}

/// Sends a request and waits for its result.
///
/// # Errors
/// Where there is none.
pub(super) async fn ask(
    peer: &Peer,
    asked: &Asked<'_>,
    back: &Rc<dyn Notifier>,
) -> Result<String, Failure> {
    let mut sent = peer.send(asked.request(asked.params))?;
    let mut replies = Replies::new();
    let mut taken_back = back.cancelled();
    loop {
        let event = {
            let next = std::pin::pin!(next(&mut sent, &mut replies));
            match select(next, &mut taken_back).await {
                Either::Left((event, _)) => event,
                Either::Right(_) => Event::TakenBack,
            }
        };
        match event {
            Event::Came(None) => return Err(UpstreamError::Cut.into()),
            Event::Came(Some(incoming)) => match incoming? {
                Incoming::Answer(answer) => return Ok(answer.into_result()?.get().to_owned()),
                Incoming::Request { id, method, params } => {
                    let back = back.clone();
                    let reply = async move {
                        (id, questions::ask(&*back, &method, params.as_deref()).await)
                    };
                    replies.push(reply.boxed_local());
                }
                other => pass_on(&other, &**back),
            },
            Event::Replied((id, reply)) => {
                let text = reply.as_ref().map(Value::to_string);
                peer.respond(&id, text.as_deref().map_err(|error| *error)).await?;
            }
            Event::TakenBack => {
                let id = sent.id();
                drop(sent);
                peer.cancel(&id).await;
                return Err(Failure::TakenBack);
            }
        }
    }
}

enum Event {
    Came(Option<Result<Incoming, UpstreamError>>),
    Replied(Reply),
    TakenBack,
}

/// The next message of the upstream, or the next answer of the client.
async fn next(sent: &mut Sent, replies: &mut Replies) -> Event {
    if replies.is_empty() {
        return Event::Came(sent.next().await);
    }
    let came = std::pin::pin!(sent.next());
    match select(came, replies.next()).await {
        Either::Left((came, _)) => Event::Came(came),
        Either::Right((Some(reply), _)) => Event::Replied(reply),
        Either::Right((None, came)) => Event::Came(came.await),
    }
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
