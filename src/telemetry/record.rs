//! What is known of one request: for its line in the log, its data point and the counters.
//!
//! Invariant: whatever its way, a request is told of once. Who answers it tells: the Worker, or the
//! session's object that it was passed on to. A call that streams is told of at its end, every other
//! request when its answer begins. Names are those of this server, or cut: no argument, token, session
//! id, address or site is ever in a record.

use std::{cell::RefCell, rc::Rc};

use uuid::Uuid;

use crate::{
    access::principal::{Principal, Subject, Way},
    protocol::object::Object,
    server::context::Client,
    telemetry::{level::Level, metrics, names, trace::Trace},
};

/// Characters of a subject that a line shows: enough to tell callers apart, and to find one in the audit.
const SUBJECT: usize = 8;

/// Where records go.
pub trait Out {
    /// The time, in milliseconds since 1970.
    fn now_ms(&self) -> u64;

    /// Whether lines of this level are wanted.
    fn wants(&self, level: Level) -> bool;

    /// Writes a line.
    fn write(&self, level: Level, line: &str);

    /// Writes a data point, where a dataset is bound.
    fn measure(&self, point: &dyn Fn() -> Point);
}

/// A data point (`docs/OPERATIONS.md`, "Data points").
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// The subject.
    pub index: String,
    /// What it was.
    pub blobs: Vec<String>,
    /// How much.
    pub doubles: Vec<f64>,
}

/// Nobody is told.
#[derive(Debug, Clone, Copy)]
pub struct Untold;

impl Out for Untold {
    fn now_ms(&self) -> u64 {
        0
    }

    fn wants(&self, _level: Level) -> bool {
        false
    }

    fn write(&self, _level: Level, _line: &str) {}

    fn measure(&self, _point: &dyn Fn() -> Point) {}
}

/// How far a record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Stage {
    /// The answer is yet to come.
    #[default]
    Open,
    /// The answer streams: the end of its call is told of.
    Streams,
    /// It was told of, or somebody else does.
    Over,
}

/// What is known.
#[derive(Debug, Clone, Default)]
struct Facts {
    event: &'static str,
    id: Option<Uuid>,
    trace: Option<Trace>,
    subject: Option<Subject>,
    way: Option<Way>,
    client: Rc<Client>,
    era: &'static str,
    route: &'static str,
    method: &'static str,
    tool: &'static str,
    outcome: &'static str,
    code: Option<i32>,
    status: u16,
    streamed: bool,
    /// The call is over.
    ended: bool,
    began_ms: u64,
    sitebay: Asked,
    stage: Stage,
}

/// What SiteBay was asked.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    count: u32,
    ms: u64,
    /// Of the last answer; 0: there was none.
    status: u16,
}

/// A request, as far as it is known.
pub struct Record {
    out: Rc<dyn Out>,
    facts: RefCell<Facts>,
}

impl Record {
    /// A request that begins now.
    pub fn new(out: Rc<dyn Out>) -> Rc<Self> {
        let facts = Facts { event: "request", began_ms: out.now_ms(), ..Facts::default() };
        Rc::new(Self { out, facts: RefCell::new(facts) })
    }

    /// Work of which nobody is told.
    pub fn aside() -> Rc<Self> {
        let record = Self::new(Rc::new(Untold));
        record.hand_over();
        record
    }

    fn note(&self, change: impl FnOnce(&mut Facts)) {
        change(&mut self.facts.borrow_mut());
    }

    /// Its name in the log.
    pub fn id(&self) -> Uuid {
        *self.facts.borrow_mut().id.get_or_insert_with(Uuid::new_v4)
    }

    /// It has a name already.
    pub fn named(&self, id: Uuid) {
        self.note(|facts| facts.id = Some(id));
    }

    /// Which of this server's ways it came.
    pub fn route(&self, route: &'static str) {
        self.note(|facts| facts.route = route);
    }

