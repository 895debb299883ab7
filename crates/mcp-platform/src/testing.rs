//! A [`Platform`] for unit tests of streams: virtual time, and answers that arrive chunk by chunk as a script says.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::{
    borrow::Cow,
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{
    FutureExt as _, StreamExt as _, TryStreamExt as _,
    future::{Either, LocalBoxFuture, select},
    stream,
};

use crate::{
    NetworkFailure, OutboundRequest, OutboundResponse, Platform,
    stream::{ResponseHeaders, StreamRequest, StreamResponse},
};

/// Where the virtual clock starts: 2026-11-20T08:00:00Z.
const START_MS: u64 = 1_795_161_600_000;

/// Makes a timer.
pub type Sleep = Rc<dyn Fn(Duration) -> LocalBoxFuture<'static, ()>>;

/// What happens to a body next.
#[derive(Debug, Clone)]
enum Step {
    /// These bytes arrive.
    Chunk(Vec<u8>),
    /// Nothing arrives for so long.
    Pause(Duration),
    /// The connection breaks.
    Breaks,
    /// Nothing arrives any more.
    Hangs,
}

/// One scripted answer. Its body ends in an orderly way after its last step.
#[derive(Debug, Clone, Default)]
pub struct ScriptedStream {
    takes: Duration,
    status: u16,
    headers: Vec<(String, String)>,
    refused: Option<String>,
    steps: VecDeque<Step>,
}

impl ScriptedStream {
    /// An answer without headers and body.
    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    /// A JSON answer in one piece.
    pub fn json(status: u16, body: &str) -> Self {
        Self::status(status).header("Content-Type", "application/json").chunk(body)
    }

    /// An event stream without events so far.
    pub fn events() -> Self {
        Self::status(200).header("Content-Type", "text/event-stream")
    }

    /// A connection that cannot be made.
    pub fn unreachable(why: &str) -> Self {
        Self { refused: Some(why.to_owned()), ..Self::default() }
    }

    /// A connection that is made and stays silent.
    pub fn silent() -> Self {
        Self::status(200).after(Duration::from_secs(1 << 20))
    }

    /// The same, whose headers take so long.
    #[must_use]
    pub fn after(mut self, takes: Duration) -> Self {
        self.takes = takes;
        self
    }

    /// The same with one more header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Then these bytes arrive as one chunk.
    #[must_use]
    pub fn chunk(self, bytes: impl AsRef<[u8]>) -> Self {
        self.step(Step::Chunk(bytes.as_ref().to_vec()))
    }

    /// Then nothing arrives for a while.
    #[must_use]
    pub fn pause(self, duration: Duration) -> Self {
        self.step(Step::Pause(duration))
    }

    /// Then the connection breaks.
    #[must_use]
    pub fn breaks(self) -> Self {
        self.step(Step::Breaks)
    }

    /// Then nothing arrives any more.
    #[must_use]
    pub fn hangs(self) -> Self {
        self.step(Step::Hangs)
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push_back(step);
        self
    }

    /// Plays the answer with these timers. `left` is called where the body is dropped before its end.
    pub async fn play(
        self,
        within: Duration,
        sleep: Sleep,
        left: impl FnOnce() + 'static,
    ) -> Result<StreamResponse, NetworkFailure> {
        sleep(self.takes.min(within)).await;
        if self.takes > within {
            return Err(NetworkFailure::TimedOut(within));
        }
        if let Some(why) = self.refused {
            return Err(NetworkFailure::Broken(why));
        }
        let body = Playing { steps: self.steps, sleep, left: Leave(Some(Box::new(left))) };
        Ok(StreamResponse {
            status: self.status,
            headers: ResponseHeaders::new(self.headers),
            body: stream::unfold(body, Playing::next).boxed_local(),
        })
    }
}

/// Tells that a body was dropped before its end.
struct Leave(Option<Box<dyn FnOnce()>>);

impl Drop for Leave {
    fn drop(&mut self) {
        if let Some(left) = self.0.take() {
            left();
        }
    }
}

/// A body that is being read.
struct Playing {
    steps: VecDeque<Step>,
    sleep: Sleep,
    left: Leave,
}

impl Playing {
    async fn next(mut self) -> Option<(Result<Vec<u8>, NetworkFailure>, Self)> {
        loop {
            match self.steps.pop_front() {
                Some(Step::Chunk(bytes)) => return Some((Ok(bytes), self)),
                Some(Step::Pause(duration)) => (self.sleep)(duration).await,
                Some(Step::Hangs) => futures_util::future::pending().await,
                Some(Step::Breaks) => {
                    self.left.0 = None;
                    self.steps.clear();
                    let broken = NetworkFailure::Broken("connection reset".into());
                    return Some((Err(broken), self));
                }
                None => {
                    self.left.0 = None;
                    return None;
                }
            }
        }
    }
}

