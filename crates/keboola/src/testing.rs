//! Runs tools in unit tests, against a Keboola that answers as it is told.

use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    future::poll_fn,
    rc::Rc,
    task::Poll,
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_auth::secret::Secret;
use mcp_platform::{Method, NetworkFailure, OutboundRequest, OutboundResponse, Platform};
use mcp_protocol::content::{CallToolResult, ContentBlock};
use mcp_server::{
    client_request::Stop,
    context::Context,
    execution::{Execution, Idempotency, InPlace, Recorded},
    remote::KeyError,
    telemetry::trace::Trace,
    testing::{FakePlatform, START_MS, answer},
};
use serde_json::{Value, json, value::to_raw_value};

use crate::{Connection, Connections, Keboola, service::KeboolaService};

/// The address of the stack.
pub(crate) const STACK: &str = "https://connection.keboola.com";
/// The trace of every call.
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// The token of every call.
pub(crate) const TOKEN: &str = "58-44-abcdefghijklmnop";

thread_local!(static BOUND: RefCell<Option<String>> = const { RefCell::new(None) });

/// Binds the connection of this thread to a branch.
pub(crate) fn bind(branch: Option<&str>) {
    BOUND.with(|bound| *bound.borrow_mut() = branch.map(str::to_owned));
}

/// A connection that everybody has.
pub(crate) struct Connected;

impl Connections for Connected {
    fn connection<'a>(
        &'a self,
        _ctx: &'a Context,
    ) -> LocalBoxFuture<'a, Result<Option<Connection>, KeyError>> {
        let connection = Connection {
            stack: STACK.to_owned(),
            token: Secret::new(TOKEN),
            branch: BOUND.with(|bound| bound.borrow().clone()),
        };
        ready(Ok(Some(connection))).boxed_local()
    }
}

/// The start of the next Keboola on this thread: a day after the last one, so that nothing which is
/// remembered of that one is still known.
fn later() -> u64 {
    thread_local!(static NEXT_MS: Cell<u64> = const { Cell::new(START_MS) });
    NEXT_MS.with(|next| next.replace(next.get().saturating_add(86_400_000)))
}

type Scripted = Result<OutboundResponse, NetworkFailure>;

/// The bytes that the answers under way may have, and the most that these were.
#[derive(Default)]
struct UnderWay(Cell<usize>, Cell<usize>);

/// A Keboola. Each route has its answers, of which the last one stays.
pub(crate) struct FakeKeboola {
    routes: RefCell<Vec<(String, VecDeque<Scripted>)>>,
    requests: RefCell<Vec<OutboundRequest>>,
    since_ms: u64,
    now_ms: Cell<u64>,
    ids: Cell<u32>,
    bytes: Cell<usize>,
    takes_writes: Cell<bool>,
    takes: Cell<Duration>,
    under_way: Option<Rc<UnderWay>>,
    base: Rc<FakePlatform>,
}

impl FakeKeboola {
    /// One with a project, whose token is an administrator's, and its branches.
    pub(crate) fn new() -> Rc<Self> {
        Self::with_project(json!({}))
    }

    /// One whose answers come a while after their requests, so that several are under way at a time.
    pub(crate) fn parallel() -> Rc<Self> {
        Self::made(json!({}), true)
    }

    /// The same, with these fields of its `owner`.
    pub(crate) fn with_project(owner: Value) -> Rc<Self> {
        Self::made(owner, false)
    }