    /// Who asks.
    pub fn asked_by(&self, principal: &Principal) {
        self.note(|facts| {
            (facts.subject, facts.way) = (Some(principal.subject), Some(principal.way))
        });
    }

    /// By which program, in which version of the protocol.
    pub fn spoken_by(&self, client: Rc<Client>, era: &'static str) {
        self.note(|facts| (facts.client, facts.era) = (client, era));
    }

    /// What is asked for.
    pub fn method(&self, method: &str) {
        self.note(|facts| facts.method = names::method(method));
    }

    /// Which tool is called; None: one that does not exist.
    pub fn tool(&self, tool: Option<&'static str>) {
        self.note(|facts| facts.tool = tool.unwrap_or(names::OTHER));
    }

    /// The trace that it belongs to, where one is named. One that the message names counts before one
    /// that its connection names: it is said later.
    pub fn traced(&self, trace: Option<Trace>) {
        if trace.is_some() {
            self.note(|facts| facts.trace = trace);
        }
    }

    /// Whether a trace was named.
    pub fn has_trace(&self) -> bool {
        self.facts.borrow().trace.is_some()
    }

    /// The trace under which something is sent on: its own, or one that begins here.
    pub fn trace(&self) -> Trace {
        let id = self.id();
        self.facts.borrow_mut().trace.get_or_insert_with(|| Trace::begun(id)).clone()
    }

    /// SiteBay was asked; 0: it did not answer.
    pub fn asked_sitebay(&self, status: u16, ms: u64) {
        metrics::sitebay(status, ms);
        self.note(|facts| {
            let Asked { count, ms: before, .. } = facts.sitebay;
            let (count, ms) = (count.saturating_add(1), before.saturating_add(ms));
            facts.sitebay = Asked { count, ms, status };
        });
    }

    /// How it ended, and the JSON-RPC error that says so.
    pub fn came_to(&self, outcome: &'static str, code: Option<i32>) {
        self.note(|facts| (facts.outcome, facts.code) = (outcome, code));
    }

    /// It was refused.
    pub fn refused(&self, reason: &'static str, code: Option<i32>) {
        metrics::refusal(reason);
        self.came_to(reason, code);
    }

    /// Somebody else tells of it, or nobody.
    pub fn hand_over(&self) {
        self.note(|facts| facts.stage = Stage::Over);
    }

    /// Its answer is a stream that goes on when the call is over, if it ever is one.
    pub fn holds(&self) {
        self.note(|facts| facts.streamed = true);
    }

    /// Whether it is still to be told of.
    pub fn is_open(&self) -> bool {
        self.facts.borrow().stage == Stage::Open
    }

    /// Its answer begins. Unless it streams, it is told of now.
    pub fn answered(&self, status: u16) {
        self.note(|facts| facts.status = status);
        if self.is_open() {
            self.tell();
        }
    }

    /// Its answer streams: it is told of when the call ends.
    pub fn streams(&self, status: u16) {
        self.note(|facts| (facts.status, facts.streamed) = (status, true));
        let mut facts = self.facts.borrow_mut();
        let over = facts.ended;
        facts.stage = Stage::Streams;
        drop(facts);
        if over {
            self.tell();
        }
    }

    /// What must live as long as the call.
    #[must_use]
    pub fn until_end(self: &Rc<Self>) -> UntilEnd {
        UntilEnd(self.clone())
    }

    fn ended(&self) {
        self.note(|facts| facts.ended = true);
        if self.facts.borrow().stage == Stage::Streams {
            self.note(|facts| {
                if facts.outcome.is_empty() && !facts.method.starts_with("notifications/") {
                    facts.outcome = if std::thread::panicking() { "panicked" } else { "left" };
                }
            });
            self.tell();
        }
    }

    /// An answer that was passed on broke off, which who passed it on tells.
    pub fn broke(&self, why: &'static str) {
        self.note(|facts| (facts.status, facts.streamed, facts.outcome) = (200, true, why));
        self.tell();
    }

