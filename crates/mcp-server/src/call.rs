//! Running one call, whatever its method: answered as JSON where it is quick, as an event stream where it is not. The
//! method is carried out in [`crate::dispatch`].
//!
//! Invariant: the call runs in a task of its own that the object keeps alive; handler and body only
//! read its channel, so a client that leaves never drops the work. A quick call makes neither task
//! nor timer. A panic inside it is an answer.

use std::{
    future::poll_fn,
    panic::AssertUnwindSafe,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{
    FutureExt as _, Stream, StreamExt as _,
    future::{Either, LocalBoxFuture, select},
    stream::LocalBoxStream,
};

use crate::{
    changes::Changes,
    channel::{CallStream, Channel, Reply},
};
use mcp_platform::SharedPlatform;
use mcp_protocol::{
    event::StreamId,
    jsonrpc::{INTERNAL_ERROR, RequestId, RpcError, error_text},
};

/// How long a call may take before its answer becomes an event stream.
pub const STREAM_AFTER: Duration = Duration::from_millis(250);
/// The longest silence on a stream. Proxies cut idle ones after 100 s and more.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a call that outlives its client goes on without a reader.
const DETACHED_LIMIT: Duration = Duration::from_secs(25);
/// How often it is looked for a reader.
const READER_CHECK_EVERY: Duration = Duration::from_secs(5);

/// Where the final answer of a streamed call is kept, so that a client that lost its connection
/// can read it.
pub trait AnswerStore {
    /// Keeps an answer.
    fn store(&self, stream: &StreamId, answer: &[u8]) -> LocalBoxFuture<'static, ()>;

    /// A call is over, and its answer waits in its channel.
    fn ended(&self) {}
}

/// How a call is answered.
pub enum CallAnswer {
    /// At once and whole.
    Whole(Reply),
    /// As a stream that ends with the answer.
    Stream(CallStream),
}

/// Runs a call. `keep` takes the task of a call that is not done at once and must keep the object
/// alive until it ends.
pub async fn run(
    call: LocalBoxFuture<'static, Reply>,
    channel: Rc<Channel>,
    platform: SharedPlatform,
    store: Rc<dyn AnswerStore>,
    keep: impl FnOnce(LocalBoxFuture<'static, ()>),
) -> CallAnswer {
    let mut call = catch_panic(call, channel.clone());
    match poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx))).await {
        Poll::Ready(reply) => {
            channel.finish(reply);
            if channel.is_streamed() {
                store.ended();
            }
        }
        Poll::Pending => {
            keep(drive(call, channel.clone(), platform.clone(), store).boxed_local());
            select(channel.first_news(), platform.sleep(STREAM_AFTER)).await;
        }
    }
    match channel.take_whole() {
        Some(reply) => CallAnswer::Whole(reply),
        None => CallAnswer::Stream(channel.events()),
    }
}

/// How a call is answered that lives in its answer.
pub enum AttachedAnswer {
    /// At once and whole.
    Whole(Reply),
    /// As a stream that ends with the answer. Dropping it ends the call, unless that outlives its client
    /// ([`Changes::outlives_client`]).
    Stream(LocalBoxStream<'static, Vec<u8>>),
}

/// Runs a call that ends when its client leaves (2026-07-28 `basic/transports` "Cancellation"), unless
/// it may have changed something by then, or has something to end elsewhere.
pub async fn run_attached(
    call: LocalBoxFuture<'static, Reply>,
    channel: Rc<Channel>,
    platform: SharedPlatform,
    changes: Rc<Changes>,
) -> AttachedAnswer {
    let mut held = AttachedCall::new(call, channel.clone(), platform, changes);
    if !poll_fn(|cx| Poll::Ready(held.advance(cx))).await {
        let mut enough = select(channel.first_news(), held.platform.sleep(STREAM_AFTER));
        poll_fn(|cx| match held.advance(cx) {
            true => Poll::Ready(()),
            false => enough.poll_unpin(cx).map(drop),
        })
        .await;
    }
    match channel.take_whole() {
        Some(reply) => AttachedAnswer::Whole(reply),
        // The body of an answer that cannot be sent is never read, and would not drive the call.
        None if held.changes.outlives_client() => {
            let stream = channel.events();
            held.go_on_alone();
            AttachedAnswer::Stream(stream.boxed_local())
        }
        None => AttachedAnswer::Stream(held.begin().boxed_local()),
    }
}

/// A call and the stream of its answer in one.
struct AttachedCall {
    call: Option<LocalBoxFuture<'static, Reply>>,
    channel: Rc<Channel>,
    stream: Option<CallStream>,
    platform: SharedPlatform,
    tick: Option<LocalBoxFuture<'static, ()>>,
    changes: Rc<Changes>,
}

impl AttachedCall {
    fn new(
        call: LocalBoxFuture<'static, Reply>,
        channel: Rc<Channel>,
        platform: SharedPlatform,
        changes: Rc<Changes>,
    ) -> Self {
        let call = Some(catch_panic(call, channel.clone()));
        Self { call, channel, stream: None, platform, tick: None, changes }
    }

