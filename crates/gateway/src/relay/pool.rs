//! The sessions with upstreams that one object keeps: one for each upstream and each set of capabilities
//! that were declared to it.
//!
//! Invariant: a session is opened at the first request, and once although several requests wait for it, also
//! where that fails. One that the upstream no longer knows is opened anew, once. Requests have their own trail.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use futures_channel::oneshot;
use futures_util::future::LocalBoxFuture;
use mcp_auth::secret::Secret;
use mcp_client::{
    connection::Connection,
    era::{Era, Handshake, handshake, may_have_changed},
    error::UpstreamError,
    request::{Declaration, first_id},
    sse_2024,
    upstream::Upstream as Address,
};
use mcp_platform::SharedPlatform;
use mcp_protocol::capabilities::ClientCapabilities;
use mcp_server::remote::About;

use super::{
    Peer,
    kept::{self, KEPT_FOR, KeptSession},
    questions::{declared, declared_without_session},
    sse::SharedLink,
};
use crate::{
    breaker::Refused,
    memory::{Generation, Memory, Running, Target, about},
};

/// Sessions with one upstream in memory. The headers of clients tell them apart, so that clients choose how many there are; one
/// that makes room is opened again, from what is kept of it where that is kept.
const MAX_PEERS: usize = 32;

/// Where an object keeps the sessions over the end of its memory.
pub trait SessionKeeper {
    /// What was kept under a key.
    fn kept(&self, key: &str) -> LocalBoxFuture<'static, Option<Secret>>;

    /// Keeps a text under a key, or forgets it.
    fn keep(&self, key: &str, text: Option<Secret>) -> LocalBoxFuture<'static, ()>;
}

/// An upstream with a session, as a pool opened it.
#[derive(Clone)]
pub struct Opened {
    /// The upstream.
    pub peer: Peer,
    /// Tells it from one that was opened before or later.
    number: u64,
    /// What the upstream said of itself.
    about: Rc<About>,
    /// When the session was stored, in seconds since 1970. 0: it was not.
    stored_s: Rc<Cell<u64>>,
    /// When it was used, in uses of the pool.
    used: Rc<Cell<u64>>,
}

impl Opened {
    /// What the upstream said of itself to this caller.
    pub fn about(&self) -> About {
        (*self.about).clone()
    }

    /// The same with the trail of a request.
    fn for_request(mut self, route: &Route) -> Self {
        if let Peer::Http(connection) = &mut self.peer {
            *connection = connection.of_request(&route.address);
        }
        self
    }
}

type Outcome = Result<(), UpstreamError>;

/// The sessions.
pub struct Pool {
    platform: SharedPlatform,
    memory: Rc<Memory>,
    keeper: Rc<dyn SessionKeeper>,
    peers: RefCell<BTreeMap<String, Opened>>,
    opening: RefCell<BTreeMap<String, Vec<oneshot::Sender<Outcome>>>>,
    opened: Cell<u64>,
    uses: Cell<u64>,
    /// Requests that run.
    running: Cell<usize>,
    ended: Cell<bool>,
}

/// A request that runs in a pool.
pub(super) struct InUse<'a>(&'a Pool);

impl Drop for InUse<'_> {
    fn drop(&mut self) {
        self.0.running.set(self.0.running.get().saturating_sub(1));
    }
}

/// How an upstream is reached for one caller.
#[derive(Clone)]
pub struct Route {
    /// Its configured name.
    pub name: Rc<str>,
    /// The stack to which the request goes, where the upstream has several.
    pub stack: Option<Rc<str>>,
    /// Its address and credential.
    pub address: Address,
    /// The wire that the configuration names.
    pub era: Option<Era>,
    /// What the client in front can be asked.
    pub capabilities: ClientCapabilities,
    /// `clientInfo` for the upstream: the text of an object.
    pub client_info: Rc<str>,
    /// What was forgotten of the upstream before.
    pub generation: Generation,
}

