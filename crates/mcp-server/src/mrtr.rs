//! The way back to the client of a stateless request: what it sends while it runs, and its questions,
//! which are answers that make the client send the request again.
//!
//! Invariant: a run asks the same questions in the same order as the run before it, and takes an
//! answer only for the very question it was given to; a question that changed is asked again.
//! Source: MCP 2026-07-28 `basic/patterns/mrtr`.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use serde_json::{Value, value::RawValue};

use crate::{
    changes::HasLeft,
    channel::Channel,
    client_request::{Stop, StopReason, named},
    execution::{Execution, Idempotency, Recorded},
    notifier::{ChangeEvent, Notifier, RisingProgress},
    remote::Carried,
    tasks::Follows,
};
use mcp_auth::{
    mrtr::MrtrState,
    request_state::{AnsweredInput, Binding, PendingInput, RequestState},
};
use mcp_platform::SharedPlatform;
use mcp_protocol::{
    capabilities::ClientCapabilities,
    jsonrpc::{INTERNAL_ERROR, INVALID_PARAMS, RequestId, RpcError},
    log_level::LoggingLevel,
    notification, raw,
    stateless::mrtr::{InputResponses, KeyedRequest},
};

/// The error for a request that is replayed.
const REPLAYED: &str = "this requestState was used before, and the work that was agreed to may have \
                        begun. Check its outcome before you send the request again, without \
                        `requestState`";

/// Seconds that a client may take to come back with its answers.
pub const ROUND_TTL_S: u32 = 600;

/// Rounds of one request in which another server asks.
const MAX_RELAYED_ROUNDS: u8 = 16;

/// The inputs of one round of a request.
pub struct RoundInput {
    /// Its notifications go here.
    pub channel: Rc<Channel>,
    /// The clock.
    pub platform: SharedPlatform,
    /// Whether the client closed its connection, as far as the runtime knows.
    pub has_left: HasLeft,
    /// The client's capabilities.
    pub capabilities: ClientCapabilities,
    /// The token for progress.
    pub token: Option<RequestId>,
    /// From which level on the client wants log messages.
    pub log_level: Option<LoggingLevel>,
    /// Makes what a state is bound to, which digests the arguments; None: the method may not ask.
    pub bind: Option<MakeBinding>,
    /// The state of the round before.
    pub before: Option<RequestState>,
    /// The client's answers.
    pub responses: Option<Box<RawValue>>,
    /// The time, in seconds since 1970.
    pub now_s: u32,
    /// A name for the request, where it has none yet.
    pub nonce: fn() -> Option<[u8; 16]>,
    /// Consumes the name of a request; false where it was consumed before.
    pub consume: ConsumeNonce,
}

/// Makes the binding of a request.
pub type MakeBinding = Box<dyn Fn() -> Binding>;

/// Consumes a nonce.
pub type ConsumeNonce = Box<dyn Fn([u8; 16]) -> LocalBoxFuture<'static, Result<bool, String>>>;

/// One run of a request.
pub struct Round {
    brought: RoundInput,
    /// The questions of this run that had their answers.
    answered: RefCell<Vec<KeyedRequest>>,
    /// The state for the next round.
    next: RefCell<Option<RequestState>>,
    news: RefCell<Vec<ChangeEvent>>,
    /// The work has begun: nothing can be asked any more.
    begun: Cell<bool>,
    /// The name of the request is consumed, or about to be.
    consumed: Rc<Cell<bool>>,
    rising: RisingProgress,
}

impl Round {
    /// A run.
    pub fn new(brought: RoundInput) -> Self {
        Self {
            brought,
            answered: RefCell::default(),
            next: RefCell::default(),
            news: RefCell::default(),
            begun: Cell::new(false),
            consumed: Rc::default(),
            rising: RisingProgress::default(),
        }
    }

    /// Takes the state for the next round, if the run stopped at a request to the client.
    pub fn take_next(&self) -> Option<RequestState> {
        self.next.take()
    }

    /// Takes the changes that the run announced.
    pub fn take_news(&self) -> Vec<ChangeEvent> {
        self.news.take()
    }

