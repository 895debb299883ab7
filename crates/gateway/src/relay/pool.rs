//! The sessions with upstreams that one object keeps: one for each upstream and each set of capabilities
//! that were declared to it.
//!
//! Invariant: a session is opened at the first request, and once although several requests wait for it. One
//! that the upstream no longer knows is opened anew.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use futures_channel::oneshot;
use futures_util::future::LocalBoxFuture;
use mcp_auth::secret::Secret;
use mcp_client::{
    connection::Connection,
    era::{Era, Handshake, handshake, may_have_changed},
    error::UpstreamError,
    request::{Declaration, first_id},
    session::SessionId,
    sse_2024,
    upstream::Upstream as Address,
};
use mcp_platform::SharedPlatform;
use mcp_protocol::{capabilities::ClientCapabilities, version::Version};
use serde::{Deserialize, Serialize};

use super::{Peer, questions::declared, sse::SharedLink};
use crate::memory::Memory;

/// Where an object keeps the sessions over the end of its memory.
pub trait SessionKeeper {
    /// What was kept under a key.
    fn kept(&self, key: &str) -> LocalBoxFuture<'static, Option<Secret>>;

    /// Keeps a text under a key, or forgets it.
    fn keep(&self, key: &str, text: Option<Secret>) -> LocalBoxFuture<'static, ()>;
}

/// What is kept of a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct KeptSession {
    /// The code of the version.
    version: u8,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    id: Option<String>,
}

/// The sessions.
pub struct Pool {
    platform: SharedPlatform,
    memory: Rc<Memory>,
    keeper: Rc<dyn SessionKeeper>,
    peers: RefCell<BTreeMap<String, Peer>>,
    opening: RefCell<BTreeMap<String, Vec<oneshot::Sender<()>>>>,
}

/// How an upstream is reached for one caller.
#[derive(Clone)]
pub struct Route {
    /// Its configured name.
    pub name: Rc<str>,
    /// Its address and credential.
    pub address: Address,
    /// The wire that the configuration names.
    pub era: Option<Era>,
    /// What the client in front can be asked.
    pub capabilities: ClientCapabilities,
    /// `clientInfo` for the upstream: the text of an object.
    pub client_info: Rc<str>,
}

impl Route {
    /// What the upstream is told of its client.
    pub fn declaration(&self) -> Declaration {
        let client_info = self.client_info.to_string();
        Declaration { client_info, capabilities: declared(self.capabilities) }
    }

    fn key(&self) -> String {
        format!("{}:{:x}", self.name, self.capabilities.bits())
    }
}

impl Pool {
    /// A pool without sessions.
    pub fn new(
        platform: SharedPlatform,
        memory: Rc<Memory>,
        keeper: Rc<dyn SessionKeeper>,
    ) -> Self {
        let (peers, opening) = (RefCell::default(), RefCell::default());
        Self { platform, memory, keeper, peers, opening }
    }

    /// The upstream with a session.
    ///
    /// # Errors
    /// Where none can be opened.
    pub async fn peer(&self, route: &Route) -> Result<Peer, UpstreamError> {
        let key = route.key();
        loop {
            if let Some(peer) = self.known(&key) {
                return Ok(peer);
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
                // Who opens it wakes the others, however that ends.
                Some(waits) => drop(waits.await),
                None => {
                    let _opening = Opening::begin(self, &key);
                    let peer = self.open(route, &key).await?;
                    self.peers.borrow_mut().insert(key, peer.clone());
                    return Ok(peer);
                }
            }
        }
    }

    fn known(&self, key: &str) -> Option<Peer> {
        let peers = self.peers.borrow();
        let is_usable = |peer: &&Peer| !matches!(peer, Peer::Sse(link) if link.is_broken());
        peers.get(key).filter(is_usable).cloned()
    }

    async fn open(&self, route: &Route, key: &str) -> Result<Peer, UpstreamError> {
        let first = first_id(self.platform.now_ms());
        if let Some(kept) = self.keeper.kept(key).await
            && let Ok(kept) = serde_json::from_str::<KeptSession>(kept.expose())
            && let Some(version) = Version::from_code(kept.version)
        {
            let id = kept.id.as_deref().and_then(SessionId::parse);
            let (address, declaration) = (route.address.clone(), route.declaration());
            return Ok(Peer::Http(Connection::new(address, declaration, version, id, first)));
        }
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
        if let Some(session) = peer.session() {
            let kept = KeptSession {
                version: peer.version().code(),
                id: Some(session.expose().to_owned()),
            };
            let text = serde_json::to_string(&kept).unwrap_or_default();
            self.keeper.keep(key, Some(Secret::new(text))).await;
        }
        Ok(Peer::Http(peer))
    }

    async fn open_sse(&self, route: &Route, first: u64) -> Result<Peer, UpstreamError> {
        let opened = sse_2024::connect(&route.address, &route.declaration(), first).await;
        let (link, found) = opened.inspect_err(|error| self.failed(route, error))?;
        self.memory.note_handshake(&route.name, &found, self.platform.now_ms());
        let whole = route.address.endpoint().timeouts.whole;
        Ok(Peer::Sse(SharedLink::new(link, self.platform.clone(), whole)))
    }

    fn note(
        &self,
        route: &Route,
        found: Result<Handshake, UpstreamError>,
    ) -> Result<Handshake, UpstreamError> {
        match &found {
            Ok(handshake) => {
                self.memory.note_handshake(&route.name, handshake, self.platform.now_ms());
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

    /// Forgets a session that the upstream no longer knows.
    pub async fn forget(&self, route: &Route) {
        let key = route.key();
        self.peers.borrow_mut().remove(&key);
        self.keeper.keep(&key, None).await;
    }

    /// Forgets the wire as well: the upstream speaks another one.
    pub async fn forget_wire(&self, route: &Route) {
        self.memory.forget_era(&route.name);
        self.forget(route).await;
    }

    /// What the isolate knows of upstreams.
    pub fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Closes the streams of HTTP with SSE on which nothing runs: an object with an open stream never sleeps.
    pub fn close_idle(&self) {
        self.peers
            .borrow_mut()
            .retain(|_, peer| !matches!(peer, Peer::Sse(link) if link.is_idle()));
    }

    /// Ends all sessions.
    pub async fn end(&self) {
        let peers = std::mem::take(&mut *self.peers.borrow_mut());
        for (key, peer) in peers {
            self.keeper.keep(&key, None).await;
            if let Peer::Http(connection) = peer {
                connection.close().await;
            }
        }
    }
}

/// A session that is being opened. Dropping it wakes those who wait.
struct Opening<'a> {
    pool: &'a Pool,
    key: String,
}

impl<'a> Opening<'a> {
    fn begin(pool: &'a Pool, key: &str) -> Self {
        pool.opening.borrow_mut().insert(key.to_owned(), Vec::new());
        Self { pool, key: key.to_owned() }
    }
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        for waiting in self.pool.opening.borrow_mut().remove(&self.key).unwrap_or_default() {
            let _ = waiting.send(());
        }
    }
}
