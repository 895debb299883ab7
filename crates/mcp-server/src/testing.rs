//! A [`Platform`] for unit tests: plays scripted responses, records requests, moves a clock of its own.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    rc::Rc,
    time::Duration,
};

use futures_util::future::{LocalBoxFuture, ready};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    client_request::Stop,
    context::{Consent, Context},
    execution::InPlace,
    notifier::{NoClient, Notifier},
    registry::Registry,
    tool_selection::ToolSelection,
    upstream_selection::UpstreamSelection,
};
use mcp_auth::credential::Credential;
use mcp_auth::{
    principal::Principal,
    scope::Scopes,
    secret::Secret,
    session_id::{Claims, Placement},
    subject::{AuthMethod, Subject},
    upstream_scopes::UpstreamScopes,
};
use mcp_platform::{
    Method, NetworkFailure, OutboundRequest, OutboundResponse, Platform,
    stream::{StreamRequest, StreamResponse},
    testing::{ScriptedStream, Sleep},
};
use mcp_protocol::{
    capabilities::ClientCapabilities, stateless::mrtr::KeyedRequest, version::Version,
};

/// Where the fake clock starts: 2026-11-20T08:00:00Z.
pub const START_MS: u64 = 1_795_161_600_000;

/// The claims of a session.
pub fn claims() -> Claims {
    Claims {
        session: Uuid::from_u128(1),
        version: Version::V2025_06_18,
        capabilities: ClientCapabilities::SAMPLING,
        placement: Placement::Subject,
        subject: Subject([7; 16]),
        issued: 1,
        expires: 2,
        toolset: String::new(),
        client_name: "a client".into(),
        client_version: "1 0".into(),
    }
}

/// A registry without toolsets.
pub static EMPTY: Registry = Registry::new(&[]);

/// One scripted answer.
#[derive(Debug, Clone)]
pub struct ScriptedResponse {
    takes: Duration,
    outcome: Result<OutboundResponse, NetworkFailure>,
}

impl ScriptedResponse {
    /// The same, after a while.
    pub fn after(mut self, seconds: u64) -> Self {
        self.takes = Duration::from_secs(seconds);
        self
    }

    /// The same, with a `Retry-After`.
    pub fn retry_after(mut self, text: &str) -> Self {
        if let Ok(response) = &mut self.outcome {
            response.retry_after = Some(text.into());
        }
        self
    }

    /// The same, with a `Location`.
    pub fn location(mut self, text: &str) -> Self {
        if let Ok(response) = &mut self.outcome {
            response.location = Some(text.into());
        }
        self
    }
}

/// A response with this status and body.
pub fn answer(status: u16, body: &str) -> OutboundResponse {
    OutboundResponse {
        status,
        content_type: Some("application/json".into()),
        retry_after: None,
        location: None,
        body: body.as_bytes().to_vec(),
    }
}

/// An answer with a text.
pub fn text(status: u16, body: &str) -> ScriptedResponse {
    ScriptedResponse { takes: Duration::from_millis(50), outcome: Ok(answer(status, body)) }
}

/// An answer with JSON.
pub fn json(status: u16, body: Value) -> ScriptedResponse {
    text(status, &body.to_string())
}

/// A connection that fails.
pub fn broken() -> ScriptedResponse {
    broken_with("connection reset")
}

/// A connection that fails with this text.
pub fn broken_with(why: &str) -> ScriptedResponse {
    let outcome = Err(NetworkFailure::Broken(why.into()));
    ScriptedResponse { takes: Duration::from_millis(50), outcome }
}

/// The platform. Once the script is played, every request fails.
pub struct FakePlatform {
    script: RefCell<VecDeque<ScriptedResponse>>,
    requests: RefCell<Vec<OutboundRequest>>,
    streams: RefCell<VecDeque<ScriptedStream>>,
    opened: RefCell<Vec<StreamRequest>>,
    now_ms: Rc<Cell<u64>>,
    ids: Cell<u32>,
    reports: RefCell<Vec<String>>,
}

impl FakePlatform {
    /// Plays this script.
    pub fn new(script: impl IntoIterator<Item = ScriptedResponse>) -> Rc<Self> {
        Rc::new(Self {
            script: RefCell::new(script.into_iter().collect()),
            requests: RefCell::default(),
            streams: RefCell::default(),
            opened: RefCell::default(),
            now_ms: Rc::new(Cell::new(START_MS)),
            ids: Cell::new(0),
            reports: RefCell::default(),
        })
    }

    /// A context on this machine with a token.
    pub fn context(self: &Rc<Self>) -> Context {
        self.context_of(Some("sb-token-0123456789"))
    }

