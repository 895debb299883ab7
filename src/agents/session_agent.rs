//! The object that holds one or more sessions: it runs their calls, feeds their streams and speaks
//! to SiteBay.
//!
//! Invariant: nothing is stored until something must survive. The only row of a session is the
//! tombstone that DELETE leaves until the session's id has run out.

#![expect(missing_docs, reason = "the attribute generates public items without docs")]

use std::{cell::RefCell, collections::HashMap, rc::Rc};

use futures_util::FutureExt as _;
use uuid::Uuid;
use worker::{
    DurableObject, Env, Method, Request, Response, Result, State, WebSocket,
    WebSocketIncomingMessage, WebSocketPair, durable_object,
};

use crate::{
    access::{
        admission::OWN_TOKEN_HEADER,
        seal::{SEAL_HEADER, Sealed},
        secret::Secret,
    },
    agents::{
        call::{Answer, run},
        channel::{Channel, Reply},
        session::{Announce, Session, serve},
    },
    edge::{
        answer::{self, Caller},
        body::read_body,
        config::Config,
        refusal::Refusal,
    },
    protocol::session_id::Claims,
    runtime::{isolate, machine::Machine},
    server::{
        context::{Client, Context},
        notify::Notifier,
        platform::Platform as _,
    },
    sitebay::Account,
};

/// Sessions kept in memory; with more, those without a running call are forgotten first.
const MAX_SESSIONS: usize = 1_000;

/// WebSocket close codes of a held stream (RFC 6455 §7.4.2, private use).
const SUPERSEDED: u16 = 4000;
const ENDED: u16 = 4001;

/// Holds sessions.
#[durable_object]
pub struct SessionAgent {
    state: Rc<State>,
    env: Env,
    /// Names this life of the object in event ids.
    incarnation: String,
    sessions: RefCell<HashMap<Uuid, Rc<Session>>>,
}

impl std::panic::RefUnwindSafe for SessionAgent {}

impl DurableObject for SessionAgent {
    fn new(state: State, env: Env) -> Self {
        let incarnation = Uuid::new_v4().simple().to_string();
        Self {
            state: Rc::new(state),
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
        self.drop_tombstones().await?;
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
        match request.method() {
            Method::Post => self.post(request, session, sealed, config, caller).await,
            Method::Get => self.open_stream(&sealed.claims, &session).map(Ok),
            _ => self.end(&sealed.claims, caller).await.map(Ok),
        }
    }

    /// The session in memory. None: it was ended.
    async fn session(&self, claims: &Claims) -> Result<Option<Rc<Session>>> {
        if let Some(session) = self.sessions.borrow().get(&claims.session) {
            return Ok(Some(session.clone()));
        }
        let ended: Option<u64> = self.state.storage().get(&tombstone(claims.session)).await?;
        if ended.is_some() {
            return Ok(None);
        }
        let mut sessions = self.sessions.borrow_mut();
        if sessions.len() >= MAX_SESSIONS {
            sessions.retain(|_, session| session.is_busy());
        }
        let stream = HeldStream { state: self.state.clone(), tag: claims.session.to_string() };
        let session = sessions
            .entry(claims.session)
            .or_insert_with(|| Rc::new(Session::new(claims, &self.incarnation, Rc::new(stream))));
        Ok(Some(session.clone()))
    }

    async fn post(
        &self,
        mut request: Request,
        session: Rc<Session>,
        sealed: Sealed,
        config: Rc<Config>,
        caller: &Caller,
    ) -> Result<Handled> {
        let own_token = match sealed.principal.own_credential {
            true => request.headers().get(OWN_TOKEN_HEADER)?,
            false => None,
        };
        let body = match read_body(&mut request).await? {
            Ok(body) => body,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let ctx = context(sealed, own_token, &config);
        let channel = Channel::new();
        let call = serve(session, ctx, body, channel.clone()).boxed_local();
        let keep = |task| self.state.wait_until(task);
        match run(call, channel, Rc::new(Machine), keep).await {
            Answer::Whole(Reply::Accepted) => answer::accepted(caller).map(Ok),
            Answer::Whole(Reply::Json { status, body }) => {
                answer::json(status, body, caller).map(Ok)
            }
            Answer::Stream(stream) => answer::stream(stream, caller).map(Ok),
        }
    }

    /// Opens the session's long-lived stream over a socket that lets the object sleep. A new one
    /// replaces the old one at once: a client that lost its connection must not be told to wait.
    fn open_stream(&self, claims: &Claims, session: &Session) -> Result<Response> {
        let tag = claims.session.to_string();
        self.close_streams(&tag, SUPERSEDED, "replaced by a newer stream");
        let pair = WebSocketPair::new()?;
        self.state.accept_websocket_with_tags(&pair.server, &[&tag]);
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
        let storage = self.state.storage();
        storage.put(&tombstone(claims.session), until).await?;
        if storage.get_alarm().await?.is_none() {
            storage.set_alarm(alarm_at(until)).await?;
        }
        answer::no_content(caller)
    }

    /// Forgets ended sessions whose ids have run out, and everything when none is left.
    async fn drop_tombstones(&self) -> Result<()> {
        let storage = self.state.storage();
        let now = Machine.now_ms() / 1_000;
        let mut next: Option<u64> = None;
        let entries = storage.list().await?;
        let mut over = Vec::new();
        entries.for_each(&mut |until, key| match (until.as_f64(), key.as_string()) {
            #[expect(clippy::cast_possible_truncation, reason = "seconds fit")]
            #[expect(clippy::cast_sign_loss, reason = "seconds are positive")]
            (Some(until), Some(_)) if until as u64 > now => {
                let until = until as u64;
                next = Some(next.map_or(until, |next| next.min(until)));
            }
            (_, Some(key)) => over.push(key),
            (_, None) => {}
        });
        match next {
            None => storage.delete_all().await,
            Some(until) => {
                storage.delete_multiple(over).await?;
                storage.set_alarm(alarm_at(until)).await
            }
        }
    }
}

fn tombstone(session: Uuid) -> String {
    format!("ended:{}", session.simple())
}

/// An alarm at a time given in seconds since 1970.
fn alarm_at(seconds: u64) -> std::time::Duration {
    let now = Machine.now_ms() / 1_000;
    std::time::Duration::from_secs(seconds.saturating_sub(now).saturating_add(1))
}

fn context(sealed: Sealed, own_token: Option<String>, config: &Config) -> Context {
    let token = match sealed.principal.own_credential {
        true => own_token.map(|token| Secret::new(token.trim())),
        false => config.sitebay_token.clone(),
    };
    Context {
        principal: Rc::new(sealed.principal),
        client: Rc::new(Client {
            name: sealed.claims.client_name,
            version: sealed.claims.client_version,
        }),
        account: Rc::new(Account { base_url: config.sitebay_url.clone(), token }),
        platform: Rc::new(Machine),
        notifier: Rc::new(Nobody),
    }
}

/// Stands in the session's context until a request puts its own way back there.
struct Nobody;

impl Notifier for Nobody {
    fn progress(&self, _progress: f64, _total: Option<f64>, _message: Option<&str>) {}

    fn tools_changed(&self) {}
}

/// The sockets on which the Worker holds a session's long-lived stream.
struct HeldStream {
    state: Rc<State>,
    tag: String,
}

impl Announce for HeldStream {
    fn announce(&self, message: &str) -> bool {
        let sockets = self.state.get_websockets_with_tag(&self.tag);
        // Each message goes to exactly one stream; a closing socket refuses it.
        sockets.iter().any(|socket| socket.send_with_str(message).is_ok())
    }
}
