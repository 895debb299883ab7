//! One request to one upstream, wherever it runs.
//!
//! ```text
//!  front \ behind   session or SSE                       stateless
//!  session          in the session's object, which       in the session's object, which asks the client
//!                   answers the upstream's questions     and sends the request again with the answers
//!  stateless        in an object, where a call that      in the Worker: the upstream's questions and its
//!                   asks is parked between two rounds    state go to the client, and come back
//! ```
//!
//! - [`converse`]: a request to an upstream that has sessions, with its questions.
//! - [`rounds`]: a request to a stateless upstream, with its questions.
//! - [`pool`], [`kept`]: the sessions with upstreams that an object has, and what it stores of them.
//! - [`sse`]: HTTP with SSE as a connection that several requests share.
//! - [`place`], [`frames`], [`park`], [`remote`]: the object of a stateless client's calls, its messages, its parked calls, and
//!   the Worker's side of it.
//! - [`questions`]: questions of upstreams, as the client in front is asked them.
//! - `budget`: the bytes that an object keeps for readers of its calls.
//!
//! Invariant: a request that may have run is never sent again.

mod budget;
pub mod converse;
pub mod frames;
pub mod kept;
pub mod park;
pub mod place;
pub mod pool;
pub mod questions;
pub mod remote;
pub mod rounds;
pub mod sse;

use std::{cell::Cell, rc::Rc};

use mcp_client::{
    connection::Connection,
    era::{Era, may_have_changed},
    error::{Repeat, UpstreamError},
    request::{Patience, Request},
};
use mcp_platform::SharedPlatform;
use mcp_protocol::{
    jsonrpc::{INTERNAL_ERROR, RpcError},
    log_level::LoggingLevel,
    stateless::param_declarations::ParamHeader,
    version::Version,
};
use mcp_server::{
    client_request::{Stop, StopReason},
    notifier::Notifier,
    outcome::Outcome,
    toolset::Effect,
};
use serde_json::value::RawValue;

use self::{
    park::Ended,
    place::RelayedCall,
    pool::{Pool, Route},
    sse::SharedLink,
};
use crate::{
    breaker::Refused,
    connect::Unconnected,
    errors,
    memory::{Memory, Target},
};

/// How an object answers the Worker that an upstream refused the key of the person who calls, so that nothing ran. No
/// client sees it.
const KEY_REFUSED: &str = "the upstream refused the key of the person who calls";

/// A request for an upstream.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// The method.
    pub method: &'a str,
    /// The parameters: the text of an object, as the upstream knows them.
    pub params: &'a str,
    /// The arguments that headers repeat.
    pub param_headers: &'a [ParamHeader],
    /// From which level on the client wants log messages.
    pub log_level: Option<LoggingLevel>,
    /// Whether the request changes nothing, so that it may be sent a second time.
    pub reads: bool,
    /// Whether it calls a tool that may change something.
    pub changes: bool,
    /// Whether the client can follow a task that the upstream makes of it.
    pub takes_task: bool,
}