    fn made(owner: Value, is_parallel: bool) -> Rc<Self> {
        let since_ms = later();
        let mut fake = Self {
            routes: RefCell::default(),
            requests: RefCell::default(),
            since_ms,
            now_ms: Cell::new(since_ms),
            ids: Cell::new(0),
            bytes: Cell::new(0),
            takes_writes: Cell::new(false),
            takes: Cell::new(Duration::from_millis(50)),
            under_way: None,
            base: FakePlatform::new([]),
        };
        if is_parallel {
            fake.under_way = Some(Rc::default());
        }
        let fake = Rc::new(fake);
        let mut project = json!({
            "id": 58, "name": "Sales", "features": [], "defaultBackend": "snowflake",
            "isDisabled": false,
        });
        for (name, value) in owner.as_object().into_iter().flatten() {
            project[name] = value.clone();
        }
        let verified = json!({
            "id": "44", "isMasterToken": true, "owner": project, "organization": {"id": 3},
            "admin": {"id": 9, "role": "admin"},
        });
        fake.on("Get connection /v2/storage/tokens/verify", 200, verified);
        fake.on("Get connection /v2/storage/dev-branches", 200, json!([
            {"id": 5, "name": "Main", "description": "", "created": "2026-01-01T00:00:00+0100", "isDefault": true},
            {"id": 9, "name": "Trial", "description": "a trial", "created": "2026-02-01T00:00:00+0100", "isDefault": false},
        ]));
        fake
    }

    /// Answers a route, such as `Get queue /jobs/7`, with JSON.
    pub(crate) fn on(&self, route: &str, status: u16, body: Value) {
        self.script(route, Ok(answer(status, &body.to_string())));
    }

    /// From here on, what changes something has an answer of success where its route has none.
    pub(crate) fn takes_writes(&self) {
        self.takes_writes.set(true);
    }

    /// The routes of the requests that change something, each once.
    pub(crate) fn writes(&self) -> Vec<String> {
        let mut writes: Vec<String> = Vec::new();
        for request in self.requests.borrow().iter() {
            let route = route_of(request);
            if request.method != Method::Get && !writes.contains(&route) {
                writes.push(route);
            }
        }
        writes
    }

    /// Answers a route with nothing: the connection breaks.
    pub(crate) fn breaks(&self, route: &str) {
        self.script(route, Err(NetworkFailure::Broken("reset".into())));
    }

    /// Puts an answer at the end of a route's.
    pub(crate) fn script(&self, route: &str, answer: Scripted) {
        let mut routes = self.routes.borrow_mut();
        match routes.iter_mut().find(|(known, _)| known == route) {
            Some((_, answers)) => answers.push_back(answer),
            None => routes.push((route.to_owned(), VecDeque::from([answer]))),
        }
    }

    /// Forgets what a route answers.
    pub(crate) fn clear(&self, route: &str) {
        self.routes.borrow_mut().retain(|(known, _)| known != route);
    }

    /// A context in which a client cannot ask.
    pub(crate) fn context(self: &Rc<Self>) -> Context {
        let platform: Rc<dyn Platform> = self.clone();
        let execution = Rc::new(InPlace::new(platform.clone()));
        let ctx = Context { platform, execution, ..self.base.context() };
        ctx.record.set_trace(Trace::read(PARENT, None));
        ctx
    }

    /// The requests as `Get queue /jobs/7?x=y`, without those that every call begins with.
    pub(crate) fn lines(&self) -> Vec<String> {
        let requests = self.requests.borrow();
        let lines = requests.iter().map(line);
        lines.filter(|line| !line.ends_with("/tokens/verify")).collect()
    }

    /// All requests.
    pub(crate) fn requests(&self) -> Vec<OutboundRequest> {
        self.requests.borrow().clone()
    }

    /// The body of the only request of this route.
    pub(crate) fn body(&self, route: &str) -> Value {
        let requests = self.requests.borrow();
        let found: Vec<_> = requests.iter().filter(|request| route_of(request) == route).collect();
        assert_eq!(found.len(), 1, "{route}: {:?}", self.lines());
        serde_json::from_str(found[0].body.as_deref().unwrap()).unwrap()
    }

    /// How often a route was asked.
    pub(crate) fn count(&self, route: &str) -> usize {
        self.requests.borrow().iter().filter(|request| route_of(request) == route).count()
    }

    /// The progress that was reported.
    pub(crate) fn reports(&self) -> Vec<String> {
        self.base.reports()
    }

