//! Why a client gets no answer of its own: a refusal, or a failure of the runtime.

use mcp_auth::{refusal::Refusal, refused_request::RefusedRequest};
use mcp_server::telemetry::record::RequestRecord;

use crate::{
    platform::http::Response,
    response::{self, CorsContext},
};

/// Why there is no answer.
#[derive(Debug)]
pub enum Error {
    /// The request is refused.
    Refused(Refusal),
    /// The same, where it is known which JSON-RPC request was refused.
    RefusedRequest(Refusal, RefusedRequest),
    /// The runtime failed.
    Broken(worker::Error),
}

/// An answer, or why there is none.
pub type AppResult<T> = Result<T, Error>;

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
        self.naming(|| RefusedRequest::in_body(body))
    }

    /// The same for a request whose id is not known.
    pub fn naming_unknown(self) -> Self {
        self.naming(|| RefusedRequest::Unknown)
    }

    /// Adds which request was refused, where its client waits for the id.
    fn naming(self, asked: impl FnOnce() -> RefusedRequest) -> Self {
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
    pub fn answer(self, caller: &CorsContext, record: &RequestRecord) -> worker::Result<Response> {
        let (refusal, asked) = match self {
            Self::Refused(refusal) => (refusal, RefusedRequest::Nothing),
            Self::RefusedRequest(refusal, asked) => (refusal, asked),
            Self::Broken(error) => return Err(error),
        };
        record.refused(&refusal);
        response::refusal_of(&refusal, &asked, caller)
    }
}
