//! The object that holds one or more sessions: it runs their calls, feeds their streams and speaks
//! to SiteBay.
//!
//! Invariant: nothing is stored until something must survive: the answer of a streamed call, what a
//! client set, or that a session was ended. One alarm clears it when its time is over.

#![expect(missing_docs, reason = "the attribute generates public items without docs")]

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use futures_util::{FutureExt as _, future::LocalBoxFuture};
use uuid::Uuid;
use worker::{
    DurableObject, Env, Method, Request, Response, Result, State, WebSocket,
    WebSocketIncomingMessage, WebSocketPair, durable_object,
};

use crate::{
    access::{
        admission::OWN_TOKEN_HEADER,
        principal::Subject,
        seal::{SEAL_HEADER, Sealed},
        secret::Secret,
    },
    agents::{
        call::{Answer, Store, run, run_aside},
        channel::{Channel, Reply},
        resume::{self, MOVED},
        rows::{Rows, now_s},
        session::{Greeted, Keeper, Session, Settings, serve},
    },
    edge::{
        answer::{self, Caller},
        body::read_body,
        config::Config,
        refusal::Refusal,
    },
    protocol::{
        event::{LastEvent, StreamName},
        jsonrpc::decode,
        session_id::Claims,
    },
    runtime::{isolate, machine::Machine},
    server::tasks::Tasks as _,
    server::{context::Context, notify::News},
    transport::{hub::Hub, tasks::TaskLink},
};

/// Sessions kept in memory; with more, those without a running call are forgotten first.
const MAX_SESSIONS: usize = 1_000;
/// How long an answer waits for a client that lost its connection, in seconds.
const KEEP_ANSWER: u64 = 600;
/// How long what a client set outlives its last stream or call, in seconds.
const KEEP_SETTINGS: u64 = 1_800;

/// WebSocket close codes of a held stream (RFC 6455 §7.4.2, private use).
const SUPERSEDED: u16 = 4000;
const ENDED: u16 = 4001;

/// The row of a session that was ended.
const END: &str = "end";

/// Holds sessions.
#[durable_object]
pub struct SessionAgent {
    state: Rc<State>,
    env: Env,
    rows: Rc<Rows>,
    /// Names this life of the object in event ids.
    incarnation: String,
    sessions: RefCell<HashMap<Uuid, Rc<Session>>>,
}

impl std::panic::RefUnwindSafe for SessionAgent {}

impl DurableObject for SessionAgent {
    fn new(state: State, env: Env) -> Self {
        let incarnation = Uuid::new_v4().simple().to_string();
        let state = Rc::new(state);
        Self {
            rows: Rc::new(Rows::new(state.clone())),
            state,
            env,
            incarnation: incarnation.chars().take(8).collect(),
            sessions: RefCell::default(),
        }
    }

    async fn fetch(&self, request: Request) -> Result<Response> {
        let caller = Caller::of(request.headers())?;
        match self.handle(request, &caller).await? {
            Ok(response) => Ok(response),
            Err(refusal) => answer::refusal(&refusal, &caller),
        }
    }

    async fn alarm(&self) -> Result<Response> {
        self.clear().await?;
        Response::empty()
    }

    async fn websocket_message(
        &self,
        _socket: WebSocket,
        _message: WebSocketIncomingMessage,
    ) -> Result<()> {
        // A held stream only listens.
        Ok(())
    }

    async fn websocket_close(
        &self,
        _socket: WebSocket,
        _code: usize,
        _reason: String,
        _was_clean: bool,
    ) -> Result<()> {
        Ok(())
    }
}

type Handled = std::result::Result<Response, Refusal>;

