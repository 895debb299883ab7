//! Calls that an upstream's object runs for clients of the stateless era: a call whose upstream asks its
//! client is parked until the client sends its request again with the answers.
//!
//! Invariant: what waits for readers is bounded, for each call and for all of an isolate together, and so is what is held
//! of requests and questions; a call that nobody comes back to ends after [`PATIENCE`]; an answer is taken for an open question of the last round only,
//! and once; one reader at a time reads a call.
//! Source: MCP 2026-07-28 `basic/patterns/mrtr`.

mod notifier;

pub use self::notifier::ParkNotifier;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_channel::oneshot;
use futures_util::{
    Stream,
    future::{LocalBoxFuture, poll_fn},
};
use mcp_platform::SharedPlatform;
use mcp_protocol::{
    capabilities::ClientCapabilities,
    input_response::InputResponse,
    jsonrpc::{INTERNAL_ERROR, INVALID_PARAMS, RpcError},
    log_level::LoggingLevel,
    raw,
    stateless::mrtr::KeyedRequest,
};
use serde_json::{Value, value::RawValue};

use super::{
    budget::{Budget, Charge, FrameQueue, Kept},
    frames::Frame,
};

/// How long a parked call waits for its client.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Bytes of progress and log messages that wait for a reader; more are dropped.
const MAX_WAITING: usize = 256 * 1024;
/// Bytes of frames that wait for the readers of all calls of an isolate, which has 128 MiB.
const MAX_KEPT: usize = 48 << 20;
/// Bytes of the requests and the open questions of all calls of an isolate.
const MAX_HELD: usize = 24 << 20;
/// Calls that one object runs at a time. What they hold is bounded for itself.
const MAX_CALLS: usize = 1_024;
/// How often a stream says that its call goes on.
const ALIVE_EVERY: Duration = Duration::from_secs(10);

/// Why a round cannot go on.
const GONE: &str = "the call that asked is over, or the server was restarted since: its outcome is not known. \
                    Check what it did before you send the request again, without `requestState`";

/// Why a second request for the same round is refused.
const BUSY: &str =
    "the call goes on already: another request with this `requestState` is being answered";
/// What stands in for an answer that cannot be kept.
const TOO_LARGE: &str = "the request has ended, but its answer was too large to keep until it is read. \
                         Check what it did before you send it again";

/// Why no more is taken in.
const FULL: &str = "the calls that this server runs or that wait for their clients hold as much as it has memory for";

/// The room for the calls of all objects of an isolate. Copies share it.
#[derive(Debug, Clone)]
pub struct Room {
    frames: Budget,
    held: Budget,
}

impl Default for Room {
    fn default() -> Self {
        Self { frames: Budget::new(MAX_KEPT), held: Budget::new(MAX_HELD) }
    }
}

/// The calls of one object.
pub struct Parks {
    /// Names this life of the object.
    epoch: String,
    calls: RefCell<BTreeMap<u64, Rc<ParkedCall>>>,
    next: Cell<u64>,
    room: Room,
}

/// How the work of a call ended.
#[derive(Debug)]
pub struct Ended {
    /// What the client is told.
    pub outcome: Result<Box<RawValue>, RpcError>,
    /// Whether that says what was changed.
    pub is_certain: bool,
}

impl From<Result<Box<RawValue>, RpcError>> for Ended {
    fn from(outcome: Result<Box<RawValue>, RpcError>) -> Self {
        Self { outcome, is_certain: true }
    }
}

impl From<RpcError> for Ended {
    fn from(error: RpcError) -> Self {
        Err(error).into()
    }
}

impl Ended {
    /// The frames that say so where no call runs.
    pub fn into_frames(self) -> Vec<Frame> {
        let unknown = (!self.is_certain).then_some(Frame::Unknown);
        unknown.into_iter().chain([last(self.outcome)]).collect()
    }

    /// The frames that say so, or that there is no room for them.
    fn frames(self, budget: &Budget) -> Vec<Kept> {
        let last = last(self.outcome);
        let kept = budget.keep(last.to_bytes());
        drop(last);
        let unknown = (kept.is_none() || !self.is_certain).then_some(Frame::Unknown);
        let unknown = unknown.map(|frame| Kept::last(frame.to_bytes()));
        let last = kept.unwrap_or_else(|| {
            let why = RpcError::new(INTERNAL_ERROR, TOO_LARGE);
            Kept::last(Frame::Error(why).to_bytes())
        });
        unknown.into_iter().chain([last]).collect()
    }
}

fn last(outcome: Result<Box<RawValue>, RpcError>) -> Frame {
    match outcome {
        Ok(result) => Frame::Result(result),
        Err(error) => Frame::Error(error),
    }
}

