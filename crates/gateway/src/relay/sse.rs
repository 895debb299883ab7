//! HTTP with SSE (2024-11-05) as a connection that several requests share.
//!
//! Invariant: the stream is read by one of the requests that wait for it, which hands every message to the
//! request that it belongs to. A request that leaves wakes another one to go on reading.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, poll_fn},
};
use mcp_client::{
    error::{Phase, UpstreamError},
    message::Incoming,
    request::Request,
    sse_2024::{Events, Link, Posts, Tagged},
};
use mcp_platform::SharedPlatform;
use mcp_protocol::{
    jsonrpc::{INTERNAL_ERROR, RequestId, RpcError},
    object::Object,
};

/// Messages that wait for one request; of more, the oldest progress and log messages are dropped.
const MAX_WAITING: usize = 256;

/// A stream and the requests that run on it.
pub struct SharedLink {
    posts: Posts,
    platform: SharedPlatform,
    whole: Duration,
    events: RefCell<Option<Events>>,
    running: RefCell<BTreeMap<String, Running>>,
    /// Requests of the upstream that nobody can be asked.
    declined: RefCell<Vec<RequestId>>,
    failed: RefCell<Option<UpstreamError>>,
    started: Cell<u64>,
}

#[derive(Default)]
struct Running {
    place: u64,
    incoming: VecDeque<Incoming>,
    waker: Option<Waker>,
}

impl SharedLink {
    /// A stream that is open. `whole`: how long a request may take.
    pub fn new(link: Link, platform: SharedPlatform, whole: Duration) -> Rc<Self> {
        Rc::new(Self {
            posts: link.posts,
            platform,
            whole,
            events: RefCell::new(Some(link.events)),
            running: RefCell::default(),
            declined: RefCell::default(),
            failed: RefCell::default(),
            started: Cell::new(0),
        })
    }

    /// Whether no request runs on it.
    pub fn is_idle(&self) -> bool {
        self.running.borrow().is_empty()
    }

    /// Whether the stream broke.
    pub fn is_broken(&self) -> bool {
        self.failed.borrow().is_some()
    }

    /// A request, which is sent when its first message is asked for.
    ///
    /// # Errors
    /// Where it cannot be sent.
    pub fn request(self: &Rc<Self>, request: Request<'_>) -> Result<SharedExchange, UpstreamError> {
        let (id, text) = self.posts.prepare(request)?;
        let place = self.started.replace(self.started.get().saturating_add(1));
        let running = Running { place, ..Running::default() };
        self.running.borrow_mut().insert(id.as_json().to_owned(), running);
        let posts = self.posts.clone();
        let sending = async move { posts.post(text).await }.boxed_local();
        let limit = self.platform.sleep(self.whole);
        Ok(SharedExchange {
            link: self.clone(),
            id,
            sending: Some(sending),
            declining: None,
            limit,
        })
    }

    /// Answers a request of the upstream.
    ///
    /// # Errors
    /// Where the upstream does not accept it.
    pub async fn respond(
        &self,
        id: &RequestId,
        outcome: Result<&str, &RpcError>,
    ) -> Result<(), UpstreamError> {
        self.posts.respond(id, outcome).await
    }

    /// Takes a request back.
    ///
    /// # Errors
    /// Where the upstream does not accept that.
    pub async fn cancel(&self, id: &RequestId, reason: &str) -> Result<(), UpstreamError> {
        let params = Object::new().raw("requestId", id.as_json()).text("reason", reason).end();
        self.posts.notify("notifications/cancelled", Some(&params)).await
    }

