//! HTTP with SSE, 2024-11-05: one stream on which every answer comes, and an address to which every message is posted.
//!
//! Invariant: the address has the origin of the stream, and does not change. The stream belongs to one holder, an object, which
//! hands each answer to its call. Source: MCP 2024-11-05 `basic/transports` "HTTP with SSE".

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    pin::pin,
    rc::Rc,
};

use futures_util::future::{Either, select};
use serde_json::value::RawValue;

use mcp_platform::{Method, stream::StreamResponse, url::Url};
use mcp_protocol::jsonrpc::{METHOD_NOT_FOUND, RequestId, RpcError};

use crate::{
    body::{Body, MediaType, media_type},
    deadline::Deadline,
    era::{Era, Handshake},
    error::UpstreamError,
    headers,
    message::{Answer, Answered, Incoming, Message, Rules, notification, progress, read},
    params::{HopMeta, stamped},
    reader::{Event, EventReader},
    refusal::{Refused, classify},
    request::{Declaration, Request, notification_text, request_text, response_text},
    session::{initialize_params, read_initialized},
    upstream::Upstream,
};

/// Requests that may run on one stream.
const MAX_RUNNING: usize = 1024;

/// The requests that have no answer yet, and how far their progress is.
type Running = Rc<RefCell<BTreeMap<String, f64>>>;

/// The way to the upstream. Copies share their ids.
#[derive(Clone)]
pub struct Posts {
    upstream: Upstream,
    url: Rc<str>,
    running: Running,
    next_id: Rc<Cell<u64>>,
}

/// The way back.
pub struct Events {
    body: Body,
    reader: EventReader,
    running: Running,
    ready: VecDeque<Tagged>,
    depth: usize,
    passed_over: bool,
}

/// A message, and the request of ours that it belongs to.
#[derive(Debug, Clone)]
pub struct Tagged {
    /// The request; None for what belongs to none.
    pub request: Option<RequestId>,
    /// The message.
    pub incoming: Incoming,
}

/// A stream that is open.
pub struct Link {
    /// The way to the upstream.
    pub posts: Posts,
    /// The way back.
    pub events: Events,
}

/// Opens a stream and makes the handshake on it.
///
/// # Errors
/// Where the upstream has no such stream, or refuses.
pub async fn connect(
    upstream: &Upstream,
    declaration: &Declaration,
    first_id: u64,
) -> Result<(Link, Handshake), UpstreamError> {
    let mut deadline = upstream.short_deadline();
    let connecting = async {
        let mut link = open(upstream, first_id).await?;
        let params = initialize_params(declaration);
        let result = link.result(Request::new("initialize", Some(&params))).await?;
        let handshake = read_initialized(Era::Sse, &result, None)?;
        link.posts.notify("notifications/initialized", None).await?;
        Ok((link, handshake))
    };
    deadline.wait(connecting).await?
}

/// Opens the stream and waits for the address.
async fn open(upstream: &Upstream, first_id: u64) -> Result<Link, UpstreamError> {
    let response = upstream.send(Method::Get, headers::get(), None, None).await?;
    let response = stream_of(upstream, response).await?;
    let limits = upstream.endpoint().limits;
    let mut body = Body::new(response.body, upstream.deadline(None, None), None);
    let mut reader = EventReader::new(limits.event);
    let event = loop {
        if let Some(event) = reader.next_event()? {
            break event;
        }
        match body.next().await? {
            Some(chunk) => reader.push(&chunk),
            None => return Err(UpstreamError::bad_answer("the stream names no endpoint", b"")),
        }
    };
    let url = address(&upstream.url(), &event)?;
    let running = Running::default();
    let next_id = Rc::new(Cell::new(first_id));
    let posts =
        Posts { upstream: upstream.clone(), url: url.into(), running: running.clone(), next_id };
    let events = Events {
        body,
        reader,
        running,
        ready: VecDeque::new(),
        depth: limits.depth,
        passed_over: false,
    };
    Ok(Link { posts, events })
}

async fn stream_of(
    upstream: &Upstream,
    response: StreamResponse,
) -> Result<StreamResponse, UpstreamError> {
    match (response.status, media_type(&response)) {
        (200, MediaType::Events) => Ok(response),
        (200..=299, _) => {
            Err(UpstreamError::bad_answer("the answer to a GET is no event stream", b""))
        }
        _ => Err(refusal(upstream, response).await),
    }
}