impl<'a> Asked<'a> {
    /// The request in the form of a client.
    fn request(&self, params: &'a str) -> Request<'a> {
        Request {
            method: self.method,
            params: Some(params),
            param_headers: self.param_headers,
            progress: true,
            log_level: self.log_level.map(LoggingLevel::as_str),
            patience: Patience::Call,
        }
    }

    /// Whether the request may be sent once more after this error.
    pub(crate) fn may_repeat(&self, error: &UpstreamError) -> bool {
        match error {
            UpstreamError::Unreachable { never_connected: true, .. } => true,
            error => self.reads && error.repeat() == Repeat::IfItReads,
        }
    }
}

/// Sends a request over a session of a pool, which is opened anew where the upstream no longer knows it.
///
/// # Errors
/// Where there is no result.
pub async fn in_object(
    pool: &Pool,
    route: &Route,
    asked: &Asked<'_>,
    back: &Rc<dyn Notifier>,
    platform: &SharedPlatform,
) -> Result<String, Failure> {
    let _in_use = pool.in_use();
    let (mut renewed, mut repeated) = (false, false);
    let begun = Cell::new(false);
    let answered = loop {
        let (used, sent) = match pool.peer(route).await {
            Ok(opened) => {
                let sent = opened.peer.ask_noting(asked, back, platform, &begun).await;
                (Some(opened), sent)
            }
            Err(error) => (None, Err(Failure::NotSent(error))),
        };
        let era = used.as_ref().map(|opened| opened.peer.era());
        match sent {
            answered if begun.get() => break answered,
            Err(Failure::Upstream(error))
                if !renewed
                    && route.era.is_none()
                    && era.is_some_and(|era| may_have_changed(era, &error)) =>
            {
                renewed = true;
                pool.forget_wire(route, used.as_ref()).await;
                let now = pool.peer(route).await.ok().map(|opened| opened.peer.era());
                // Only where another wire is spoken there now was it that, so that nothing ran.
                if now.is_none() || now == era {
                    break Err(Failure::Upstream(error));
                }
            }
            // The upstream did not know the session, so nothing ran.
            Err(Failure::Upstream(UpstreamError::SessionGone)) if !renewed => {
                renewed = true;
                pool.forget(route, used.as_ref()).await;
            }
            Err(Failure::Upstream(error) | Failure::NotSent(error))
                if !repeated && asked.may_repeat(&error) =>
            {
                repeated = true;
            }
            answered => break answered,
        }
    };
    pool.close_idle();
    answered
}

/// Why a request has no result.
#[derive(Debug)]
pub enum Failure {
    /// The upstream gave none.
    Upstream(UpstreamError),
    /// The handshake before it failed: nothing of the request was sent.
    NotSent(UpstreamError),
    /// The upstream had begun to answer when it refused what belongs to the request, as the next round: what it did by
    /// then is not known, although the error alone says that nothing ran.
    Interrupted(UpstreamError),
    /// The call stops at a question, or the client cannot be asked.
    Stopped(Stop),
    /// The upstream failed too often, and is not asked.
    Paused(Refused),
    /// The upstream is called as the person who calls, and has no key of theirs that it accepts. Nothing ran.
    Unconnected(Unconnected),
    /// What was done is not known; the caller is told this.
    Unknown(Outcome),
    /// There is none yet: the upstream goes on in a task.
    Task {
        /// Its id there.
        id: String,
        /// What the upstream says of it: the text of an object.
        text: String,
    },
    /// The client took its request back.
    TakenBack,
}

impl Failure {
    /// The upstream's failure, where it is one.
    pub(crate) fn upstream(&self) -> Option<&UpstreamError> {
        match self {
            Self::Upstream(error) | Self::NotSent(error) | Self::Interrupted(error) => Some(error),
            Self::Stopped(_)
            | Self::Paused(_)
            | Self::Unconnected(_)
            | Self::Unknown(_)
            | Self::Task { .. }
            | Self::TakenBack => None,
        }
    }
}

/// An error in the words of a request that the upstream has begun to answer: a refusal does not undo what ran before.
fn once_begun(error: UpstreamError) -> Failure {
    match error {
        error @ UpstreamError::Rpc(_) => Failure::Upstream(error),
        UpstreamError::SessionGone => UpstreamError::Cut.into(),
        error if error.may_have_run() => Failure::Upstream(error),
        refusal => Failure::Interrupted(refusal),
    }
}

impl From<UpstreamError> for Failure {
    fn from(error: UpstreamError) -> Self {
        Self::Upstream(error)
    }
}

/// An upstream with which a version is agreed.
#[derive(Clone)]
pub enum Peer {
    /// Over Streamable HTTP.
    Http(Connection),
    /// Over HTTP with SSE.
    Sse(Rc<SharedLink>),
}

impl Peer {
    /// The wire.
    fn era(&self) -> Era {
        match self {
            Self::Http(connection) if connection.version().is_stateless() => Era::Stateless,
            Self::Http(_) => Era::Session,
            Self::Sse(_) => Era::Sse,
        }
    }

    /// Sends a request to its end.
    ///
    /// # Errors
    /// Where it has no result.
    pub async fn ask(
        &self,
        asked: &Asked<'_>,
        back: &Rc<dyn Notifier>,
        platform: &SharedPlatform,
    ) -> Result<String, Failure> {
        self.ask_noting(asked, back, platform, &Cell::new(false)).await
    }

