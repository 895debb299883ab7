//! Requests of a caller whose session has an object, to upstreams that play a script in virtual time.

use std::{
    cell::{Cell, RefCell},
    time::Duration,
};

use futures_util::{
    FutureExt as _,
    future::{LocalBoxFuture, ready},
};
use mcp_auth::secret::Secret;
use mcp_platform::{
    Platform as _, SharedPlatform,
    testing::{ScriptedStream, VirtualPlatform},
};
use mcp_protocol::{log_level::LoggingLevel, stateless::mrtr::KeyedRequest};
use mcp_server::notifier::ChangeEvent;
use serde_json::{Value, json};

use super::{
    super::tests::{caller, door},
    *,
};
use crate::{
    connect::{Connections, Page},
    relay::pool::{Pool, SessionKeeper},
};

/// Nothing is kept.
struct NoRows;

impl SessionKeeper for NoRows {
    fn kept(&self, _key: &str) -> LocalBoxFuture<'static, Option<Secret>> {
        ready(None).boxed_local()
    }

    fn keep(&self, _key: &str, _text: Option<Secret>) -> LocalBoxFuture<'static, ()> {
        ready(()).boxed_local()
    }
}

/// A person with one key after another.
#[derive(Default)]
struct Keys(Cell<u32>);

impl Keys {
    fn current(&self, upstream: &Upstream) -> Result<Connected, Unconnected> {
        Ok(Connected::new(Secret::new("a key"), &self.0.get().to_string(), upstream))
    }
}

impl Connections for Keys {
    fn find<'a>(
        &'a self,
        _ctx: &'a Context,
        upstream: &'a Upstream,
    ) -> LocalBoxFuture<'a, Result<Connected, Unconnected>> {
        ready(self.current(upstream)).boxed_local()
    }

    fn refused<'a>(
        &'a self,
        _ctx: &'a Context,
        upstream: &'a Upstream,
        _refused: &'a Connected,
    ) -> LocalBoxFuture<'a, Result<Connected, Unconnected>> {
        self.0.set(self.0.get().saturating_add(1));
        ready(self.current(upstream)).boxed_local()
    }

    fn given_up<'a>(
        &'a self,
        _ctx: &'a Context,
        _upstream: &'a Upstream,
        _refused: &'a Connected,
    ) -> LocalBoxFuture<'a, Unconnected> {
        ready(Unconnected::Refused).boxed_local()
    }

    fn page(&self, _ctx: &Context, _upstream: &Upstream) -> Option<Page> {
        None
    }
}

/// A client that has roots, and may take its request back after a while.
#[derive(Default)]
struct Client {
    asked: Cell<usize>,
    leaves: RefCell<Option<LocalBoxFuture<'static, ()>>>,
}

impl Notifier for Client {
    fn progress(&self, _progress: f64, _total: Option<f64>, _message: Option<&str>) {}

    fn log(&self, _level: LoggingLevel, _logger: &str, _data: Value) {}

    fn announce(&self, _news: ChangeEvent) {}

    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        self.asked.set(self.asked.get().saturating_add(questions.len()));
        ready(Ok(vec![json!({ "roots": [] }); questions.len()])).boxed_local()
    }

    fn capabilities(&self) -> ClientCapabilities {
        ClientCapabilities::ROOTS
    }

    fn pause_stream(&self, _retry_ms: u32) {}

    fn is_cancelled(&self) -> bool {
        false
    }

    fn cancelled(&self) -> LocalBoxFuture<'static, ()> {
        let leaves = self.leaves.take();
        leaves.unwrap_or_else(|| std::future::pending().boxed_local())
    }
}

/// The door of a session's object before `tickets` with these settings.
fn in_object(platform: &Rc<VirtualPlatform>, settings: &Value) -> Door {
    let door = Door { connections: Rc::<Keys>::default(), ..door("", settings) };
    let shared: SharedPlatform = platform.clone();
    let pool = Pool::new(shared, door.memory.clone(), Rc::new(NoRows));
    Door { place: Place::Object(Rc::new(pool)), ..door }
}

const CALL: Asked<'static> = Asked {
    method: "tools/call",
    params: r#"{"name":"t","arguments":{}}"#,
    param_headers: &[],
    log_level: None,
    reads: false,
    changes: true,
    takes_task: false,
};

/// Calls a tool that changes something.
fn call(door: &Door, platform: &Rc<VirtualPlatform>, client: Client) -> Result<String, Failure> {
    let back: Rc<dyn Notifier> = Rc::new(client);
    let ctx = Context { notifier: back.clone(), ..caller(platform, 1) };
    let upstream = door.find(&ctx, "tickets").unwrap();
    platform.run(door.send(&ctx, upstream, &CALL, &back))
}

/// What the caller reads of it.
fn told(door: &Door, platform: &Rc<VirtualPlatform>, sent: Result<String, Failure>) -> String {
    let ctx = caller(platform, 1);
    let upstream = door.find(&ctx, "tickets").unwrap();
    let what = ("tools/call", Some(Effect::Destructive));
    let Outcome::Tool(result) = door.outcome(&ctx, upstream, what, sent) else { panic!() };
    assert!(result.is_error);
    result.to_json()
}

