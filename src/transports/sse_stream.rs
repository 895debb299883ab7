//! Long-lived streams: held by the Worker, fed by the session's object over a hibernatable
//! WebSocket, so that the object sleeps while nothing happens.
//!
//! News of upstreams come on the stream beside those of the object ([`Beside`]).
//!
//! Invariant: the queue to the client is bounded in messages and bytes (`SendQueue`). The stream of a
//! client that does not read is closed with a reason; one that left is noticed at the next comment, and
//! its socket is closed. Whether the stream may go on is asked every 20 s, however many messages pass;
//! with what isolates remember for 30 s, a revocation ends every stream within 30 s.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use futures_channel::oneshot;
use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    future::{Either, LocalBoxFuture, ready, select},
    stream::{self, LocalBoxStream},
};
use wasm_bindgen_futures::spawn_local;
use worker::{Env, Result, WebSocket, WebsocketEvent};

use crate::{
    platform::{
        clock::now_s,
        sleep::Sleep,
        socket::{self, ENDED, SUPERSEDED, TOO_SLOW},
    },
    state,
    stubs::{grants::is_over, hub::Hub, named_keys::is_revoked},
    transports::send_queue::{QueuedFrames, SendQueue, queue},
};
use mcp_auth::{oauth::token::GrantHandle, subject::Subject};
use mcp_protocol::event;
use mcp_server::telemetry::metrics;

/// Seconds between two comments. Proxies cut a stream that is silent for 100 s.
const COMMENT_EVERY: u64 = 20;
/// For how long the answer to a look is awaited.
const LOOK_WITHIN: Duration = Duration::from_secs(5);
/// A close by the client's side (RFC 6455 §7.4.1).
const GOING_AWAY: u16 = 1001;

/// The body of a long-lived stream.
pub struct SseStream {
    pieces: QueuedFrames,
    socket: WebSocket,
    /// Dropped with the stream, which ends the feed at once.
    _reader: oneshot::Sender<()>,
}

/// What comes on a stream beside the messages of the object.
pub struct Beside {
    /// The messages.
    pub messages: LocalBoxStream<'static, Vec<u8>>,
    /// Takes the object's messages that are for the Worker, and leaves the others.
    pub takes: Box<dyn FnMut(&str) -> bool>,
}

impl Default for Beside {
    fn default() -> Self {
        Self { messages: stream::empty().boxed_local(), takes: Box::new(|_| false) }
    }
}

/// For how long a stream may go on.
pub struct StreamLease {
    /// Until then, in seconds since 1970.
    pub expires: u32,
    /// Until its session, issued at this time, is ended with all others of the subject.
    pub session: Option<(Subject, u32)>,
    /// The caller's account, where its SiteBay token was unverified when the stream began.
    pub unverified: Option<Subject>,
    /// Until this OAuth grant is taken back.
    pub grant: Option<GrantHandle>,
    /// Until the named key of this id is revoked.
    pub key: Option<String>,
    /// The bindings.
    pub env: Env,
}

impl StreamLease {
    /// Why the stream must end, if it must.
    async fn end_reason(&self) -> Option<&'static str> {
        if now_s() >= u64::from(self.expires) {
            return Some("closed: the session expired");
        }
        let next = now_s().saturating_add(COMMENT_EVERY);
        if let Some(id) = &self.key
            && is_revoked(&self.env, id, next).await
        {
            return Some("closed: the key was revoked");
        }
        if let Some(grant) = &self.grant
            && is_over(&self.env, grant, next).await
        {
            return Some("closed: the access was revoked");
        }
        let (subject, issued) = self.session?;
        // The hub closes a stream that it ends. That it could not is worth waking it every 5 min, not
        // with every comment. If the answer is not known, the stream goes on until the next check.
        let ended = match state::usable_not_before(subject, now_s()) {
            Some(not_before) => issued <= not_before,
            None => {
                let ended = Hub::has_ended(&self.env, self.unverified, subject, issued);
                ended.await.unwrap_or_default()
            }
        };
        ended.then_some(reason(ENDED))
    }

    /// The same, with a deadline. Without an answer the stream goes on until the next check.
    fn look(&self) -> LeaseCheck<'_> {
        let looked = async {
            match select(self.end_reason().boxed_local(), Sleep::new(LOOK_WITHIN)).await {
                Either::Left((over, _)) => over,
                Either::Right(_) => None,
            }
        };
        looked.boxed_local()
    }

    /// The same after a pause.
    fn look_later(&self) -> LeaseCheck<'_> {
        let pause = Duration::from_secs(self.pause());
        async move {
            Sleep::new(pause).await;
            self.look().await
        }
        .boxed_local()
    }

    /// When the look is due that is made after a pause, in seconds since 1970.
    fn next_look(&self) -> u64 {
        now_s().saturating_add(self.pause())
    }

    /// Seconds until the next comment, or the end where that is sooner.
    fn pause(&self) -> u64 {
        let left = u64::from(self.expires).saturating_sub(now_s());
        COMMENT_EVERY.min(left.max(1))
    }
}