    /// The same, which notes when the upstream has begun to answer: from then on the request is never
    /// sent again, whatever fails.
    async fn ask_noting(
        &self,
        asked: &Asked<'_>,
        back: &Rc<dyn Notifier>,
        platform: &SharedPlatform,
        begun: &Cell<bool>,
    ) -> Result<String, Failure> {
        match self {
            Self::Http(connection) if connection.version().is_stateless() => {
                rounds::ask(connection, asked, &**back, platform, begun).await
            }
            _ => converse::ask(self, asked, back, platform, begun).await,
        }
    }
}

/// Answers a request that the Worker sent to an upstream's object, in the form of its frames.
pub async fn for_worker(
    pool: Rc<Pool>,
    route: Route,
    call: RelayedCall,
    back: Rc<dyn Notifier>,
    platform: SharedPlatform,
) -> Ended {
    let asked = Asked {
        method: &call.method,
        params: call.params.get(),
        param_headers: &[],
        log_level: call.log_level,
        reads: call.reads,
        changes: call.changes,
        takes_task: false,
    };
    // The breaker is asked where the request leaves: the Worker does not see how it ends.
    let sent = match route.admit(pool.memory(), platform.now_ms()) {
        Ok(_running) => {
            let sent = in_object(&pool, &route, &asked, &back, &platform).await;
            note_end(pool.memory(), route.target(), &sent, platform.now_ms());
            sent
        }
        Err(refused) => Err(Failure::Paused(refused)),
    };
    let is_certain = !call.changes || is_certain(&sent);
    Ended { outcome: told(&route, &call, sent), is_certain }
}

/// Answers the Worker that asks what an upstream says of itself, in the form of a call: a handshake may take long.
pub async fn about_for_worker(pool: Rc<Pool>, route: Route, with_key: bool) -> Ended {
    let opened = pool.peer(&route).await;
    pool.close_idle();
    let opened = match opened {
        Ok(opened) => opened,
        Err(UpstreamError::Unauthorized { .. }) if with_key => return key_refused().into(),
        Err(error) => {
            let why = format!("`{}`: {error}", route.name);
            return RpcError::new(INTERNAL_ERROR, why).into();
        }
    };
    written(serde_json::to_string(&opened.about()).unwrap_or_default()).into()
}

/// Notes how a request ended that the breaker let through. One that its client took back says nothing of the upstream.
pub(crate) fn note_end(
    memory: &Memory,
    target: Target<'_>,
    sent: &Result<String, Failure>,
    now_ms: u64,
) {
    if !matches!(sent, Err(Failure::TakenBack)) {
        memory.note_end(target, sent.as_ref().err().and_then(Failure::upstream), now_ms);
    }
}

/// Whether an answer says what happened: also that nothing did.
pub fn is_certain(sent: &Result<String, Failure>) -> bool {
    match sent {
        Ok(_)
        | Err(
            Failure::NotSent(_)
            | Failure::Stopped(_)
            | Failure::Paused(_)
            | Failure::Unconnected(_)
            | Failure::Task { .. },
        ) => true,
        Err(Failure::Upstream(error)) => !error.may_have_run(),
        Err(Failure::Interrupted(_) | Failure::Unknown(_) | Failure::TakenBack) => false,
    }
}

/// What the client of such a request is told.
fn told(
    route: &Route,
    call: &RelayedCall,
    sent: Result<String, Failure>,
) -> Result<Box<RawValue>, RpcError> {
    let is_call = call.method == "tools/call";
    let effect = if call.changes { Effect::Destructive } else { Effect::Read };
    let asked = errors::Asked {
        upstream: &route.name,
        method: &call.method,
        effect: is_call.then_some(effect),
        version: Version::V2026_07_28,
        behind: Some(Version::V2025_11_25),
        is_begun: false,
    };
    let outcome = match sent {
        Ok(text) => return written(text),
        Err(Failure::Stopped(Stop(StopReason::Refused(error)))) => return Err(error),
        Err(Failure::Stopped(stop)) => {
            return Err(RpcError::new(INTERNAL_ERROR, stop.into_message()));
        }
        Err(Failure::TakenBack) => {
            return Err(RpcError::new(INTERNAL_ERROR, "the request was taken back"));
        }
        // No client of an object takes one.
        Err(Failure::Task { .. }) => return Err(RpcError::new(INTERNAL_ERROR, "it is a task")),
        Err(Failure::Unknown(outcome)) => outcome,
        Err(Failure::Paused(refused)) => errors::Answer::refused(asked, refused).into(),
        Err(Failure::Unconnected(why)) => errors::Answer::unconnected(asked, &why, None).into(),
        // The Worker knows whose key it is.
        Err(
            Failure::Upstream(UpstreamError::Unauthorized { .. })
            | Failure::NotSent(UpstreamError::Unauthorized { .. }),
        ) if call.caller.key.is_some() => {
            return Err(key_refused());
        }
        Err(Failure::NotSent(error)) => errors::Answer::not_sent(asked, &error).into(),
        Err(Failure::Upstream(error)) => errors::Answer::of(asked, &error).into(),
        Err(Failure::Interrupted(error)) => errors::Answer::interrupted(asked, &error).into(),
    };
    match outcome {
        Outcome::Tool(result) => written(result.to_json()),
        Outcome::Relayed(text) => written(text),
        Outcome::Failed(error) => Err(error),
        _ => Err(RpcError::new(INTERNAL_ERROR, "the server gave no answer")),
    }
}

/// The answer of an object whose upstream refused a person's key.
pub fn key_refused() -> RpcError {
    RpcError::new(INTERNAL_ERROR, KEY_REFUSED)
}

/// Whether an object's answer is that one. An upstream that says the same of a key is believed as well.
pub fn is_key_refused(error: &RpcError) -> bool {
    error.code == INTERNAL_ERROR && error.message == KEY_REFUSED
}

fn written(text: String) -> Result<Box<RawValue>, RpcError> {
    RawValue::from_string(text)
        .map_err(|_| RpcError::new(INTERNAL_ERROR, "the server's answer is no JSON"))
}