impl SessionAgent {
    async fn handle(&self, request: Request, caller: &Caller) -> Result<Handled> {
        let config = isolate::config(&self.env);
        let keys = match isolate::keys(&self.env, &config).await {
            Ok(keys) => keys,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let seal = request.headers().get(SEAL_HEADER)?;
        let Some(sealed) = seal.and_then(|seal| Sealed::open(&seal, &keys)) else {
            return Ok(Err(Refusal::Failed));
        };
        let Some(session) = self.session(&sealed.claims).await? else {
            return Ok(Err(Refusal::SessionNotFound));
        };
        session.used(now_s());
        match request.method() {
            Method::Post if request.path() != MCP => {
                self.post_to_stream(request, session, sealed, config, caller).await
            }
            Method::Post => self.post(request, session, sealed, config, caller).await,
            Method::Get => {
                let link = TaskLink::of_subject(self.env.clone(), keys, sealed.claims.subject);
                self.get(&request, &session, link, caller).await.map(Ok)
            }
            _ => self.end(&sealed.claims, caller).await.map(Ok),
        }
    }

    /// The session in memory. None: it was ended.
    async fn session(&self, claims: &Claims) -> Result<Option<Rc<Session>>> {
        if let Some(session) = self.sessions.borrow().get(&claims.session) {
            return Ok(Some(session.clone()));
        }
        let kept = self.rows.get(&settings_key(claims.session)).await?;
        if kept.as_deref() == Some(END) {
            return Ok(None);
        }
        let settings = kept.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let mut sessions = self.sessions.borrow_mut();
        if sessions.len() >= MAX_SESSIONS {
            sessions.retain(|_, session| session.is_busy());
        }
        let keeper = Rc::new(ObjectKeeper {
            state: self.state.clone(),
            rows: self.rows.clone(),
            env: self.env.clone(),
            session: claims.session,
            subject: claims.subject,
        });
        let session = sessions
            .entry(claims.session)
            .or_insert_with(|| Rc::new(Session::new(claims, &self.incarnation, settings, keeper)));
        if let Some(greeted) = self.attached(claims.session)? {
            session.greet(greeted);
        }
        Ok(Some(session.clone()))
    }

    /// What a client said of itself on a stream that carries everything.
    fn attached(&self, session: Uuid) -> Result<Option<Greeted>> {
        let sockets = self.state.get_websockets_with_tag(&session.to_string());
        let attached: Option<String> =
            sockets.first().map_or(Ok(None), WebSocket::deserialize_attachment)?;
        Ok(attached.as_deref().and_then(Greeted::from_attachment))
    }

    async fn post(
        &self,
        mut request: Request,
        session: Rc<Session>,
        sealed: Sealed,
        config: Rc<Config>,
        caller: &Caller,
    ) -> Result<Handled> {
        let (ctx, body) = match self.received(&mut request, sealed, &config).await? {
            Ok(received) => received,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let channel = Channel::new();
        let store: Rc<dyn Store> = session.store();
        let call = serve(session, ctx, body, channel.clone()).boxed_local();
        let keep = |task| self.state.wait_until(task);
        match run(call, channel, Rc::new(Machine), store, keep).await {
            Answer::Whole(Reply::Accepted) => answer::accepted(caller).map(Ok),
            Answer::Whole(Reply::Json { status, body }) => {
                answer::json(status, body, caller).map(Ok)
            }
            Answer::Stream(stream) => answer::stream(stream, caller).map(Ok),
        }
    }

    /// 2024-11-05: accepted here, answered on the session's stream.
    async fn post_to_stream(
        &self,
        mut request: Request,
        session: Rc<Session>,
        sealed: Sealed,
        config: Rc<Config>,
        caller: &Caller,
    ) -> Result<Handled> {
        if self.state.get_websockets_with_tag(&session.id.to_string()).is_empty() {
            return Ok(Err(Refusal::SessionNotFound));
        }
        let (ctx, body) = match self.received(&mut request, sealed, &config).await? {
            Ok(received) => received,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if let Err(error) = decode(&body) {
            return Ok(Err(Refusal::Body(error)));
        }
        let keeper = session.store();
        let channel = Channel::direct(Rc::new(move |message: &[u8]| {
            if let Ok(message) = std::str::from_utf8(message) {
                keeper.announce(message);
            }
        }));
        let call = serve(session, ctx, body, channel.clone()).boxed_local();
        self.state.wait_until(run_aside(call, channel));
        answer::accepted(caller).map(Ok)
    }

    /// The context and the body of a message.
    async fn received(
        &self,
        request: &mut Request,
        sealed: Sealed,
        config: &Config,
    ) -> Result<std::result::Result<(Context, Vec<u8>), Refusal>> {
        let own_token = match sealed.principal.own_credential {
            true => request.headers().get(OWN_TOKEN_HEADER)?,
            false => None,
        };
        let body = match read_body(request).await? {
            Ok(body) => body,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut ctx = config.context(sealed, own_token.clone(), Rc::new(Machine));
        if let (true, Ok(keys)) = (config.offers_tasks(), isolate::keys(&self.env, config).await) {
            ctx.tasks = Some(Rc::new(TaskLink {
                env: self.env.clone(),
                keys,
                principal: ctx.principal.clone(),
                client: ctx.client.clone(),
                own_token: own_token.map(Secret::new),
            }));
        }
        Ok(Ok((ctx, body)))
    }

    /// A stream: the rest of a call's where the client names one, else the session's own.
    async fn get(
        &self,
        request: &Request,
        session: &Session,
        tasks: TaskLink,
        caller: &Caller,
    ) -> Result<Response> {
        let last = request.headers().get("last-event-id")?;
        let upgrade = request.headers().get("upgrade")?;
        match last.as_deref().and_then(LastEvent::parse).filter(|_| upgrade.is_none()) {
            Some(last) => {
                resume::answer(session, &last, &self.incarnation, Rc::new(tasks), caller).await
            }
            None => self.open_stream(session, request.path() == SSE),
        }
    }

    /// Opens the session's long-lived stream over a socket that lets the object sleep. A new one
    /// replaces the old one at once: a client that lost its connection must not be told to wait.
    fn open_stream(&self, session: &Session, carries_everything: bool) -> Result<Response> {
        let tag = session.id.to_string();
        self.close_streams(&tag, SUPERSEDED, "replaced by a newer stream");
        let pair = WebSocketPair::new()?;
        self.state.accept_websocket_with_tags(&pair.server, &[&tag]);
        if carries_everything {
            session.greet(Greeted::default());
            pair.server.serialize_attachment(Greeted::default().to_attachment())?;
        }
        for news in session.take_news() {
            pair.server.send_with_str(&news)?;
        }
        Response::from_websocket(pair.client)
    }

    fn close_streams(&self, tag: &str, code: u16, reason: &str) {
        for socket in self.state.get_websockets_with_tag(tag) {
            // A socket that is closing already has nothing to be told.
            let _ = socket.close(Some(code), Some(reason));
        }
    }

    async fn end(&self, claims: &Claims, caller: &Caller) -> Result<Response> {
        self.sessions.borrow_mut().remove(&claims.session);
        self.close_streams(&claims.session.to_string(), ENDED, "the session was ended");
        let until = u64::from(claims.expires);
        self.rows.put(&settings_key(claims.session), END, until).await?;
        answer::no_content(caller)
    }

    /// Removes the rows whose end has come, but for settings of a session that is in use.
    async fn clear(&self) -> Result<()> {
        self.rows.woken();
        let now = now_s();
        let mut next: Option<u64> = None;
        let mut over = Vec::new();
        for row in self.rows.all().await? {
            let until = if row.until > now { row.until } else { self.in_use_until(&row.key) };
            if until > now {
                next = Some(next.map_or(until, |next| next.min(until)));
            } else {
                over.push(row.key);
            }
        }
        self.rows.remove(over, next).await
    }

    /// When the settings of a session that streams or was used lately are over.
    fn in_use_until(&self, key: &str) -> u64 {
        let Some(id) = key.strip_prefix(SETTINGS).and_then(|id| Uuid::parse_str(id).ok()) else {
            return 0;
        };
        if !self.state.get_websockets_with_tag(&id.to_string()).is_empty() {
            return now_s().saturating_add(KEEP_SETTINGS);
        }
        let used = self.sessions.borrow().get(&id).map_or(0, |session| session.used_at());
        used.saturating_add(KEEP_SETTINGS)
    }
}

/// The path of the feed that carries everything.
const SSE: &str = "/sse";
/// The path of the wire whose answers come on the connection that asked.
const MCP: &str = "/mcp";

const SETTINGS: &str = "session:";

fn settings_key(session: Uuid) -> String {
    format!("{SETTINGS}{}", session.simple())
}

/// What a session needs of its object.
struct ObjectKeeper {
    state: Rc<State>,
    rows: Rc<Rows>,
    env: Env,
    session: Uuid,
    subject: Subject,
}

impl ObjectKeeper {
    fn answer_key(&self, stream: &StreamName) -> String {
        format!("answer:{}:{}", self.session.simple(), stream.as_str())
    }
}

impl Store for ObjectKeeper {
    fn store(&self, stream: &StreamName, answer: &[u8]) -> LocalBoxFuture<'static, ()> {
        let (rows, key) = (self.rows.clone(), self.answer_key(stream));
        let text = String::from_utf8_lossy(answer).into_owned();
        async move {
            if let Err(error) = rows.put(&key, &text, now_s().saturating_add(KEEP_ANSWER)).await {
                worker::console_error!("an answer could not be kept: {error}");
            }
        }
        .boxed_local()
    }
}

impl Keeper for ObjectKeeper {
    fn announce(&self, message: &str) -> bool {
        let sockets = self.state.get_websockets_with_tag(&self.session.to_string());
        // Each message goes to exactly one stream; a closing socket refuses it.
        sockets.iter().any(|socket| socket.send_with_str(message).is_ok())
    }

    fn tell_listeners(&self, news: &News) {
        let (hub, news) = (Hub::new(&self.env, self.subject), [news.clone()]);
        self.state.wait_until(async move { hub.announce(&news).await });
    }

    fn note(&self, what: &str) {
        worker::console_warn!("{what}");
    }

    fn save(&self, settings: Settings) -> LocalBoxFuture<'static, ()> {
        let (rows, key) = (self.rows.clone(), settings_key(self.session));
        let text = serde_json::to_string(&settings).unwrap_or_default();
        async move {
            if let Err(error) = rows.put(&key, &text, now_s().saturating_add(KEEP_SETTINGS)).await {
                worker::console_error!("settings could not be kept: {error}");
            }
        }
        .boxed_local()
    }

    fn greeted(&self, greeted: &Greeted) {
        for socket in self.state.get_websockets_with_tag(&self.session.to_string()) {
            // Only what is behind a closed socket is lost with it.
            let _ = socket.serialize_attachment(greeted.to_attachment());
        }
    }

    fn moved(&self, stream: &StreamName, task: &str) {
        let kept = self.store(stream, format!("{MOVED}{task}").as_bytes());
        self.state.wait_until(kept);
    }

    fn cancel_task(&self, task: &str) {
        let (env, subject, task) = (self.env.clone(), self.subject, task.to_owned());
        self.state.wait_until(async move {
            let config = isolate::config(&env);
            if let Ok(keys) = isolate::keys(&env, &config).await {
                let link = TaskLink::of_subject(env, keys, subject);
                // A task that cannot be asked ends by itself.
                let _ = link.cancel(&task).await;
            }
        });
    }

    fn stored(&self, stream: &StreamName) -> LocalBoxFuture<'static, Option<Vec<u8>>> {
        let (rows, key) = (self.rows.clone(), self.answer_key(stream));
        async move { rows.get(&key).await.ok().flatten().map(String::into_bytes) }.boxed_local()
    }
}
