//! An upstream with which a version is agreed, over Streamable HTTP: requests, notifications, answers to its requests.
//!
//! Invariant: ids are this connection's own; a caller's id never leaves.

use std::{cell::Cell, rc::Rc};

use mcp_platform::Method;
use mcp_protocol::{
    jsonrpc::{RequestId, RpcError},
    object::Object,
    version::Version,
};

use crate::{
    body::{MediaType, media_type},
    deadline::Deadline,
    era::Handshake,
    error::UpstreamError,
    exchange::{Exchange, Reading},
    headers::{self, HeaderList, LAST_EVENT_HEADER},
    listener::Listener,
    message::Answer,
    open_questions::OpenQuestions,
    params::{Envelope, HopMeta, stamped},
    refusal::{Refused, classify},
    request::{Declaration, Patience, Request, notification_text, request_text, response_text},
    session::SessionId,
    upstream::Upstream,
};

/// An upstream and what was agreed with it. Copies share their ids.
#[derive(Clone)]
pub struct Connection {
    upstream: Upstream,
    declaration: Rc<Declaration>,
    version: Version,
    session: Option<SessionId>,
    next_id: Rc<Cell<u64>>,
    questions: OpenQuestions,
}

impl Connection {
    /// A connection in this version. `first_id` is where its ids start: see [`first_id`](crate::request::first_id).
    pub fn new(
        upstream: Upstream,
        declaration: Declaration,
        version: Version,
        session: Option<SessionId>,
        first_id: u64,
    ) -> Self {
        let session = session.filter(|_| !version.is_stateless());
        let next_id = Rc::new(Cell::new(first_id));
        let (declaration, questions) = (Rc::new(declaration), OpenQuestions::default());
        Self { upstream, declaration, version, session, next_id, questions }
    }

    /// The connection that a handshake led to.
    pub fn of(
        upstream: Upstream,
        declaration: Declaration,
        handshake: &Handshake,
        first_id: u64,
    ) -> Self {
        let (version, session) = (handshake.version, handshake.session.clone());
        Self::new(upstream, declaration, version, session, first_id)
    }

    /// The same connection with the trail and the deadlines of another request to the same endpoint.
    #[must_use]
    pub fn of_request(&self, upstream: &Upstream) -> Self {
        Self { upstream: upstream.following(&self.upstream), ..self.clone() }
    }

    /// The version.
    pub fn version(&self) -> Version {
        self.version
    }

