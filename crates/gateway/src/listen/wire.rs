//! One stream of one upstream for what belongs to no call, in each era.
//!
//! 2026-07-28 has `subscriptions/listen`. Of an upstream that has sessions this is the stream of a session of the
//! listener's own, and `resources/subscribe` in it; of HTTP with SSE, its one stream.
//!
//! Invariant: a session that was opened for a listener is ended with it. Nobody can be asked here: a `ping` is answered, and
//! every other request of the upstream is refused.

use std::{rc::Rc, time::Duration};

use futures_util::{
    FutureExt as _, StreamExt as _,
    future::{Either, LocalBoxFuture, ready, select},
    stream,
};
use mcp_client::{
    connection::Connection,
    era::{Era, Handshake, handshake, may_have_changed},
    error::UpstreamError,
    exchange::Exchange,
    listener::Listener as SessionStream,
    message::Incoming,
    request::{Patience, Request, first_id},
    sse_2024::{self, Link},
};
use mcp_protocol::{
    fields::fields,
    jsonrpc::{INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, RequestId, RpcError},
    object::Object,
    stateless::listen::{Offered, SubscriptionFilter},
    version::Version,
};
use mcp_server::changes::WaitUntil;
use serde_json::value::RawValue;

use super::{Listener, notice::names_another};
use crate::relay::pool::Route;

/// How long an upstream may take to agree to a subscription.
const AGREES_WITHIN: Duration = Duration::from_secs(10);
/// Requests to subscribe that run at once.
const AT_ONCE: usize = 4;

/// A stream that is open.
pub(super) struct Opened {
    pub(super) wire: Wire,
    /// What the upstream agreed to.
    pub(super) agreed: SubscriptionFilter,
    /// Whether it goes on where an earlier stream ended.
    pub(super) goes_on: bool,
    /// Whether something that was announced meanwhile was not heard.
    pub(super) has_missed: bool,
}

/// Why no stream is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// The upstream has nothing to say outside of calls.
    ForGood,
    /// It may be tried again.
    ForNow,
}

/// The stream.
pub(super) enum Wire {
    Stateless(Box<Exchange>),
    Session(Box<Held>),
    Sse(Box<Link>, Answering),
}

/// An answer on its way to the upstream.
type Answering = Option<LocalBoxFuture<'static, ()>>;

/// A session of the listener's own, which ends when this is dropped.
pub(super) struct Session {
    connection: Connection,
    agreed: SubscriptionFilter,
    last_event: Option<String>,
    finish: WaitUntil,
}

impl Drop for Session {
    fn drop(&mut self) {
        let connection = self.connection.clone();
        if connection.session().is_some() {
            (self.finish)(async move { connection.close().await }.boxed_local());
        }
    }
}

/// A session and its stream.
pub(super) struct Held {
    session: Session,
    stream: SessionStream,
    answering: Answering,
}

/// Opens a stream, or goes on in a session whose stream ended.
pub(super) async fn open(
    listener: Rc<Listener>,
    upstream: Rc<str>,
    wanted: SubscriptionFilter,
    before: Option<Session>,
) -> Result<Opened, Closed> {
    let (door, ctx) = (&listener.door, &listener.ctx);
    let (memory, now_ms) = (&door.memory, ctx.platform.now_ms());
    let found = door.find(ctx, &upstream);
    let found = found.filter(|found| !found.credential.is_personal()).ok_or(Closed::ForGood)?;
    let about = memory.about(&upstream, now_ms);
    let offers_nothing = about.is_some_and(|about| {
        wanted.clone().limited_to(&Offered::declared(&about.capabilities)).is_empty()
    });
    if offers_nothing {
        return Err(Closed::ForGood);
    }
    if memory.breaker((&upstream, None), now_ms) == "open" {
        return Err(Closed::ForNow);
    }
    if let Some(session) = before {
        return session.go_on().await.ok_or(Closed::ForNow);
    }
    let route = door.route(ctx, (found, None), &*ctx.notifier).map_err(|_| Closed::ForGood)?;
    let known = route.era.or_else(|| memory.era(&upstream, now_ms));
    let opened = opened(&listener, &route, known, &wanted).await;
    opened.map_err(|error| match error {
        None => Closed::ForGood,
        Some(error) => {
            if route.era.is_none() && known.is_some_and(|era| may_have_changed(era, &error)) {
                memory.forget_era(&upstream);
            }
            closed_by(&error)
        }
    })
}

fn closed_by(error: &UpstreamError) -> Closed {
    match error {
        UpstreamError::Rpc(failure) => {
            let unknown = [METHOD_NOT_FOUND, INVALID_PARAMS, INVALID_REQUEST].map(i64::from);
            if unknown.contains(&failure.code) { Closed::ForGood } else { Closed::ForNow }
        }
        UpstreamError::Loop | UpstreamError::Redirect { .. } | UpstreamError::Unsendable(_) => {
            Closed::ForGood
        }
        _ => Closed::ForNow,
    }
}