    /// Has the runtime drive what is left of the call.
    fn go_on_alone(&mut self) {
        if let Some(call) = self.call.take() {
            let (channel, platform) = (self.channel.clone(), self.platform.clone());
            let ends = finish_detached(call, channel, platform, self.changes.clone());
            self.changes.run_on(ends.boxed_local());
        }
    }

    fn begin(mut self) -> Self {
        self.stream = Some(self.channel.events());
        self
    }

    /// Polls the call; true once it is over.
    fn advance(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(call) = &mut self.call else {
            return true;
        };
        let Poll::Ready(reply) = call.as_mut().poll(cx) else {
            return false;
        };
        self.call = None;
        self.channel.finish(reply);
        true
    }

    /// Sees to it that the stream is never silent for long: a client that left is noticed when
    /// something is written.
    fn keep_alive(&mut self, cx: &mut Context<'_>) {
        let platform = &self.platform;
        let tick = self.tick.get_or_insert_with(|| platform.sleep(KEEP_ALIVE));
        if tick.as_mut().poll(cx).is_ready() {
            self.channel.keep_alive();
            let mut next = self.platform.sleep(KEEP_ALIVE);
            // Registers the waker; it is not due yet.
            let _ = next.as_mut().poll(cx);
            self.tick = Some(next);
        }
    }
}

impl Drop for AttachedCall {
    fn drop(&mut self) {
        self.stream = None;
        if self.changes.outlives_client() {
            self.go_on_alone();
        }
    }
}

/// Runs a call to its end while it has a reader, and for [`DETACHED_LIMIT`] without one: the runtime gives what
/// goes on after an answer 30 s. A call that takes longer is dropped, which notes that its outcome is
/// not known; so is one that has no reader and does not outlive it any more, which ends with its client. The body of an answer that was never sent keeps its place as a reader, so the runtime is
/// asked, too, whether the client is still there.
async fn finish_detached(
    mut call: LocalBoxFuture<'static, Reply>,
    channel: Rc<Channel>,
    platform: SharedPlatform,
    changes: Rc<Changes>,
) {
    let (mut alone, mut silent) = (Duration::ZERO, Duration::ZERO);
    while alone < DETACHED_LIMIT {
        match select(call, platform.sleep(READER_CHECK_EVERY)).await {
            Either::Left((reply, _)) => return channel.finish(reply),
            Either::Right(((), rest)) => call = rest,
        }
        let is_read = channel.has_reader() && !changes.is_abandoned();
        if !is_read && !changes.outlives_client() {
            return;
        }
        alone = if is_read { Duration::ZERO } else { alone.saturating_add(READER_CHECK_EVERY) };
        silent = silent.saturating_add(READER_CHECK_EVERY);
        if silent >= KEEP_ALIVE {
            silent = Duration::ZERO;
            channel.keep_alive();
        }
    }
}

impl Stream for AttachedCall {
    type Item = Vec<u8>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if !self.advance(cx) {
            // The runtime stops asking for the body when the client leaves, and need not say so.
            match self.changes.outlives_client() {
                true => self.go_on_alone(),
                false => self.keep_alive(cx),
            }
        }
        match &mut self.stream {
            Some(stream) => stream.poll_next_unpin(cx),
            None => Poll::Ready(None),
        }
    }
}