async fn refusal(upstream: &Upstream, response: StreamResponse) -> UpstreamError {
    let depth = upstream.endpoint().limits.depth;
    let refused = Refused { id: None, in_session: false, depth };
    match classify(upstream, response, &refused).await {
        Ok(answer) => answer.into_result().err().unwrap_or(UpstreamError::Cut),
        Err(error) => upstream.conceal(error, None),
    }
}

/// The address in the first event: of the stream's own origin.
fn address(stream: &str, event: &Event) -> Result<String, UpstreamError> {
    let refused = |why| UpstreamError::bad_answer(why, without_query(&event.data));
    if event.name != "endpoint" {
        return Err(refused("the first event is not `endpoint`"));
    }
    let stream =
        Url::parse(stream).ok_or_else(|| refused("the address of the stream is no URL"))?;
    let url = stream.join(event.data.trim()).ok_or_else(|| refused("the endpoint is no URL"))?;
    let same = url.origin == stream.origin && url.href.starts_with(&stream.origin);
    if same { Ok(url.href) } else { Err(refused("the endpoint has another origin")) }
}

/// An address without its query, in which servers put the id of the session.
fn without_query(address: &str) -> &[u8] {
    address.split('?').next().unwrap_or_default().as_bytes()
}

impl Posts {
    /// Takes an id for a request. Its answer and its progress come by [`Events::next`]; [`Self::post`] sends it.
    ///
    /// # Errors
    /// Where too many requests run, or the parameters are no object.
    pub fn prepare(&self, request: Request<'_>) -> Result<(RequestId, String), UpstreamError> {
        let id = RequestId::number(self.next_id.get());
        self.next_id.set(self.next_id.get().wrapping_add(1));
        let token = request.progress.then_some(id.as_json());
        let params = stamped(request.params, HopMeta { envelope: None, progress_token: token })?;
        let mut running = self.running.borrow_mut();
        if running.len() >= MAX_RUNNING {
            return Err(UpstreamError::Unsendable("too many requests run on this stream"));
        }
        running.insert(id.as_json().to_owned(), f64::NEG_INFINITY);
        let text = request_text(&id, request.method, params.as_deref());
        Ok((id, text))
    }

    /// Gives up on a request: what still comes of it is passed over.
    pub fn forget(&self, id: &RequestId) {
        self.running.borrow_mut().remove(id.as_json());
    }

    /// Posts a message.
    ///
    /// # Errors
    /// Where the upstream does not accept it.
    pub async fn post(&self, text: String) -> Result<(), UpstreamError> {
        let sent =
            self.upstream.send_to(&self.url, Method::Post, headers::post(), Some(text), None);
        let response = sent.await?;
        match response.status {
            200..=299 => Ok(()),
            300..=399 => Err(UpstreamError::Redirect { status: response.status }),
            _ => Err(refusal(&self.upstream, response).await),
        }
    }

    /// Posts a notification; `params` is the JSON text of an object.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn notify(&self, method: &str, params: Option<&str>) -> Result<(), UpstreamError> {
        self.post(notification_text(method, stamped(params, HopMeta::default())?.as_deref())).await
    }

    /// Answers a request of the upstream; a result is the JSON text of an object.
    ///
    /// # Errors
    /// As [`Self::post`].
    pub async fn respond(
        &self,
        id: &RequestId,
        outcome: Result<&str, &RpcError>,
    ) -> Result<(), UpstreamError> {
        self.post(response_text(id, outcome)).await
    }
}

impl Events {
    /// The next message; None where the stream ended. Answers to requests that do not run, or that have been answered, and
    /// progress that does not rise are passed over.
    ///
    /// # Errors
    /// Where the stream broke, an event is too large, or a second address comes.
    pub async fn next(&mut self) -> Result<Option<Tagged>, UpstreamError> {
        loop {
            if let Some(tagged) = self.ready.pop_front() {
                return Ok(Some(tagged));
            }
            if let Some(event) = self.reader.next_event()? {
                self.accept(&event)?;
                continue;
            }
            match self.body.next().await? {
                Some(chunk) => self.reader.push(&chunk),
                None => return Ok(None),
            }
        }
    }

    /// Whether a notification was passed over since this was asked before.
    pub fn take_passed_over(&mut self) -> bool {
        std::mem::take(&mut self.passed_over)
    }