    /// Hands a message to its request.
    fn deliver(&self, tagged: Tagged) {
        let mut running = self.running.borrow_mut();
        let only = running.len() == 1;
        let entry = match &tagged.request {
            Some(id) => running.get_mut(id.as_json()),
            // What belongs to no request is of the oldest one.
            None => running.values_mut().min_by_key(|running| running.place),
        };
        if let (Incoming::Request { id, .. }, false) = (&tagged.incoming, only) {
            // Whose question it is cannot be known.
            self.declined.borrow_mut().push(id.clone());
            return;
        }
        let Some(entry) = entry else {
            return;
        };
        if entry.incoming.len() >= MAX_WAITING {
            let passing = |incoming: &Incoming| {
                matches!(incoming, Incoming::Progress { .. } | Incoming::Log { .. })
            };
            if let Some(oldest) = entry.incoming.iter().position(passing) {
                entry.incoming.remove(oldest);
            }
        }
        entry.incoming.push_back(tagged.incoming);
        if let Some(waker) = entry.waker.take() {
            waker.wake();
        }
    }

    /// Reads what is there, and hands it out. Pending: nothing more for now.
    fn read(&self, cx: &mut Context<'_>) {
        loop {
            // Nobody reads at the same time: every request polls in its own turn.
            let Some(mut events) = self.events.take() else {
                return;
            };
            let read = pin!(events.next()).poll(cx);
            self.events.replace(Some(events));
            match read {
                Poll::Pending => return,
                Poll::Ready(Ok(Some(tagged))) => self.deliver(tagged),
                Poll::Ready(Ok(None)) => return self.fail(UpstreamError::Cut),
                Poll::Ready(Err(error)) => return self.fail(error),
            }
        }
    }

    fn fail(&self, error: UpstreamError) {
        self.failed.replace(Some(error));
        self.events.take();
        self.wake_all();
    }

    fn wake_all(&self) {
        for running in self.running.borrow_mut().values_mut() {
            if let Some(waker) = running.waker.take() {
                waker.wake();
            }
        }
    }

    fn take(&self, id: &RequestId) -> Option<Incoming> {
        self.running.borrow_mut().get_mut(id.as_json())?.incoming.pop_front()
    }
}

/// A request on such a stream.
pub struct SharedExchange {
    link: Rc<SharedLink>,
    id: RequestId,
    sending: Option<LocalBoxFuture<'static, Result<(), UpstreamError>>>,
    declining: Option<LocalBoxFuture<'static, ()>>,
    limit: LocalBoxFuture<'static, ()>,
}

impl SharedExchange {
    /// The id that the upstream knows the request by.
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// The next message.
    pub async fn next(&mut self) -> Option<Result<Incoming, UpstreamError>> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Incoming, UpstreamError>>> {
        if let Some(sending) = &mut self.sending
            && let Poll::Ready(sent) = sending.poll_unpin(cx)
        {
            self.sending = None;
            if let Err(error) = sent {
                return Poll::Ready(Some(Err(error)));
            }
        }
        self.decline(cx);
        self.link.read(cx);
        if let Some(incoming) = self.link.take(&self.id) {
            return Poll::Ready(Some(Ok(incoming)));
        }
        if let Some(error) = self.link.failed.borrow().clone() {
            return Poll::Ready(Some(Err(error)));
        }
        if self.limit.poll_unpin(cx).is_ready() {
            let after = self.link.whole;
            return Poll::Ready(Some(Err(UpstreamError::TimedOut { phase: Phase::Whole, after })));
        }
        if let Some(running) = self.link.running.borrow_mut().get_mut(self.id.as_json()) {
            running.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Refuses the upstream's requests that nobody can be asked.
    fn decline(&mut self, cx: &mut Context<'_>) {
        if self.declining.is_none() {
            let declined = std::mem::take(&mut *self.link.declined.borrow_mut());
            if !declined.is_empty() {
                let posts = self.link.posts.clone();
                let refuse = async move {
                    let why = "several requests run, and the question names none of them";
                    for id in declined {
                        let _ = posts.respond(&id, Err(&RpcError::new(INTERNAL_ERROR, why))).await;
                    }
                };
                self.declining = Some(refuse.boxed_local());
            }
        }
        if let Some(declining) = &mut self.declining
            && declining.poll_unpin(cx).is_ready()
        {
            self.declining = None;
        }
    }
}

impl Drop for SharedExchange {
    fn drop(&mut self) {
        self.link.posts.forget(&self.id);
        self.link.running.borrow_mut().remove(self.id.as_json());
        self.link.wake_all();
    }
}