/// Opens a stream on the wire that is spoken. The error is None where the upstream has no such stream.
async fn opened(
    listener: &Listener,
    route: &Route,
    known: Option<Era>,
    wanted: &SubscriptionFilter,
) -> Result<Opened, Option<UpstreamError>> {
    let platform = &listener.ctx.platform;
    let first = first_id(platform.now_ms());
    let found = match known {
        Some(Era::Stateless) => return subscribed(listener, route, first, wanted).await,
        Some(Era::Sse) => return on_sse(route, first, wanted).await,
        Some(Era::Session) | None => handshake(&route.address, &route.declaration(), known).await?,
    };
    let memory = &listener.door.memory;
    memory.note_handshake(&route.name, route.generation, &found, platform.now_ms());
    match found.era {
        Era::Stateless => subscribed(listener, route, first, wanted).await,
        Era::Sse => on_sse(route, first, wanted).await,
        Era::Session => {
            let connection =
                Connection::of(route.address.clone(), route.declaration(), &found, first);
            let finish = listener.finish.clone();
            let agreed = agreed(&found, wanted);
            Session { connection, agreed, last_event: None, finish }.begin().await
        }
    }
}

/// What an upstream that has sessions agrees to.
fn agreed(found: &Handshake, wanted: &SubscriptionFilter) -> SubscriptionFilter {
    wanted.clone().limited_to(&Offered::declared(found.capabilities.get()))
}

/// 2026-07-28: the stream is there once the upstream has agreed.
async fn subscribed(
    listener: &Listener,
    route: &Route,
    first_id: u64,
    wanted: &SubscriptionFilter,
) -> Result<Opened, Option<UpstreamError>> {
    let (address, declaration) = (route.address.clone(), route.declaration());
    let version = Version::V2026_07_28;
    let connection = Connection::new(address, declaration, version, None, first_id);
    let params = Object::new().raw("notifications", &wanted.to_json()).end();
    let request = Request::new("subscriptions/listen", Some(&params));
    let mut exchange = connection.request(Request { patience: Patience::Held, ..request });
    let late = listener.ctx.platform.sleep(AGREES_WITHIN);
    let agreed = match select(acknowledged(&mut exchange).boxed_local(), late).await {
        Either::Left((agreed, _)) => agreed?,
        Either::Right(_) => {
            return Err(Some(UpstreamError::bad_answer("it agrees to no subscription", b"")));
        }
    };
    let agreed = wanted.intersection(&agreed);
    Ok(Opened {
        wire: Wire::Stateless(Box::new(exchange)),
        agreed,
        goes_on: false,
        has_missed: false,
    })
}

/// Waits until the upstream has agreed. What comes before that was not agreed on.
async fn acknowledged(exchange: &mut Exchange) -> Result<SubscriptionFilter, UpstreamError> {
    let own = exchange.id().clone();
    loop {
        match exchange.next().await.ok_or(UpstreamError::Cut)?? {
            Incoming::Answer(answer) => {
                answer.into_result()?;
                return Err(UpstreamError::bad_answer("it ends a subscription at once", b""));
            }
            Incoming::Notification { method, params }
                if method == "notifications/subscriptions/acknowledged"
                    && !names_another(params.as_deref(), &own) =>
            {
                let filter = params.as_deref().and_then(filter);
                let wrong = || UpstreamError::bad_answer("it agrees to no filter", b"");
                return filter.ok_or_else(wrong);
            }
            _ => {}
        }
    }
}

fn filter(params: &RawValue) -> Option<SubscriptionFilter> {
    let [filter] = fields(params.get(), ["notifications"]).ok()?;
    SubscriptionFilter::from_json(filter?.get()).ok()
}

async fn on_sse(
    route: &Route,
    first_id: u64,
    wanted: &SubscriptionFilter,
) -> Result<Opened, Option<UpstreamError>> {
    let (mut link, found) =
        sse_2024::connect(&route.address, &route.declaration(), first_id).await?;
    let mut agreed = agreed(&found, wanted);
    let (mut kept, mut late) = (Vec::new(), None);
    for uri in std::mem::take(&mut agreed.resource_subscriptions) {
        let params = params_of(&uri);
        match link.result(Request::new(SUBSCRIBE, Some(&params))).await {
            Ok(_) => kept.push(uri),
            // Each further one would take as long, and the listener would hear nothing until then.
            Err(error @ UpstreamError::TimedOut { .. }) => {
                late = Some(error);
                break;
            }
            Err(_) => {}
        }
    }
    agreed.resource_subscriptions = kept;
    if agreed.is_empty() {
        return Err(late);
    }
    let has_missed = link.events.take_passed_over();
    Ok(Opened { wire: Wire::Sse(Box::new(link), None), agreed, goes_on: false, has_missed })
}