    /// A context on this machine, with this token or none.
    pub fn context_of(self: &Rc<Self>, token: Option<&str>) -> Context {
        Context {
            client: Rc::default(),
            record: crate::telemetry::record::RequestRecord::disabled(),
            page_size: 100,
            consent: Consent::default(),
            choice: ToolSelection::default(),
            upstreams: UpstreamSelection::default(),
            registry: &EMPTY,
            remote: None,
            principal: Rc::new(Principal {
                auth_method: AuthMethod::Open,
                subject: Subject([0; 16]),
                client: String::new(),
                scopes: Scopes::ADMIN,
                upstreams: UpstreamScopes::default(),
                own_credential: false,
                expires: None,
                grant: None,
                unverified: None,
            }),
            credential: Rc::new(Credential {
                base_url: "https://my.sitebay.test".into(),
                token: token.map(Secret::new),
            }),
            platform: self.clone(),
            notifier: Rc::new(Reports(self.clone())),
            execution: Rc::new(InPlace::new(self.clone())),
            audit: Rc::new(crate::telemetry::audit::NoAudit),
            changes: Rc::default(),
            tasks: None,
            result_store: None,
            stages: None,
        }
    }

    /// Plays these as well, one for each stream that is opened.
    pub fn streams(&self, script: impl IntoIterator<Item = ScriptedStream>) {
        self.streams.borrow_mut().extend(script);
    }

    /// The requests whose answers were read as streams.
    pub fn opened(&self) -> Vec<StreamRequest> {
        self.opened.borrow().clone()
    }

    /// The requests that were sent.
    pub fn requests(&self) -> Vec<OutboundRequest> {
        self.requests.borrow().clone()
    }

    /// The requests as `Get /site/` with the query, below the prefix.
    pub fn lines(&self) -> Vec<String> {
        let below = "https://my.sitebay.test/f/api/v1";
        let line = |request: &OutboundRequest| {
            format!("{:?} {}", request.method, request.url.trim_start_matches(below))
        };
        self.requests.borrow().iter().map(line).collect()
    }

    /// The body of the n-th request.
    pub fn body(&self, at: usize) -> Value {
        let requests = self.requests.borrow();
        requests[at].body.as_ref().map_or(Value::Null, |body| serde_json::from_str(body).unwrap())
    }

    /// A header of the n-th request.
    pub fn header(&self, at: usize, name: &str) -> Option<String> {
        let requests = self.requests.borrow();
        requests[at].headers.iter().find(|(known, _)| *known == name).map(|(_, v)| v.clone())
    }

    /// How far its clock went.
    pub fn elapsed(&self) -> Duration {
        Duration::from_millis(self.now_ms.get().saturating_sub(START_MS))
    }

    /// The state that a poll finds at the end of the script once something was changed: SiteBay is done.
    /// Such looks are not counted.
    fn settled(
        &self,
        request: &OutboundRequest,
    ) -> Option<Result<OutboundResponse, NetworkFailure>> {
        let sent = self.requests.borrow();
        let change = sent.iter().rfind(|sent| sent.method != Method::Get)?;
        let looks = request.method == Method::Get && self.script.borrow().is_empty();
        let done = serde_json::json!({"status": "idle", "finished_at": "2026-11-20T08:00:00Z"});
        let status = if change.method == Method::Delete { 404 } else { 200 };
        looks.then(|| json(status, done).outcome)
    }

    /// The progress that was reported.
    pub fn reports(&self) -> Vec<String> {
        self.reports.borrow().clone()
    }

    fn pass(&self, duration: Duration) {
        pass(&self.now_ms, duration);
    }
}

fn pass(now_ms: &Cell<u64>, duration: Duration) {
    let ms = u64::try_from(duration.as_millis()).unwrap();
    now_ms.set(now_ms.get().saturating_add(ms));
}

impl Platform for FakePlatform {
    fn fetch(
        &self,
        request: OutboundRequest,
    ) -> LocalBoxFuture<'static, Result<OutboundResponse, NetworkFailure>> {
        let timeout = request.timeout;
        if let Some(settled) = self.settled(&request) {
            return Box::pin(ready(settled));
        }
        self.requests.borrow_mut().push(request);
        let step = self.script.borrow_mut().pop_front().unwrap_or_else(broken);
        self.pass(step.takes.min(timeout));
        let late = step.takes > timeout;
        let outcome = if late { Err(NetworkFailure::TimedOut(timeout)) } else { step.outcome };
        Box::pin(ready(outcome))
    }

    fn open(
        &self,
        request: StreamRequest,
    ) -> LocalBoxFuture<'static, Result<StreamResponse, NetworkFailure>> {
        let within = request.headers_within;
        self.opened.borrow_mut().push(request);
        let step = self.streams.borrow_mut().pop_front();
        let step = step.unwrap_or_else(|| ScriptedStream::unreachable("connection reset"));
        let now_ms = self.now_ms.clone();
        let sleep: Sleep = Rc::new(move |duration| {
            pass(&now_ms, duration);
            Box::pin(ready(()))
        });
        Box::pin(step.play(within, sleep, || ()))
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.pass(duration);
        Box::pin(ready(()))
    }

    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    fn uuid(&self) -> String {
        self.ids.set(self.ids.get().saturating_add(1));
        format!("{:08x}-0000-4000-8000-000000000000", self.ids.get())
    }
}

struct Reports(Rc<FakePlatform>);

impl Notifier for Reports {
    fn progress(&self, progress: f64, total: Option<f64>, message: Option<&str>) {
        let line = format!("{progress}/{total:?} {}", message.unwrap_or_default());
        self.0.reports.borrow_mut().push(line);
    }

    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        NoClient.ask(questions)
    }

    fn capabilities(&self) -> ClientCapabilities {
        ClientCapabilities::default()
    }
}