    fn answers(&self, questions: Vec<KeyedRequest>) -> Result<Vec<Value>, Stop> {
        let Some(bind) = &self.brought.bind else {
            return Err(Stop::unanswered("this method may not ask the client"));
        };
        if self.begun.get() {
            return Err(Stop::unanswered("the client cannot be asked after the work has begun"));
        }
        let questions = named(questions, self.answered.borrow().len());
        let responses = InputResponses::read(self.brought.responses.as_deref());
        let responses = responses.map_err(|fault| Stop(StopReason::Malformed(fault)))?;
        let before = self.brought.before.clone();
        let binding = before.as_ref().map_or_else(bind, |before| before.binding);
        let mut inquiry = MrtrState::new(binding, before, responses);
        for earlier in self.answered.borrow().iter() {
            let _ = inquiry.answer(earlier);
        }
        let (mut values, mut open) = (Vec::new(), Vec::new());
        for asked in &questions {
            match inquiry.answer(asked).map_err(|fault| Stop(StopReason::Malformed(fault)))? {
                Some(_) => values.push(self.text_of(asked)),
                None => open.push(asked.clone()),
            }
        }
        if open.is_empty() {
            self.answered.borrow_mut().extend(questions);
            return Ok(values);
        }
        self.suspend(inquiry, open)
    }

    fn suspend(&self, inquiry: MrtrState<'_>, open: Vec<KeyedRequest>) -> Result<Vec<Value>, Stop> {
        let able = |asked: &&KeyedRequest| self.brought.capabilities.has(asked.question.needs());
        if let Some(asked) = open.iter().find(|asked| !able(asked)) {
            return Err(Stop(StopReason::MissingCapability(asked.question.needs())));
        }
        let expires = self.brought.now_s.saturating_add(ROUND_TTL_S);
        let nonce = (self.brought.nonce)();
        *self.next.borrow_mut() = nonce.map(|nonce| inquiry.next(&open, expires, nonce));
        Err(Stop(StopReason::Suspended(open)))
    }

    /// Stops at questions of another server, whose state goes to the client and back with the answers.
    fn hand_over(&self, questions: Vec<KeyedRequest>, state: &str) -> Stop {
        let Some(bind) = &self.brought.bind else {
            return Stop::unanswered("this method may not ask the client");
        };
        let able = |asked: &&KeyedRequest| self.brought.capabilities.has(asked.question.needs());
        if let Some(asked) = questions.iter().find(|asked| !able(asked)) {
            return Stop(StopReason::MissingCapability(asked.question.needs()));
        }
        let before = self.brought.before.as_ref();
        if before.is_some_and(|before| before.round >= MAX_RELAYED_ROUNDS) {
            let why = format!("the other server asked {MAX_RELAYED_ROUNDS} times without an end");
            return Stop::refused(RpcError::new(INTERNAL_ERROR, why));
        }
        let Some(nonce) = before.map(|before| before.nonce).or_else(self.brought.nonce) else {
            let why = "the server cannot name the request, so that it could not come back";
            return Stop::refused(RpcError::new(INTERNAL_ERROR, why));
        };
        let asked = |keyed: &KeyedRequest| PendingInput {
            key: keyed.key.clone(),
            question: keyed.question.digest(),
        };
        *self.next.borrow_mut() = Some(RequestState {
            binding: before.map_or_else(bind, |before| before.binding),
            round: before.map_or(0, |before| before.round).saturating_add(1),
            expires: self.brought.now_s.saturating_add(ROUND_TTL_S),
            nonce,
            asked: questions.iter().map(asked).collect(),
            answered: self.answered(),
            carried: Some(state.to_owned()),
        });
        Stop(StopReason::Suspended(questions))
    }

    /// The answer as the client wrote it, from an earlier round or from this one.
    fn text_of(&self, asked: &KeyedRequest) -> Value {
        let digest = asked.question.digest();
        let before = self.brought.before.as_ref();
        let earlier = before.and_then(|state| state.answer_to(&asked.key, &digest));
        let responses = InputResponses::read(self.brought.responses.as_deref()).unwrap_or_default();
        let text = earlier.or_else(|| responses.get(&asked.key).map(RawValue::get));
        text.and_then(|text| raw::value(text).ok()).unwrap_or_default()
    }
}

