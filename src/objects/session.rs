//! The object that holds one or more sessions: it runs their calls, feeds their streams and speaks
//! to SiteBay.
//!
//! Invariant: nothing is stored until something must survive: the answer of a streamed call, what a
//! client set, or that a session was ended. One alarm clears it when its time is over.

use std::{
    panic::{AssertUnwindSafe, RefUnwindSafe},
    rc::Rc,
};

use futures_util::{FutureExt as _, StreamExt as _, TryFutureExt as _, future::LocalBoxFuture};
use js_sys::Promise;
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::future_to_promise;
use worker::{Env, Method, Result, State, worker_sys::DurableObjectState};

use crate::stubs::keys;
use crate::{
    body::read_body,
    config::Config,
    error::AppResult,
    objects::{resume, sessions::Sessions},
    platform::{
        clock::now_s,
        http::{self, Request, Response},
        object::wait_until,
        workers::WorkersPlatform,
    },
    response::{self, CorsContext, STREAMED},
    state,
    stubs::{
        audit::{self, DeploymentAudit},
        connect::PersonalKeys,
        hub::Hub,
        quota,
        session::{ORIGIN_HEADER, SessionCommand, TAKES_JSON_ALONE, traced},
        stages::StageObjects,
        stored_upstreams,
        tasks::TaskClient,
        upstream,
    },
    wiring::chosen_registry,
};
use gateway::{door::Place, forwarded::Forwarded};
use mcp_auth::{
    authentication::OWN_TOKEN_HEADER,
    keys::Keyring,
    quota::Rate,
    refusal::Refusal,
    seal::{SEAL_HEADER, Sealed, is_hub_seal},
    secret::Secret,
    session_id::Claims,
};
use mcp_protocol::{
    event::LastEvent,
    jsonrpc::{Body, decode, is_batch},
};
use mcp_server::{
    call::{AnswerStore, CallAnswer, run, run_for_stream},
    changes::WaitUntil,
    channel::Channel,
    cold::cold,
    context::Context,
    remote::Remote,
    session::{Session, serve},
    telemetry::{
        audit::{Audit as _, AuditEntry},
        record::RequestRecord,
    },
};

/// Holds sessions.
///
/// The only object that is exported without `#[durable_object]`: the macro's `worker::Request` and `worker::Response`
/// read and write piece by piece, and each piece is a call into JavaScript that every session call would make. With it
/// a session call was 0.90 times as fast (95 % interval 0.86 to 0.94, 45 interleaved pairs, processor time).
#[wasm_bindgen]
pub struct SessionAgent(Rc<Inner>);

impl RefUnwindSafe for SessionAgent {}

#[wasm_bindgen]
impl SessionAgent {
    /// Called by the runtime before the object's first event.
    #[wasm_bindgen(constructor)]
    pub fn new(state: DurableObjectState, env: Env) -> Self {
        Self(Rc::new(Inner::new(State::from(state), env)))
    }

    /// Called by the runtime for each request.
    pub fn fetch(&self, request: web_sys::Request) -> Promise {
        let answered = self.0.clone().receive(Request::to_object(request));
        promise(answered.map_ok(JsValue::from).boxed_local())
    }

    /// Called by the runtime when the alarm is due.
    pub fn alarm(&self) -> Promise {
        let core = self.0.clone();
        let cleared = async move { core.sessions.clear().await };
        promise(cleared.map_ok(|()| JsValue::NULL).boxed_local())
    }

    /// Called by the runtime for a message of the Worker that holds a stream.
    #[wasm_bindgen(js_name = webSocketMessage)]
    pub fn message(&self, socket: web_sys::WebSocket, message: JsValue) -> Promise {
        if let Some(text) = message.as_string() {
            self.0.sessions.outdate(&socket.into(), &text);
        }
        Promise::resolve(&JsValue::NULL)
    }

    /// Called by the runtime when a hibernatable socket was closed.
    #[wasm_bindgen(js_name = webSocketClose)]
    pub fn close(&self, socket: web_sys::WebSocket) -> Promise {
        let core = self.0.clone();
        let left = async move { core.sessions.left(&socket.into()).await };
        promise(left.map_ok(|()| JsValue::NULL).boxed_local())
    }

