//! One request and everything that comes until its answer.
//!
//! ```text
//! Opening ──► Events ──► Done           an event stream: messages, then the answer
//!    │          │  ▲
//!    │          ▼  │
//!    │        Resuming                  the stream ended early, and its events had ids
//!    ├──────► Json ────► Done           one JSON text
//!    └──────────────────► Done          an error
//! ```
//!
//! Invariant: [`Exchange::next`] may be dropped and called again at any point, and dropping the exchange aborts it. What
//! arrives is kept as bytes until it is asked for, at most one chunk besides one event. The request is sent once; a stream is
//! resumed by GET, which runs nothing.

use std::{collections::VecDeque, time::Duration};

use futures_util::{FutureExt as _, future::LocalBoxFuture, stream};
use serde_json::value::RawValue;

use mcp_platform::{
    Method,
    stream::{BodyStream, StreamResponse},
};
use mcp_protocol::{jsonrpc::RequestId, version::Version};

use crate::{
    body::{Body, MediaType, media_type},
    deadline::Deadline,
    error::UpstreamError,
    headers::{self, HeaderList, LAST_EVENT_HEADER, SESSION_HEADER},
    message::{Answer, Answered, Incoming, Message, Rules, notification, progress, read},
    opening::{Opened, open},
    reader::EventReader,
    refusal::Refused,
    session::SessionId,
    upstream::Upstream,
};

/// The wait before a stream is resumed, where the server names none, and its bounds.
const RETRY_MS: u64 = 1_000;
const LEAST_RETRY_MS: u64 = 100;
const MOST_RETRY_MS: u64 = 30_000;
/// Times that a stream is resumed.
const MAX_RESUMPTIONS: u32 = 100;
/// Failures in a row to resume a stream.
const MAX_FAILURES: u32 = 3;

/// How the messages of an exchange are read.
#[derive(Debug, Clone)]
pub(crate) struct Reading {
    /// The version of the wire; None before one is agreed on.
    pub(crate) version: Option<Version>,
    /// The session that the request belongs to.
    pub(crate) session: Option<SessionId>,
    /// How long its headers may take.
    pub(crate) headers_within: Duration,
}

impl Reading {
    fn is_stateless(&self) -> bool {
        self.version.is_some_and(Version::is_stateless)
    }

    fn can_resume(&self) -> bool {
        self.version.is_none_or(Version::event_ids)
    }
}

type Opening = LocalBoxFuture<'static, Result<Opened, UpstreamError>>;

enum State {
    Opening(Opening),
    Json(Vec<u8>),
    Events(EventReader),
    Resuming(LocalBoxFuture<'static, Result<StreamResponse, UpstreamError>>),
    Failed(UpstreamError),
    Done,
}

/// One request in flight. Dropping it aborts it; a session's server is told so by
/// [`Connection::cancel`](crate::connection::Connection::cancel).
pub struct Exchange {
    upstream: Upstream,
    id: RequestId,
    reading: Reading,
    state: State,
    body: Body,
    /// Messages that were read, in their order.
    ready: VecDeque<Incoming>,
    /// The latest progress that nobody took yet.
    progress: Option<Incoming>,
    /// The highest progress so far.
    reached: f64,
    last_event: Option<String>,
    retry_ms: u64,
    resumptions: u32,
    failures: u32,
    /// `Mcp-Session-Id` of the answer.
    session: Option<String>,
}

impl Exchange {
    /// The exchange of a request. It is sent when the first message is asked for.
    pub(crate) fn new(
        upstream: &Upstream,
        id: RequestId,
        headers: HeaderList,
        text: String,
        reading: Reading,
        deadline: Deadline,
    ) -> Self {
        let refused = Refused {
            id: Some(id.clone()),
            in_session: reading.session.is_some(),
            depth: upstream.endpoint().limits.depth,
        };
        let most = reading.headers_within;
        let within = deadline.left().map_or(most, |left| left.min(most));
        let opening = open(upstream.clone(), headers, text, within, refused).boxed_local();
        Self::in_state(upstream, id, State::Opening(opening), reading, deadline)
    }

