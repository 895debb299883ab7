//! Calls that an upstream's object runs for clients of the stateless era: a call whose upstream asks its
//! client is parked until the client sends its request again with the answers.
//!
//! Invariant: what waits for a reader is bounded; a call that nobody comes back to ends after
//! [`PATIENCE`]; an answer is taken for an open question only, and once.
//! Source: MCP 2026-07-28 `basic/patterns/mrtr`.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_channel::oneshot;
use futures_util::{
    FutureExt as _, Stream,
    future::{LocalBoxFuture, join_all, poll_fn, ready},
};
use mcp_platform::SharedPlatform;
use mcp_protocol::{
    capabilities::ClientCapabilities,
    input_response::InputResponse,
    jsonrpc::{INVALID_PARAMS, RpcError},
    log_level::LoggingLevel,
    raw,
    stateless::mrtr::KeyedRequest,
};
use mcp_server::{
    client_request::Stop,
    notifier::{ChangeEvent, Notifier},
};
use serde_json::{Value, value::RawValue};

use super::frames::Frame;

/// How long a parked call waits for its client.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Bytes of progress and log messages that wait for a reader; more are dropped.
const MAX_WAITING: usize = 256 * 1024;
/// Calls that one object runs at a time.
const MAX_CALLS: usize = 256;
/// How often a stream says that its call goes on.
const ALIVE_EVERY: Duration = Duration::from_secs(10);

/// Why a round cannot go on.
const GONE: &str = "the call that asked is over, or the server was restarted since: its outcome is not known. \
                    Check what it did before you send the request again, without `requestState`";

/// The calls of one object.
pub struct Parks {
    /// Names this life of the object.
    epoch: String,
    calls: RefCell<BTreeMap<u64, Rc<ParkedCall>>>,
    next: Cell<u64>,
}

/// How the work of a call ended.
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

impl Ended {
    /// The frames that say so.
    fn frames(self) -> Vec<Frame> {
        let last = match self.outcome {
            Ok(result) => Frame::Result(result),
            Err(error) => Frame::Error(error),
        };
        match self.is_certain {
            true => vec![last],
            false => vec![Frame::Unknown, last],
        }
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
    cancelled: Cell<bool>,
    /// Who waits for the client to take its request back.
    waker: RefCell<Option<Waker>>,
    /// The task that runs the call.
    driver: RefCell<Option<Waker>>,
    /// How it ended while nobody read.
    ended: RefCell<Option<Vec<Frame>>>,
}

struct OpenQuestion {
    keyed: KeyedRequest,
    answer: oneshot::Sender<Value>,
}

impl Parks {
    /// No calls yet, in the life of an object with this name.
    pub fn new(epoch: String) -> Self {
        Self { epoch, calls: RefCell::default(), next: Cell::new(1) }
    }

    /// Whether no call runs.
    pub fn is_empty(&self) -> bool {
        self.calls.borrow().is_empty()
    }

    /// Starts a call, and its first stream.
    ///
    /// # Errors
    /// Where the object runs too many.
    pub fn start(
        self: &Rc<Self>,
        capabilities: ClientCapabilities,
        log_level: Option<LoggingLevel>,
    ) -> Result<(Rc<ParkedCall>, FrameStream), RpcError> {
        let mut calls = self.calls.borrow_mut();
        if calls.len() >= MAX_CALLS {
            let why = format!("{MAX_CALLS} calls of this upstream run or wait for their clients");
            return Err(RpcError::new(mcp_protocol::jsonrpc::INTERNAL_ERROR, why));
        }
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

    /// The next round of a call, with answers by their keys.
    ///
    /// # Errors
    /// Where the call is gone, or an answer does not fit its question.
    pub fn resume(
        &self,
        epoch: &str,
        id: u64,
        responses: &[(String, Box<RawValue>)],
    ) -> Result<FrameStream, RpcError> {
        let call = self.calls.borrow().get(&id).filter(|_| epoch == self.epoch).cloned();
        let call = call.ok_or_else(|| RpcError::new(INVALID_PARAMS, GONE))?;
        call.answer(responses)?;
        let stream = call.attach();
        if let Some(ended) = call.ended.take() {
            self.calls.borrow_mut().remove(&id);
            call.end_stream(&ended);
            return Ok(stream);
        }
        call.put_questions();
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
        let frames = outcome.frames();
        if call.is_asleep() && !call.cancelled.get() {
            // The client that comes back reads it.
            *call.ended.borrow_mut() = Some(frames);
            platform.sleep(PATIENCE).await;
        } else {
            call.end_stream(&frames);
        }
        self.calls.borrow_mut().remove(&call.id);
    }
}

impl ParkedCall {
    fn attach(self: &Rc<Self>) -> FrameStream {
        let queue = Rc::new(FrameQueue::default());
        if let Some(before) = self.reader.replace(Some(queue.clone())) {
            before.end();
        }
        FrameStream { queue, call: self.clone() }
    }