    /// Called by the runtime when a hibernatable socket failed.
    #[wasm_bindgen(js_name = webSocketError)]
    pub fn error(&self, socket: web_sys::WebSocket) -> Promise {
        self.close(socket)
    }
}

/// A future as the runtime awaits it.
fn promise(future: LocalBoxFuture<'static, Result<JsValue>>) -> Promise {
    future_to_promise(AssertUnwindSafe(future.map_err(JsValue::from)))
}

struct Inner {
    state: Rc<State>,
    env: Env,
    sessions: Rc<Sessions>,
}

/// A message to a session, before its body is read.
struct Message {
    request: Request,
    session: Rc<Session>,
    sealed: Sealed,
    config: Rc<Config>,
    keys: Rc<Keyring>,
    record: Rc<RequestRecord>,
}

impl Inner {
    fn new(state: State, env: Env) -> Self {
        let state = Rc::new(state);
        Self { sessions: Rc::new(Sessions::new(state.clone(), env.clone())), state, env }
    }

    async fn receive(self: Rc<Self>, request: Request) -> Result<Response> {
        let caller = CorsContext::of(&request);
        let record = state::record(&self.env);
        let asks = request.method() == Method::Post && request.path() == MCP;
        let response = match self.handle(request, &caller, &record).await {
            Ok(response) => response,
            Err(error) => {
                let error = if asks { error.naming_unknown() } else { error };
                error.answer(&caller, &record)?
            }
        };
        if record.is_open() {
            let status = response.status();
            record.response_started(if status == STREAMED { 200 } else { status });
        }
        Ok(response)
    }

    async fn handle(
        &self,
        request: Request,
        caller: &CorsContext,
        record: &Rc<RequestRecord>,
    ) -> AppResult<Response> {
        let config = state::config(&self.env);
        let keys = keys::keys(&self.env, &config).await?;
        let seal = request.header_text(SEAL_HEADER).unwrap_or_default();
        let Some(sealed) = Sealed::open(&seal, &keys) else {
            record.delegate();
            return cold(self.handle_command(request, &seal, &keys)).await;
        };
        record.set_sealed(&sealed);
        record.set_method(request.method().as_ref());
        record.set_route("mcp");
        let session = self.sessions.get(&sealed.claims).await?;
        let session = session.ok_or(Refusal::SessionNotFound)?;
        session.used(now_s());
        self.weigh(&request, &sealed, record);
        caller.rate.set(sealed.rate);
        match request.method() {
            Method::Post => {
                let aside = request.path() != MCP;
                if aside {
                    record.set_route("messages");
                }
                let record = record.clone();
                let message = Message { request, session, sealed, config, keys, record };
                match aside {
                    true => cold(self.post_to_stream(message, caller)).await,
                    false => self.post(message, caller).await,
                }
            }
            Method::Get => {
                let link = TaskClient::of_subject(self.env.clone(), keys, sealed.claims.subject);
                record.hold_open();
                let answer = self.get(&request, &session, &sealed.claims, link);
                let answer = cold(answer).await?;
                // The Worker, which holds the stream, logs it.
                if answer.status() == 101 {
                    record.delegate();
                }
                Ok(answer)
            }
            _ => {
                cold(self.sessions.end(&sealed.claims)).await?;
                Ok(response::no_content(caller)?)
            }
        }
    }

    /// Notes whether the SiteBay token of a message is verified, and what to do when it is.
    fn weigh(&self, request: &Request, sealed: &Sealed, record: &RequestRecord) {
        let note = quota::note_accepted(&self.env, &sealed.principal, || self.keep());
        if note.is_none() && !self.sessions.is_unverified() {
            return;
        }
        let (state, sessions) = (self.state.clone(), self.sessions.clone());
        let principal = sealed.principal.clone();
        let own_token = request.header_text(OWN_TOKEN_HEADER).filter(|_| principal.own_credential);
        let trust = move || {
            let trusted = async move {
                sessions.trust(&principal, own_token.map(Secret::new).as_ref()).await;
            };
            wait_until(&state, trusted.boxed_local());
        };
        match note {
            Some(note) => {
                self.sessions.distrust();
                record.on_token_accepted(Box::new(move || {
                    note();
                    trust();
                }));
            }
            None => trust(),
        }
    }