fn response(id: u64, result: &Value) -> ScriptedStream {
    let response = json!({ "jsonrpc": "2.0", "id": id, "result": result });
    ScriptedStream::json(200, &response.to_string())
}

/// The answer to `server/discover`.
fn discovered() -> ScriptedStream {
    response(0, &json!({ "supportedVersions": ["2026-07-28"], "capabilities": {} }))
}

/// The id of the first request of a connection that is opened at the start.
fn first() -> u64 {
    first_id(VirtualPlatform::new([]).now_ms())
}

/// An answer that asks for the roots.
fn asks() -> ScriptedStream {
    let questions = json!({ "q": { "method": "roots/list" } });
    response(first(), &json!({ "resultType": "input_required", "inputRequests": questions }))
}

#[test]
fn a_call_that_asked_is_not_begun_anew_when_its_next_round_is_refused() {
    for (settings, refused) in [
        (json!({ "auth": { "kind": "subject" } }), ScriptedStream::status(401)),
        (json!({}), ScriptedStream::status(401)),
        (json!({}), ScriptedStream::status(403)),
        (json!({}), ScriptedStream::status(404)),
        (json!({}), ScriptedStream::status(429)),
        (json!({}), ScriptedStream::unreachable("connection refused")),
    ] {
        let again = (0..5).map(|_| discovered());
        let platform =
            VirtualPlatform::new([discovered(), asks(), refused].into_iter().chain(again));
        let door = in_object(&platform, &settings);
        let sent = call(&door, &platform, Client::default());
        assert_eq!(platform.requests().len(), 3, "{sent:?}");
        assert!(!relay::is_certain(&sent), "{sent:?}");
        let told = told(&door, &platform, sent);
        assert!(told.contains("The outcome is unknown"), "{told}");
    }
}

#[test]
fn a_call_that_its_client_takes_back_says_nothing_of_the_upstream() {
    let failing = || [discovered(), ScriptedStream::status(500)];
    let script = failing().into_iter().chain((0..3).map(|_| ScriptedStream::status(500)));
    let platform = VirtualPlatform::new(script.chain((0..2).map(|_| ScriptedStream::silent())));
    let door = in_object(&platform, &json!({}));
    let failed = |count: u32| {
        (0..count).for_each(|_| drop(call(&door, &platform, Client::default())));
    };
    let taken_back = || {
        let leaves = platform.sleep(Duration::from_secs(1));
        let client = Client { leaves: RefCell::new(Some(leaves)), ..Client::default() };
        let sent = call(&door, &platform, client);
        assert!(matches!(sent, Err(Failure::TakenBack)), "{sent:?}");
    };
    let state = || door.memory.breaker(("tickets", None), platform.now_ms());
    failed(4);
    taken_back();
    assert_eq!(door.memory.last("tickets").unwrap().why.unwrap(), "it failed (500)");
    taken_back();
    // The script is over, so that nothing can be reached.
    failed(1);
    assert_eq!(state(), "open", "four failures were not forgotten");
}

#[test]
fn a_door_that_opens_leaves_no_stream_open() {
    let result = json!({ "protocolVersion": "2024-11-05", "capabilities": {} });
    let hello = json!({ "jsonrpc": "2.0", "id": first(), "result": result });
    let stream = ScriptedStream::events()
        .chunk("event: endpoint\ndata: /m\n\n")
        .chunk(format!("data: {hello}\n\n"))
        .hangs();
    let posts = [202, 202].map(ScriptedStream::status);
    let platform = VirtualPlatform::new([stream].into_iter().chain(posts));
    let door = in_object(&platform, &json!({ "era": "sse" }));
    let ctx = caller(&platform, 1);
    let upstream = door.find(&ctx, "tickets").unwrap();
    platform.run(door.ask_about(&ctx, upstream)).unwrap();
    let Place::Object(pool) = &door.place else { panic!() };
    let before = platform.aborted();
    pool.close_idle();
    assert_eq!(platform.aborted(), before, "nothing is left to be closed");
}

#[test]
fn a_call_whose_handshake_fails_was_not_sent_and_counts_for_the_breaker() {
    for settings in [json!({ "era": "session" }), json!({ "era": "auto" }), json!({})] {
        let platform = VirtualPlatform::new((0..9).map(|_| ScriptedStream::status(503)));
        let door = in_object(&platform, &settings);
        for sent in 1..=5 {
            let failed = call(&door, &platform, Client::default());
            assert!(relay::is_certain(&failed), "{failed:?}");
            let told = told(&door, &platform, failed);
            assert!(told.contains("Nothing was sent") && told.contains("failed (503)"), "{told}");
            assert_eq!(platform.requests().len(), sent);
        }
        assert_eq!(door.memory.breaker(("tickets", None), platform.now_ms()), "open");
    }
}
