//! Long-lived streams: held by the Worker, fed by the session's object over a hibernatable
//! WebSocket, so that the object sleeps while nothing happens.
//!
//! Invariant: the queue to the client is bounded. A client that does not read is closed with a
//! reason; one that left is noticed at the next comment, and its socket is closed.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{
    Stream, StreamExt as _,
    future::{Either, select},
};
use wasm_bindgen_futures::spawn_local;
use worker::{Env, Result, WebSocket, WebsocketEvent};

use crate::{
    access::{oauth::token::Handle, principal::Subject},
    agents::{
        rows::now_s,
        socket::{ENDED, SUPERSEDED},
    },
    edge::refusal::Refusal,
    protocol::event,
    runtime::{isolate, sleep::Sleep},
    telemetry::metrics,
    transport::{grants::credential, hub::Hub, named_keys::is_revoked},
};

/// Between two comments. Proxies cut a stream that is silent for 100 s.
const COMMENT_EVERY: Duration = Duration::from_secs(20);
/// Messages that wait for a client that reads slowly.
const MAX_WAITING: usize = 256;
/// A close by the client's side (RFC 6455 §7.4.1).
const GOING_AWAY: u16 = 1001;
/// The client did not read.
const TOO_SLOW: u16 = 4002;

/// The body of a long-lived stream.
pub struct HeldStream {
    waiting: Rc<RefCell<Waiting>>,
    socket: WebSocket,
}

/// What the client has yet to read. It goes out in one piece.
#[derive(Default)]
struct Waiting {
    text: Vec<u8>,
    messages: usize,
    /// Nothing more comes, or nobody is there to take it.
    is_over: bool,
    reader: Option<Waker>,
}

impl Waiting {
    fn push(&mut self, frame: &[u8]) {
        self.text.extend_from_slice(frame);
        self.messages = self.messages.saturating_add(1);
        self.wake();
    }

    fn end(&mut self, last_words: &str) {
        self.is_over = true;
        self.push(&event::comment(last_words));
    }

    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

/// For how long a stream may go on.
pub struct Lease {
    /// Until then, in seconds since 1970.
    pub expires: u32,
    /// Until its session, issued at this time, is ended with all others of the subject.
    pub session: Option<(Subject, u32)>,
    /// The caller's account, where its SiteBay token was unverified when the stream began.
    pub unverified: Option<Subject>,
    /// Until this OAuth grant is taken back.
    pub grant: Option<Handle>,
    /// Until the named key of this id is revoked.
    pub key: Option<String>,
    /// The bindings.
    pub env: Env,
}

impl Lease {
    /// Why the stream must end, if it must.
    async fn over(&self) -> Option<&'static str> {
        if now_s() >= u64::from(self.expires) {
            return Some("closed: the session expired");
        }
        if let Some(id) = &self.key
            && is_revoked(&self.env, id).await
        {
            return Some("closed: the key was revoked");
        }
        if let Some(grant) = &self.grant {
            let config = isolate::config(&self.env);
            // Where nobody knows, the stream goes on: the next comment asks again.
            if let Err(Refusal::AccessOver(_)) = credential(&self.env, &config, grant).await {
                return Some("closed: the access was taken back");
            }
        }
        let (subject, issued) = self.session?;
        // The hub closes a stream that it ends. That it could not is worth waking it every 5 min, not
        // with every comment. Where nobody knows, the stream goes on: the next comment asks again.
        let ended = match isolate::usable_not_before(subject, now_s()) {
            Some(not_before) => issued <= not_before,
            None => {
                let ended = Hub::has_ended(&self.env, self.unverified, subject, issued);
                ended.await.unwrap_or_default()
            }
        };
        ended.then_some(reason(ENDED))
    }

    /// Until the next comment, or the end where that is sooner.
    fn pause(&self) -> Duration {
        let left = u64::from(self.expires).saturating_sub(now_s());
        COMMENT_EVERY.min(Duration::from_secs(left.max(1)))
    }
}

/// Opens the stream over the object's socket. `first` goes out at once, because proxies hold the
/// headers back until then.
pub fn hold(socket: WebSocket, lease: Lease, first: Vec<u8>) -> Result<HeldStream> {
    let waiting = Rc::new(RefCell::new(Waiting::default()));
    waiting.borrow_mut().push(&first);
    let feed = Feed { socket: socket.clone(), waiting: waiting.clone(), lease };
    socket.accept()?;
    spawn_local(feed.run());
    metrics::stream_opened();
    Ok(HeldStream { waiting, socket })
}

/// Moves messages from the socket to the client.
struct Feed {
    socket: WebSocket,
    waiting: Rc<RefCell<Waiting>>,
    lease: Lease,
}

impl Feed {
    async fn run(self) {
        let socket = self.socket.clone();
        let Ok(mut events) = socket.events() else {
            return self.end("closed: the session could not be reached");
        };
        loop {
            let frame = match select(events.next(), Sleep::new(self.lease.pause())).await {
                Either::Left((Some(Ok(WebsocketEvent::Message(message))), _)) => {
                    let Some(text) = message.text() else { continue };
                    event::message(None, text.as_bytes())
                }
                Either::Left((Some(Ok(WebsocketEvent::Close(close))), _)) => {
                    return self.end(reason(close.code()));
                }
                Either::Left(_) => return self.end("closed: the session's stream broke"),
                Either::Right(_) => match self.lease.over().await {
                    Some(why) => return self.end(why),
                    None => event::KEEP_ALIVE.to_vec(),
                },
            };
            let mut waiting = self.waiting.borrow_mut();
            if waiting.is_over {
                return;
            }
            if waiting.messages >= MAX_WAITING {
                let _ = self.socket.close(Some(TOO_SLOW), Some("the client does not read"));
                return waiting.end("closed: the client does not read; open a new stream");
            }
            waiting.push(&frame);
        }
    }

    fn end(self, why: &str) {
        self.waiting.borrow_mut().end(why);
    }
}

fn reason(code: u16) -> &'static str {
    match code {
        SUPERSEDED => "closed: replaced by a newer stream of this session",
        ENDED => "closed: the session was ended",
        _ => "closed: the session's object went away; open a new stream",
    }
}

impl Stream for HeldStream {
    type Item = Result<Vec<u8>>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.messages > 0 {
            waiting.messages = 0;
            return Poll::Ready(Some(Ok(std::mem::take(&mut waiting.text))));
        }
        if waiting.is_over {
            return Poll::Ready(None);
        }
        waiting.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for HeldStream {
    fn drop(&mut self) {
        metrics::stream_closed();
        self.waiting.borrow_mut().is_over = true;
        // The object learns at once that nobody listens. A socket closed already does not mind.
        let _ = self.socket.close(Some(GOING_AWAY), Some("the client left"));
    }
}
