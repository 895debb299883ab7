//! The sessions of one object: in memory while they are used, else in rows and with their sockets.
//!
//! Invariant: the subject's hub knows of the object while one of its sessions has a reason to hear of
//! changes that arise elsewhere: a long-lived stream, or a subscription. Nothing else asks the hub.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_util::FutureExt as _;
use uuid::Uuid;
use worker::{Env, Result, State, WebSocket};

use crate::{
    access::{principal::Principal, secret::Secret},
    agents::{
        rows::{CLOCK_ERROR, Rows, now_s},
        session::{Greeted, ObjectKeeper, Session, Settings, kept},
        socket::{self, ENDED, SUPERSEDED},
    },
    protocol::session_id::{Claims, Placement},
    runtime::object::keep,
    server::{notify::News, registry},
    transport::hub::Hub,
};

/// Sessions kept in memory; with more, those without a running call are forgotten first.
const MAX_SESSIONS: usize = 1_000;
/// How long what a client set outlives its last stream or call, in seconds.
pub const KEEP_SETTINGS: u64 = 1_800;

/// The row of a session that was ended.
const END: &str = "end";
const SETTINGS: &str = "session:";

/// The key of a session's row.
pub fn settings_key(session: Uuid) -> String {
    format!("{SETTINGS}{}", session.simple())
}

/// What the hub knows of this object.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Registered {
    /// Whatever it was told by an earlier life of the object.
    Unknown,
    /// Nothing.
    No,
    /// That it is to be told, until then.
    Until(u64),
}

/// All sessions of an object.
pub struct Sessions {
    state: Rc<State>,
    env: Env,
    rows: Rc<Rows>,
    /// Names this life of the object in event ids.
    incarnation: String,
    open: RefCell<Vec<Rc<Session>>>,
    registered: Cell<Registered>,
    /// News that are about to be announced, and the sessions in which they arose.
    waiting: RefCell<Vec<(Uuid, News)>>,
    /// Sessions that were issued then or before are ended, as far as this life was told.
    not_before: Cell<u32>,
}

impl Sessions {
    /// Those of the object with this state.
    pub fn new(state: Rc<State>, env: Env) -> Self {
        let incarnation = Uuid::new_v4().simple().to_string();
        Self {
            rows: Rc::new(Rows::new(state.clone())),
            state,
            env,
            incarnation: incarnation.chars().take(8).collect(),
            open: RefCell::default(),
            registered: Cell::new(Registered::Unknown),
            waiting: RefCell::default(),
            not_before: Cell::new(0),
        }
    }

    /// Names this life of the object.
    pub fn incarnation(&self) -> &str {
        &self.incarnation
    }

    /// The session in memory. None: it was ended.
    pub async fn get(self: &Rc<Self>, claims: &Claims) -> Result<Option<Rc<Session>>> {
        if claims.issued <= self.not_before.get() {
            return Ok(None);
        }
        if let Some(session) = self.known(claims.session) {
            return Ok(Some(session));
        }
        let kept = self.rows.get(&settings_key(claims.session)).await?;
        if kept.as_deref() == Some(END) {
            return Ok(None);
        }
        let settings = kept.as_deref().and_then(kept::read).map(|(_, text)| settings(text));
        // Another message may have come first while this one read.
        let session = self.known(claims.session).unwrap_or_else(|| {
            let keeper = Rc::new(ObjectKeeper {
                state: self.state.clone(),
                env: self.env.clone(),
                rows: self.rows.clone(),
                claims: claims.clone(),
                sessions: Rc::downgrade(self),
                answers: RefCell::default(),
            });
            let settings = settings.unwrap_or_default();
            let session = Rc::new(Session::new(claims, &self.incarnation, settings, keeper));
            let mut open = self.open.borrow_mut();
            if open.len() >= MAX_SESSIONS {
                open.retain(|session| session.is_busy());
            }
            open.push(session.clone());
            session
        });
        if let Some(greeted) = self.greeted(claims.session) {
            session.greet(greeted);
        }
        Ok(Some(session))
    }

    /// The session where it is in memory.
    fn known(&self, session: Uuid) -> Option<Rc<Session>> {
        self.open.borrow().iter().find(|known| known.id == session).cloned()
    }

    /// Whether a long-lived stream of the session is open.
    pub fn has_stream(&self, session: Uuid) -> bool {
        !self.sockets(session).is_empty()
    }

