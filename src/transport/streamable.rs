//! Streamable HTTP with sessions: MCP 2025-03-26, 2025-06-18 and 2025-11-25, `basic/transports`.
//!
//! Invariant: `initialize` needs no object; a session id that this server did not sign for this
//! subject reaches none; every other session request is exactly one object request.

use std::rc::Rc;

use uuid::Uuid;
use worker::{Env, Method, Request, Response, Result};

use crate::{
    access::{
        admission::{Credentials, OWN_TOKEN_HEADER},
        keys::Keyring,
        principal::{Principal, Way},
    },
    edge::{
        answer::{self, Caller},
        body::{check_declared, read_body},
        config::Config,
        refusal::Refusal,
    },
    protocol::{
        event::LastEvent,
        initialize::{Hello, result},
        jsonrpc::{Body, Message, RequestId, decode, error_text, result_value},
        session_id::{Claims, Placement},
        version::Version,
    },
    runtime::{isolate, machine::Machine},
    server::{platform::Platform as _, registry::PROMPTS},
    transport::{
        forward::{Forwarded, Target},
        held::hold,
        media,
        watchdog::Watched,
    },
};

const SESSION_HEADER: &str = "mcp-session-id";
const VERSION_HEADER: &str = "mcp-protocol-version";
const METHODS: &str = "GET, POST, DELETE, OPTIONS";

/// Why the client gets no answer of a session: a refusal, or a failure of the runtime.
enum Stop {
    Refused(Refusal),
    Broken(worker::Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<worker::Error> for Stop {
    fn from(error: worker::Error) -> Self {
        Self::Broken(error)
    }
}

type Outcome<T> = std::result::Result<T, Stop>;

/// Answers a request to the MCP endpoint whose origin is allowed.
///
/// # Errors
/// Only where the runtime fails; a refusal is an answer.
pub async fn handle(
    request: Request,
    env: &Env,
    config: &Config,
    caller: &Caller,
) -> Result<Response> {
    match Endpoint::admit(&request, env, config, caller).await {
        Err(stop) => stop_answer(stop, caller),
        Ok(endpoint) => match endpoint.answer(request).await {
            Ok(response) => Ok(response),
            Err(stop) => stop_answer(stop, caller),
        },
    }
}

fn stop_answer(stop: Stop, caller: &Caller) -> Result<Response> {
    match stop {
        Stop::Refused(refusal) => answer::refusal(&refusal, caller),
        Stop::Broken(error) => Err(error),
    }
}

/// The endpoint as one admitted caller meets it.
struct Endpoint<'a> {
    env: &'a Env,
    config: &'a Config,
    caller: &'a Caller,
    keys: Rc<Keyring>,
    principal: Principal,
}

impl<'a> Endpoint<'a> {
    async fn admit(
        request: &Request,
        env: &'a Env,
        config: &'a Config,
        caller: &'a Caller,
    ) -> Outcome<Self> {
        let keys = isolate::keys(env, config).await?;
        let headers = request.headers();
        let credentials = Credentials {
            authorization: headers.get("authorization")?,
            own_token: headers.get(OWN_TOKEN_HEADER)?,
        };
        let principal = config.door.admit(&keys, &credentials)?;
        Ok(Self { env, config, caller, keys, principal })
    }

    async fn answer(self, request: Request) -> Outcome<Response> {
        match request.method() {
            Method::Post => self.post(request).await,
            Method::Get => self.get(request).await,
            Method::Delete => self.delete(request).await,
            _ => Err(Refusal::Method(METHODS).into()),
        }
    }

    async fn post(self, mut request: Request) -> Outcome<Response> {
        let headers = request.headers();
        if !media::is_json(headers.get("content-type")?.as_deref()) {
            return Err(Refusal::ContentType.into());
        }
        if !media::accepts_post(headers.get("accept")?.as_deref()) {
            return Err(Refusal::AcceptPost.into());
        }
        match headers.get(SESSION_HEADER)? {
            Some(id) => {
                let target = self.target(&id, &request)?;
                check_declared(&mut request).await??;
                self.finish(target.pass_on(&request).await?)
            }
            None => {
                check_version(&request)?;
                let body = read_body(&mut request).await??;
                self.without_session(&body)
            }
        }
    }