impl Notifier for Round {
    fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        if let Some(token) = &self.brought.token
            && self.rising.takes(progress)
        {
            let text = notification::progress(token, progress, total, message);
            self.brought.channel.push(&text);
        }
    }

    fn log(&self, level: LoggingLevel, logger: &str, data: Value) {
        if self.brought.log_level.is_some_and(|wanted| level >= wanted) {
            self.brought.channel.push(&notification::message(level, logger, &data));
        }
    }

    fn announce(&self, news: ChangeEvent) {
        let mut waiting = self.news.borrow_mut();
        // Consecutive identical changes are merged.
        if !waiting.contains(&news) {
            waiting.push(news);
        }
    }

    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        ready(self.answers(questions)).boxed_local()
    }

    fn relay(
        &self,
        questions: Vec<KeyedRequest>,
        state: &str,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        ready(Err(self.hand_over(questions, state))).boxed_local()
    }

    fn log_level(&self) -> Option<LoggingLevel> {
        self.brought.log_level
    }

    fn suspends(&self) -> bool {
        true
    }

    fn carried(&self) -> Option<Carried> {
        let before = self.brought.before.as_ref()?;
        let responses = InputResponses::read(self.brought.responses.as_deref()).unwrap_or_default();
        let answer =
            |asked: &PendingInput| Some((asked.key.clone(), responses.get(&asked.key)?.to_owned()));
        let responses = before.asked.iter().filter_map(answer).collect();
        Some(Carried { state: before.carried.clone()?, responses })
    }

    fn capabilities(&self) -> ClientCapabilities {
        self.brought.capabilities
    }

    fn pause_stream(&self, _retry_ms: u32) {
        // A stream of this era cannot be read on: to end it would be to cancel the request.
    }

    /// A client of this era takes its request back by closing the stream (2026-07-28 `basic/transports`
    /// "Cancellation"). A call is asked that outlives its client; any other is dropped.
    fn is_cancelled(&self) -> bool {
        self.brought.channel.is_deserted() || (self.brought.has_left)()
    }

    fn answered(&self) -> Vec<AnsweredInput> {
        let answered = self.answered.borrow();
        let kept = |asked: &KeyedRequest| AnsweredInput {
            key: asked.key.clone(),
            question: asked.question.digest(),
            answer: self.text_of(asked).to_string(),
        };
        answered.iter().map(kept).collect()
    }

    fn nonce(&self) -> Option<[u8; 16]> {
        self.brought.before.as_ref().map(|state| state.nonce)
    }

    fn follows(&self) -> Follows {
        match self.brought.capabilities.has(ClientCapabilities::TASKS) {
            true => Follows::Handle,
            false => Follows::Owns,
        }
    }
}

impl Execution for Round {
    /// A request that asked its client may come again with the same answers: what it then does must
    /// not be done twice. Its name is consumed before the first change that a second time would change again, also where
    /// others were made before.
    fn begin(&self, effect: Idempotency) -> LocalBoxFuture<'static, Result<(), Stop>> {
        self.begun.set(true);
        if effect == Idempotency::Once
            && self.nonce().is_none()
            && !self.answered.borrow().is_empty()
        {
            let why = "`inputResponses` came without the `requestState` they belong to";
            let refused = Stop::refused(RpcError::new(INVALID_PARAMS, why));
            return ready(Err(refused)).boxed_local();
        }
        let (Some(nonce), Idempotency::Once) = (self.nonce(), effect) else {
            return ready(Ok(())).boxed_local();
        };
        if self.consumed.replace(true) {
            return ready(Ok(())).boxed_local();
        }
        let (consumed, outcome) = (self.consumed.clone(), (self.brought.consume)(nonce));
        async move {
            let outcome = outcome.await;
            consumed.set(outcome == Ok(true));
            match outcome {
                Ok(true) => Ok(()),
                Ok(false) => Err(Stop::refused(RpcError::new(INVALID_PARAMS, REPLAYED))),
                Err(why) => {
                    let why = format!(
                        "nothing was changed, because the server could not check \
                                       whether this request was already carried out: {why}"
                    );
                    Err(Stop::refused(RpcError::new(INTERNAL_ERROR, why)))
                }
            }
        }
        .boxed_local()
    }

    fn recorded(&self, _key: &str) -> Recorded {
        Recorded::Nothing
    }

    fn record(
        &self,
        _key: &str,
        _outcome: Option<String>,
    ) -> LocalBoxFuture<'static, Result<(), Stop>> {
        ready(Ok(())).boxed_local()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.brought.platform.sleep(duration)
    }

    fn pause(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.brought.platform.sleep(duration)
    }
}

#[cfg(test)]
#[path = "mrtr_tests.rs"]
mod tests;