/// Runs a call whose answer goes elsewhere than to the connection that asked.
pub async fn run_for_stream(call: LocalBoxFuture<'static, Reply>, channel: Rc<Channel>) {
    let reply = catch_panic(call, channel.clone()).await;
    channel.finish(reply);
}

async fn drive(
    mut call: LocalBoxFuture<'static, Reply>,
    channel: Rc<Channel>,
    platform: SharedPlatform,
    store: Rc<dyn AnswerStore>,
) {
    loop {
        match select(call, platform.sleep(KEEP_ALIVE)).await {
            Either::Left((reply, _)) => {
                store_answer(&reply, &channel, &*store).await;
                channel.finish(reply);
                return store.ended();
            }
            Either::Right(((), rest)) => call = rest,
        }
        channel.keep_alive();
    }
}

/// Stores the response of a streaming call, before it is written out.
pub async fn store_answer(reply: &Reply, channel: &Channel, store: &dyn AnswerStore) {
    if let (Some(body), Some(stream)) = (reply.body(), channel.stream())
        && channel.is_streamed()
        && !channel.is_done()
    {
        store.store(&stream, body).await;
    }
}

/// The call with its panic turned into an error that the client can read.
fn catch_panic(
    call: LocalBoxFuture<'static, Reply>,
    channel: Rc<Channel>,
) -> LocalBoxFuture<'static, Reply> {
    AssertUnwindSafe(call)
        .catch_unwind()
        .map(move |caught| caught.unwrap_or_else(|_| panic_reply(channel.request().as_ref())))
        .boxed_local()
}

