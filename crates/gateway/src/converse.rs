//! One request to an upstream that has sessions, from its sending to its answer: progress and log messages
//! go to the client in front, and the upstream's questions are answered by it.
//!
//! Invariant: the request is sent once. A client that takes it back has it taken back behind, under the
//! id that the upstream knows.

use std::rc::Rc;

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{Either, LocalBoxFuture, select},
    stream::FuturesUnordered,
};
use mcp_client::{
    connection::Connection,
    error::UpstreamError,
    exchange::Exchange,
    message::{Answer, Incoming},
    request::Request,
};
use mcp_protocol::{
    fields::fields,
    jsonrpc::{RequestId, RpcError},
    log_level::LoggingLevel,
    raw,
};
use mcp_server::notifier::Notifier;
use serde_json::{Value, value::RawValue};

use crate::questions;

/// An answer of the client to a request of the upstream.
type Reply = (RequestId, Result<Value, RpcError>);

/// Sends a request and waits for its answer.
///
/// # Errors
/// Where there is none. None inside: the client took its request back.
pub async fn converse(
    connection: &Rc<Connection>,
    request: &Request<'_>,
    notifier: &Rc<dyn Notifier>,
) -> Result<Option<Answer>, UpstreamError> {
    let mut exchange = connection.request(request);
    let mut asked: FuturesUnordered<LocalBoxFuture<'static, Reply>> = FuturesUnordered::new();
    let mut taken_back = notifier.cancelled();
    loop {
        let event = {
            let next = std::pin::pin!(next(&mut exchange, &mut asked));
            match select(next, &mut taken_back).await {
                Either::Left((event, _)) => event,
                Either::Right(_) => Event::TakenBack,
            }
        };
        match event {
            Event::Came(None) => return Err(UpstreamError::Cut),
            Event::Came(Some(incoming)) => {
                if let Some(answer) = take(incoming?, notifier, &asked) {
                    return Ok(Some(answer));
                }
            }
            Event::Replied((id, reply)) => respond(connection, &id, reply).await?,
            Event::TakenBack => {
                let id = exchange.id().clone();
                drop(exchange);
                connection.cancel(&id).await;
                return Ok(None);
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
async fn next(
    exchange: &mut Exchange,
    asked: &mut FuturesUnordered<LocalBoxFuture<'static, Reply>>,
) -> Event {
    if asked.is_empty() {
        return Event::Came(exchange.next().await);
    }
    let came = std::pin::pin!(exchange.next());
    match select(came, asked.next()).await {
        Either::Left((came, _)) => Event::Came(came),
        Either::Right((Some(reply), _)) => Event::Replied(reply),
        Either::Right((None, came)) => Event::Came(came.await),
    }
}

/// Passes a message on. The answer, where it is one.
fn take(
    incoming: Incoming,
    notifier: &Rc<dyn Notifier>,
    asked: &FuturesUnordered<LocalBoxFuture<'static, Reply>>,
) -> Option<Answer> {
    match incoming {
        Incoming::Answer(answer) => return Some(answer),
        Incoming::Request { id, method, params } => {
            let notifier = notifier.clone();
            let reply = async move {
                let reply = questions::ask(&*notifier, &method, params.as_deref()).await;
                (id, reply)
            };
            asked.push(reply.boxed_local());
        }
        other => pass_on(&other, &**notifier),
    }
    None
}

/// Passes progress and log messages on. Other notifications concern lists and resources, not this call.
pub fn pass_on(incoming: &Incoming, notifier: &dyn Notifier) {
    match incoming {
        Incoming::Progress { progress, params } => {
            let found = fields(params.get(), ["total", "message"]).unwrap_or([None; 2]);
            let [total, message] = found;
            let message = message.and_then(raw::string);
            notifier.progress(*progress, total.and_then(raw::float), message.as_deref());
        }
        Incoming::Log { params } => {
            let found = fields(params.get(), ["level", "logger", "data"]).unwrap_or([None; 3]);
            let [level, logger, data] = found;
            let level = level.and_then(raw::text).and_then(|name| LoggingLevel::parse(&name));
            let data = data.and_then(|data| raw::value(data.get()).ok());
            if let (Some(level), Some(data)) = (level, data) {
                let logger = logger.and_then(raw::string).unwrap_or_default();
                notifier.log(level, &logger, data);
            }
        }
        Incoming::Notification { .. } | Incoming::Request { .. } | Incoming::Answer(_) => {}
    }
}

async fn respond(
    connection: &Connection,
    id: &RequestId,
    reply: Result<Value, RpcError>,
) -> Result<(), UpstreamError> {
    let text = reply.as_ref().map(Value::to_string);
    connection.respond(id, text.as_deref().map_err(|error| *error)).await
}

/// What a stateless upstream answered.
#[derive(Debug)]
pub enum Round {
    /// The result, without the field that says so.
    Complete(String),
    /// It asks its client, and wants its state back.
    Asks {
        /// `inputRequests`.
        requests: Option<Box<RawValue>>,
        /// `requestState`.
        state: Option<String>,
    },
    /// It goes on in a task, of which nobody here was told that it may.
    Task,
}

/// Reads the result of a stateless upstream. One without `resultType` is complete.
pub fn round(result: &RawValue) -> Round {
    let names = ["resultType", "inputRequests", "requestState"];
    let [kind, requests, state] = fields(result.get(), names).unwrap_or([None; 3]);
    match kind.and_then(raw::text).as_deref() {
        Some("input_required") => Round::Asks {
            requests: requests.map(ToOwned::to_owned),
            state: state.and_then(raw::string),
        },
        Some("task") => Round::Task,
        _ => Round::Complete(result.get().to_owned()),
    }
}