    /// The bytes of all answers that were read.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.get()
    }

    /// The most bytes that the answers under way at a time might have had.
    pub(crate) fn most_under_way(&self) -> usize {
        self.under_way.as_ref().unwrap().1.get()
    }

    /// From here on, an answer takes so long.
    pub(crate) fn takes(&self, duration: Duration) {
        self.takes.set(duration);
    }

    /// How far its clock went.
    pub(crate) fn elapsed(&self) -> Duration {
        Duration::from_millis(self.now_ms.get().saturating_sub(self.since_ms))
    }

    /// Moves its clock.
    pub(crate) fn pass(&self, duration: Duration) {
        let ms = u64::try_from(duration.as_millis()).unwrap();
        self.now_ms.set(self.now_ms.get().saturating_add(ms));
    }
}

/// `Get queue /jobs/7`, with the query as it was sent.
fn line(request: &OutboundRequest) -> String {
    let rest = request.url.strip_prefix("https://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let service = host.strip_suffix(".keboola.com").unwrap();
    format!("{:?} {service} /{path}", request.method)
}

/// What a service answers to a change: the record that it made or changed.
fn written(body: &str) -> OutboundResponse {
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    let id = body.get("configurationId").or(body.get("rowId")).cloned();
    let record = json!({ "id": id.unwrap_or_else(|| json!("7")), "version": 3 });
    answer(200, &record.to_string())
}

fn route_of(request: &OutboundRequest) -> String {
    line(request).split('?').next().unwrap().to_owned()
}

impl Platform for FakeKeboola {
    fn fetch(
        &self,
        request: OutboundRequest,
    ) -> LocalBoxFuture<'static, Result<OutboundResponse, NetworkFailure>> {
        self.pass(self.takes.get());
        let (whole, route, at_most) = (line(&request), route_of(&request), request.at_most);
        let body = request.body.clone().unwrap_or_default();
        self.requests.borrow_mut().push(request);
        // The id of the request's span is free again: a test knows the ids of the things that a tool makes.
        self.ids.set(self.ids.get().saturating_sub(1));
        let mut routes = self.routes.borrow_mut();
        let at = routes.iter().position(|(known, _)| *known == whole);
        let at = at.or_else(|| routes.iter().position(|(known, _)| *known == route));
        let found = at.and_then(|at| routes.get_mut(at));
        let outcome = match found {
            Some((_, answers)) if answers.len() > 1 => answers.pop_front().unwrap(),
            Some((_, answers)) => answers[0].clone(),
            None if self.takes_writes.get() && !whole.starts_with("Get ") => Ok(written(&body)),
            None => Ok(answer(404, r#"{"error":"not scripted","code":"notFound"}"#)),
        };
        let outcome = outcome.and_then(|answer| match answer.body.len() > at_most {
            true => Err(NetworkFailure::TooLarge(at_most)),
            false => Ok(answer),
        });
        if let Ok(answer) = &outcome {
            self.bytes.set(self.bytes.get().saturating_add(answer.body.len()));
        }
        let Some(under_way) = self.under_way.clone() else { return ready(outcome).boxed_local() };
        under_way.0.update(|bytes| bytes.saturating_add(at_most));
        under_way.1.set(under_way.1.get().max(under_way.0.get()));
        async move {
            let mut is_later = false;
            poll_fn(|cx| match std::mem::replace(&mut is_later, true) {
                true => Poll::Ready(()),
                false => {
                    cx.waker().wake_by_ref();
                    Poll::Pending
                }
            })
            .await;
            under_way.0.update(|bytes| bytes.saturating_sub(at_most));
            outcome
        }
        .boxed_local()
    }

    fn sleep(&self, duration: Duration) -> LocalBoxFuture<'static, ()> {
        self.pass(duration);
        ready(()).boxed_local()
    }

    fn now_ms(&self) -> u64 {
        self.now_ms.get()
    }

    fn uuid(&self) -> String {
        self.ids.set(self.ids.get().saturating_add(1));
        format!("{:08x}-0000-4000-8000-000000000000", self.ids.get())
    }
}

/// Whether the progress of these reports increases.
pub(crate) fn rises(reports: &[String]) -> bool {
    let value = |line: &String| line.split('/').next().unwrap().parse::<f64>().unwrap();
    reports.iter().map(value).is_sorted_by(|one, next| one < next)
}

/// A result as tests look at it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) is_error: bool,
    pub(crate) text: String,
    pub(crate) data: Value,
}

