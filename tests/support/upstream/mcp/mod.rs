//! Small well-behaved MCP servers, one for each era, with one set of tools, resources and prompts.
//!
//! They are strict about what a client must send, and keep count of what was run and cancelled.

mod core;
mod line;
mod lists;
mod peer;
mod session;
mod sse;
mod stateless;
mod tools;

use std::{
    io,
    ops::Deref,
    sync::{Arc, Mutex},
};

use futures_util::future::BoxFuture;

use self::{core::Change, session::Sessions, stateless::Stateless};
pub use self::{
    core::Core,
    tools::{TOOLS, definition},
};
use super::{Behaviour, Out, Reply, Request, Upstream};

/// What a stand-in speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Era {
    /// HTTP with SSE of 2024-11-05, at `/sse`.
    Sse,
    /// Streamable HTTP with sessions, up to this version.
    Session(&'static str),
    /// 2026-07-28 and nothing else.
    Stateless,
    /// 2026-07-28 and sessions, at one URL.
    Both,
}

/// The options of a stand-in.
#[derive(Debug, Clone)]
pub struct Options {
    pub era: Era,
    /// How many tools there are beside [`TOOLS`]: `many_0`, `many_1` and so on.
    pub many: usize,
    /// How many entries a page of a list has.
    pub page: usize,
    /// `ttlMs` and `cacheScope` of lists, where the era has them.
    pub cache: (u64, &'static str),
}

impl Options {
    pub fn new(era: Era) -> Self {
        Self { era, many: 0, page: 100, cache: (0, "private") }
    }
}

/// A running stand-in. Its script and its record are those of an [`Upstream`].
pub struct Server {
    upstream: Upstream,
    core: Arc<Core>,
    sessions: Arc<Sessions>,
    era: Arc<Mutex<Era>>,
}

impl Deref for Server {
    type Target = Upstream;

    fn deref(&self) -> &Upstream {
        &self.upstream
    }
}

impl Server {
    pub async fn start(era: Era) -> Self {
        Self::with(Options::new(era)).await
    }

    pub async fn with(options: Options) -> Self {
        let era = options.era;
        let version = if let Era::Session(version) = era { version } else { "2025-11-25" };
        let version = if era == Era::Sse { "2024-11-05" } else { version };
        let core = Arc::new(Core::new(options));
        let sessions = Arc::new(Sessions::new(Arc::clone(&core), version));
        let stateless = Stateless::new(Arc::clone(&core));
        let era = Arc::new(Mutex::new(era));
        let door = Door { era: Arc::clone(&era), sessions: Arc::clone(&sessions), stateless };
        let upstream = Upstream::behaving(Some(Arc::new(door))).await;
        Self { upstream, core, sessions, era }
    }

    /// The URL of its endpoint: of the stream for [`Era::Sse`].
    pub fn url(&self) -> String {
        let path = if *self.era.lock().unwrap() == Era::Sse { "/sse" } else { "/mcp" };
        format!("{}{path}", self.upstream.origin())
    }

    /// How often a tool did its work. A round that only asked does not count.
    pub fn executions(&self, tool: &str) -> usize {
        self.core.executions(tool)
    }

    /// The tools whose calls were cancelled while they ran.
    pub fn cancelled(&self) -> Vec<String> {
        self.core.cancelled()
    }

    /// Lets calls of `wait` end.
    pub fn release(&self) {
        self.core.release();
    }

    /// Announces that a list changed: `tools`, `prompts` or `resources`.
    pub fn announce(&self, list: &'static str) {
        self.core.announce(Change::List(list));
    }

    /// Announces that a resource changed, to those who subscribed to it.
    pub fn update(&self, uri: &str) {
        self.core.announce(Change::Resource(uri.to_owned()));
    }

    /// Ends all listeners' streams as the server may do: by a result.
    pub fn end_listeners(&self) {
        self.core.announce(Change::End);
    }

    /// Replaces the definitions of its tools.
    pub fn set_tools(&self, definitions: Vec<String>) {
        self.core.set_tools(definitions);
    }

    /// Forgets every session: requests of one are answered with 404, over the same connections.
    pub fn forget_sessions(&self) {
        self.sessions.forget();
    }

    /// Restarts: it forgets every session, and cuts every connection.
    pub async fn restart(&self) {
        self.sessions.forget();
        self.upstream.cut_connections().await;
    }

    /// Speaks another era from now on, as after a deployment.
    pub fn speak(&self, era: Era) {
        *self.era.lock().unwrap() = era;
    }

    /// How many sessions there are.
    pub fn sessions(&self) -> usize {
        self.sessions.count()
    }
}

/// The paths of a stand-in.
struct Door {
    era: Arc<Mutex<Era>>,
    sessions: Arc<Sessions>,
    stateless: Stateless,
}

impl Behaviour for Door {
    fn answer<'a>(&'a self, request: &'a Request, out: Out<'a>) -> BoxFuture<'a, io::Result<bool>> {
        let era = *self.era.lock().unwrap();
        let is_stateless = match era {
            Era::Stateless => true,
            Era::Both => stateless::is_meant(request),
            Era::Sse | Era::Session(_) => false,
        };
        Box::pin(async move {
            match (era, request.path()) {
                (Era::Sse, "/sse" | "/messages") => sse::answer(&self.sessions, request, out).await,
                (Era::Sse, _) => out.reply(Reply::status(404)).await,
                (_, "/mcp") if is_stateless => self.stateless.answer(era, request, out).await,
                (_, "/mcp") => self.sessions.answer(request, out).await,
                _ => out.reply(Reply::status(404)).await,
            }
        })
    }
}
