//! From the Worker to a session's object: one request, its body unread, under a deadline.

use std::{rc::Rc, time::Duration};

use futures_util::future::{Either, select};
use uuid::Uuid;
use worker::{Env, Headers, Method, Request, RequestInit, Response, Result, Stub};

use crate::{
    access::{
        keys::Keyring,
        principal::Principal,
        seal::{SEAL_HEADER, Sealed},
    },
    edge::refusal::Refusal,
    protocol::session_id::Claims,
    runtime::sleep::Sleep,
};

/// How long an object may take to begin its answer. Calls answer or stream after 250 ms; what is
/// beyond that is an object that starts cold, or one that is broken.
const DEADLINE: Duration = Duration::from_secs(20);

const SESSION_AGENT: &str = "SESSION_AGENT";

/// A session that a request may speak to.
pub struct Target<'a> {
    /// The Worker's bindings.
    pub env: &'a Env,
    /// The keys for the seal.
    pub keys: Rc<Keyring>,
    /// Which session.
    pub claims: Claims,
    /// Who asks.
    pub principal: Principal,
}

/// What came back: an answer of the object, or none.
pub type Forwarded = std::result::Result<Response, Refusal>;

impl Target<'_> {
    /// Passes the client's request on, with the seal over whatever it sent under that name.
    pub async fn pass_on(self, request: &Request) -> Result<Forwarded> {
        let mut copy = request.clone_mut()?;
        copy.headers_mut()?.set(SEAL_HEADER, &self.seal())?;
        self.ask(copy).await
    }

    /// Asks the object for the feed of the session's long-lived stream: its own (`stream`), or the
    /// one that carries everything (`sse`).
    pub async fn open_feed(self, kind: &str) -> Result<Forwarded> {
        let headers = Headers::new();
        headers.set("Upgrade", "websocket")?;
        headers.set(SEAL_HEADER, &self.seal())?;
        let mut init = RequestInit::new();
        init.with_method(Method::Get).with_headers(headers);
        let request = Request::new_with_init(&format!("https://object/{kind}"), &init)?;
        self.ask(request).await
    }

    fn seal(&self) -> String {
        let (claims, principal) = (self.claims.clone(), self.principal.clone());
        Sealed { claims, principal, request: Uuid::new_v4() }.seal(&self.keys)
    }

    fn stub(&self) -> Result<Stub> {
        self.env.durable_object(SESSION_AGENT)?.get_by_name(&self.claims.object())
    }

    async fn ask(&self, request: Request) -> Result<Forwarded> {
        let stub = self.stub()?;
        let answer = std::pin::pin!(stub.fetch_with_request(request));
        match select(answer, Sleep::new(DEADLINE)).await {
            Either::Left((Ok(response), _)) => Ok(Ok(response)),
            Either::Left((Err(error), _)) => {
                worker::console_error!("session object failed: {error}");
                Ok(Err(failure(&error.to_string())))
            }
            Either::Right(_) => Ok(Err(Refusal::TimedOut(DEADLINE.as_secs()))),
        }
    }
}

/// What the runtime's error means for the client.
fn failure(error: &str) -> Refusal {
    if error.contains("overloaded") { Refusal::Overloaded } else { Refusal::Failed }
}
