//! Why a client gets no answer of its own: a refusal, or a failure of the runtime.

use mcp_auth::{asked::Asked, refusal::Refusal};
use mcp_server::telemetry::record::Record;

use crate::{
    answer::{self, Caller},
    platform::http::Response,
};

/// Why there is no answer.
#[derive(Debug)]
pub enum Error {
    /// The request is refused.
    Refused(Refusal),
    /// The same, where it is known which JSON-RPC request was refused.
    RefusedRequest(Refusal, Asked),
    /// The runtime failed.
    Broken(worker::Error),
}

/// An answer, or why there is none.
pub type Outcome<T> = Result<T, Error>;

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<worker::Error> for Error {
    fn from(error: worker::Error) -> Self {
        Self::Broken(error)
    }
}

impl Error {
    /// The same with the id of the request in this body.
    pub fn naming_body(self, body: &[u8]) -> Self {
        self.naming(|| Asked::in_body(body))
    }

    /// The same for a request whose id is not known.
    pub fn naming_unknown(self) -> Self {
        self.naming(|| Asked::Unknown)
    }

    /// Adds which request was refused, where its client waits for the id.
    fn naming(self, asked: impl FnOnce() -> Asked) -> Self {
        match self {
            Self::Refused(refusal) if refusal.leaves_waiting() => {
                Self::RefusedRequest(refusal, asked())
            }
            other => other,
        }
    }

    /// The response that says it. A refusal is logged here, and nowhere else.
    ///
    /// # Errors
    /// Only where the runtime failed.
    #[inline(never)]
    pub fn answer(self, caller: &Caller, record: &Record) -> worker::Result<Response> {
        let (refusal, asked) = match self {
            Self::Refused(refusal) => (refusal, Asked::Nothing),
            Self::RefusedRequest(refusal, asked) => (refusal, asked),
            Self::Broken(error) => return Err(error),
        };
        record.refused(&refusal);
        answer::refusal_of(&refusal, &asked, caller)
    }
}