const SUBSCRIBE: &str = "resources/subscribe";

fn params_of(uri: &str) -> String {
    Object::new().text("uri", uri).end()
}

impl Session {
    /// Opens the session's stream, and watches the resources.
    async fn begin(mut self) -> Result<Opened, Option<UpstreamError>> {
        if self.agreed.is_empty() {
            return Err(None);
        }
        // Before the resources are watched: what happens in between is heard.
        let Some(stream) = self.connection.listen(None).await? else {
            return Err(None);
        };
        let asked = std::mem::take(&mut self.agreed.resource_subscriptions);
        self.agreed.resource_subscriptions = self.subscribe(asked).await;
        if self.agreed.is_empty() {
            return Err(None);
        }
        Ok(self.opened(stream, false))
    }

    /// Watches resources; returns those that the upstream lets it watch.
    async fn subscribe(&self, uris: Vec<String>) -> Vec<String> {
        let asked = uris.into_iter().map(|uri| async {
            let params = params_of(&uri);
            let request = Request::new(SUBSCRIBE, Some(&params));
            let sent = self.connection.request(Request { patience: Patience::List, ..request });
            sent.result().await.is_ok().then_some(uri)
        });
        stream::iter(asked).buffered(AT_ONCE).filter_map(ready).collect().await
    }

    /// Opens the stream again. None: the session is over.
    async fn go_on(self) -> Option<Opened> {
        let goes_on = self.last_event.is_some();
        let stream = self.connection.listen(self.last_event.as_deref()).await.ok()??;
        Some(self.opened(stream, goes_on))
    }

    fn opened(self, stream: SessionStream, goes_on: bool) -> Opened {
        let agreed = self.agreed.clone();
        let held = Held { session: self, stream, answering: None };
        Opened { wire: Wire::Session(Box::new(held)), agreed, goes_on, has_missed: false }
    }
}

impl Wire {
    /// The next message; None where the stream ended.
    ///
    /// # Errors
    /// Where it broke.
    pub(super) async fn next(&mut self) -> Result<Option<Incoming>, UpstreamError> {
        loop {
            let (id, method) = match self {
                Self::Stateless(exchange) => {
                    let came = exchange.next().await.transpose()?;
                    return Ok(came.filter(|came| !matches!(came, Incoming::Answer(_))));
                }
                Self::Session(held) => {
                    answered(&mut held.answering).await;
                    let came = held.stream.next().await?;
                    let last = held.stream.last_event_id().map(str::to_owned);
                    held.session.last_event = last.or(held.session.last_event.take());
                    match came {
                        Some(Incoming::Request { id, method, .. }) => (id, method),
                        came => return Ok(came),
                    }
                }
                Self::Sse(link, answering) => {
                    answered(answering).await;
                    match link.events.next().await?.map(|tagged| tagged.incoming) {
                        Some(Incoming::Request { id, method, .. }) => (id, method),
                        came => return Ok(came),
                    }
                }
            };
            self.answer(id, &method);
        }
    }

    /// Answers a request of the upstream.
    fn answer(&mut self, id: RequestId, method: &str) {
        let outcome = match method {
            "ping" => Ok("{}"),
            _ => Err(RpcError::new(METHOD_NOT_FOUND, "the client is asked only during a call")),
        };
        // One that does not arrive is for the upstream to miss.
        match self {
            Self::Stateless(_) => {}
            Self::Session(held) => {
                let connection = held.session.connection.clone();
                let answer = async move {
                    let _ = connection.respond(&id, outcome.as_ref().copied()).await;
                };
                held.answering = Some(answer.boxed_local());
            }
            Self::Sse(link, answering) => {
                let posts = link.posts.clone();
                let answer = async move {
                    let _ = posts.respond(&id, outcome.as_ref().copied()).await;
                };
                *answering = Some(answer.boxed_local());
            }
        }
    }

    /// The request that opened the stream, where there is one.
    pub(super) fn subscription(&self) -> Option<&RequestId> {
        match self {
            Self::Stateless(exchange) => Some(exchange.id()),
            Self::Session(_) | Self::Sse(..) => None,
        }
    }

    /// How long the upstream wants its client to wait before the stream is opened again, in milliseconds.
    pub(super) fn retry_ms(&self) -> u64 {
        match self {
            Self::Session(held) => held.stream.retry_ms().unwrap_or_default(),
            Self::Stateless(_) | Self::Sse(..) => 0,
        }
    }

    /// The session in which the stream can be opened again.
    pub(super) fn into_session(self) -> Option<Session> {
        match self {
            Self::Session(held) => {
                let Held { session, .. } = *held;
                Some(session)
            }
            Self::Stateless(_) | Self::Sse(..) => None,
        }
    }
}

/// Waits until an answer is sent.
async fn answered(answering: &mut Answering) {
    if let Some(answer) = answering {
        answer.await;
        *answering = None;
    }
}