    /// An exchange that cannot even be sent.
    pub(crate) fn failed(
        upstream: &Upstream,
        id: RequestId,
        reading: Reading,
        error: UpstreamError,
    ) -> Self {
        let deadline = upstream.deadline(None, None);
        Self::in_state(upstream, id, State::Failed(error), reading, deadline)
    }

    /// An exchange of which the answer is still to come, on a stream that is resumed after an event.
    pub(crate) fn resumed(
        upstream: &Upstream,
        id: RequestId,
        last_event: String,
        reading: Reading,
        deadline: Deadline,
    ) -> Self {
        let mut exchange = Self::in_state(upstream, id, State::Done, reading, deadline);
        exchange.last_event = Some(last_event);
        exchange.retry_ms = 0;
        exchange.state = State::Resuming(exchange.get());
        exchange.resumptions = 1;
        exchange
    }

    fn in_state(
        upstream: &Upstream,
        id: RequestId,
        state: State,
        reading: Reading,
        deadline: Deadline,
    ) -> Self {
        let nothing: BodyStream = Box::pin(stream::empty());
        Self {
            upstream: upstream.clone(),
            id,
            state,
            body: Body::new(nothing, deadline, None),
            reading,
            ready: VecDeque::new(),
            progress: None,
            reached: f64::NEG_INFINITY,
            last_event: None,
            retry_ms: RETRY_MS,
            resumptions: 0,
            failures: 0,
            session: None,
        }
    }

    /// The id that the upstream knows the request by. Its progress token is the same.
    pub fn id(&self) -> &RequestId {
        &self.id
    }

    /// The id of the last event, from which on another exchange can be [resumed](crate::connection::Connection::resume).
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event.as_deref()
    }

    /// `Mcp-Session-Id` of the answer.
    pub(crate) fn session_header(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The next message. The last one is the answer or an error; None follows it.
    pub async fn next(&mut self) -> Option<Result<Incoming, UpstreamError>> {
        loop {
            match self.take_ready() {
                Ok(Some(incoming)) if self.refuses_credential(&incoming) => {
                    return Some(Err(self.fail(UpstreamError::Unauthorized { challenge: None })));
                }
                Ok(Some(incoming)) => {
                    if matches!(incoming, Incoming::Answer(_)) {
                        self.end();
                    }
                    return Some(Ok(incoming));
                }
                Ok(None) if matches!(self.state, State::Done) => return None,
                Ok(None) => {}
                Err(error) => return Some(Err(self.fail(error))),
            }
            if let Err(error) = self.step().await {
                return Some(Err(self.fail(error)));
            }
        }
    }

    /// The result. Everything that comes before it is passed over; a request of the upstream stays without an answer.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn result(mut self) -> Result<Box<RawValue>, UpstreamError> {
        self.wait_for_result().await
    }

    /// The same, after which the exchange can still be asked what it saw.
    pub(crate) async fn wait_for_result(&mut self) -> Result<Box<RawValue>, UpstreamError> {
        while let Some(incoming) = self.next().await {
            if let Incoming::Answer(answer) = incoming? {
                return answer.into_result();
            }
        }
        Err(UpstreamError::Cut)
    }

    /// Whether an answer says what the status 401 says of other servers.
    fn refuses_credential(&self, incoming: &Incoming) -> bool {
        let Incoming::Answer(Answer::Error(failure)) = incoming else { return false };
        self.upstream.endpoint().refusal.is_some_and(|refusal| refusal.is(failure))
    }

    fn end(&mut self) {
        self.state = State::Done;
        self.ready.clear();
        self.progress = None;
        self.body.replace(Box::pin(stream::empty()));
    }

    fn fail(&mut self, error: UpstreamError) -> UpstreamError {
        self.end();
        self.upstream.conceal(error, self.reading.session.as_ref())
    }