/// A machine whose clock moves only when everything waits, and then to the next timer. Once the script is played,
/// nothing can be reached.
pub struct VirtualPlatform {
    script: RefCell<VecDeque<ScriptedStream>>,
    requests: RefCell<Vec<StreamRequest>>,
    clock: Rc<Clock>,
    aborted: Rc<Cell<usize>>,
}

#[derive(Default)]
struct Clock {
    passed_ms: Cell<u64>,
    timers: RefCell<Vec<(u64, Waker)>>,
}

impl Clock {
    fn sleep(self: Rc<Self>, duration: Duration) -> LocalBoxFuture<'static, ()> {
        let ms = u64::try_from(duration.as_millis()).unwrap();
        let due = self.passed_ms.get().saturating_add(ms);
        poll_fn(move |cx| {
            if self.passed_ms.get() >= due {
                return Poll::Ready(());
            }
            self.timers.borrow_mut().push((due, cx.waker().clone()));
            Poll::Pending
        })
        .boxed_local()
    }

    /// Moves on to the next timer.
    fn advance(&self) {
        let mut timers = self.timers.borrow_mut();
        let Some(next) = timers.iter().map(|(due, _)| *due).min() else {
            panic!("everything waits, and no timer is set");
        };
        self.passed_ms.set(next.max(self.passed_ms.get()));
        timers.retain(|(due, waker)| {
            if *due == next {
                waker.wake_by_ref();
            }
            *due != next
        });
    }
}

impl VirtualPlatform {
    /// Plays this script, one answer for each request.
    pub fn new(script: impl IntoIterator<Item = ScriptedStream>) -> Rc<Self> {
        Rc::new(Self {
            script: RefCell::new(script.into_iter().collect()),
            requests: RefCell::default(),
            clock: Rc::default(),
            aborted: Rc::default(),
        })
    }

    /// Runs a future to its end, in virtual time.
    pub fn run<T>(&self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            if let Poll::Ready(done) = future.as_mut().poll(&mut cx) {
                return done;
            }
            self.clock.advance();
        }
    }

    /// Runs a future for so long at most, and drops it then.
    pub fn run_for<T>(&self, duration: Duration, future: impl Future<Output = T>) -> Option<T> {
        let over = self.sleep(duration);
        match self.run(select(pin!(future), over)) {
            Either::Left((done, _)) => Some(done),
            Either::Right(_) => None,
        }
    }

    /// The requests that were sent.
    pub fn requests(&self) -> Vec<StreamRequest> {
        self.requests.borrow().clone()
    }

    /// How many bodies were dropped before their end.
    pub fn aborted(&self) -> usize {
        self.aborted.get()
    }

    /// How far the clock went.
    pub fn elapsed(&self) -> Duration {
        Duration::from_millis(self.clock.passed_ms.get())
    }
}

impl Platform for VirtualPlatform {
    fn fetch(
        &self,
        request: OutboundRequest,
    ) -> LocalBoxFuture<'static, Result<OutboundResponse, NetworkFailure>> {
        let OutboundRequest { method, url, headers, body, timeout, at_most } = request;
        let headers = headers.into_iter().map(|(name, value)| (Cow::Borrowed(name), value));
        let (headers, headers_within) = (headers.collect(), timeout);
        let opened = self.open(StreamRequest { method, url, headers, body, headers_within });
        let whole = async move {
            let StreamResponse { status, headers, body } = opened.await?;
            let chunks: Vec<Vec<u8>> = body.try_collect().await?;
            let body = chunks.concat();
            if body.len() > at_most {
                return Err(NetworkFailure::TooLarge(at_most));
            }
            let header = |name: &str| headers.get(name).map(str::to_owned);
            Ok(OutboundResponse {
                status,
                content_type: header("content-type"),
                retry_after: header("retry-after"),
                location: header("location"),
                body,
            })
        };
        select(whole.boxed_local(), self.sleep(timeout))
            .map(move |first| match first {
                Either::Left((answer, _)) => answer,
                Either::Right(_) => Err(NetworkFailure::TimedOut(timeout)),
            })
            .boxed_local()
    }

    fn open(
        &self,
        request: StreamRequest,
    ) -> LocalBoxFuture<'static, Result<StreamResponse, NetworkFailure>> {
        let within = request.headers_within;
        self.requests.borrow_mut().push(request);
        let step = self.script.borrow_mut().pop_front();
        let step = step.unwrap_or_else(|| ScriptedStream::unreachable("the script is over"));
        let clock = self.clock.clone();
        let sleep: Sleep = Rc::new(move |duration| clock.clone().sleep(duration));
        let aborted = self.aborted.clone();
        let left = move || aborted.set(aborted.get().saturating_add(1));
        step.play(within, sleep, left).boxed_local()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.clock.clone().sleep(duration)
    }

    fn now_ms(&self) -> u64 {
        START_MS.saturating_add(self.clock.passed_ms.get())
    }

    fn uuid(&self) -> String {
        "00000001-0000-4000-8000-000000000000".to_owned()
    }
}
