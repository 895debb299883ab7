//! Why a client gets no answer of its own: a refusal, or a failure of the runtime.

use mcp_auth::{asked::Asked, refusal::Refusal};
use mcp_server::telemetry::record::Record;

use crate::{
    answer::{self, Caller},
    asked::asked_by,
    challenge,
    config::Config,
    platform::http::{Request, Response},
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
    /// The same with the way to sign in, where there is one.
    pub fn challenging(self, config: &Config, request: &Request) -> Self {
        match self {
            Self::Refused(refusal) => Self::Refused(challenge::to(refusal, config, request.url())),
            other => other,
        }
    }

    /// The same with the id of the refused request, as far as the HTTP request still has it.
    pub async fn naming(self, request: &Request) -> Self {
        match self {
            Self::Refused(refusal) => {
                let asked = asked_by(request, &refusal).await;
                Self::RefusedRequest(refusal, asked)
            }
            other => other,
        }
    }

    /// The same with the id of the request in this body.
    pub fn naming_body(self, body: &[u8]) -> Self {
        match self {
            Self::Refused(refusal) if refusal.leaves_waiting() => {
                Self::RefusedRequest(refusal, Asked::in_body(body))
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
