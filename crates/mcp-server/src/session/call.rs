//! One request of a session that is being answered, and the way from its tool back to the client.
//!
//! Invariant: a channel belongs to the POST that brought the request. Its events and its answer are
//! those of all requests of a batch; what one request was taken back for ends that request alone.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{Either, LocalBoxFuture, join_all, poll_fn, ready, select},
};
use serde_json::{Value, json};

use super::{
    Session,
    client_requests::{ENDED, PendingRequest},
    watching::TOOLS_CHANGED,
};
use crate::{
    channel::Channel,
    client_request::{Stop, StopReason, named, validated},
    notifier::{ChangeEvent, Notifier, RisingProgress},
};
use mcp_auth::{refusal::Refusal, request_state::AnsweredInput};
use mcp_platform::SharedPlatform;
use mcp_protocol::{
    capabilities::ClientCapabilities,
    input_request::InputRequest,
    jsonrpc::{RequestId, RpcError, TRANSPORT_ERROR, notification_text, request_text},
    log_level::LoggingLevel,
    notification,
    object::Object,
    stateless::mrtr::KeyedRequest,
    version_schema,
};

/// How long a person may take to answer. A runtime keeps a waiting object for 15 minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// One request that is being answered.
pub(super) struct Call {
    /// Its id.
    pub(super) id: RequestId,
    /// The way back of its POST.
    pub(super) channel: Rc<Channel>,
    /// Whether it is all of its POST.
    pub(super) alone: bool,
    cancelled: Cell<bool>,
    rising: RisingProgress,
    task: RefCell<Option<String>>,
    waker: RefCell<Option<Waker>>,
}

impl Call {
    /// A request of the POST that this channel belongs to.
    pub(super) fn new(id: RequestId, channel: Rc<Channel>, alone: bool) -> Rc<Self> {
        let (task, waker) = (RefCell::default(), RefCell::default());
        let (cancelled, rising) = (Cell::default(), RisingProgress::default());
        Rc::new(Self { id, channel, alone, cancelled, rising, task, waker })
    }

    /// The client takes the request back: it is not answered any more.
    pub(super) fn cancel(&self) {
        self.cancelled.set(true);
        if self.alone {
            self.channel.cancel();
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Whether the client took the request back, or its POST is answered.
    pub(super) fn is_over(&self) -> bool {
        self.is_cancelled() || self.channel.is_done()
    }

    /// Whether the client took the request back.
    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.get()
    }

    /// Registers the task to be woken when the client cancels the request.
    pub(super) fn hear(&self, cx: &Context<'_>) {
        *self.waker.borrow_mut() = Some(cx.waker().clone());
    }

    /// Sends a notification to the client.
    pub(super) fn push(&self, json: &[u8]) {
        if !self.is_cancelled() {
            self.channel.push(json);
        }
    }

    /// The request goes on in this task.
    pub(super) fn moved(&self, task: &str) {
        *self.task.borrow_mut() = Some(task.to_owned());
    }

    /// The task in which the request goes on.
    pub(super) fn task(&self) -> Option<String> {
        self.task.borrow().clone()
    }
}

/// Puts the notifications and questions of one request on the stream of its call.
pub(super) struct CallNotifier {
    pub(super) session: Rc<Session>,
    pub(super) call: Rc<Call>,
    pub(super) token: Option<RequestId>,
    pub(super) platform: SharedPlatform,
    /// The client's responses.
    pub(super) answered: Answers,
}

type Answers = Rc<RefCell<Vec<AnsweredInput>>>;

impl Notifier for CallNotifier {
    fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        if let Some(token) = &self.token
            && self.call.rising.takes(progress)
        {
            let message = message.filter(|_| self.session.version().progress_message());
            self.call.push(&notification::progress(token, progress, total, message));
        }
    }

    fn log(&self, level: LoggingLevel, logger: &str, data: Value) {
        if self.session.settings.borrow().wants(level) {
            self.call.push(&notification::message(level, logger, &data));
        }
    }

