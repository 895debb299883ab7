//! The record of one request: its log line, its data point and the counters.
//!
//! Invariant: every request is logged exactly once, by the side that sends the response: the Worker, or the
//! session's object that it was passed on to. A call that streams is logged at its end, every other
//! request when its answer begins. Names are those of this server, or cut: no argument, token, session
//! id, address or site is ever in a record.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use uuid::Uuid;

use crate::telemetry::{
    known_names,
    level::Level,
    log_line::DataPoint,
    metrics,
    trace::{Trace, span},
};
use mcp_auth::{principal::Principal, refusal::Refusal, seal::Sealed, subject::Subject};
use mcp_platform::Platform;
use mcp_protocol::implementation::Implementation;

/// The call panicked.
pub(crate) const PANICKED: &str = "panicked";
/// The object broke the stream that was passed on.
pub const BROKE: &str = "stream-broke";
/// The client left before it ended, and nothing was changed.
pub(crate) const LEFT: &str = "left";
/// The client left before it ended, and what ran elsewhere for it was not ended there.
pub(crate) const LEFT_RUNNING: &str = "left-running";
/// It may have changed something; the outcome is not known.
pub const UNKNOWN: &str = "unknown";
/// It said nothing for too long.
pub const SILENT: &str = "stream-silent";

/// Where records go.
pub trait TelemetrySink {
    /// The time, in milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// A random id.
    fn uuid(&self) -> Uuid;

    /// Whether lines of this level are wanted.
    fn wants(&self, level: Level) -> bool;

    /// Writes a line.
    fn write(&self, level: Level, line: &str);

    /// Writes a data point, where a dataset is bound.
    fn measure(&self, point: &dyn Fn() -> DataPoint);
}

/// How far a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecordStage {
    /// The answer is yet to come.
    Open,
    /// The response streams: it is logged when its call ends.
    Streams,
    /// It was logged, or another part logs it.
    Over,
}

/// The requests to SiteBay.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UpstreamCalls {
    pub(super) count: u64,
    pub(super) ms: u64,
    /// Of the last answer; 0: there was none.
    pub(super) status: u16,
}

/// The requests to another server.
#[derive(Debug, Clone, Default)]
pub(super) struct RemoteCalls {
    /// The server's configured name.
    pub(super) upstream: Rc<str>,
    /// The name of its tool, as the caller sees it.
    pub(super) tool: Rc<str>,
    /// The eras in front and behind, such as `stateless-session`.
    pub(super) cell: &'static str,
    pub(super) count: u64,
    pub(super) ms: u64,
    /// Of its answers, where they say so.
    pub(super) bytes: Option<u64>,
    /// Of the server at `BACKEND_URL`; 0: it did not answer.
    pub(super) status: Option<u16>,
}

/// A request, as far as it is known. Texts are empty, and numbers 0, where something is not known.
pub struct RequestRecord {
    out: Option<Rc<dyn TelemetrySink>>,
    stage: Cell<RecordStage>,
    /// The call is over.
    ended: Cell<bool>,
    pub(super) streamed: Cell<bool>,
    pub(super) event: Cell<&'static str>,
    id: Cell<Uuid>,
    pub(super) trace: RefCell<Option<Trace>>,
    pub(super) subject: Cell<Option<Subject>>,
    pub(super) auth_method: Cell<&'static str>,
    pub(super) client: RefCell<Rc<Implementation>>,
    pub(super) protocol_version: Cell<&'static str>,
    pub(super) route: Cell<&'static str>,
    pub(super) method: Cell<&'static str>,
    pub(super) tool: Cell<&'static str>,
    pub(super) outcome: Cell<&'static str>,
    unknown: Cell<bool>,
    pub(super) code: Cell<i32>,
    pub(super) status: Cell<u16>,
    began_ms: Cell<u64>,
    pub(super) sitebay: Cell<UpstreamCalls>,
    pub(super) remote: RefCell<RemoteCalls>,
    when_accepted: Cell<Option<Box<dyn FnOnce()>>>,
}

impl RequestRecord {
    /// A request that begins now.
    pub fn new(out: Rc<dyn TelemetrySink>) -> Rc<Self> {
        let now_ms = out.now_ms();
        Self::made(Some(out), RecordStage::Open, now_ms)
    }

    /// A record that is never logged.
    pub fn disabled() -> Rc<Self> {
        Self::made(None, RecordStage::Over, 0)
    }

