//! The sessions of one object: in memory while they are used, else in rows and with their sockets.
//!
//! Invariant: a session that was ended is never opened again: its row outlives its id, and a request that read
//! the row before the end reads it once more.

mod registration;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures_util::FutureExt as _;
use uuid::Uuid;
use worker::{Env, Result, State, WebSocket};

use registration::Registration;

use crate::{
    objects::{
        rows::{CLOCK_ERROR, Rows},
        session_store::{ObjectSessionStore, RowKeys},
        upstream_sessions::{KeptSessions, UPSTREAM, end_rows},
    },
    platform::{
        clock::now_s,
        object::wait_until,
        socket::{self, ENDED, SUPERSEDED},
        workers::WorkersPlatform,
    },
    state,
};
use gateway::{listen::outdated::Outdated, relay::pool::Pool};
use mcp_auth::session_id::Claims;
use mcp_platform::record::Record as _;
use mcp_server::{
    notifier::ChangeEvent,
    session::{
        Negotiated, RecentStreams, Session, SessionStore as _, Settings,
        record::{Attachment, SessionRow, StoredSession},
    },
};

/// Sessions kept in memory; with more, those that no request uses are forgotten.
const MAX_SESSIONS: usize = 1_000;
/// Bytes that they may keep in memory, besides their calls.
const MAX_BYTES: usize = 16 * 1024 * 1024;
/// How long what a client set outlives its last stream or call, in seconds.
pub const KEEP_SETTINGS: u64 = 1_800;

/// What the keys of sessions' rows begin with.
const SETTINGS: &str = "session:";

/// The key of a session's row.
pub(crate) fn settings_key(session: Uuid) -> String {
    format!("{SETTINGS}{}", session.simple())
}

/// The sessions with upstreams that belong to a session, which may be no longer in memory.
struct OwnedPool {
    owner: Uuid,
    /// When that session was issued, in seconds since 1970.
    issued: u32,
    pool: Rc<Pool>,
}

/// All sessions of an object.
pub struct Sessions {
    state: Rc<State>,
    env: Env,
    rows: Rc<Rows>,
    /// Names this life of the object in event ids.
    incarnation: String,
    open: RefCell<Vec<Rc<Session>>>,
    /// The ended streams of all sessions.
    pub recent: Rc<RecentStreams>,
    /// The next number of a stream or a question, for all sessions.
    numbers: Rc<Cell<u32>>,
    registered: Cell<Registration>,
    /// News that are about to be announced, and the sessions in which they arose.
    waiting: RefCell<Vec<(Uuid, ChangeEvent)>>,
    /// Sessions that were issued then or before are ended, as far as this incarnation knows.
    not_before: Cell<u32>,
    /// Whether the last message came with a SiteBay token that is unverified.
    unverified: Cell<bool>,
    /// How often sessions were ended: a row that was read before the last time may be older than it.
    ends: Cell<u32>,
    /// The sessions with upstreams, of each session that used any lately.
    pools: RefCell<Vec<OwnedPool>>,
}

impl Sessions {
    /// Those of the object with this state.
    pub fn new(state: Rc<State>, env: Env) -> Self {
        let incarnation = Uuid::new_v4().simple().to_string();
        Self {
            rows: Rc::new(Rows::key_value(state.clone())),
            state,
            env,
            incarnation: incarnation.chars().take(8).collect(),
            open: RefCell::default(),
            recent: Rc::default(),
            numbers: Rc::default(),
            registered: Cell::new(Registration::Unknown),
            waiting: RefCell::default(),
            not_before: Cell::new(0),
            unverified: Cell::new(false),
            ends: Cell::new(0),
            pools: RefCell::default(),
        }
    }

    /// Names this life of the object.
    pub fn incarnation(&self) -> &str {
        &self.incarnation
    }

    /// Notes that a message came with a SiteBay token that is unverified.
    pub fn distrust(&self) {
        self.unverified.set(true);
    }

    /// Whether a registration at the hub was skipped because the token was unverified.
    pub fn is_unverified(&self) -> bool {
        self.unverified.get()
    }