    fn announce(&self, news: ChangeEvent) {
        self.session.notify(&news);
        self.session.keeper.notify_listeners(&news);
    }

    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        if self.call.is_cancelled() {
            return ready(Err(Stop::unanswered("the request was cancelled"))).boxed_local();
        }
        if self.session.is_ended() {
            return ready(Err(Stop::unanswered(ENDED))).boxed_local();
        }
        let able = |asked: &KeyedRequest| self.session.capabilities().has(asked.question.needs());
        if let Some(asked) = questions.iter().find(|asked| !able(asked)) {
            return ready(Err(Stop(StopReason::MissingCapability(asked.question.needs()))))
                .boxed_local();
        }
        if !self.call.channel.takes_questions() {
            let why = Refusal::AcceptQuestion.to_string();
            let refused = Stop::refused(RpcError::new(TRANSPORT_ERROR, why));
            return ready(Err(refused)).boxed_local();
        }
        let put = questions.iter().filter_map(|asked| self.put(&asked.question)).collect();
        let (session, channel) = (self.session.clone(), self.call.channel.clone());
        let waited =
            wait(PendingRequests { session, channel, questions: put }, self.platform.clone());
        let answered = self.answered.clone();
        let questions = named(questions, answered.borrow().len());
        async move {
            // The follower of a task passes answers on that no context has seen.
            let answers = validated(&questions, waited.await?)?;
            let kept = |(asked, answer): (KeyedRequest, &Value)| AnsweredInput {
                key: asked.key,
                question: asked.question.digest(),
                answer: answer.to_string(),
            };
            answered.borrow_mut().extend(questions.into_iter().zip(&answers).map(kept));
            Ok(answers)
        }
        .boxed_local()
    }

    fn log_level(&self) -> Option<LoggingLevel> {
        self.session.settings.borrow().level
    }

    fn capabilities(&self) -> ClientCapabilities {
        self.session.capabilities()
    }

    fn pause_stream(&self, retry_ms: u32) {
        if self.session.version().priming_event() {
            self.call.channel.pause(retry_ms);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.call.is_over()
    }

    fn cancelled(&self) -> LocalBoxFuture<'static, ()> {
        let call = self.call.clone();
        let over = poll_fn(move |cx| match call.is_cancelled() {
            true => Poll::Ready(()),
            false => {
                call.hear(cx);
                Poll::Pending
            }
        });
        over.boxed_local()
    }

    fn answered(&self) -> Vec<AnsweredInput> {
        self.answered.borrow().clone()
    }

    fn moved(&self, task: &str) {
        self.call.moved(task);
        // The client may have taken the request back while its task was being started.
        if self.call.is_cancelled() {
            self.session.keeper.cancel_task(task);
        }
        // A stream is read on as the answer to one task only where it carries nothing else.
        if let Some(stream) = self.call.channel.stream().filter(|_| self.call.alone) {
            self.session.keeper.moved(&stream, task);
        }
    }

    fn enable(&self, toolsets: u32, upstreams: Vec<String>) -> LocalBoxFuture<'static, bool> {
        let (session, call) = (self.session.clone(), self.call.clone());
        async move {
            if session.enable(toolsets, &upstreams).await {
                // Without a stream of the session's own the client hears it with the answer.
                let changed = notification_text(TOOLS_CHANGED, "{}");
                let told =
                    std::str::from_utf8(&changed).is_ok_and(|text| session.keeper.announce(text));
                if !told {
                    call.push(&changed);
                }
            }
            true
        }
        .boxed_local()
    }
}

impl CallNotifier {
    /// Sends a request on the stream of the call, or on the long-lived one if it has no reader.
    fn put(&self, question: &InputRequest) -> Option<PendingRequest> {
        let asked = self.session.questions.open(&self.call)?;
        let mut params = version_schema::adapt_params(self.session.version(), question.params());
        if let (InputRequest::Url { .. }, Some(params)) = (question, params.as_object_mut()) {
            // Only the session era names an elicitation (2025-11-25 `client/elicitation`).
            params.insert("elicitationId".to_owned(), json!(asked.id()));
        }
        let text = request_text(asked.id(), question.method(), &params.to_string());
        send(&self.session, &self.call.channel, &text);
        Some(asked)
    }
}

/// Sends a message on the stream of the call, or on the long-lived one if it has no reader.
fn send(session: &Session, channel: &Channel, text: &[u8]) {
    let left = channel.is_streamed() && !channel.has_reader();
    let sent = left && std::str::from_utf8(text).is_ok_and(|text| session.keeper.announce(text));
    if !sent {
        channel.ask(text);
    }
}

/// Cancels a request to the client.
pub(super) fn cancel_request(session: &Session, channel: &Channel, id: &str) {
    let params =
        Object::new().text("requestId", id).text("reason", "the answer is no longer needed");
    let text = notification_text("notifications/cancelled", &params.end());
    send(session, channel, &text);
}

/// Questions that were put. Dropping it takes back those that were not answered.
struct PendingRequests {
    session: Rc<Session>,
    channel: Rc<Channel>,
    questions: Vec<PendingRequest>,
}

impl Drop for PendingRequests {
    fn drop(&mut self) {
        for question in &self.questions {
            if self.session.questions.close(question) {
                cancel_request(&self.session, &self.channel, question.id());
            }
        }
    }
}

async fn wait(mut asked: PendingRequests, platform: SharedPlatform) -> Result<Vec<Value>, Stop> {
    let answers = asked.questions.iter_mut().map(|question| question.answer().boxed_local());
    let answers = match select(join_all(answers), platform.sleep(PATIENCE)).await {
        Either::Left((answers, _)) => answers,
        Either::Right(_) => vec![Err("the client did not answer within 10 minutes".to_owned())],
    };
    answers.into_iter().map(|answer| answer.map_err(Stop::unanswered)).collect()
}