    /// The session, where there is one.
    pub fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }

    /// The upstream.
    pub fn upstream(&self) -> &Upstream {
        &self.upstream
    }

    /// A request. It is sent when the first message of its exchange is asked for.
    pub fn request(&self, request: Request<'_>) -> Exchange {
        let id = self.take_id();
        let (deadline, reading) = (self.deadline(request.patience), self.reading(request.patience));
        match self.written(&id, request) {
            Ok((headers, text)) => {
                Exchange::new(&self.upstream, id, headers, text, reading, deadline)
            }
            Err(error) => Exchange::failed(&self.upstream, id, reading, error),
        }
    }

    /// The rest of an exchange that was lost, from the event with this id on. The upstream must have given ids, which it does
    /// in sessions only.
    pub fn resume(&self, id: RequestId, last_event_id: &str) -> Exchange {
        let reading = self.reading(Patience::Call);
        let deadline = self.deadline(Patience::Call);
        Exchange::resumed(&self.upstream, id, last_event_id.to_owned(), reading, deadline)
    }

    /// A notification; `params` is the JSON text of an object.
    ///
    /// # Errors
    /// Where the upstream does not accept it.
    pub async fn notify(&self, method: &str, params: Option<&str>) -> Result<(), UpstreamError> {
        let params = self.stamped(params, None, None)?;
        let text = notification_text(method, params.as_deref());
        let headers = self.headers(method, params.as_deref().unwrap_or("{}"), &[])?;
        self.post(headers, text).await
    }

    /// Tells the upstream that the answer to a request is no longer wanted. In 2026-07-28 dropping the exchange says so.
    ///
    /// # Errors
    /// As [`Self::notify`].
    pub async fn cancel(&self, id: &RequestId, reason: Option<&str>) -> Result<(), UpstreamError> {
        if self.version.is_stateless() {
            return Ok(());
        }
        let params = Object::new().raw("requestId", id.as_json()).text_if("reason", reason).end();
        self.notify("notifications/cancelled", Some(&params)).await
    }

    /// Answers a request of the upstream; a result is the JSON text of an object. Until then the deadlines of the exchange
    /// that asked stand still.
    ///
    /// # Errors
    /// Where the upstream does not accept it.
    pub async fn respond(
        &self,
        id: &RequestId,
        outcome: Result<&str, &RpcError>,
    ) -> Result<(), UpstreamError> {
        self.questions.close(id);
        let mut headers = headers::post();
        headers::push_session(&mut headers, self.version, self.session.as_ref());
        self.post(headers, response_text(id, outcome)).await
    }

    /// Ends the session, where there is one. Whatever the upstream says to that is fine.
    pub async fn close(&self) {
        if self.session.is_none() {
            return;
        }
        let mut headers = headers::get();
        headers::push_session(&mut headers, self.version, self.session.as_ref());
        let mut deadline = self.upstream.short_deadline();
        let sent = self.upstream.send(Method::Delete, headers, None, None);
        let _ = deadline.wait(sent).await;
    }

    /// Opens the stream for messages that belong to no request, after an event or anew. None: the upstream has no such
    /// stream (404, 405, 406), or no session.
    ///
    /// # Errors
    /// Where it cannot be opened for another reason.
    pub async fn listen(
        &self,
        last_event_id: Option<&str>,
    ) -> Result<Option<Listener>, UpstreamError> {
        if self.version.is_stateless() {
            return Ok(None);
        }
        let mut headers = headers::get();
        headers::push_session(&mut headers, self.version, self.session.as_ref());
        headers.extend(last_event_id.map(|id| (LAST_EVENT_HEADER.into(), id.to_owned())));
        let response = self.upstream.send(Method::Get, headers, None, None).await?;
        match (response.status, media_type(&response)) {
            (404..=406, _) => Ok(None),
            (200, MediaType::Events) => Ok(Some(Listener::new(&self.upstream, response.body))),
            (200..=299, _) => {
                Err(UpstreamError::bad_answer("the answer to a GET is no event stream", b""))
            }
            _ => Err(self.refusal(response).await),
        }
    }

    async fn post(&self, headers: HeaderList, text: String) -> Result<(), UpstreamError> {
        let response = self.upstream.send(Method::Post, headers, Some(text), None).await?;
        match response.status {
            200..=299 => Ok(()),
            _ => Err(self.refusal(response).await),
        }
    }

    async fn refusal(&self, response: mcp_platform::stream::StreamResponse) -> UpstreamError {
        let depth = self.upstream.endpoint().limits.depth;
        let refused = Refused { id: None, in_session: self.session.is_some(), depth };
        match classify(&self.upstream, response, &refused).await {
            Ok(Answer::Error(failure)) => UpstreamError::Rpc(failure),
            Ok(Answer::Result(_)) => UpstreamError::bad_answer("an error has a result", b""),
            Err(error) => self.upstream.conceal(error, self.session.as_ref()),
        }
    }

    fn written(
        &self,
        id: &RequestId,
        request: Request<'_>,
    ) -> Result<(HeaderList, String), UpstreamError> {
        let token = request.progress.then_some(id.as_json());
        let params = self.stamped(request.params, token, request.log_level)?;
        let known = params.as_deref().unwrap_or("{}");
        let headers = self.headers(request.method, known, request.param_headers)?;
        Ok((headers, request_text(id, request.method, params.as_deref())))
    }

    fn stamped(
        &self,
        params: Option<&str>,
        progress_token: Option<&str>,
        log_level: Option<&str>,
    ) -> Result<Option<String>, UpstreamError> {
        let envelope = self.version.is_stateless().then(|| Envelope {
            version: self.version.as_str(),
            capabilities: &self.declaration.capabilities,
            client: &self.declaration.client_info,
            log_level,
        });
        stamped(params, HopMeta { envelope, progress_token })
    }

    fn headers(
        &self,
        method: &str,
        params: &str,
        declared: &[mcp_protocol::stateless::param_declarations::ParamHeader],
    ) -> Result<HeaderList, UpstreamError> {
        let mut headers = headers::post();
        if self.version.is_stateless() {
            headers::push_stateless(&mut headers, self.version, method, params, declared)?;
        } else {
            headers::push_session(&mut headers, self.version, self.session.as_ref());
        }
        Ok(headers)
    }

    fn take_id(&self) -> RequestId {
        let number = self.next_id.get();
        self.next_id.set(number.wrapping_add(1));
        RequestId::number(number)
    }

    fn reading(&self, patience: Patience) -> Reading {
        let endpoint = self.upstream.endpoint();
        let headers_within = match patience {
            Patience::Call => endpoint.timeouts.idle,
            Patience::List | Patience::Held => endpoint.timeouts.headers,
        };
        let (version, session) = (Some(self.version), self.session.clone());
        Reading { version, session, headers_within }
    }

    fn deadline(&self, patience: Patience) -> Deadline {
        let timeouts = self.upstream.endpoint().timeouts;
        let (idle, whole) = match patience {
            Patience::Call => (Some(timeouts.idle), Some(timeouts.whole)),
            Patience::List => (None, Some(timeouts.lists)),
            Patience::Held => (None, None),
        };
        self.upstream.deadline(idle, whole).while_answered(self.questions.of_exchange())
    }
}
