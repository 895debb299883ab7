//! Where an upstream is, and how it is spoken to: address, credential, deadlines, limits.

use std::{borrow::Cow, time::Duration};

use mcp_auth::secret::Secret;

use crate::{error::RpcFailure, headers::Trail};

/// The deadlines of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// From the start until the headers of an answer: of handshakes, lists, notifications and streams.
    pub headers: Duration,
    /// Between two bytes of an answer, where comments and progress count. A call may take as long for its headers too: a
    /// server that answers with JSON sends none before the call has ended.
    pub idle: Duration,
    /// The whole exchange.
    pub whole: Duration,
    /// A list with all its pages, and a handshake.
    pub lists: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            whole: Duration::from_secs(300),
            lists: Duration::from_secs(5),
        }
    }
}

/// The limits of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one event.
    pub event: usize,
    /// Bytes of an answer that is one JSON text. A stream has no limit but that of its events.
    pub answer: usize,
    /// Levels of JSON.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { event: 8 << 20, answer: 32 << 20, depth: 64 }
    }
}

/// A JSON-RPC error by which a server says that it refuses the credential, where it does not answer with the status 401.
/// It says so before anything runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefusalError {
    /// `error.code`.
    pub code: i64,
    /// What `error.message` begins with: a URL in single quotes follows.
    pub begins: &'static str,
    /// What the URL has in it: a service that says for sure whether the credential is good.
    pub url_has: &'static str,
}

impl RefusalError {
    /// Whether an error is this one.
    pub(crate) fn is(&self, failure: &RpcFailure) -> bool {
        let rest = failure.message.strip_prefix(self.begins);
        let url = rest.and_then(|rest| rest.split('\'').next());
        failure.code == self.code && url.is_some_and(|url| url.contains(self.url_has))
    }
}

/// One upstream.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The absolute URL, checked by whoever read the configuration.
    pub url: String,
    /// Headers that carry the credential. They go to this origin only.
    pub credential: Vec<(Cow<'static, str>, Secret)>,
    /// Tells the credential from others where something is stored for it, in the place of a hash of the credential. A
    /// person's key may be short enough to be guessed by its hash.
    pub identity: Option<String>,
    /// Headers of the caller that the operator has passed on. They go where the credential goes.
    pub forwarded: Vec<(Cow<'static, str>, String)>,
    /// The deadlines.
    pub timeouts: Timeouts,
    /// The limits.
    pub limits: Limits,
    /// The gateways that the request passed, for the header by which a loop is found.
    pub trail: Option<Trail>,
    /// The error that stands for the status 401. None: the server answers with the status.
    pub refusal: Option<RefusalError>,
}

impl Endpoint {
    /// An open upstream with the usual deadlines and limits.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credential: Vec::new(),
            identity: None,
            forwarded: Vec::new(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            trail: None,
            refusal: None,
        }
    }
}