    fn accept(&mut self, event: &Event) -> Result<(), UpstreamError> {
        match event.name.as_str() {
            "endpoint" => {
                let data = without_query(&event.data);
                return Err(UpstreamError::bad_answer("the stream names a second endpoint", data));
            }
            "" | "message" => {}
            _ => return Ok(()),
        }
        let rules = Rules { batch: true, depth: self.depth, status: 200 };
        // Nothing says whose answer a broken message was.
        let messages = read(event.data.as_bytes(), rules).unwrap_or_default();
        let tagged = messages.into_iter().filter_map(|message| self.tagged(message));
        let tagged: Vec<Tagged> = tagged.collect();
        self.ready.extend(tagged);
        Ok(())
    }

    fn tagged(&self, message: Message) -> Option<Tagged> {
        match message {
            Message::Notification { method, params } if method == "notifications/progress" => {
                self.progress(params?)
            }
            Message::Notification { method, params } => {
                Some(Tagged { request: None, incoming: notification(method, params) })
            }
            Message::Response { to: Answered::Request(id), answer } => self.answer(id, answer),
            Message::Response { to: Answered::Unnamed, answer } => {
                // An error that names no request is that of the only one that runs.
                let only = self.only_running()?;
                self.answer(only, answer)
            }
            request => request.unsolicited().map(|incoming| Tagged { request: None, incoming }),
        }
    }

    fn answer(&self, id: RequestId, answer: Answer) -> Option<Tagged> {
        self.running.borrow_mut().remove(id.as_json())?;
        Some(Tagged { request: Some(id), incoming: Incoming::Answer(answer) })
    }

    fn only_running(&self) -> Option<RequestId> {
        let running = self.running.borrow();
        let only = running.keys().next().filter(|_| running.len() == 1)?;
        RequestId::read(&RawValue::from_string(only.clone()).ok()?)
    }

    fn progress(&self, params: Box<RawValue>) -> Option<Tagged> {
        let mut running = self.running.borrow_mut();
        let (id, value) = running.iter().find_map(|(id, reached)| {
            progress(&params, id).filter(|value| value > reached).map(|value| (id.clone(), value))
        })?;
        let request = RequestId::read(&RawValue::from_string(id.clone()).ok()?);
        running.insert(id, value);
        Some(Tagged { request, incoming: Incoming::Progress { progress: value, params } })
    }
}

impl Link {
    /// Sends one request while no other runs, and waits for its result, for as long as a handshake may take. Other
    /// messages are passed over, which is noted of notifications; `ping` is answered, and other requests of the upstream
    /// are refused.
    ///
    /// # Errors
    /// Where there is none.
    pub async fn result(&mut self, request: Request<'_>) -> Result<Box<RawValue>, UpstreamError> {
        let (id, text) = self.posts.prepare(request)?;
        let mut deadline = self.posts.upstream.short_deadline();
        let result = deadline.wait(self.result_of(&id, text)).await;
        self.posts.forget(&id);
        result?
    }

    async fn result_of(
        &mut self,
        id: &RequestId,
        text: String,
    ) -> Result<Box<RawValue>, UpstreamError> {
        let posts = self.posts.clone();
        let sending = pin!(posts.post(text));
        let reading = pin!(read_result(&mut self.events, &self.posts, id));
        // Some servers accept a message only when its answer is on the stream.
        match select(sending, reading).await {
            Either::Left((Ok(()), reading)) => reading.await,
            Either::Left((Err(error), _)) => Err(error),
            Either::Right((result, _)) => result,
        }
    }
}

async fn read_result(
    events: &mut Events,
    posts: &Posts,
    id: &RequestId,
) -> Result<Box<RawValue>, UpstreamError> {
    while let Some(tagged) = events.next().await? {
        match tagged.incoming {
            Incoming::Answer(answer) if tagged.request.as_ref() == Some(id) => {
                return answer.into_result();
            }
            Incoming::Request { id, method, .. } if method == "ping" => {
                posts.respond(&id, Ok("{}")).await?;
            }
            Incoming::Request { id, .. } => {
                let refused = RpcError::new(METHOD_NOT_FOUND, "not during a handshake");
                posts.respond(&id, Err(&refused)).await?;
            }
            Incoming::Notification { .. } => events.passed_over = true,
            _ => {}
        }
    }
    Err(UpstreamError::Cut)
}

/// The deadline of a call on a stream that has none itself.
impl Posts {
    /// Waits for a future for as long as a call may take.
    ///
    /// # Errors
    /// Where it takes longer.
    pub async fn within_call<T>(
        &self,
        future: impl Future<Output = T>,
    ) -> Result<T, UpstreamError> {
        let whole = Some(self.upstream.endpoint().timeouts.whole);
        let mut deadline: Deadline = self.upstream.deadline(None, whole);
        deadline.wait(future).await
    }
}