    fn made(out: Option<Rc<dyn TelemetrySink>>, stage: RecordStage, began_ms: u64) -> Rc<Self> {
        Rc::new(Self {
            out,
            stage: Cell::new(stage),
            ended: Cell::default(),
            streamed: Cell::default(),
            event: Cell::new("request"),
            id: Cell::default(),
            trace: RefCell::default(),
            subject: Cell::default(),
            auth_method: Cell::default(),
            client: RefCell::default(),
            protocol_version: Cell::default(),
            route: Cell::default(),
            method: Cell::default(),
            tool: Cell::default(),
            outcome: Cell::default(),
            unknown: Cell::default(),
            code: Cell::default(),
            status: Cell::default(),
            began_ms: Cell::new(began_ms),
            sitebay: Cell::default(),
            remote: RefCell::default(),
            when_accepted: Cell::default(),
        })
    }

    /// When it began, in seconds since 1970.
    pub fn began_s(&self) -> u64 {
        self.began_ms.get() / 1_000
    }

    /// Its id in the log.
    pub fn id(&self) -> Uuid {
        if self.id.get().is_nil() {
            self.id.set(self.out.as_ref().map_or(Uuid::nil(), |out| out.uuid()));
        }
        self.id.get()
    }

    /// Sets the id that it has already.
    pub fn set_id(&self, id: Uuid) {
        self.id.set(id);
    }

    /// Sets the route.
    pub fn set_route(&self, route: &'static str) {
        self.route.set(route);
    }

    /// The caller.
    pub fn set_principal(&self, principal: &Principal) {
        self.subject.set(Some(principal.limited_as()));
        self.auth_method.set(principal.auth_method.name());
    }

    /// Sets the client program and the protocol version.
    pub fn set_client(&self, client: Rc<Implementation>, version: &'static str) {
        self.client.replace(client);
        self.protocol_version.set(version);
    }

    /// Sets id, caller and client from a seal.
    pub fn set_sealed(&self, sealed: &Sealed) {
        let claims = &sealed.claims;
        let (name, version) = (claims.client_name.clone(), claims.client_version.clone());
        self.set_id(sealed.request);
        self.set_principal(&sealed.principal);
        self.set_client(Rc::new(Implementation { name, version }), claims.version.as_str());
    }

    /// The request.
    pub fn set_method(&self, method: &str) {
        self.method.set(known_names::method(method));
    }

    /// Sets the tool. None: it does not exist.
    pub fn set_tool(&self, tool: Option<&'static str>) {
        self.tool.set(tool.unwrap_or(known_names::OTHER));
    }

    /// The trace that it belongs to, where one is named. One that the message names counts before one
    /// that its connection names: it is said later.
    pub fn set_trace(&self, trace: Option<Trace>) {
        if trace.is_some() {
            self.trace.replace(trace);
        }
    }

    /// Whether a trace was named.
    pub fn has_trace(&self) -> bool {
        self.trace.borrow().is_some()
    }

    /// The trace under which something is sent on: its own, or one that begins here.
    pub fn trace(&self, platform: &dyn Platform) -> Trace {
        let begun = || match self.id() {
            // Work that is not reported has no id.
            id if id.is_nil() => Trace::begun(span(platform)),
            id => Trace::begun(id),
        };
        self.trace.borrow_mut().get_or_insert_with(begun).clone()
    }

    /// SiteBay was asked; 0: it did not answer.
    pub fn add_sitebay_call(&self, status: u16, ms: u64) {
        metrics::sitebay(status, ms);
        let UpstreamCalls { count, ms: before, .. } = self.sitebay.get();
        let (count, ms) = (count.saturating_add(1), before.saturating_add(ms));
        self.sitebay.set(UpstreamCalls { count, ms, status });
    }

    /// A tool of another server is called.
    pub fn set_upstream(&self, upstream: &Rc<str>, tool: &Rc<str>) {
        let mut remote = self.remote.borrow_mut();
        (remote.upstream, remote.tool) = (upstream.clone(), tool.clone());
    }

    /// Another server was asked, in this cell of eras: whether it answered, how long that took, and how many
    /// bytes it answered.
    pub fn add_upstream_call(
        &self,
        upstream: &Rc<str>,
        (cell, end): (&'static str, &'static str),
        ms: u64,
        bytes: u64,
    ) {
        metrics::upstream(upstream, cell, end, ms);
        let mut remote = self.remote.borrow_mut();
        (remote.upstream, remote.cell) = (upstream.clone(), cell);
        remote.count = remote.count.saturating_add(1);
        remote.ms = remote.ms.saturating_add(ms);
        remote.bytes = Some(remote.bytes.unwrap_or_default().saturating_add(bytes));
    }