/// Opens the stream over the object's socket. `first` goes out at once, because proxies hold the
/// headers back until then.
pub fn open_stream(
    socket: WebSocket,
    lease: StreamLease,
    first: Vec<u8>,
    beside: Beside,
) -> Result<SseStream> {
    let (mut waiting, pieces) = queue();
    // Nothing waits yet.
    let _ = waiting.push(first);
    let feed = Feed { socket: socket.clone(), lease };
    socket.accept()?;
    let (reader, left) = oneshot::channel();
    let fed = feed.run(waiting, beside).boxed_local();
    spawn_local(select(fed, left).map(drop));
    metrics::stream_opened();
    Ok(SseStream { pieces, socket, _reader: reader })
}

/// What a stream is fed with.
enum Fed {
    /// An event of the socket; None: it ended.
    Socket(Option<Result<WebsocketEvent>>),
    /// A message beside them.
    Beside(Vec<u8>),
}

/// Moves messages from the socket to the client.
struct Feed {
    socket: WebSocket,
    lease: StreamLease,
}

/// A look at the lease: why the stream must end, if it must.
type LeaseCheck<'a> = LocalBoxFuture<'a, Option<&'static str>>;

impl Feed {
    /// Awaits nothing but the next message and the next look: messages that come while the feed waits for
    /// something else are queued without a bound.
    async fn run(self, mut waiting: SendQueue, mut beside: Beside) {
        let Ok(events) = self.socket.events() else {
            return waiting.end("closed: the session could not be reached");
        };
        // Neither side keeps the other one from being read.
        let over = stream::once(ready(Fed::Socket(None)));
        let events = events.map(|event| Fed::Socket(Some(event))).chain(over);
        let mut fed = stream::select(events, beside.messages.map(Fed::Beside));
        let mut look = self.lease.look_later();
        let mut due = self.lease.next_look();
        loop {
            // The look comes first: a socket that always has a message must not keep it from being made.
            let next = match select(&mut look, fed.next()).await {
                Either::Left((over, _)) => Err(over),
                Either::Right((fed, _)) => Ok(fed),
            };
            // Timers may come late; messages do not put the look off.
            if next.is_ok() && now_s() >= due {
                (look, due) = (self.lease.look(), u64::MAX);
            }
            let frame = match next {
                Ok(Some(Fed::Socket(Some(Ok(WebsocketEvent::Message(message)))))) => {
                    let Some(text) = message.text() else { continue };
                    if (beside.takes)(&text) {
                        continue;
                    }
                    event::message(None, text.as_bytes())
                }
                Ok(Some(Fed::Beside(message))) => event::message(None, &message),
                Ok(Some(Fed::Socket(Some(Ok(WebsocketEvent::Close(close)))))) => {
                    return waiting.end(reason(close.code()));
                }
                Ok(_) => return waiting.end("closed: the session's stream broke"),
                Err(Some(why)) => return waiting.end(why),
                Err(None) => {
                    (look, due) = (self.lease.look_later(), self.lease.next_look());
                    event::KEEP_ALIVE.to_vec()
                }
            };
            if waiting.is_over() {
                return;
            }
            if waiting.push(frame).is_err() {
                socket::close(&self.socket, TOO_SLOW, "the client does not read");
                return waiting.end(reason(TOO_SLOW));
            }
        }
    }
}

fn reason(code: u16) -> &'static str {
    match code {
        SUPERSEDED => "closed: replaced by a newer stream of this session",
        ENDED => "closed: the session was ended",
        TOO_SLOW => "closed: the client does not read the stream; open a new one",
        _ => "closed: the session's object stopped; open a new stream",
    }
}

impl Stream for SseStream {
    type Item = Result<Vec<u8>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.pieces.poll_next_unpin(cx).map(|piece| piece.map(Ok))
    }
}

impl Drop for SseStream {
    fn drop(&mut self) {
        metrics::stream_closed();
        // Closing the socket informs the object at once. Closing it twice is harmless.
        let _ = self.socket.close(Some(GOING_AWAY), Some("the client left"));
    }
}