    /// Handles a command of the subject's hub to all session objects; 410 if no listener is left.
    async fn handle_command(
        &self,
        request: Request,
        seal: &str,
        keys: &Keyring,
    ) -> AppResult<Response> {
        let (path, object) = (request.path(), self.state.id().name().unwrap_or_default());
        if !is_hub_seal(seal, path, &object, keys) {
            return Err(Refusal::Failed.into());
        }
        let order = SessionCommand::read(path, &request.text().await?).ok_or(Refusal::Failed)?;
        let heard = match order {
            SessionCommand::News(news) => self.sessions.notify(&news, None).await?,
            SessionCommand::End(not_before) => self.sessions.end_until(not_before).await?,
        };
        Ok(http::empty(if heard { 200 } else { 410 })?)
    }

    async fn post(&self, message: Message, caller: &CorsContext) -> AppResult<Response> {
        let channel = match message.request.url().ends_with(TAKES_JSON_ALONE) {
            true => Channel::whole_only(),
            false => Channel::new(),
        };
        let (session, ctx, body) =
            message.received((&self.env, &self.sessions), self.keep(), caller).await?;
        let record = ctx.record.clone();
        let store: Rc<dyn AnswerStore> = session.store();
        let call = serve(session, ctx, body, channel.clone()).boxed_local();
        let keep = |task| wait_until(&self.state, task);
        match run(call, channel, Rc::new(WorkersPlatform), store, keep).await {
            CallAnswer::Whole(reply) => Ok(response::reply(reply, caller)?),
            CallAnswer::Stream(stream) => {
                record.response_streams(200);
                Ok(response::stream_to_worker(stream.map(Ok))?)
            }
        }
    }

    /// How the audit is written after the answer.
    fn keep(&self) -> WaitUntil {
        let state = self.state.clone();
        Rc::new(move |task| wait_until(&state, task))
    }

    /// 2024-11-05: accepted here, answered on the session's stream.
    async fn post_to_stream(&self, message: Message, caller: &CorsContext) -> AppResult<Response> {
        if !self.sessions.has_stream(message.session.id) {
            return Err(Refusal::SessionNotFound.into());
        }
        let (session, ctx, body) =
            message.received((&self.env, &self.sessions), self.keep(), caller).await?;
        decode(&body).map_err(Refusal::Body)?;
        let keeper = session.store();
        ctx.record.response_streams(202);
        let channel = Channel::direct(Rc::new(move |message: &[u8]| {
            if let Ok(message) = std::str::from_utf8(message) {
                keeper.announce(message);
            }
        }));
        let call = serve(session, ctx, body, channel.clone()).boxed_local();
        wait_until(&self.state, run_for_stream(call, channel).boxed_local());
        Ok(response::accepted(caller)?)
    }

    /// A stream: the rest of a call's where the client names one, else the session's own.
    async fn get(
        &self,
        request: &Request,
        session: &Rc<Session>,
        claims: &Claims,
        tasks: TaskClient,
    ) -> Result<Response> {
        let last = request.header_text("last-event-id");
        let upgrade = request.header_text("upgrade");
        match last.as_deref().and_then(LastEvent::parse).filter(|_| upgrade.is_none()) {
            Some(last) => {
                let incarnation = self.sessions.incarnation();
                resume::answer(session, &last, incarnation, Rc::new(tasks)).await
            }
            None => {
                let everything = request.path() == SSE;
                let socket = self.sessions.open_stream(session, claims, everything).await?;
                http::upgraded(socket)
            }
        }
    }
}

/// The path of the feed that carries everything.
const SSE: &str = "/sse";
/// The path of the wire whose answers come on the connection that asked.
const MCP: &str = "/mcp";

impl Message {
    /// Counts the requests of a batch against the caller's limit, of which the Worker counted one without
    /// reading it: what is left of the limit. None: it is no batch.
    ///
    /// # Errors
    /// 429 where the limit does not allow all of them, 503 where that cannot be found out.
    async fn charge(
        &self,
        env: &Env,
        body: &[u8],
        audit: &WaitUntil,
    ) -> std::result::Result<Option<Rate>, Refusal> {
        let Some(limit) = self.config.rate_limit else {
            return Ok(None);
        };
        // Every other message is decoded once, where it is answered.
        if !is_batch(body) {
            return Ok(None);
        }
        // An unreadable value is refused later.
        let requests = match decode(body) {
            Ok(body @ Body::Batch(_)) => body.requests(),
            _ => return Ok(None),
        };
        let by = &self.sealed.principal;
        let admitted = quota::admit_batch(env, by.limited_as(), limit, requests).await;
        admitted.inspect_err(|refusal| self.refused(env, refusal, audit))
    }