    /// Whether it waits for its client to come back.
    fn is_asleep(&self) -> bool {
        self.reader.borrow().is_none()
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
        self.sleeps.set(self.sleeps.get().saturating_add(1));
        self.end_stream(&[Frame::Ask { epoch: self.epoch.clone(), park: self.id, questions }]);
    }

    fn end_stream(&self, frames: &[Frame]) {
        if let Some(reader) = self.reader.take() {
            for frame in frames {
                reader.push(frame.to_bytes());
            }
            reader.end();
        }
    }

    /// Puts a frame on the stream, unless too many wait.
    fn push(&self, frame: &Frame) {
        if let Some(reader) = &*self.reader.borrow()
            && reader.waiting() < MAX_WAITING
        {
            reader.push(frame.to_bytes());
        }
    }
}

/// The way back to the client of such a call.
pub struct ParkNotifier(pub Rc<ParkedCall>);

impl Notifier for ParkNotifier {
    fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        let message = message.map(str::to_owned);
        self.0.push(&Frame::Progress { progress, total, message });
    }

    fn log(&self, level: LoggingLevel, logger: &str, data: Value) {
        if self.0.log_level.is_some_and(|wanted| level >= wanted) {
            self.0.push(&Frame::Log { level, logger: logger.to_owned(), data });
        }
    }

    fn announce(&self, _news: ChangeEvent) {}

    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        let able = |asked: &KeyedRequest| self.0.capabilities.has(asked.question.needs());
        if !questions.iter().all(able) {
            let why = RpcError::new(INVALID_PARAMS, "the client did not declare what this needs");
            return ready(Err(Stop::refused(why))).boxed_local();
        }
        let mut answers = Vec::new();
        for keyed in questions {
            let asked = self.0.asked.get().saturating_add(1);
            self.0.asked.set(asked);
            let (answer, answered) = oneshot::channel();
            let keyed = KeyedRequest { key: format!("question_{asked}"), ..keyed };
            self.0.open.borrow_mut().push(OpenQuestion { keyed, answer });
            answers.push(answered);
        }
        let taken_back = || {
            let why = RpcError::new(INVALID_PARAMS, "the client took its request back");
            Stop::refused(why)
        };
        async move {
            let answers = join_all(answers).await;
            answers.into_iter().map(|answer| answer.map_err(|_| taken_back())).collect()
        }
        .boxed_local()
    }

    fn capabilities(&self) -> ClientCapabilities {
        self.0.capabilities
    }

    fn pause_stream(&self, _retry_ms: u32) {}

    fn is_cancelled(&self) -> bool {
        self.0.cancelled.get()
    }

    fn cancelled(&self) -> LocalBoxFuture<'static, ()> {
        let call = self.0.clone();
        let over = poll_fn(move |cx| match call.cancelled.get() {
            true => Poll::Ready(()),
            false => {
                *call.waker.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        });
        over.boxed_local()
    }
}

/// The frames that wait for one reader.
#[derive(Default)]
struct FrameQueue {
    frames: RefCell<VecDeque<Vec<u8>>>,
    ended: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl FrameQueue {
    fn push(&self, frame: Vec<u8>) {
        self.frames.borrow_mut().push_back(frame);
        self.wake();
    }

    fn end(&self) {
        self.ended.set(true);
        self.wake();
    }

    fn wake(&self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn waiting(&self) -> usize {
        self.frames.borrow().iter().map(Vec::len).sum()
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
        let next = self.queue.frames.borrow_mut().pop_front();
        match (next, self.queue.ended.get()) {
            (Some(frame), _) => Poll::Ready(Some(frame)),
            (None, true) => Poll::Ready(None),
            (None, false) => {
                *self.queue.waker.borrow_mut() = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for FrameStream {
    fn drop(&mut self) {
        if self.queue.ended.get() {
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