impl Route {
    /// Where requests fail together.
    pub fn target(&self) -> Target<'_> {
        (&self.name, self.stack.as_deref())
    }

    /// Asks whether a request may be sent.
    ///
    /// # Errors
    /// Where the upstream failed too often there.
    pub fn admit(&self, memory: &Rc<Memory>, now_ms: u64) -> Result<Running, Refused> {
        memory.admit((&self.name, self.stack.as_ref()), now_ms)
    }

    /// What the upstream is told of its client.
    pub fn declaration(&self) -> Declaration {
        let client_info = self.client_info.to_string();
        Declaration { client_info, capabilities: declared(self.capabilities) }
    }

    /// The same where the client has no session, and its request goes straight to the upstream.
    pub fn stateless_declaration(&self) -> Declaration {
        let capabilities = declared_without_session(self.capabilities);
        Declaration { client_info: self.client_info.to_string(), capabilities }
    }

    /// Names the session: by the upstream, what was declared to it, and where and as whom it is called.
    pub fn key(&self) -> String {
        kept::key(self)
    }

    /// HTTP with SSE sends the trail with which its stream was opened.
    fn key_on_trail(&self) -> String {
        let trail = self.address.endpoint().trail.as_ref();
        format!("{} {}", self.key(), trail.map_or("", |trail| trail.as_str()))
    }
}

impl Pool {
    /// A pool without sessions.
    pub fn new(
        platform: SharedPlatform,
        memory: Rc<Memory>,
        keeper: Rc<dyn SessionKeeper>,
    ) -> Self {
        Self {
            platform,
            memory,
            keeper,
            peers: RefCell::default(),
            opening: RefCell::default(),
            opened: Cell::default(),
            uses: Cell::default(),
            running: Cell::default(),
            ended: Cell::default(),
        }
    }

    /// The upstream with a session. What it said of itself is in the memory then.
    ///
    /// # Errors
    /// Where none can be opened, which all hear that waited for it, and where the pool has ended.
    pub async fn peer(&self, route: &Route) -> Result<Opened, UpstreamError> {
        let key = route.key();
        loop {
            if self.ended.get() {
                return Err(over());
            }
            if let Some(opened) = self.known(&key, route) {
                self.renew(&key, &opened).await;
                self.recall(route, &opened);
                return Ok(opened.for_request(route));
            }
            let waits = match self.opening.borrow_mut().get_mut(&key) {
                Some(waiting) => {
                    let (opened, waits) = oneshot::channel();
                    waiting.push(opened);
                    Some(waits)
                }
                None => None,
            };
            match waits {
                // Who opens it wakes the others. Where it gave up, another one opens it.
                Some(waits) => {
                    if let Ok(Err(error)) = waits.await {
                        return Err(error);
                    }
                }
                None => {
                    let mut opening = Opening::begin(self, &key);
                    let opened = self.open_and_keep(route, &key).await;
                    opening.outcome = Some(opened.as_ref().map(|_| ()).map_err(Clone::clone));
                    return opened;
                }
            }
        }
    }

    fn known(&self, key: &str, route: &Route) -> Option<Opened> {
        let is_usable =
            |opened: &&Opened| !matches!(&opened.peer, Peer::Sse(link) if link.is_broken());
        let peers = self.peers.borrow();
        let found = peers.get(key).or_else(|| peers.get(&route.key_on_trail()));
        found.filter(is_usable).inspect(|opened| self.note_use(opened)).cloned()
    }

    fn note_use(&self, opened: &Opened) {
        opened.used.set(self.uses.replace(self.uses.get().saturating_add(1)));
    }

    /// Keeps a session in memory. Where there are too many, the one that was used longest ago makes room; requests that
    /// run in it go on.
    fn insert(&self, key: String, opened: Opened) {
        self.note_use(&opened);
        let mut peers = self.peers.borrow_mut();
        let upstream = key.split(':').next().unwrap_or_default();
        let are_its = |known: &&String| known.split(':').next() == Some(upstream);
        if peers.keys().filter(are_its).count() >= MAX_PEERS && !peers.contains_key(&key) {
            let its = peers.iter().filter(|(known, _)| are_its(known));
            let oldest = its.min_by_key(|(_, opened)| opened.used.get());
            let oldest = oldest.map(|(key, _)| key.clone());
            oldest.and_then(|oldest| peers.remove(&oldest));
        }
        peers.insert(key, opened);
    }