    /// The server at `BACKEND_URL` was asked; status 0: it did not answer. `ms`: until its answer began. `bytes`: of
    /// the answer's body, where it says so.
    pub fn set_backend(&self, status: u16, ms: u64, bytes: Option<u64>) {
        let mut remote = self.remote.borrow_mut();
        (remote.status, remote.ms, remote.bytes) = (Some(status), ms, bytes);
    }

    /// Registers a callback for when SiteBay first accepts the caller's token.
    pub fn on_token_accepted(&self, note: Box<dyn FnOnce()>) {
        self.when_accepted.set(Some(note));
    }

    /// SiteBay accepted the token that it was asked with.
    pub fn token_accepted(&self) {
        if let Some(note) = self.when_accepted.take() {
            note();
        }
    }

    /// A change was or may have been sent whose outcome is not known: no other outcome says that.
    pub fn set_unknown(&self) {
        self.unknown.set(true);
        self.outcome.set(UNKNOWN);
    }

    /// Sets the outcome, and the code of the JSON-RPC error if there is one.
    pub fn set_outcome(&self, outcome: &'static str, code: Option<i32>) {
        self.outcome.set(if self.unknown.get() { UNKNOWN } else { outcome });
        self.code.set(code.unwrap_or_default());
    }

    /// The outcome; empty as long as it is not known.
    #[cfg(test)]
    pub(crate) fn outcome(&self) -> &'static str {
        self.outcome.get()
    }

    /// Sets the outcome of a refusal.
    pub fn refused(&self, refusal: &Refusal) {
        let reason = known_names::refusal(refusal);
        metrics::refusal(reason);
        self.set_outcome(reason, refusal.code());
    }

    /// Leaves the logging to another part.
    pub fn delegate(&self) {
        self.stage.set(RecordStage::Over);
    }

    /// Its answer is a stream that goes on when the call is over, if it ever is one.
    pub fn hold_open(&self) {
        self.streamed.set(true);
    }

    /// Whether it is not logged yet.
    pub fn is_open(&self) -> bool {
        self.stage.get() == RecordStage::Open
    }

    /// Marks the response as started; requests that do not stream are logged here.
    pub fn response_started(&self, status: u16) {
        if self.is_open() {
            self.status.set(status);
            self.emit();
        }
    }

    /// Marks the response as streaming: it is logged when the call ends.
    pub fn response_streams(&self, status: u16) {
        self.status.set(status);
        self.streamed.set(true);
        self.stage.set(RecordStage::Streams);
        if self.ended.get() {
            self.emit();
        }
    }

    /// A guard that lives as long as the call.
    #[must_use]
    pub fn end_guard(self: &Rc<Self>) -> EndGuard {
        EndGuard(self.clone())
    }

    fn ended(&self) {
        self.ended.set(true);
        if self.stage.get() != RecordStage::Streams {
            return;
        }
        // A request has an outcome, what is none is accepted.
        if self.outcome.get().is_empty() && self.status.get() == 200 {
            self.outcome.set(if std::thread::panicking() { PANICKED } else { LEFT });
        }
        self.emit();
    }

    /// A forwarded response broke off; the forwarding side logs it.
    pub fn stream_broke(&self, why: &'static str) {
        self.status.set(200);
        self.hold_open();
        self.outcome.set(why);
        self.emit();
    }

    /// The end of a task that began then.
    pub fn task(&self, tool: Option<&'static str>, outcome: &'static str, began_ms: u64) {
        self.event.set("task");
        self.set_tool(tool);
        self.outcome.set(outcome);
        self.began_ms.set(began_ms);
        self.emit();
    }

    fn emit(&self) {
        self.stage.set(RecordStage::Over);
        let Some(out) = &self.out else {
            return;
        };
        let took = out.now_ms().saturating_sub(self.began_ms.get());
        self.count(took);
        let level = self.level();
        if out.wants(level) {
            out.write(level, &self.line(took));
        }
        out.measure(&|| self.point(took));
    }

    fn count(&self, took: u64) {
        if self.event.get() == "request" {
            let labels = [self.route.get(), self.method.get(), self.protocol_version.get()];
            metrics::request(labels, self.status.get());
        }
        if !self.tool.get().is_empty() {
            metrics::tool(self.tool.get(), self.outcome.get(), took);
        }
    }
}

/// Lives as long as a call.
pub struct EndGuard(Rc<RequestRecord>);

impl Drop for EndGuard {
    fn drop(&mut self) {
        self.0.ended();
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