    async fn get(self, request: Request) -> Outcome<Response> {
        if !media::accepts_stream(request.headers().get("accept")?.as_deref()) {
            return Err(Refusal::AcceptStream.into());
        }
        let target = self.required_target(&request)?;
        let last = request.headers().get("last-event-id")?;
        if last.as_deref().and_then(LastEvent::parse).is_some() {
            return self.finish(target.pass_on(&request).await?);
        }
        let expires = target.claims.expires;
        let answered = target.open_feed().await??;
        if answered.status_code() != 101 {
            return Ok(answered);
        }
        let socket = answered.websocket().ok_or(Refusal::Failed)?;
        Ok(answer::stream(hold(socket, expires)?, self.caller)?)
    }

    async fn delete(self, request: Request) -> Outcome<Response> {
        let target = self.required_target(&request)?;
        self.finish(target.pass_on(&request).await?)
    }

    /// Hands the object's answer to the client; a stream goes through the watchdog.
    fn finish(&self, forwarded: Forwarded) -> Outcome<Response> {
        let mut response = forwarded?;
        let kind = response.headers().get("content-type")?;
        if kind.as_deref() != Some("text/event-stream") {
            return Ok(response);
        }
        Ok(answer::stream(Watched::new(response.stream()?), self.caller)?)
    }

    fn required_target(&self, request: &Request) -> Outcome<Target<'a>> {
        let id = request.headers().get(SESSION_HEADER)?.ok_or(Refusal::NoSession)?;
        self.target(&id, request)
    }

    /// The session that an id names, if it is this caller's.
    fn target(&self, id: &str, request: &Request) -> Outcome<Target<'a>> {
        check_version(request)?;
        let now = Machine.now_ms() / 1_000;
        let claims = Claims::verify(id, &self.keys, self.principal.subject, now)
            .map_err(|_| Refusal::SessionNotFound)?;
        let (env, keys, principal) = (self.env, self.keys.clone(), self.principal.clone());
        Ok(Target { env, keys, claims, principal })
    }

    fn without_session(&self, body: &[u8]) -> Outcome<Response> {
        match decode(body).map_err(Refusal::Body)? {
            Body::Single(Message::Request { id, method, params }) if method == "initialize" => {
                match Hello::read(params) {
                    Ok(hello) => self.start(&id, hello),
                    Err(error) => {
                        Ok(answer::json(400, error_text(Some(&id), &error), self.caller)?)
                    }
                }
            }
            // Some clients forget their session in this one message, and give up if it is refused.
            Body::Single(Message::Notification { method, .. })
                if method == "notifications/initialized" =>
            {
                Ok(answer::accepted(self.caller)?)
            }
            Body::Batch(messages) if messages.iter().any(is_initialize) => {
                Err(Refusal::Initialize("initialize must not be in a batch: send it alone").into())
            }
            _ => Err(Refusal::NoSession.into()),
        }
    }

    /// Starts a session: signs its id, and nothing else.
    fn start(&self, id: &RequestId, hello: Hello) -> Outcome<Response> {
        let version = hello.version;
        let session = self.claims(hello).sign(&self.keys);
        let body = result_value(id, &result(version, !PROMPTS.is_empty()));
        Ok(answer::json_with_session(body, &session, self.caller)?)
    }

    fn claims(&self, hello: Hello) -> Claims {
        let issued = u32::try_from(Machine.now_ms() / 1_000).unwrap_or(u32::MAX);
        let age = u32::try_from(self.config.session_max_age.as_secs()).unwrap_or(u32::MAX);
        Claims {
            session: Uuid::new_v4(),
            version: hello.version,
            capabilities: hello.capabilities,
            placement: self.placement(),
            subject: self.principal.subject,
            issued,
            expires: issued.saturating_add(age),
            toolset: String::new(),
            client_name: hello.client_name,
            client_version: hello.client_version,
        }
    }

    /// Callers who share a key, or have none, never share an object, unless each brings a
    /// credential of its own.
    fn placement(&self) -> Placement {
        let shared = match self.principal.way {
            Way::Open | Way::ApiKey => !self.principal.own_credential,
        };
        if shared { Placement::Session } else { self.config.placement }
    }
}

fn is_initialize(message: &Message<'_>) -> bool {
    matches!(message, Message::Request { method, .. } if method == "initialize")
}

/// Refuses a version that is not served; none at all is fine (MCP 2025-06-18 "Protocol Version
/// Header": the session knows its version).
fn check_version(request: &Request) -> Outcome<()> {
    match request.headers().get(VERSION_HEADER)? {
        Some(version) if Version::parse(version.trim()).is_none() => {
            Err(Refusal::Version(version).into())
        }
        _ => Ok(()),
    }
}