    /// The session in memory. None: it was ended.
    pub async fn get(self: &Rc<Self>, claims: &Claims) -> Result<Option<Rc<Session>>> {
        if let Some(session) = self.known(claims.session) {
            return Ok(Some(session).filter(|session| !session.is_ended()));
        }
        let kept = loop {
            let ends = self.ends.get();
            let kept = self.rows.get(&settings_key(claims.session)).await?;
            if self.ends.get() == ends {
                break kept;
            }
        };
        let row = kept.as_deref().and_then(SessionRow::from_json);
        if row == Some(SessionRow::Ended) || claims.issued <= self.not_before.get() {
            return Ok(None);
        }
        let settings = row.and_then(SessionRow::open).map(|stored| stored.settings);
        // Another message may have come first while this one read.
        let session = self.known(claims.session).unwrap_or_else(|| {
            let keeper = Rc::new(ObjectSessionStore {
                state: self.state.clone(),
                env: self.env.clone(),
                rows: self.rows.clone(),
                claims: claims.clone(),
                sessions: Rc::downgrade(self),
                answers: RowKeys::default(),
                moved: RowKeys::default(),
                ended: Cell::new(false),
            });
            let settings = settings.unwrap_or_default();
            let (name, shared) = (&self.incarnation, (self.recent.clone(), self.numbers.clone()));
            let session = Rc::new(Session::new(claims, name, settings, shared, keeper));
            let mut open = self.open.borrow_mut();
            let bytes = open.iter().map(|session| session.weight()).sum::<usize>();
            if open.len() >= MAX_SESSIONS || bytes > MAX_BYTES {
                // A request that is under way holds its session. Two objects of one session would
                // not know that the other was ended.
                open.retain(|session| Rc::strong_count(session) > 1);
            }
            open.push(session.clone());
            session
        });
        if let Some(negotiated) = self.negotiated(claims.session) {
            session.set_negotiated(negotiated);
        }
        Ok(Some(session))
    }

    /// The session where it is in memory.
    fn known(&self, session: Uuid) -> Option<Rc<Session>> {
        self.open.borrow().iter().find(|known| known.id == session).cloned()
    }

    /// The sessions with upstreams that belong to a session.
    pub fn pool(&self, session: &Session) -> Rc<Pool> {
        let mut pools = self.pools.borrow_mut();
        if let Some(owned) = pools.iter().find(|owned| owned.owner == session.id) {
            return owned.pool.clone();
        }
        if pools.len() >= MAX_SESSIONS {
            // Those that no call uses are opened again from what is kept of them.
            pools.retain(|owned| Rc::strong_count(&owned.pool) > 1);
        }
        let owner = session.id.simple().to_string();
        let keeper = KeptSessions::new(self.env.clone(), self.rows.clone(), owner);
        let pool = Pool::new(Rc::new(WorkersPlatform), state::upstreams(), Rc::new(keeper));
        let pool = Rc::new(pool);
        pools.push(OwnedPool { owner: session.id, issued: session.issued, pool: pool.clone() });
        pool
    }

    /// Ends the sessions with upstreams that belong to sessions which have ended: those in memory whose owner and
    /// time of issue are `over`, and the stored ones of `owners`.
    fn end_pools(&self, over: impl Fn(Uuid, u32) -> bool, mut owners: Vec<Uuid>) {
        if state::config(&self.env).upstreams.is_empty() {
            return;
        }
        let ended: Vec<OwnedPool> = self
            .pools
            .borrow_mut()
            .extract_if(.., |owned| over(owned.owner, owned.issued))
            .collect();
        ended.iter().for_each(|owned| owned.pool.stop());
        owners.extend(ended.iter().map(|owned| owned.owner));
        let (env, rows) = (self.env.clone(), self.rows.clone());
        let work = async move {
            for owned in ended {
                owned.pool.end().await;
            }
            let is_over =
                |row: &str, _| upstream_owner(row).is_some_and(|owner| owners.contains(&owner));
            if let Err(error) = end_rows(&env, &rows, &is_over).await {
                log::error!("sessions with upstreams could not be ended: {error}");
            }
        };
        wait_until(&self.state, work.boxed_local());
    }