/// The answer to a request whose call panicked.
pub fn panic_reply(request: Option<&RequestId>) -> Reply {
    let error = RpcError::new(
        INTERNAL_ERROR,
        "internal error: the call failed in the server. If the call changes something, the change \
         may have happened: check before you repeat it",
    );
    Reply::Json { status: 500, body: error_text(request, &error) }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures_util::future::{pending, poll_immediate, ready};
    use pollster::block_on;

    use super::*;
    use mcp_platform::{NetworkFailure, OutboundRequest, OutboundResponse, Platform};

    /// A machine whose timers are all due at once. It counts them.
    #[derive(Default)]
    struct Hasty(Cell<u32>);

    impl Platform for Hasty {
        fn fetch(
            &self,
            _request: OutboundRequest,
        ) -> LocalBoxFuture<'static, Result<OutboundResponse, NetworkFailure>> {
            pending().boxed_local()
        }

        fn sleep(&self, _duration: Duration) -> LocalBoxFuture<'static, ()> {
            self.0.update(|timers| timers.saturating_add(1));
            ready(()).boxed_local()
        }

        fn now_ms(&self) -> u64 {
            0
        }

        fn uuid(&self) -> String {
            String::new()
        }
    }

    /// Keeps nothing.
    struct Nowhere;

    impl AnswerStore for Nowhere {
        fn store(&self, _stream: &StreamId, _answer: &[u8]) -> LocalBoxFuture<'static, ()> {
            ready(()).boxed_local()
        }
    }

    fn reply() -> Reply {
        Reply::Json { status: 200, body: b"{}".to_vec() }
    }

    /// Runs a call; returns its answer, whether its task was kept, and the number of timers that were made.
    fn run_now(call: LocalBoxFuture<'static, Reply>) -> (CallAnswer, bool, u32) {
        let (kept, platform) = (RefCell::new(false), Rc::<Hasty>::default());
        let keep = |_task| *kept.borrow_mut() = true;
        let ran = run(call, Channel::new(), platform.clone(), Rc::new(Nowhere), keep);
        let answer = block_on(ran);
        let kept = *kept.borrow();
        (answer, kept, platform.0.get())
    }

    #[test]
    fn a_quick_call_makes_neither_task_nor_timer() {
        let (answer, kept, timers) = run_now(ready(reply()).boxed_local());
        assert!(matches!(answer, CallAnswer::Whole(found) if found == reply()));
        assert!(!kept);
        assert_eq!(timers, 0);
    }

    #[test]
    fn a_call_that_takes_longer_becomes_a_stream_in_a_kept_task() {
        let (answer, kept, timers) = run_now(pending().boxed_local());
        assert!(matches!(answer, CallAnswer::Stream(_)));
        assert!(kept && timers > 0);
    }

    #[test]
    fn a_panic_is_an_error_with_status_500() {
        let call = async { panic!("on purpose") }.boxed_local();
        let (answer, ..) = run_now(call);
        assert!(matches!(answer, CallAnswer::Whole(Reply::Json { status: 500, .. })));
    }

    /// Drops the stream of a waiting call that got this far; returns the number of futures handed to
    /// `wait_until`.
    fn dropped(outlives: Option<fn(&Changes)>) -> usize {
        let runs_on: Rc<RefCell<Vec<LocalBoxFuture<'static, ()>>>> = Rc::default();
        let kept = runs_on.clone();
        let changes = Rc::new(Changes::in_request(Rc::new(move |rest| {
            kept.borrow_mut().push(rest);
        })));
        let held = run_attached(
            pending().boxed_local(),
            Channel::new(),
            Rc::<Hasty>::default(),
            changes.clone(),
        );
        let AttachedAnswer::Stream(stream) = block_on(held) else { panic!("it ended") };
        if let Some(outlives) = outlives {
            outlives(&changes);
        }
        drop(stream);
        // One of them only waits for the end of the call.
        let count = runs_on.borrow().len();
        count.saturating_sub(usize::from(outlives.is_some()))
    }

    #[test]
    fn a_call_runs_on_without_its_client_once_it_may_have_changed_something() {
        assert_eq!(dropped(None), 0);
        assert_eq!(dropped(Some(Changes::begin)), 1);
    }

    #[test]
    fn a_call_runs_on_without_its_client_to_end_what_it_has_elsewhere() {
        assert_eq!(dropped(Some(Changes::outlive_client)), 1);
    }

    #[test]
    fn a_call_that_begins_to_change_something_while_it_streams_runs_on_by_itself() {
        let runs_on: Rc<RefCell<Vec<LocalBoxFuture<'static, ()>>>> = Rc::default();
        let kept = runs_on.clone();
        let changes = Rc::new(Changes::in_request(Rc::new(move |rest| {
            kept.borrow_mut().push(rest);
        })));
        let held = run_attached(
            pending().boxed_local(),
            Channel::new(),
            Rc::<Hasty>::default(),
            changes.clone(),
        );
        let AttachedAnswer::Stream(mut stream) = block_on(held) else { panic!("it ended") };
        changes.begin();
        assert!(block_on(poll_immediate(stream.next())).is_none());
        // The stream of a client that left is neither read nor dropped.
        assert_eq!(runs_on.borrow().len(), 2);
        drop(stream);
        assert_eq!(runs_on.borrow().len(), 2);
    }

    /// A call that is dropped after so many timers.
    fn dropped_after(changes: Rc<Changes>) -> u32 {
        let platform = Rc::<Hasty>::default();
        block_on(finish_detached(
            pending().boxed_local(),
            Channel::new(),
            platform.clone(),
            changes,
        ));
        platform.0.get()
    }

    #[test]
    fn a_call_that_was_held_ends_with_its_client_once_it_is_let_go() {
        let changes = Rc::new(Changes::default());
        let held = changes.hold();
        assert_eq!(dropped_after(changes.clone()), 5);
        drop(held);
        assert_eq!(dropped_after(changes), 1);
    }

    #[test]
    fn a_call_without_its_client_is_given_up_in_the_end() {
        let call = || pending().boxed_local();
        let begun = |changes: Changes| {
            changes.begin();
            Rc::new(changes)
        };
        let changes = begun(Changes::default());
        block_on(finish_detached(call(), Channel::new(), Rc::<Hasty>::default(), changes));
        // The body of an answer that was never sent is still there.
        let channel = Channel::new();
        let _unread = channel.events();
        let left = begun(Changes::default().of_client(Rc::new(|| true)));
        block_on(finish_detached(call(), channel.clone(), Rc::<Hasty>::default(), left));
    }
}