    /// Notes that a request runs, until what is returned is dropped.
    pub(super) fn in_use(&self) -> InUse<'_> {
        self.running.set(self.running.get().saturating_add(1));
        InUse(self)
    }

    /// Whether a request runs in one of the sessions.
    pub fn is_in_use(&self) -> bool {
        self.running.get() > 0
    }

    async fn open_and_keep(&self, route: &Route, key: &str) -> Result<Opened, UpstreamError> {
        let opened = match self.restored(route, key).await {
            Some(restored) => restored,
            None => {
                let opened = self.open(route).await?;
                if !self.ended.get() {
                    self.store(key, &opened).await;
                }
                opened
            }
        };
        if self.ended.get() {
            if let Peer::Http(connection) = &opened.peer {
                connection.close().await;
            }
            return Err(over());
        }
        let key = match &opened.peer {
            Peer::Http(_) => key.to_owned(),
            Peer::Sse(_) => route.key_on_trail(),
        };
        self.insert(key, opened.clone());
        Ok(opened)
    }

    /// The session that was stored.
    async fn restored(&self, route: &Route, key: &str) -> Option<Opened> {
        let kept = KeptSession::read(&self.keeper.kept(key).await?)?;
        let connection = kept.connection(route, first_id(self.platform.now_ms()))?;
        let opened = self.number(Peer::Http(connection), kept.about);
        opened.stored_s.set(kept.stored_s);
        self.renew(key, &opened).await;
        self.recall(route, &opened);
        Some(opened)
    }

    async fn open(&self, route: &Route) -> Result<Opened, UpstreamError> {
        let first = first_id(self.platform.now_ms());
        let era = self.era(route);
        if era == Some(Era::Sse) {
            return self.open_sse(route, first).await;
        }
        let found = handshake(&route.address, &route.declaration(), era).await;
        let found = self.note(route, found)?;
        if found.era == Era::Sse {
            return self.open_sse(route, first).await;
        }
        let peer = Connection::of(route.address.clone(), route.declaration(), &found, first);
        Ok(self.number(Peer::Http(peer), about(&found)))
    }

    fn number(&self, peer: Peer, about: About) -> Opened {
        let number = self.opened.replace(self.opened.get().wrapping_add(1));
        let (about, stored_s, used) = (Rc::new(about), Rc::default(), Rc::default());
        Opened { peer, number, about, stored_s, used }
    }

    /// Stores a session, where there is one.
    async fn store(&self, key: &str, opened: &Opened) {
        let now_s = self.platform.now_ms() / 1_000;
        opened.stored_s.set(now_s);
        let Peer::Http(connection) = &opened.peer else { return };
        let Some(text) = KeptSession::text_of(connection, &opened.about, now_s) else { return };
        self.keeper.keep(key, Some(text)).await;
        if self.ended.get() {
            self.keeper.keep(key, None).await;
        }
    }

    /// Stores a session anew once half of its time is over.
    async fn renew(&self, key: &str, opened: &Opened) {
        let age = (self.platform.now_ms() / 1_000).saturating_sub(opened.stored_s.get());
        if age >= KEPT_FOR / 2 {
            self.store(key, opened).await;
        }
    }

    /// Notes again what an upstream said of itself, which the memory forgets before the session ends.
    fn recall(&self, route: &Route, opened: &Opened) {
        let now_ms = self.platform.now_ms();
        if self.memory.about(&route.name, now_ms).is_none() {
            self.memory.note_about(&route.name, route.generation, &opened.about, now_ms);
        }
    }

    async fn open_sse(&self, route: &Route, first: u64) -> Result<Opened, UpstreamError> {
        let opened = sse_2024::connect(&route.address, &route.declaration(), first).await;
        let (link, found) = opened.inspect_err(|error| self.failed(route, error))?;
        let now_ms = self.platform.now_ms();
        self.memory.note_handshake(&route.name, route.generation, &found, now_ms);
        let whole = route.address.endpoint().timeouts.whole;
        let link = SharedLink::new(link, self.platform.clone(), whole);
        Ok(self.number(Peer::Sse(link), about(&found)))
    }

    fn note(
        &self,
        route: &Route,
        found: Result<Handshake, UpstreamError>,
    ) -> Result<Handshake, UpstreamError> {
        match &found {
            Ok(handshake) => {
                let now_ms = self.platform.now_ms();
                self.memory.note_handshake(&route.name, route.generation, handshake, now_ms);
            }
            Err(error) => self.failed(route, error),
        }
        found
    }

    /// A wire that cannot be opened is found out again.
    fn failed(&self, route: &Route, error: &UpstreamError) {
        if self.era(route).is_some_and(|era| may_have_changed(era, error)) {
            self.memory.forget_era(&route.name);
        }
    }

    fn era(&self, route: &Route) -> Option<Era> {
        route.era.or_else(|| self.memory.era(&route.name, self.platform.now_ms()))
    }

    /// Forgets the session that was used, which the upstream no longer knows. False: another request has forgotten
    /// it already, and what is open now is younger.
    pub async fn forget(&self, route: &Route, used: Option<&Opened>) -> bool {
        let Some(used) = used else { return false };
        let mut was_current = false;
        self.peers.borrow_mut().retain(|_, opened| {
            let is_it = opened.number == used.number;
            was_current |= is_it;
            !is_it
        });
        // It may have made room for another one meanwhile.
        let is_out = was_current || !self.peers.borrow().contains_key(&route.key());
        if is_out {
            self.keeper.keep(&route.key(), None).await;
        }
        is_out
    }

    /// Forgets the wire as well: the upstream speaks another one.
    pub async fn forget_wire(&self, route: &Route, used: Option<&Opened>) {
        if self.forget(route, used).await {
            self.memory.forget_era(&route.name);
        }
    }

    /// Lets go of a session that is ended elsewhere.
    pub fn release(&self, key: &str) {
        self.peers.borrow_mut().remove(key);
    }

    /// What the isolate knows of upstreams.
    pub fn memory(&self) -> &Rc<Memory> {
        &self.memory
    }

    /// Closes the streams of HTTP with SSE on which nothing runs: an object with an open stream never sleeps.
    pub fn close_idle(&self) {
        self.peers
            .borrow_mut()
            .retain(|_, opened| !matches!(&opened.peer, Peer::Sse(link) if link.is_idle()));
    }

    /// From now on nothing is opened or stored.
    pub fn stop(&self) {
        self.ended.set(true);
    }

    /// Ends all sessions. Nothing is opened any more.
    pub async fn end(&self) {
        self.stop();
        let peers = std::mem::take(&mut *self.peers.borrow_mut());
        for (key, opened) in peers {
            if let Peer::Http(connection) = opened.peer {
                self.keeper.keep(&key, None).await;
                connection.close().await;
            }
        }
    }
}

fn over() -> UpstreamError {
    UpstreamError::Unsendable("the session of its client was ended")
}

/// A session that is being opened. Dropping it wakes those who wait.
struct Opening<'a> {
    pool: &'a Pool,
    key: String,
    /// How it ended. None: who opened it has left.
    outcome: Option<Outcome>,
}

impl<'a> Opening<'a> {
    fn begin(pool: &'a Pool, key: &str) -> Self {
        pool.opening.borrow_mut().insert(key.to_owned(), Vec::new());
        Self { pool, key: key.to_owned(), outcome: None }
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        let waiting = self.pool.opening.borrow_mut().remove(&self.key).unwrap_or_default();
        let Some(outcome) = &self.outcome else { return };
        for waiting in waiting {
            let _ = waiting.send(outcome.clone());
        }
    }
}

#[cfg(test)]
#[path = "pool_tests.rs"]
mod tests;
