//! Sends requests to the services: address, headers, retries, one deadline for all of it.
//!
//! Invariant: one client serves one call of a tool. The token goes only to services of its own
//! stack. What changes something needs a [`Begun`] and is sent once.

use std::{cell::Cell, time::Duration};

use serde_json::Value;

use super::{
    answer::Answer,
    cache::{Kept, Key},
    detail::Detail,
    error::ApiError,
    path::Path,
    project::Project,
    stack::Stack,
    unconfirmed::Unconfirmed,
};
use crate::connection::{Connection, Connections};
use catalogue::retry::{self, Next};
use mcp_auth::secret::Secret;
use mcp_platform::{
    Method, NetworkFailure, OutboundRequest, OutboundResponse, url::with_parameters,
};
use mcp_server::{context::Context, execution::Begun, remote::KeyError, telemetry::trace::span};

/// The name of the service in records.
const UPSTREAM: &str = "keboola";
/// What stands in records in place of the eras in front and behind: no MCP server is asked.
const CELL: &str = "native";
/// A read that takes longer is tried again.
const READ_TIMEOUT: Duration = Duration::from_secs(30);
/// A change gets more time: it is not tried again.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes an answer may have.
const MAX_ANSWER: usize = 16 * 1024 * 1024;
/// The time and the answer of what is sent once.
const CHANGE: (Duration, usize) = (CHANGE_TIMEOUT, MAX_ANSWER);
/// Bytes of a body: a configuration has 4 MB at most, with some room around it.
const MAX_BODY: usize = 4 * 1024 * 1024 + 256 * 1024;
const USER_AGENT: &str = concat!("sitebay-mcp/", env!("CARGO_PKG_VERSION"));

thread_local! {
    /// The services of stand-ins, by the address of the connection.
    static INDEXES: Kept<Vec<(String, String)>> = const { Kept::new(600_000) };
}

/// How long the requests of one call may take together.
const CALL_BUDGET: Duration = Duration::from_secs(60);

/// How long one look at work that is under way may take. A call whose client left has 20 s to find that out and to end the
/// work: a pause or a look, and what then ends it, fit into them.
const LOOK_BUDGET: Duration = Duration::from_secs(8);

/// A service of a stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    /// Storage, below the connection.
    Storage,
    /// The job queue.
    Queue,
    /// Queries in workspaces.
    Query,
    /// Documentation and suggestions.
    Ai,
    /// Ciphers. It takes no token.
    Encryption,
    /// Schedules of flows.
    Scheduler,
}

impl Service {
    /// Its name in host names and in the index.
    fn id(self) -> &'static str {
        match self {
            Self::Storage => "connection",
            Self::Queue => "queue",
            Self::Query => "query",
            Self::Ai => "ai",
            Self::Encryption => "encryption",
            Self::Scheduler => "scheduler",
        }
    }

    /// Its name in errors.
    fn label(self) -> &'static str {
        match self {
            Self::Storage => "Storage",
            Self::Queue => "job queue",
            Self::Query => "query service",
            Self::Ai => "documentation service",
            Self::Encryption => "encryption service",
            Self::Scheduler => "scheduler",
        }
    }

    fn prefix(self) -> &'static str {
        match self {
            Self::Storage => "/v2/storage",
            Self::Query => "/api/v1",
            _ => "",
        }
    }
}

/// The services as one call sees them.
pub(crate) struct Client<'a> {
    ctx: &'a Context,
    stack: Stack,
    connections: &'a dyn Connections,
    connection: Connection,
    key: Key,
    ends_ms: Cell<u64>,
}

