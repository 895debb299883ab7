//! Credentials that persons have for upstreams (`auth` of kind `subject` and `oauth`): where they come from, what is stored
//! of them, and how a person connects one.
//!
//! ```text
//!  call ──► find ──► the hub of the subject ──► sealed key ──► the isolate, for 30 s
//!              │ none, or one that the upstream refused
//!              ▼
//!           link ──► the page /connect/{name} ──► check at the upstream ──► the hub
//! ```
//!
//! - [`link`]: the link that leads a person to the page.
//! - [`stored`], [`request`]: what a hub stores, and what it is asked.
//! - [`known`]: what an isolate remembers.
//! - [`oauth`]: accounts at an upstream's own authorization server.
//! - [`check`]: whether an upstream accepts a key.
//! - [`keboola`]: what a Storage token of Keboola opens.
//! - [`sign_in`]: a Storage token that is made for a person who signs in at Keboola.
//!
//! Invariant: a key goes to the upstream that it was connected for, in requests of the subject that connected it.

pub mod check;
pub mod keboola;
pub mod known;
pub mod link;
pub mod oauth;
pub mod request;
pub mod sign_in;
pub mod stored;

use std::rc::Rc;

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_auth::{oauth::hash, secret::Secret};
use mcp_server::{context::Context, remote::KeyError};

use crate::config::Upstream;

/// A person's key for an upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connected {
    /// The key.
    pub key: Secret,
    /// Tells it from one that is connected before or later, and says nothing of the key.
    pub revision: Rc<str>,
    /// The stack that the person chose, where the upstream has several.
    pub stack: Option<Rc<str>>,
    /// What it is bound to: the [binding](Upstream::key_binding) of the upstream that it was connected for. Empty: it is for
    /// none.
    pub binding: Rc<str>,
    /// Stands for the connection in what is remembered: a token that is renewed keeps it.
    pub connection: u64,
}

impl Connected {
    /// A key that was connected for an upstream as it is configured now.
    pub fn new(key: Secret, revision: &str, upstream: &Upstream) -> Self {
        let digest = hash(revision);
        let connection = digest.iter().take(8).fold(0, |bits, byte| (bits << 8) | u64::from(*byte));
        let binding = upstream.key_binding(None).unwrap_or_default().into();
        Self { key, revision: revision.into(), stack: None, binding, connection }
    }

    /// The same for a stack of the upstream.
    #[must_use]
    pub fn at(self, stack: Option<&str>, upstream: &Upstream) -> Self {
        let binding = upstream.key_binding(stack).unwrap_or_default().into();
        Self { stack: stack.map(Rc::from), binding, ..self }
    }

    /// The same as part of a connection that was made then, in milliseconds since 1970.
    #[must_use]
    pub fn connected_at(self, connected_ms: u64) -> Self {
        Self { connection: connected_ms, ..self }
    }

    /// Whether an upstream may get it: a name may be given to another server, to another kind of credential, or to another
    /// stack.
    pub fn is_for(&self, upstream: &Upstream) -> bool {
        let bound = upstream.key_binding(self.stack.as_deref());
        bound.is_some_and(|bound| *self.binding == *bound)
    }
}

/// Why a request cannot be sent as the person who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unconnected {
    /// The person has connected no key.
    Missing,
    /// The upstream refused the key.
    Refused,
    /// The caller is not one person, so that a key of one of them would be used by all.
    Shared,
    /// It could not be found out just now: why. The same request may be sent later.
    Unavailable(String),
    /// No key is to be had here, whatever the person connects: why.
    Impossible(String),
}

impl Unconnected {
    /// Whether a person can change it by connecting a key.
    pub const fn can_connect(&self) -> bool {
        matches!(self, Self::Missing | Self::Refused)
    }

    /// Another key was connected while one was refused.
    pub fn replaced() -> Self {
        Self::Unavailable(
            "another one was connected meanwhile, so that the call can be made again".to_owned(),
        )
    }

    /// Why nothing was sent, for the caller of this upstream.
    pub fn described(&self, upstream: &str) -> String {
        match self {
            Self::Missing => format!("{upstream} needs a key of yours, and none is connected"),
            Self::Refused => format!("{upstream} no longer accepts the key that you connected"),
            Self::Shared => format!(
                "{upstream} needs a key of each person, and callers who share a key of this server are not one \
                 person: sign in, use a named key, or send a SiteBay token"
            ),
            Self::Unavailable(why) | Self::Impossible(why) => {
                format!("{upstream} needs a key of yours: {why}")
            }
        }
    }

    /// The same for a toolset that stands in the place of this upstream.
    pub fn key_error(&self, upstream: &str) -> KeyError {
        let why = self.described(upstream);
        match self {
            Self::Unavailable(_) => KeyError::Passing(why),
            Self::Missing | Self::Refused | Self::Shared | Self::Impossible(_) => {
                KeyError::Lasting(why)
            }
        }
    }
}

/// The keys of the person who calls.
pub trait Connections {
    /// The caller's key for an upstream.
    ///
    /// # Errors
    /// Where there is none to be had.
    fn find<'a>(
        &'a self,
        ctx: &'a Context,
        upstream: &'a Upstream,
    ) -> LocalBoxFuture<'a, Result<Connected, Unconnected>>;

    /// Notes that the upstream refused a key. Returns another one that was connected since.
    ///
    /// # Errors
    /// Where there is none.
    fn refused<'a>(
        &'a self,
        ctx: &'a Context,
        upstream: &'a Upstream,
        refused: &'a Connected,
    ) -> LocalBoxFuture<'a, Result<Connected, Unconnected>>;

    /// Notes that the upstream refused a key that [`Self::refused`] gave: it is not sent again, and no other one is asked
    /// for. Returns why there is none.
    fn given_up<'a>(
        &'a self,
        ctx: &'a Context,
        upstream: &'a Upstream,
        refused: &'a Connected,
    ) -> LocalBoxFuture<'a, Unconnected>;

    /// A new page at which the caller connects a key. None: the runtime has no random bytes.
    fn page(&self, ctx: &Context, upstream: &Upstream) -> Option<Page>;
}

/// A page at which a person connects a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Its URL, for this person only.
    pub url: String,
    /// Until when it is good, in seconds since 1970.
    pub until_s: u64,
}

/// Nobody has a key, and none is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoConnections;

impl Connections for NoConnections {
    fn find<'a>(
        &'a self,
        _ctx: &'a Context,
        _upstream: &'a Upstream,
    ) -> LocalBoxFuture<'a, Result<Connected, Unconnected>> {
        ready(Err(Unconnected::Missing)).boxed_local()
    }

    fn refused<'a>(
        &'a self,
        ctx: &'a Context,
        upstream: &'a Upstream,
        _refused: &'a Connected,
    ) -> LocalBoxFuture<'a, Result<Connected, Unconnected>> {
        self.find(ctx, upstream)
    }

    fn given_up<'a>(
        &'a self,
        _ctx: &'a Context,
        _upstream: &'a Upstream,
        _refused: &'a Connected,
    ) -> LocalBoxFuture<'a, Unconnected> {
        ready(Unconnected::Missing).boxed_local()
    }

    fn page(&self, _ctx: &Context, _upstream: &Upstream) -> Option<Page> {
        None
    }
}