/// One call.
pub struct ParkedCall {
    epoch: String,
    id: u64,
    capabilities: ClientCapabilities,
    log_level: Option<LoggingLevel>,
    open: RefCell<Vec<OpenQuestion>>,
    asked: Cell<u64>,
    reader: RefCell<Option<Rc<FrameQueue>>>,
    /// How often it was put to sleep; a timer that woke up for an earlier time does nothing.
    sleeps: Cell<u64>,
    /// How many rounds asked something new; a state of an earlier one is refused.
    rounds: Cell<u64>,
    /// Whether other questions are open than the last round asked.
    is_changed: Cell<bool>,
    cancelled: Cell<bool>,
    /// Who waits for the client to take its request back.
    waker: RefCell<Option<Waker>>,
    /// The task that runs the call.
    driver: RefCell<Option<Waker>>,
    /// How it ended while nobody read.
    ended: RefCell<Option<Vec<Kept>>>,
    room: Room,
    _request: Charge,
}

struct OpenQuestion {
    keyed: KeyedRequest,
    answer: oneshot::Sender<Value>,
    _charge: Charge,
}

impl Parks {
    /// No calls yet, in the life of an object with this name.
    pub fn new(epoch: String, room: Room) -> Self {
        Self { epoch, calls: RefCell::default(), next: Cell::new(1), room }
    }

    /// Whether no call runs.
    pub fn is_empty(&self) -> bool {
        self.calls.borrow().is_empty()
    }

    /// Starts a call whose request has so many bytes, and its first stream.
    ///
    /// # Errors
    /// Where the object runs too many, or the isolate has no room for the request.
    pub fn start(
        self: &Rc<Self>,
        capabilities: ClientCapabilities,
        log_level: Option<LoggingLevel>,
        bytes: usize,
    ) -> Result<(Rc<ParkedCall>, FrameStream), RpcError> {
        let mut calls = self.calls.borrow_mut();
        if calls.len() >= MAX_CALLS {
            let why = format!("{MAX_CALLS} calls of this upstream run or wait for their clients");
            return Err(RpcError::new(INTERNAL_ERROR, why));
        }
        let request = self.room.held.charge(bytes).ok_or_else(|| {
            RpcError::new(INTERNAL_ERROR, format!("nothing was sent: {FULL}. Try again later"))
        })?;
        let id = self.next.replace(self.next.get().saturating_add(1));
        let call = Rc::new(ParkedCall {
            epoch: self.epoch.clone(),
            id,
            capabilities,
            log_level,
            open: RefCell::default(),
            asked: Cell::new(0),
            reader: RefCell::default(),
            sleeps: Cell::new(0),
            rounds: Cell::new(0),
            is_changed: Cell::new(false),
            room: self.room.clone(),
            _request: request,
            cancelled: Cell::new(false),
            waker: RefCell::default(),
            driver: RefCell::default(),
            ended: RefCell::default(),
        });
        calls.insert(id, call.clone());
        drop(calls);
        let stream = call.attach();
        Ok((call, stream))
    }

    /// The next round of a call, which is named by its number and the round that asked, with answers by
    /// their keys.
    ///
    /// # Errors
    /// Where the call is gone or went on, or an answer does not fit its question. What a call did that is gone is not
    /// certain.
    pub fn resume(
        &self,
        epoch: &str,
        (id, round): (u64, u64),
        responses: &[(String, Box<RawValue>)],
    ) -> Result<FrameStream, Ended> {
        let call = self.calls.borrow().get(&id).filter(|_| epoch == self.epoch).cloned();
        let call = call.filter(|call| call.rounds.get() == round && !call.cancelled.get());
        let gone = || Ended { is_certain: false, ..RpcError::new(INVALID_PARAMS, GONE).into() };
        let call = call.ok_or_else(gone)?;
        if !call.is_asleep() {
            return Err(RpcError::new(INVALID_PARAMS, BUSY).into());
        }
        call.answer(responses)?;
        let stream = call.attach();
        match call.ended.take() {
            Some(ended) => {
                self.calls.borrow_mut().remove(&id);
                call.end_stream(ended);
            }
            None => call.put_questions(),
        }
        if let Some(driver) = call.driver.take() {
            driver.wake();
        }
        Ok(stream)
    }