    /// Opens the session's long-lived stream over a socket that lets the object sleep. A new one
    /// replaces the old one at once: a client that lost its connection must not be told to wait.
    pub async fn open_stream(
        &self,
        session: &Session,
        claims: &Claims,
        carries_everything: bool,
    ) -> Result<WebSocket> {
        self.close_streams(session.id, SUPERSEDED, "replaced by a newer stream");
        let greeted = carries_everything.then(Greeted::default);
        let said = greeted.as_ref().map(Greeted::to_attachment).unwrap_or_default();
        let text = kept::write(claims, &said);
        let pair = socket::accept(&self.state, &[&session.id.to_string()], &text)?;
        if let Some(greeted) = greeted {
            session.greet(greeted);
        }
        for news in session.take_news() {
            socket::send(&pair.server, &news);
        }
        // Whoever sees its stream open hears of everything from then on.
        self.register(claims).await;
        Ok(pair.client)
    }

    /// Ends a session, until its id has run out.
    pub async fn end(self: &Rc<Self>, claims: &Claims) -> Result<()> {
        let session = self.known(claims.session);
        self.open.borrow_mut().retain(|known| known.id != claims.session);
        self.close_streams(claims.session, ENDED, "the session was ended");
        let until = u64::from(claims.expires).saturating_add(CLOCK_ERROR);
        self.rows.put(&settings_key(claims.session), END, until).await?;
        // The end of a stream is heard of by itself.
        if session.is_some_and(|session| session.watches()) {
            let (sessions, claims) = (self.clone(), claims.clone());
            let left = async move { sessions.leave(&claims).await };
            keep(&self.state, left.boxed_local());
        }
        Ok(())
    }

    /// A stream's socket has gone.
    pub async fn left(&self, socket: &WebSocket) -> Result<()> {
        let kept = socket::attached(socket);
        if let Some((claims, _)) = kept.as_deref().and_then(kept::read) {
            self.leave(&claims).await;
        }
        Ok(())
    }

    /// Removes the rows whose end has come, but for settings of a session that is in use.
    pub async fn clear(&self) -> Result<()> {
        let watching = self.watching().await?;
        self.rows.clear(&|key| self.in_use_until(key)).await?;
        if let Some(claims) = watching.first() {
            self.leave(claims).await;
        }
        Ok(())
    }

    /// Notes news that are about to be announced; false where the same wait for that already: to be
    /// told the same twice at once is to be told once.
    pub fn is_first(&self, origin: &Claims, news: &News) -> bool {
        let mut waiting = self.waiting.borrow_mut();
        let known =
            waiting.iter().any(|(session, known)| *session == origin.session && known == news);
        if !known {
            waiting.push((origin.session, news.clone()));
        }
        !known
    }

    /// Tells everybody of the subject what changed in one of these sessions, which knows it.
    pub async fn announce(self: &Rc<Self>, origin: &Claims, news: &News) {
        let told = |waiting: &(Uuid, News)| waiting.0 == origin.session && waiting.1 == *news;
        self.waiting.borrow_mut().retain(|waiting| !told(waiting));
        // Alone in its object, the session that knows it is all there is.
        if origin.placement == Placement::Subject
            && let Err(error) = self.tell(news, Some(origin.session)).await
        {
            crate::fault!("sessions of the same object were not told: {error}");
        }
        Hub::new(&self.env, origin.subject).announce_from(origin.object(), news).await;
    }

    /// Tells the sessions that have a reason to hear of changes, but for one. False: there is none.
    pub async fn tell(self: &Rc<Self>, news: &News, but: Option<Uuid>) -> Result<bool> {
        let listening = self.listening().await?;
        for claims in listening.iter().filter(|claims| Some(claims.session) != but) {
            if let Some(session) = self.get(claims).await? {
                session.tell(news);
            }
        }
        Ok(self.is_heard(!listening.is_empty()))
    }

    /// Ends the sessions that were issued then or before. False: nobody is left.
    pub async fn end_until(&self, not_before: u32) -> Result<bool> {
        self.not_before.set(self.not_before.get().max(not_before));
        for socket in self.state.get_websockets() {
            let kept = socket::attached(&socket);
            let kept = kept.as_deref().and_then(kept::read);
            if kept.is_none_or(|(claims, _)| claims.issued <= not_before) {
                socket::close(&socket, ENDED, "the sessions were ended");
            }
        }
        let rows = self.rows.texts(SETTINGS).await?;
        let over = |text: &str| kept::read(text).is_some_and(|(c, _)| c.issued <= not_before);
        let over = rows.into_iter().filter(|(_, text)| over(text)).map(|(key, _)| key);
        self.rows.remove(over.collect()).await?;
        let listening = !self.listening().await?.is_empty();
        Ok(self.is_heard(listening))
    }

