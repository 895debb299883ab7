//! HTTP with SSE (2024-11-05) as a connection that several requests share.
//!
//! Invariant: the stream is read by one of the requests that wait for it, which hands every message to the
//! request that it belongs to. A request that leaves wakes another one to go on reading, and the last one
//! closes the stream. While a person is asked for a request, its time stands still.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, BTreeSet, VecDeque},
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

/// Messages that wait for one request; of more, the oldest that need no answer are dropped.
const MAX_WAITING: usize = 256;
/// Requests of the upstream that wait for an answer which nobody has to be asked for.
const MAX_AT_ONCE: usize = 100;

/// A stream and the requests that run on it.
pub struct SharedLink {
    posts: Posts,
    platform: SharedPlatform,
    whole: Duration,
    events: RefCell<Option<Events>>,
    running: RefCell<BTreeMap<String, Running>>,
    /// Requests of the upstream that are answered at once: a `ping`, and what nobody can be asked.
    at_once: RefCell<Vec<(RequestId, bool)>>,
    failed: RefCell<Option<UpstreamError>>,
    started: Cell<u64>,
}

#[derive(Default)]
struct Running {
    place: u64,
    incoming: VecDeque<Incoming>,
    /// The questions of the upstream that are open.
    open: BTreeSet<String>,
    waker: Option<Waker>,
}