impl<'a> Client<'a> {
    /// Starts the call's time.
    pub(crate) fn new(
        ctx: &'a Context,
        stack: Stack,
        (connections, connection): (&'a dyn Connections, Connection),
    ) -> Self {
        let key = Key::of(stack.connection(), &connection.token);
        let ends_ms = Cell::new(0);
        let client = Self { ctx, stack, connections, connection, key, ends_ms };
        client.start_over();
        client
    }

    /// Starts the call's time anew, after a wait that is not Keboola's fault.
    pub(crate) fn start_over(&self) {
        self.start_over_within(CALL_BUDGET);
    }

    /// The same for one look at work that is under way, after which there is another.
    pub(crate) fn start_look(&self) {
        self.start_over_within(LOOK_BUDGET);
    }

    /// The same with less time.
    pub(crate) fn start_over_within(&self, time: Duration) {
        let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.ends_ms.set(self.now_ms().saturating_add(ms));
    }

    /// Waits.
    pub(crate) async fn pause(&self, duration: Duration) {
        self.ctx.platform.sleep(duration).await;
    }

    /// Whether the person has this very connection by now.
    ///
    /// # Errors
    /// Where that cannot be found out: why.
    pub(crate) async fn is_connected(&self) -> Result<bool, KeyError> {
        let now = self.connections.connection(self.ctx).await?;
        let is_it = |now: Connection| {
            now.stack == self.connection.stack && now.token == self.connection.token
        };
        Ok(now.is_some_and(is_it))
    }

    /// Stands for the credential in what is remembered.
    pub(crate) fn key(&self) -> Key {
        self.key
    }

    /// The address of the connection service.
    pub(crate) fn connection(&self) -> &str {
        self.stack.connection()
    }

    /// The time.
    pub(crate) fn now_ms(&self) -> u64 {
        self.ctx.platform.now_ms()
    }

    /// The time that is left of the call.
    pub(crate) fn left(&self) -> Duration {
        let left = self.ends_ms.get().saturating_sub(self.now_ms());
        // A clock that went back gives no more time.
        Duration::from_millis(left).min(CALL_BUDGET)
    }

    /// Reads.
    pub(crate) async fn get(
        &self,
        service: Service,
        path: Path,
        query: &[(&str, String)],
    ) -> Result<Value, ApiError> {
        self.get_within(MAX_ANSWER, service, path, query).await?.value()
    }

    /// Reads an answer of at most so many bytes.
    pub(crate) async fn get_within(
        &self,
        at_most: usize,
        service: Service,
        path: Path,
        query: &[(&str, String)],
    ) -> Result<Answer, ApiError> {
        let url = self.address(service, &path, query).await?;
        let limits = (READ_TIMEOUT, at_most.min(MAX_ANSWER));
        let mut tries = 0_u32;
        loop {
            tries = tries.saturating_add(1);
            let outcome = self.once(service, Method::Get, &url, None, limits).await?;
            let noise = (self.now_ms() % 256) as u8;
            match retry::next(outcome.as_ref(), tries, self.left(), self.now_ms(), noise) {
                Next::Accept => return self.success(service, outcome, tries),
                Next::Pause(pause) => self.ctx.platform.sleep(pause).await,
                Next::TooLong(wait) => return Err(self.too_long(service, &outcome, wait)),
            }
        }
    }

    /// Sends a POST that changes nothing, once.
    pub(crate) async fn ask(
        &self,
        service: Service,
        path: Path,
        query: &[(&str, String)],
        body: &Value,
    ) -> Result<Value, ApiError> {
        let url = self.address(service, &path, query).await?;
        let outcome = self.once(service, Method::Post, &url, Some(body), CHANGE).await?;
        self.success(service, outcome, 1)?.value()
    }

    /// Changes something, once.
    pub(crate) async fn change(
        &self,
        _begun: &Begun,
        method: Method,
        service: Service,
        path: Path,
        query: &[(&str, String)],
        body: Option<&Value>,
    ) -> Result<Value, Unconfirmed> {
        let url = self.address(service, &path, query).await.map_err(Unconfirmed::unsent)?;
        self.ctx.changes.sent();
        let outcome = self.once(service, method, &url, body, CHANGE).await;
        let answer = outcome.and_then(|outcome| self.success(service, outcome, 1)?.value());
        let answer = answer.map_err(Unconfirmed::sent);
        if !answer.as_ref().is_err_and(Unconfirmed::leaves_doubt) {
            self.ctx.changes.answered();
        }
        answer
    }

    async fn address(
        &self,
        service: Service,
        path: &Path,
        query: &[(&str, String)],
    ) -> Result<String, ApiError> {
        let base = match self.stack.service(service.id()) {
            Some(base) => base,
            None => self.indexed(service).await?,
        };
        let address = format!("{base}{}{}", service.prefix(), path.text()?);
        let query = query.iter().map(|(name, value)| (*name, value.as_str()));
        Ok(with_parameters(&address, query))
    }

    /// The address of a service of a stand-in.
    async fn indexed(&self, service: Service) -> Result<String, ApiError> {
        let key = Key::of(self.stack.connection(), &Secret::new(""));
        let known = INDEXES.with(|indexes| indexes.get(key, self.now_ms()));
        let index = match known {
            Some(index) => index,
            None => {
                let index = self.index().await?;
                INDEXES.with(|indexes| indexes.put(key, self.now_ms(), index.clone()));
                index
            }
        };
        let found = index.into_iter().find(|(id, _)| id == service.id());
        found.map(|(_, url)| url).ok_or(ApiError::NoService(service.id()))
    }

    async fn index(&self) -> Result<Vec<(String, String)>, ApiError> {
        let url = format!("{}/v2/storage?exclude=components", self.stack.connection());
        // The index needs no token, as the encryption service does not.
        let limits = (READ_TIMEOUT, MAX_ANSWER);
        let outcome = self.once(Service::Encryption, Method::Get, &url, None, limits).await?;
        let index = self.success(Service::Storage, outcome, 1)?.value()?;
        let services = index.get("services").and_then(Value::as_array).into_iter().flatten();
        let service = |service: &Value| {
            let text =
                |name: &str| Some(service.get(name)?.as_str()?.trim_end_matches('/').to_owned());
            Some((text("id")?, text("url").filter(|url| self.stack.may_serve(url))?))
        };
        Ok(services.filter_map(service).collect())
    }

    async fn once(
        &self,
        service: Service,
        method: Method,
        url: &str,
        body: Option<&Value>,
        (longest, at_most): (Duration, usize),
    ) -> Result<Result<OutboundResponse, NetworkFailure>, ApiError> {
        let timeout = self.left().min(longest);
        if timeout.is_zero() {
            return Err(ApiError::OutOfTime);
        }
        let body = body.map(Value::to_string);
        if body.as_ref().is_some_and(|body| body.len() > MAX_BODY) {
            return Err(ApiError::TooLarge);
        }
        let request = OutboundRequest {
            method,
            url: url.to_owned(),
            headers: self.headers(service, body.is_some()),
            body,
            timeout,
            at_most,
        };
        let mut sent = SentRequest { ctx: self.ctx, began_ms: self.now_ms(), answered: None };
        let outcome = self.ctx.platform.fetch(request).await;
        sent.answered = outcome.as_ref().ok().map(|response| response.body.len());
        drop(sent);
        let is_refused = outcome.as_ref().is_ok_and(|response| response.status == 401);
        if is_refused && service != Service::Encryption {
            self.refused(service).await;
        }
        Ok(outcome)
    }

    /// Notes that a service refused the token. Storage alone says for sure whether it is good: after a refusal of another
    /// one it is asked again.
    async fn refused(&self, service: Service) {
        Project::forget(self.key);
        if service == Service::Storage {
            self.connections.refused(self.ctx, &self.connection).await;
        }
    }

    fn headers(&self, service: Service, has_body: bool) -> Vec<(&'static str, String)> {
        let mut headers =
            vec![("Accept", "application/json".to_owned()), ("User-Agent", USER_AGENT.to_owned())];
        if service != Service::Encryption {
            headers.push(("X-StorageApi-Token", self.connection.token.expose().to_owned()));
        }
        if has_body {
            headers.push(("Content-Type", "application/json".to_owned()));
        }
        let platform = &*self.ctx.platform;
        let trace = self.ctx.record.trace(platform);
        headers.push(("traceparent", trace.parent(span(platform))));
        if let Some(state) = trace.state() {
            headers.push(("tracestate", state.to_owned()));
        }
        headers
    }

    fn success(
        &self,
        service: Service,
        outcome: Result<OutboundResponse, NetworkFailure>,
        tries: u32,
    ) -> Result<Answer, ApiError> {
        let label = service.label();
        let response = outcome.map_err(|failure| ApiError::NoAnswer { service: label, failure })?;
        let OutboundResponse { status, body, .. } = response;
        match status {
            200..=299 => Ok(Answer { service: label, status, body }),
            300..=399 => Err(ApiError::Redirected(label)),
            _ => {
                let detail = Detail::read(&body, &self.connection.token);
                Err(ApiError::Refused { service: label, status, detail, tries })
            }
        }
    }

    fn too_long(
        &self,
        service: Service,
        outcome: &Result<OutboundResponse, NetworkFailure>,
        wait: Duration,
    ) -> ApiError {
        let (status, detail) = match outcome {
            Ok(response) => (response.status, Detail::read(&response.body, &self.connection.token)),
            Err(_) => (503, Detail::default()),
        };
        ApiError::WaitTooLong { service: service.label(), status, wait, detail }
    }
}

/// A request that was sent. It is recorded when this is dropped: after its answer, or without one where the
/// call is dropped.
struct SentRequest<'a> {
    ctx: &'a Context,
    began_ms: u64,
    /// The bytes of its answer.
    answered: Option<usize>,
}

impl Drop for SentRequest<'_> {
    fn drop(&mut self) {
        let took = self.ctx.platform.now_ms().saturating_sub(self.began_ms);
        let end = if self.answered.is_some() { "answered" } else { "failed" };
        let bytes = u64::try_from(self.answered.unwrap_or_default()).unwrap_or(u64::MAX);
        self.ctx.record.add_upstream_call(&UPSTREAM.into(), (CELL, end), took, bytes);
    }
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