    /// Whether a long-lived stream of the session is open.
    pub fn has_stream(&self, session: Uuid) -> bool {
        !self.sockets(session).is_empty()
    }

    /// Opens the session's long-lived stream over a socket that lets the object sleep. A new one
    /// replaces the old one at once: a client that lost its connection must not have to wait.
    pub async fn open_stream(
        &self,
        session: &Session,
        claims: &Claims,
        carries_everything: bool,
    ) -> Result<WebSocket> {
        self.close_streams(session.id, SUPERSEDED, "replaced by a newer stream");
        let negotiated = carries_everything.then(Negotiated::default);
        let text = Attachment { claims: claims.clone(), negotiated: negotiated.clone() }.to_json();
        let pair = socket::accept(&self.state, &[&session.id.to_string()], &text)?;
        if let Some(negotiated) = negotiated {
            session.set_negotiated(negotiated);
        }
        if session.watches() && !state::config(&self.env).upstreams.is_empty() {
            socket::send(&pair.server, &session.watching().to_text());
        }
        for news in session.take_news() {
            socket::send(&pair.server, &news);
        }
        // A client whose stream is open receives every change from then on.
        self.register(claims).await;
        Ok(pair.client)
    }

    /// Ends a session, until its id has run out. Requests that are under way find it ended in the
    /// same turn, so that none of them writes over the row.
    pub async fn end(self: &Rc<Self>, claims: &Claims) -> Result<()> {
        let session = self.known(claims.session);
        self.end_in_memory(|known| known.id == claims.session);
        self.end_pools(|owner, _| owner == claims.session, vec![claims.session]);
        self.close_streams(claims.session, ENDED, "the session was ended");
        let until = u64::from(claims.expires).saturating_add(CLOCK_ERROR);
        self.rows.put(&settings_key(claims.session), &SessionRow::Ended.to_row(), until).await?;
        // The end of a stream is heard of by itself.
        if session.is_some_and(|session| session.watches()) {
            let (sessions, claims) = (self.clone(), claims.clone());
            let left = async move { sessions.leave(&claims).await };
            wait_until(&self.state, left.boxed_local());
        }
        Ok(())
    }

    /// Ends those of the sessions in memory.
    fn end_in_memory(&self, those: impl Fn(&Session) -> bool) {
        self.ends.set(self.ends.get().wrapping_add(1));
        self.open.borrow_mut().retain(|session| {
            if those(session) {
                session.end();
            }
            !session.is_ended()
        });
    }

    /// Keeps a session's settings, unless it was ended.
    pub async fn save(&self, claims: &Claims, settings: &Settings, session: &ObjectSessionStore) {
        if session.is_ended() {
            return;
        }
        let stored = StoredSession { claims: claims.clone(), settings: settings.clone() };
        let text = SessionRow::Open(stored).to_row();
        let until = now_s().saturating_add(KEEP_SETTINGS);
        // The row is written in the turn in which the session was not ended yet.
        if let Err(error) = self.rows.put(&settings_key(claims.session), &text, until).await {
            log::error!("the settings of a session could not be stored: {error}");
        }
        // A client that watches a resource is notified of its next change, wherever that arises.
        if !settings.subscriptions.is_empty() && !session.is_ended() {
            self.register(claims).await;
        }
    }

    /// The Worker that holds a stream heard that a list of an upstream is old.
    pub fn outdate(&self, socket: &WebSocket, text: &str) {
        if let (Some(outdated), Some(kept)) = (Outdated::from_json(text), attachment(socket)) {
            outdated.note(&state::upstreams(), kept.claims.subject);
        }
    }

    /// A stream's socket has gone.
    pub async fn left(&self, socket: &WebSocket) -> Result<()> {
        if let Some(attachment) = attachment(socket) {
            self.leave(&attachment.claims).await;
        }
        Ok(())
    }