/// Calls a tool that must succeed; its data, without the wrapper.
pub(crate) fn run(fake: &Rc<FakeKeboola>, tool: &str, arguments: Value) -> Value {
    let seen = run_in(&fake.context(), tool, arguments);
    assert!(!seen.is_error, "{}: {:?}", seen.text, fake.lines());
    match catalogue::find::<KeboolaService>(tool).unwrap().wrapped {
        true => seen.data["result"].clone(),
        false => seen.data,
    }
}

/// Calls a tool that must fail; its text.
pub(crate) fn fails(fake: &Rc<FakeKeboola>, tool: &str, arguments: Value) -> String {
    let seen = run_in(&fake.context(), tool, arguments);
    assert!(seen.is_error, "{}", seen.text);
    assert!(!seen.text.contains(TOKEN), "{}", seen.text);
    seen.text
}

/// Calls a tool in a context.
pub(crate) fn run_in(ctx: &Context, tool: &str, arguments: Value) -> Seen {
    let raw = to_raw_value(&arguments).unwrap();
    let keboola = Keboola::new(&Connected);
    seen(tool, pollster::block_on(keboola.called(ctx, tool, Some(&raw))).unwrap())
}

fn seen(tool: &str, result: CallToolResult) -> Seen {
    let CallToolResult { content, structured_content, is_error, .. } = result;
    let [ContentBlock::Text { text }] = content.as_slice() else {
        panic!("not one text: {content:?}");
    };
    assert_eq!(is_error, structured_content.is_none(), "{text}");
    if let Some(data) = &structured_content {
        let definition = catalogue::find::<KeboolaService>(tool).unwrap().definition;
        let definition: Value = serde_json::from_str(definition).unwrap();
        let schema = jsonschema::validator_for(&definition["outputSchema"]).unwrap();
        let wrong: Vec<String> = schema.iter_errors(data).map(|e| e.to_string()).collect();
        assert!(wrong.is_empty(), "{tool}: {wrong:?}: {data}");
    }
    Seen { is_error, text: text.clone(), data: structured_content.unwrap_or_default() }
}

/// A task's steps, which outlive its runs.
#[derive(Default)]
pub(crate) struct Steps(RefCell<BTreeMap<String, Option<String>>>);

impl Steps {
    /// The next run does this step anew.
    pub(crate) fn forgets(&self, key: &str) {
        self.0.borrow_mut().remove(key);
    }

    /// A run died between the request of this step and its answer.
    pub(crate) fn loses(&self, key: &str) {
        self.0.borrow_mut().insert(key.to_owned(), None);
    }
}

impl Execution for Steps {
    fn begin(&self, _: Idempotency) -> LocalBoxFuture<'static, Result<(), Stop>> {
        ready(Ok(())).boxed_local()
    }

    fn recorded(&self, key: &str) -> Recorded {
        match self.0.borrow().get(key) {
            None => Recorded::Nothing,
            Some(None) => Recorded::Intent,
            Some(Some(outcome)) => Recorded::Outcome(outcome.clone()),
        }
    }

    fn record(
        &self,
        key: &str,
        outcome: Option<String>,
    ) -> LocalBoxFuture<'static, Result<(), Stop>> {
        self.0.borrow_mut().insert(key.to_owned(), outcome);
        ready(Ok(())).boxed_local()
    }

    fn sleep(&self, _: Duration) -> LocalBoxFuture<'static, ()> {
        ready(()).boxed_local()
    }

    fn pause(&self, _: Duration) -> LocalBoxFuture<'static, ()> {
        ready(()).boxed_local()
    }
}