    /// Notes in the audit that a batch was refused.
    fn refused(&self, env: &Env, refusal: &Refusal, audit: &WaitUntil) {
        let Some(outcome) = audit::outcome(refusal).filter(|_| self.config.keeps_audit()) else {
            return;
        };
        let by = &self.sealed.principal;
        let action = format!("{} {}", self.request.method(), self.request.path());
        let at_ms = now_s().saturating_mul(1_000);
        let refused = AuditEntry::refused(Some(by), &action, outcome, at_ms);
        let subject = by.limited_as().to_text();
        DeploymentAudit::new(env, &self.config, audit.clone())
            .note(AuditEntry { subject, ..refused });
    }

    /// The other servers behind the session's door.
    ///
    /// # Errors
    /// 508 where the request was here before.
    fn remote(
        &self,
        (env, sessions): (&Env, &Rc<Sessions>),
        door: &str,
    ) -> std::result::Result<Option<Rc<dyn Remote>>, Refusal> {
        if self.config.upstreams.is_empty() {
            return Ok(None);
        }
        let choice = self.config.claimed(self.sealed.claims.choice());
        if !upstream::is_any(&self.config, door, &choice) {
            return Ok(None);
        }
        let passed = self.request.header_text(upstream::GATEWAYS_HEADER);
        let place = || Place::Object(sessions.pool(&self.session));
        let wants_headers = self.config.upstreams.wants_headers();
        let forwarded =
            wants_headers.then(|| self.request.header_text(upstream::FORWARD_HEADER)).flatten();
        let forwarded = forwarded.as_deref().and_then(Forwarded::from_text).unwrap_or_default();
        let connections = || PersonalKeys {
            env: env.clone(),
            keys: self.keys.clone(),
            origin: self.request.header_text(ORIGIN_HEADER).unwrap_or_default(),
        };
        let along = (passed, forwarded, connections);
        let door = upstream::door((env, &self.config), &self.keys, door, place, along)?;
        Ok(door.map(|door| door as Rc<dyn Remote>))
    }

    /// The session, the context and the body.
    async fn received(
        mut self,
        (env, sessions): (&Env, &Rc<Sessions>),
        audit: WaitUntil,
        caller: &CorsContext,
    ) -> AppResult<(Rc<Session>, Context, Vec<u8>)> {
        let own_token = match self.sealed.principal.own_credential {
            true => self.request.header_text(OWN_TOKEN_HEADER),
            false => None,
        };
        let body = read_body(&self.request).await?;
        // A client may end its session while it still sends.
        if self.session.is_ended() {
            return Err(Refusal::SessionNotFound.into());
        }
        if self.session.version().batches()
            && let Some(rate) = cold(self.charge(env, &body, &audit)).await?
        {
            caller.rate.set(Some(rate));
        }
        let subject = self.sealed.claims.subject;
        let door = self.sealed.claims.door().to_owned();
        if stored_upstreams::is_due(&self.config)
            && (!door.is_empty() || stored_upstreams::are_needed_by(&body))
        {
            self.config = cold(stored_upstreams::current(env)).await;
        }
        let remote = self.remote((env, sessions), &door)?;
        traced(&self.record, &self.request);
        let mut ctx = self.config.context(self.sealed, own_token.clone(), Rc::new(WorkersPlatform));
        ctx.record = self.record;
        ctx.registry = chosen_registry(&door, ctx.choice);
        ctx.remote = remote;
        ctx.result_store = Some(Rc::new(Hub::new(env, subject)));
        ctx.stages = Some(Rc::new(StageObjects(env.clone())));
        if self.config.keeps_audit() {
            ctx.audit = Rc::new(DeploymentAudit::new(env, &self.config, audit));
        }
        if self.config.offers_tasks() {
            ctx.tasks = Some(Rc::new(TaskClient {
                env: env.clone(),
                keys: self.keys,
                principal: ctx.principal.clone(),
                client: ctx.client.clone(),
                own_token: own_token.map(Secret::new),
            }));
        }
        Ok((self.session, ctx, body))
    }
}