    /// Removes the rows whose end has come, but for settings of a session that is in use.
    pub async fn clear(&self) -> Result<()> {
        let watching = self.watching().await?;
        let now = now_s();
        let is_over = |row: &str, until: u64| until.max(self.in_use_until(row)) <= now;
        for key in end_rows(&self.env, &self.rows, &is_over).await? {
            self.release(&key);
        }
        self.rows.clear(&|key| self.in_use_until(key)).await?;
        if let Some(claims) = watching.first() {
            self.leave(claims).await;
        }
        Ok(())
    }

    /// Whether a request of a session runs at an upstream.
    fn calls_upstreams(&self, session: Uuid) -> bool {
        let pools = self.pools.borrow();
        pools.iter().any(|owned| owned.owner == session && owned.pool.is_in_use())
    }

    /// Lets go of a session with an upstream, whose row had this key behind its prefix.
    fn release(&self, key: &str) {
        let Some((owner, key)) = key.split_once(':') else { return };
        let pools = self.pools.borrow();
        let is_its = |owned: &&OwnedPool| Uuid::parse_str(owner) == Ok(owned.owner);
        if let Some(owned) = pools.iter().find(is_its) {
            owned.pool.release(key);
        }
    }

    /// Ends the sessions that were issued then or before. Returns false if none is left.
    pub async fn end_until(&self, not_before: u32) -> Result<bool> {
        self.not_before.set(self.not_before.get().max(not_before));
        self.end_in_memory(|session| session.issued <= not_before);
        for socket in self.state.get_websockets() {
            if attachment(&socket).is_none_or(|kept| kept.claims.issued <= not_before) {
                socket::close(&socket, ENDED, "the sessions were ended");
            }
        }
        let mut over = Vec::new();
        let mut show = |session: &str, text: &str| {
            if stored(text).is_some_and(|stored| stored.claims.issued <= not_before) {
                over.push(format!("{SETTINGS}{session}"));
            }
        };
        self.rows.each(SETTINGS, &mut show).await?;
        let owners =
            over.iter().filter_map(|key| Uuid::parse_str(key.strip_prefix(SETTINGS)?).ok());
        self.end_pools(|_, issued| issued <= not_before, owners.collect());
        self.rows.remove(over).await?;
        let listening = !self.listening().await?.is_empty();
        Ok(self.is_heard(listening))
    }

    fn sockets(&self, session: Uuid) -> Vec<WebSocket> {
        self.state.get_websockets_with_tag(&session.to_string())
    }

    fn close_streams(&self, session: Uuid, code: u16, reason: &str) {
        for socket in self.sockets(session) {
            socket::close(&socket, code, reason);
        }
    }

    /// The client's `initialize` parameters on a stream of 2024-11-05.
    fn negotiated(&self, session: Uuid) -> Option<Negotiated> {
        attachment(self.sockets(session).first()?)?.negotiated
    }

    /// When the settings of a session that streams or was used lately are over.
    fn in_use_until(&self, key: &str) -> u64 {
        let settings = key.strip_prefix(SETTINGS).and_then(|id| Uuid::parse_str(id).ok());
        let Some(id) = settings.or_else(|| upstream_owner(key)) else {
            return 0;
        };
        if self.has_stream(id) || self.calls_upstreams(id) {
            return now_s().saturating_add(KEEP_SETTINGS);
        }
        let used = self.known(id).map_or(0, |session| session.used_at());
        used.saturating_add(KEEP_SETTINGS)
    }
}

/// The session whose session with an upstream a row keeps.
fn upstream_owner(key: &str) -> Option<Uuid> {
    Uuid::parse_str(key.strip_prefix(UPSTREAM)?.split(':').next()?).ok()
}

/// What a row keeps of a session that goes on.
fn stored(text: &str) -> Option<StoredSession> {
    SessionRow::from_json(text)?.open()
}

fn attachment(socket: &WebSocket) -> Option<Attachment> {
    Attachment::from_json(&socket::attached(socket)?)
}