    /// Has the hub tell this object of changes until the session's id runs out.
    pub async fn register(&self, claims: &Claims) {
        let until = u64::from(claims.expires);
        if matches!(self.registered.get(), Registered::Until(known) if known >= until) {
            return;
        }
        match Hub::new(&self.env, claims.subject).watch(claims.object(), until).await {
            Ok(()) => self.registered.set(Registered::Until(until)),
            Err(error) => crate::fault!("changes elsewhere will not be heard: {error}"),
        }
    }

    /// Has the hub look at what the sessions watch, with what a caller brings, or brought before.
    pub async fn look(&self, claims: &Claims, who: Option<(&Principal, Option<&Secret>)>) {
        let uris = self.watched().await.unwrap_or_default();
        let (hub, until) = (Hub::new(&self.env, claims.subject), u64::from(claims.expires));
        if let Err(error) = hub.look(claims.object(), until, &uris, who).await {
            crate::fault!("what is watched will not be looked at: {error}");
        }
    }

    /// The resources that are watched and change by themselves.
    async fn watched(&self) -> Result<Vec<String>> {
        let rows = self.rows.texts(SETTINGS).await?;
        let kept = rows.iter().filter_map(|(_, text)| kept::read(text));
        let mut uris: Vec<String> =
            kept.flat_map(|(_, text)| settings(text).subscriptions).collect();
        uris.retain(|uri| registry::is_watchable(uri));
        uris.sort_unstable();
        uris.dedup();
        Ok(uris)
    }

    /// Has the hub tell this object no more, where nobody listens.
    async fn leave(&self, claims: &Claims) {
        if self.registered.get() == Registered::No {
            return;
        }
        if self.has_listeners().await {
            // Others may go on watching less.
            if claims.placement == Placement::Subject {
                self.look(claims, None).await;
            }
            return;
        }
        self.registered.set(Registered::No);
        if let Err(error) = Hub::new(&self.env, claims.subject).unwatch(claims.object()).await {
            // The hub finds out with its next news.
            crate::fault!("the hub does not know that nobody listens: {error}");
        }
        // Whoever came in the meantime may have been taken off again.
        if let Ok(listening) = self.listening().await
            && let Some(claims) = listening.iter().max_by_key(|claims| claims.expires)
        {
            self.registered.set(Registered::No);
            self.register(claims).await;
        }
    }

    /// Notes that the hub forgets this object where nobody listens. A stream that was opened while
    /// others were told counts.
    fn is_heard(&self, listening: bool) -> bool {
        let heard = listening || self.state.get_websockets().iter().any(socket::is_open);
        if !heard {
            self.registered.set(Registered::No);
        }
        heard
    }

    async fn has_listeners(&self) -> bool {
        // What cannot be read may be there.
        self.listening().await.map_or(true, |listening| !listening.is_empty())
    }

    /// The sessions that have a reason to hear of changes.
    async fn listening(&self) -> Result<Vec<Claims>> {
        let mut listening = self.watching().await?;
        for socket in self.state.get_websockets() {
            let kept = socket::attached(&socket).filter(|_| socket::is_open(&socket));
            if let Some((claims, _)) = kept.as_deref().and_then(kept::read)
                && listening.iter().all(|known| known.session != claims.session)
            {
                listening.push(claims);
            }
        }
        Ok(listening)
    }

    /// The sessions with subscriptions.
    async fn watching(&self) -> Result<Vec<Claims>> {
        let rows = self.rows.texts(SETTINGS).await?;
        let kept = rows.iter().filter_map(|(_, text)| kept::read(text));
        let watching = kept.filter(|(_, text)| !settings(text).subscriptions.is_empty());
        Ok(watching.map(|(claims, _)| claims).collect())
    }

    fn sockets(&self, session: Uuid) -> Vec<WebSocket> {
        self.state.get_websockets_with_tag(&session.to_string())
    }

    fn close_streams(&self, session: Uuid, code: u16, reason: &str) {
        for socket in self.sockets(session) {
            socket::close(&socket, code, reason);
        }
    }

    /// What a client said of itself on a stream that carries everything.
    fn greeted(&self, session: Uuid) -> Option<Greeted> {
        let kept = socket::attached(self.sockets(session).first()?)?;
        Greeted::from_attachment(kept::read(&kept)?.1)
    }

    /// When the settings of a session that streams or was used lately are over.
    fn in_use_until(&self, key: &str) -> u64 {
        let Some(id) = key.strip_prefix(SETTINGS).and_then(|id| Uuid::parse_str(id).ok()) else {
            return 0;
        };
        if self.has_stream(id) {
            return now_s().saturating_add(KEEP_SETTINGS);
        }
        let used = self.known(id).map_or(0, |session| session.used_at());
        used.saturating_add(KEEP_SETTINGS)
    }
}

fn settings(text: &str) -> Settings {
    Settings::from_json(text).unwrap_or_default()
}