    /// Runs a call to its end, whoever reads it.
    pub async fn run(
        self: Rc<Self>,
        call: Rc<ParkedCall>,
        mut work: LocalBoxFuture<'static, Ended>,
        platform: SharedPlatform,
    ) {
        let mut tick = platform.sleep(ALIVE_EVERY);
        let mut slept: Option<(u64, LocalBoxFuture<'static, ()>)> = None;
        let outcome = poll_fn(|cx| {
            *call.driver.borrow_mut() = Some(cx.waker().clone());
            if let Poll::Ready(outcome) = work.as_mut().poll(cx) {
                return Poll::Ready(outcome);
            }
            call.put_questions();
            let sleep = call.sleeps.get();
            if call.is_asleep() && slept.as_ref().is_none_or(|(timed, _)| *timed != sleep) {
                slept = Some((sleep, platform.sleep(PATIENCE)));
            }
            if let Some((sleep, timer)) = &mut slept
                && timer.as_mut().poll(cx).is_ready()
            {
                if *sleep == call.sleeps.get() && call.is_asleep() {
                    call.cancel();
                }
                slept = None;
                cx.waker().wake_by_ref();
            }
            if tick.as_mut().poll(cx).is_ready() {
                call.push(&Frame::Alive);
                tick = platform.sleep(ALIVE_EVERY);
                let _ = tick.as_mut().poll(cx);
            }
            Poll::Pending
        })
        .await;
        // What the work held is not needed while its outcome waits.
        drop(work);
        if call.is_asleep() && !call.cancelled.get() {
            // The client that comes back reads it.
            *call.ended.borrow_mut() = Some(outcome.frames(&self.room.frames));
            call.collected(platform.sleep(PATIENCE)).await;
            call.ended.take();
        } else {
            call.end_stream(outcome.frames(&self.room.frames));
        }
        self.calls.borrow_mut().remove(&call.id);
    }
}

impl ParkedCall {
    fn attach(self: &Rc<Self>) -> FrameStream {
        let queue = Rc::new(FrameQueue::default());
        self.reader.replace(Some(queue.clone()));
        FrameStream { queue, call: self.clone() }
    }

    /// Whether it waits for its client to come back.
    pub fn is_asleep(&self) -> bool {
        self.reader.borrow().is_none()
    }

    /// Waits until its end was read, or for so long.
    async fn collected(&self, mut within: LocalBoxFuture<'static, ()>) {
        poll_fn(|cx| {
            if self.ended.borrow().is_none() {
                return Poll::Ready(());
            }
            *self.driver.borrow_mut() = Some(cx.waker().clone());
            within.as_mut().poll(cx)
        })
        .await;
    }

    fn cancel(&self) {
        self.cancelled.set(true);
        self.open.borrow_mut().clear();
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Gives answers to the open questions.
    fn answer(&self, responses: &[(String, Box<RawValue>)]) -> Result<(), RpcError> {
        let mut open = self.open.borrow_mut();
        let mut given = Vec::new();
        for (key, response) in responses {
            let Some(question) = open.iter().find(|question| question.keyed.key == *key) else {
                continue;
            };
            let value = raw::value(response.get()).unwrap_or_default();
            let answer = InputResponse::read(&question.keyed.question, &value);
            let answer = answer.map_err(|fault| {
                RpcError::new(INVALID_PARAMS, format!("inputResponses: `{key}` {fault}"))
            })?;
            given.push((key.clone(), answer.into_result().unwrap_or(value)));
        }
        // Only where all of them fit is one of them taken.
        for (key, answer) in given {
            if let Some(at) = open.iter().position(|question| question.keyed.key == key) {
                self.is_changed.set(true);
                let _ = open.remove(at).answer.send(answer);
            }
        }
        Ok(())
    }

    /// Ends the stream with the open questions, where there are any and somebody reads.
    fn put_questions(&self) {
        let open = self.open.borrow();
        if open.is_empty() || self.reader.borrow().is_none() {
            return;
        }
        let questions = open.iter().map(|question| question.keyed.clone()).collect();
        drop(open);
        let round = self.rounds.get().saturating_add(u64::from(self.is_changed.get()));
        let ask = Frame::Ask { epoch: self.epoch.clone(), park: self.id, round, questions };
        match self.room.frames.keep(ask.to_bytes()) {
            Some(ask) => {
                self.rounds.set(round);
                self.is_changed.set(false);
                self.sleeps.set(self.sleeps.get().saturating_add(1));
                self.end_stream(vec![ask]);
            }
            // Questions that the client cannot be asked stay without an answer.
            None => self.open.borrow_mut().clear(),
        }
    }

    fn end_stream(&self, frames: Vec<Kept>) {
        if let Some(reader) = self.reader.take() {
            for frame in frames {
                reader.push(frame);
            }
            reader.end();
        }
    }

    /// Puts a frame on the stream, unless too many wait.
    fn push(&self, frame: &Frame) {
        if let Some(reader) = &*self.reader.borrow()
            && reader.waiting() < MAX_WAITING
            && let Some(frame) = self.room.frames.keep(frame.to_bytes())
        {
            reader.push(frame);
        }
    }
}

/// The stream of one round. Dropping it before its end takes the request back.
pub struct FrameStream {
    queue: Rc<FrameQueue>,
    call: Rc<ParkedCall>,
}

impl Stream for FrameStream {
    type Item = Vec<u8>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        self.queue.poll_next(cx)
    }
}

impl Drop for FrameStream {
    fn drop(&mut self) {
        if self.queue.has_ended() {
            return;
        }
        let is_read = |queue: &Rc<FrameQueue>| Rc::ptr_eq(queue, &self.queue);
        if self.call.reader.borrow().as_ref().is_some_and(is_read) {
            self.call.reader.take();
            self.call.cancel();
        }
    }
}

#[cfg(test)]
#[path = "park_tests.rs"]
mod tests;