    /// A message out of the bytes that are here already. Progress that another one follows is left out.
    fn take_ready(&mut self) -> Result<Option<Incoming>, UpstreamError> {
        loop {
            if let Some(incoming) = self.ready.pop_front() {
                return Ok(Some(incoming));
            }
            let State::Events(reader) = &mut self.state else {
                return Ok(self.progress.take());
            };
            let event = reader.next_event()?;
            self.last_event = reader.last_id().map(str::to_owned).or(self.last_event.take());
            self.retry_ms = reader.retry_ms().unwrap_or(self.retry_ms);
            let Some(event) = event else {
                return Ok(self.progress.take());
            };
            self.failures = 0;
            let is_message = event.name.is_empty() || event.name == "message";
            if is_message && !event.data.trim_ascii().is_empty() {
                self.accept(event.data.as_bytes(), 200)?;
            }
        }
    }

    /// Takes the messages of a text.
    fn accept(&mut self, text: &[u8], status: u16) -> Result<(), UpstreamError> {
        let batch = self.reading.version.is_some_and(Version::batches);
        let rules = Rules { batch, depth: self.upstream.endpoint().limits.depth, status };
        for message in read(text, rules)? {
            if let Some(incoming) = self.incoming(message, text)? {
                self.ready.extend(self.progress.take());
                self.ready.push_back(incoming);
            }
        }
        Ok(())
    }

    fn incoming(
        &mut self,
        message: Message,
        text: &[u8],
    ) -> Result<Option<Incoming>, UpstreamError> {
        match message {
            Message::Notification { method, params } if method == "notifications/progress" => {
                self.note_progress(params);
                Ok(None)
            }
            Message::Notification { method, params } => Ok(Some(notification(method, params))),
            Message::Request { .. } if self.reading.is_stateless() => {
                Err(UpstreamError::bad_answer("2026-07-28 has no requests of the server", text))
            }
            Message::Request { id, method, params } => {
                if method != "ping" && !self.body.deadline().asked().open(&id) {
                    return Err(UpstreamError::bad_answer("it asks too much at a time", text));
                }
                Ok(Some(Incoming::Request { id, method, params }))
            }
            Message::Response { to: Answered::Request(id), .. } if id != self.id => {
                // A stream that is resumed may repeat what other requests were answered.
                if self.resumptions > 0 {
                    return Ok(None);
                }
                Err(UpstreamError::bad_answer("it answers another request", text))
            }
            Message::Response { answer, .. } => Ok(Some(Incoming::Answer(answer))),
        }
    }

    /// Keeps progress that is of this request and rose.
    fn note_progress(&mut self, params: Option<Box<RawValue>>) {
        let Some(params) = params else { return };
        let value = progress(&params, self.id.as_json()).filter(|value| *value > self.reached);
        if let Some(value) = value {
            self.reached = value;
            self.progress = Some(Incoming::Progress { progress: value, params });
        }
    }

    /// Waits for more.
    async fn step(&mut self) -> Result<(), UpstreamError> {
        match &mut self.state {
            State::Opening(opening) => {
                // It has a time of its own, within that of the whole: no second timer is set.
                let opened = opening.await?;
                self.opened(opened)
            }
            State::Json(_) | State::Events(_) => {
                let chunk = self.body.next().await;
                self.received(chunk)
            }
            State::Resuming(resuming) => {
                let response = self.body.deadline().wait(resuming).await?;
                self.resume_with(response)
            }
            State::Failed(error) => Err(error.clone()),
            State::Done => Err(UpstreamError::Cut),
        }
    }

    fn opened(&mut self, opened: Opened) -> Result<(), UpstreamError> {
        let (state, response) = match opened {
            Opened::Refused(failure) => {
                self.ready.push_back(Incoming::Answer(Answer::Error(failure)));
                return Ok(());
            }
            Opened::Json(response) => (State::Json(Vec::new()), response),
            Opened::Events(response) => (State::Events(self.event_reader()), response),
        };
        self.note_session(&response)?;
        if matches!(state, State::Json(_)) {
            // It is kept whole; of a stream one event is, which has a limit of its own.
            self.body.limit_to(self.upstream.endpoint().limits.answer);
        }
        self.state = state;
        self.body.replace(response.body);
        Ok(())
    }

    fn event_reader(&self) -> EventReader {
        EventReader::new(self.upstream.endpoint().limits.event)
    }