    /// The end of a task that began then.
    pub fn task(&self, tool: Option<&'static str>, outcome: &'static str, began_ms: u64) {
        self.tool(tool);
        self.note(|facts| {
            (facts.event, facts.outcome, facts.began_ms) = ("task", outcome, began_ms);
        });
        self.tell();
    }

    fn tell(&self) {
        let took = self.out.now_ms();
        self.id();
        let mut facts = self.facts.borrow_mut();
        facts.stage = Stage::Over;
        let took = took.saturating_sub(facts.began_ms);
        facts.count(took);
        let level = facts.level();
        if self.out.wants(level) {
            self.out.write(level, &facts.line(took));
        }
        self.out.measure(&|| facts.point(took));
    }
}

/// Lives as long as a call.
pub struct UntilEnd(Rc<Record>);

impl Drop for UntilEnd {
    fn drop(&mut self) {
        self.0.ended();
    }
}

impl Facts {
    fn level(&self) -> Level {
        let broke = matches!(self.outcome, "panicked" | "stream-broke" | "stream-silent");
        if self.status >= 500 || broke { Level::Error } else { Level::Info }
    }

    fn count(&self, took: u64) {
        if self.event == "request" {
            metrics::request([self.route, self.method, self.era], self.status);
        }
        if !self.tool.is_empty() {
            metrics::tool(self.tool, self.outcome, took);
        }
    }

    fn subject(&self) -> String {
        self.subject.map(Subject::to_text).unwrap_or_default()
    }

    /// What it is, in words: of its line, and of its data point where no other place is said.
    fn texts(&self) -> [(&'static str, &str); 11] {
        [
            ("event", self.event),
            ("route", self.route),
            ("method", self.method),
            ("tool", self.tool),
            ("outcome", self.outcome),
            ("era", self.era),
            ("way", self.way.map_or("", Way::name)),
            ("client", &self.client.name),
            ("version", &self.client.version),
            ("trace", self.trace.as_ref().map_or("", Trace::id)),
            ("level", self.level().name()),
        ]
    }

    /// How much. None: it is not said in the line.
    fn numbers(&self, took: u64) -> [(&'static str, Option<u64>); 6] {
        let Asked { count, ms, status } = self.sitebay;
        let asked = |number| Some(number).filter(|_| count > 0);
        [
            ("status", Some(self.status.into()).filter(|status| *status > 0)),
            ("ms", Some(took)),
            ("own_ms", Some(took.saturating_sub(ms))),
            ("sitebay_ms", asked(ms)),
            ("sitebay_calls", asked(count.into())),
            ("sitebay_status", asked(status.into())),
        ]
    }

    /// Its line: a JSON object. What is not known is left out.
    fn line(&self, took: u64) -> String {
        let subject = self.subject();
        let id = self.id.unwrap_or_default().to_string();
        let named = [("request", &*id), ("subject", subject.get(..SUBJECT).unwrap_or_default())];
        let mut line = Object::with_room(512);
        for (name, text) in self.texts().into_iter().rev().chain(named) {
            if !text.is_empty() {
                line = line.text(name, text);
            }
        }
        for (name, number) in self.numbers(took) {
            if let Some(number) = number {
                line = line.number(name, number);
            }
        }
        if let Some(code) = self.code {
            line = line.raw("code", &code.to_string());
        }
        if self.streamed {
            line = line.flag("stream", true);
        }
        line.end()
    }

    fn point(&self, took: u64) -> Point {
        let numbers = self.numbers(took).map(|(_, number)| number.unwrap_or_default() as f64);
        let mut doubles = numbers.to_vec();
        doubles.push(self.code.unwrap_or_default().into());
        let blobs = self.texts().map(|(_, text)| text.to_owned()).to_vec();
        Point { index: self.subject(), blobs, doubles }
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