impl Running {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
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
            at_once: RefCell::default(),
            failed: RefCell::default(),
            started: Cell::new(0),
        })
    }

    /// Whether no request runs on it.
    pub fn is_idle(&self) -> bool {
        self.running.borrow().is_empty()
    }

    /// Whether the stream broke, or is closed.
    pub fn is_broken(&self) -> bool {
        self.failed.borrow().is_some()
    }

    /// A request, which is sent when its first message is asked for.
    ///
    /// # Errors
    /// Where it cannot be sent.
    pub fn request(self: &Rc<Self>, request: Request<'_>) -> Result<SharedExchange, UpstreamError> {
        if self.is_broken() {
            let why = "the stream is closed".to_owned();
            return Err(UpstreamError::Unreachable { why, never_connected: true });
        }
        let (id, text) = self.posts.prepare(request)?;
        let place = self.started.replace(self.started.get().saturating_add(1));
        let running = Running { place, ..Running::default() };
        self.running.borrow_mut().insert(id.as_json().to_owned(), running);
        let posts = self.posts.clone();
        let sending = async move { posts.post(text).await }.boxed_local();
        let limit = Limit::new(self.platform.clone(), self.whole);
        Ok(SharedExchange {
            link: self.clone(),
            id,
            sending: Some(sending),
            answering: None,
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
        for running in self.running.borrow_mut().values_mut() {
            if running.open.remove(id.as_json()) {
                running.wake();
            }
        }
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
    ///
    /// # Errors
    /// Where too many wait.
    fn deliver(&self, tagged: Tagged) -> Result<(), UpstreamError> {
        let too_much = || UpstreamError::bad_answer("it asks too much at a time", b"");
        let mut running = self.running.borrow_mut();
        let only = running.len() == 1;
        let entry = match &tagged.request {
            Some(id) => running.get_mut(id.as_json()),
            // What belongs to no request is of the oldest one.
            None => running.values_mut().min_by_key(|running| running.place),
        };
        if let Incoming::Request { id, method, .. } = &tagged.incoming
            && (method == "ping" || !only)
        {
            // Whose question it is cannot be known.
            let mut at_once = self.at_once.borrow_mut();
            if at_once.len() >= MAX_AT_ONCE {
                return Err(too_much());
            }
            at_once.push((id.clone(), method == "ping"));
            return Ok(());
        }
        let Some(entry) = entry else {
            return Ok(());
        };
        if entry.incoming.len() >= MAX_WAITING {
            let passing = |incoming: &Incoming| {
                !matches!(incoming, Incoming::Request { .. } | Incoming::Answer(_))
            };
            match entry.incoming.iter().position(passing) {
                Some(oldest) => drop(entry.incoming.remove(oldest)),
                None if matches!(tagged.incoming, Incoming::Answer(_)) => {}
                None => return Err(too_much()),
            }
        }
        if let Incoming::Request { id, .. } = &tagged.incoming {
            entry.open.insert(id.as_json().to_owned());
        }
        entry.incoming.push_back(tagged.incoming);
        entry.wake();
        Ok(())
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
                Poll::Ready(Ok(Some(tagged))) => {
                    if let Err(error) = self.deliver(tagged) {
                        return self.fail(error);
                    }
                }
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
        self.running.borrow_mut().values_mut().for_each(Running::wake);
    }

    fn is_asking(&self, id: &RequestId) -> bool {
        let running = self.running.borrow();
        running.get(id.as_json()).is_some_and(|running| !running.open.is_empty())
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
    answering: Option<LocalBoxFuture<'static, ()>>,
    limit: Limit,
}

/// The time that a request has, which stands still while a person is asked.
struct Limit {
    platform: SharedPlatform,
    left: Duration,
    /// The timer, and when it was set in milliseconds since 1970.
    timer: Option<(LocalBoxFuture<'static, ()>, u64)>,
}

impl Limit {
    fn new(platform: SharedPlatform, whole: Duration) -> Self {
        let timer = Some((platform.sleep(whole), platform.now_ms()));
        Self { platform, left: whole, timer }
    }

    fn poll(&mut self, stands_still: bool, cx: &mut Context<'_>) -> Poll<()> {
        let now_ms = self.platform.now_ms();
        if stands_still {
            if let Some((_, since)) = self.timer.take() {
                let passed = Duration::from_millis(now_ms.saturating_sub(since));
                self.left = self.left.saturating_sub(passed);
            }
            return Poll::Pending;
        }
        let (platform, left) = (&self.platform, self.left);
        let (timer, _) = self.timer.get_or_insert_with(|| (platform.sleep(left), now_ms));
        timer.poll_unpin(cx)
    }
}

impl SharedExchange {
    /// The id that the upstream knows the request by.
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// Leaves the stream to its other requests. It stays open until this is dropped.
    pub fn leave(&self) {
        self.link.posts.forget(&self.id);
        self.link.running.borrow_mut().remove(self.id.as_json());
        self.link.wake_all();
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
        self.link.read(cx);
        self.answer_at_once(cx);
        if let Some(incoming) = self.link.take(&self.id) {
            return Poll::Ready(Some(Ok(incoming)));
        }
        if let Some(error) = self.link.failed.borrow().clone() {
            return Poll::Ready(Some(Err(error)));
        }
        if self.limit.poll(self.link.is_asking(&self.id), cx).is_ready() {
            let after = self.link.whole;
            return Poll::Ready(Some(Err(UpstreamError::TimedOut { phase: Phase::Whole, after })));
        }
        if let Some(running) = self.link.running.borrow_mut().get_mut(self.id.as_json()) {
            running.waker = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Answers the upstream's requests for which nobody has to be asked.
    fn answer_at_once(&mut self, cx: &mut Context<'_>) {
        loop {
            if self.answering.is_none() {
                let at_once = std::mem::take(&mut *self.link.at_once.borrow_mut());
                if at_once.is_empty() {
                    return;
                }
                let posts = self.link.posts.clone();
                let answer = async move {
                    let why = "several requests run, and the question names none of them";
                    let refused = RpcError::new(INTERNAL_ERROR, why);
                    for (id, is_ping) in at_once {
                        let outcome = if is_ping { Ok("{}") } else { Err(&refused) };
                        let _ = posts.respond(&id, outcome).await;
                    }
                };
                self.answering = Some(answer.boxed_local());
            }
            if let Some(answering) = &mut self.answering
                && answering.poll_unpin(cx).is_pending()
            {
                return;
            }
            self.answering = None;
        }
    }
}

impl Drop for SharedExchange {
    fn drop(&mut self) {
        self.link.posts.forget(&self.id);
        self.link.running.borrow_mut().remove(self.id.as_json());
        if self.link.is_idle() {
            // An object with an open stream never sleeps.
            self.link.fail(UpstreamError::Cut);
        } else {
            self.link.wake_all();
        }
    }
}