    /// A session's id must not change.
    fn note_session(&mut self, response: &StreamResponse) -> Result<(), UpstreamError> {
        let named = response.headers.get(SESSION_HEADER);
        let changed = match (&self.reading.session, named) {
            (Some(ours), Some(named)) => named != ours.expose(),
            _ => false,
        };
        if changed {
            return Err(UpstreamError::bad_answer("the id of the session changed", b""));
        }
        self.session = named.map(str::to_owned);
        Ok(())
    }

    fn received(
        &mut self,
        chunk: Result<Option<Vec<u8>>, UpstreamError>,
    ) -> Result<(), UpstreamError> {
        match (&mut self.state, chunk) {
            (State::Json(text), Ok(Some(chunk))) => text.extend_from_slice(&chunk),
            (State::Json(text), Ok(None)) => {
                let text = std::mem::take(text);
                return self.json_ended(&text);
            }
            (State::Events(reader), Ok(Some(chunk))) => reader.push(&chunk),
            (State::Events(_), Ok(None) | Err(UpstreamError::Cut)) => return self.events_ended(),
            (_, Err(error)) => return Err(error),
            (_, Ok(_)) => {}
        }
        Ok(())
    }

    fn json_ended(&mut self, text: &[u8]) -> Result<(), UpstreamError> {
        if text.trim_ascii().is_empty() {
            return Err(UpstreamError::NoAnswer { status: 200 });
        }
        self.accept(text, 200)?;
        if self.ready.iter().any(|incoming| matches!(incoming, Incoming::Answer(_))) {
            self.state = State::Done;
            return Ok(());
        }
        Err(UpstreamError::bad_answer("it is no answer", text))
    }

    /// The stream ended before the answer.
    fn events_ended(&mut self) -> Result<(), UpstreamError> {
        let State::Events(reader) = &self.state else {
            return Err(UpstreamError::Cut);
        };
        if let Some(beginning) = reader.unrecognised() {
            return Err(UpstreamError::bad_answer("it is no event stream", beginning));
        }
        self.resume()
    }

    fn resume(&mut self) -> Result<(), UpstreamError> {
        let resumable = self.last_event.is_some() && self.reading.can_resume();
        if !resumable || self.resumptions >= MAX_RESUMPTIONS || self.failures >= MAX_FAILURES {
            return Err(UpstreamError::Cut);
        }
        self.resumptions = self.resumptions.saturating_add(1);
        self.state = State::Resuming(self.get());
        Ok(())
    }

    /// The request for the rest of the stream.
    fn get(&self) -> LocalBoxFuture<'static, Result<StreamResponse, UpstreamError>> {
        let upstream = self.upstream.clone();
        let version = self.reading.version.unwrap_or(Version::LATEST);
        let mut headers = headers::get();
        headers::push_session(&mut headers, version, self.reading.session.as_ref());
        headers.extend(self.last_event.clone().map(|id| (LAST_EVENT_HEADER.into(), id)));
        let is_first = self.resumptions == 0 && self.retry_ms == 0;
        let wait = if is_first { 0 } else { self.retry_ms.clamp(LEAST_RETRY_MS, MOST_RETRY_MS) };
        async move {
            upstream.platform().sleep(Duration::from_millis(wait)).await;
            upstream.send(Method::Get, headers, None, None).await
        }
        .boxed_local()
    }

    /// The request has run, so that whatever is wrong here is an answer that broke off.
    fn resume_with(
        &mut self,
        response: Result<StreamResponse, UpstreamError>,
    ) -> Result<(), UpstreamError> {
        match response {
            Ok(response)
                if response.status == 200 && media_type(&response) == MediaType::Events =>
            {
                self.note_session(&response)?;
                self.state = State::Events(self.event_reader());
                self.body.replace(response.body);
                Ok(())
            }
            Ok(response) if response.status < 500 => Err(UpstreamError::Cut),
            Ok(_) | Err(UpstreamError::Unreachable { .. } | UpstreamError::TimedOut { .. }) => {
                self.failures = self.failures.saturating_add(1);
                self.resume()
            }
            Err(_) => Err(UpstreamError::Cut),
        }
    }
}
