//! Requests to upstreams that have sessions, on scripted streams.

use std::time::Duration;

use futures_util::future::{join_all, ready};
use mcp_auth::secret::Secret;
use mcp_client::{
    connection::Connection,
    endpoint::Endpoint,
    era::Era,
    request::{Declaration, first_id},
    session::SessionId,
    sse_2024,
    upstream::Upstream,
};
use mcp_platform::{
    Platform as _, SharedPlatform,
    testing::{ScriptedStream, VirtualPlatform},
};
use mcp_protocol::{
    capabilities::ClientCapabilities, stateless::mrtr::KeyedRequest, version::Version,
};
use mcp_server::client_request::Stop;
use serde_json::json;

use super::*;
use crate::{
    memory::{Generation, Memory},
    relay::{
        in_object,
        pool::{Pool, Route, SessionKeeper},
        sse::SharedLink,
    },
};

const CALL: Asked<'static> = Asked {
    method: "tools/call",
    params: r#"{"name":"t","arguments":{}}"#,
    param_headers: &[],
    log_level: None,
    reads: true,
    changes: false,
    takes_task: false,
};
const QUESTION: &str = r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#;

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn event(json: &str) -> String {
    format!("event: message\ndata: {json}\n\n")
}

fn answer(id: u64) -> String {
    event(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"to":{id}}}}}"#))
}

fn accepted() -> ScriptedStream {
    ScriptedStream::status(202)
}

/// A client that answers after a while.
struct Client {
    platform: Rc<VirtualPlatform>,
    takes: Duration,
    gone: bool,
    /// When it takes its request back.
    leaves: Option<Duration>,
    asked: Cell<usize>,
}

fn client(platform: &Rc<VirtualPlatform>, takes: Duration) -> Rc<Client> {
    Rc::new(Client {
        platform: platform.clone(),
        takes,
        gone: false,
        leaves: None,
        asked: Cell::new(0),
    })
}

impl Notifier for Client {
    fn ask(
        &self,
        questions: Vec<KeyedRequest>,
    ) -> LocalBoxFuture<'static, Result<Vec<Value>, Stop>> {
        self.asked.set(self.asked.get().saturating_add(questions.len()));
        let answers = vec![json!({ "roots": [] }); questions.len()];
        self.platform.sleep(self.takes).map(|()| Ok(answers)).boxed_local()
    }

    fn capabilities(&self) -> ClientCapabilities {
        ClientCapabilities::ROOTS
    }

    fn is_cancelled(&self) -> bool {
        self.gone
    }

    fn cancelled(&self) -> LocalBoxFuture<'static, ()> {
        match self.leaves {
            Some(leaves) => self.platform.sleep(leaves),
            None => std::future::pending().boxed_local(),
        }
    }
}

/// Keeps one session until it is forgotten.
#[derive(Default)]
struct Kept {
    is_over: Cell<bool>,
}

impl SessionKeeper for Kept {
    fn kept(&self, _key: &str) -> LocalBoxFuture<'static, Option<Secret>> {
        let code = Version::V2025_11_25.code();
        let about = json!({ "server_info": null, "instructions": null, "capabilities": "{}" });
        let kept = json!({ "version": code, "id": "s-1", "about": about, "stored_s": 0 });
        let kept = Secret::new(kept.to_string());
        ready((!self.is_over.get()).then_some(kept)).boxed_local()
    }

    fn keep(&self, _key: &str, text: Option<Secret>) -> LocalBoxFuture<'static, ()> {
        self.is_over.set(text.is_none());
        ready(()).boxed_local()
    }
}

fn upstream(platform: &Rc<VirtualPlatform>) -> Upstream {
    Upstream::new(platform.clone(), Endpoint::new("https://up.example/mcp"))
}

/// Sends the call over a session that is kept.
fn in_session(platform: &Rc<VirtualPlatform>, client: Rc<dyn Notifier>) -> Result<String, Failure> {
    in_session_of(Some(Era::Session), platform, client)
}

/// The same for an upstream of which the configuration says this.
fn in_session_of(
    era: Option<Era>,
    platform: &Rc<VirtualPlatform>,
    client: Rc<dyn Notifier>,
) -> Result<String, Failure> {
    let shared: SharedPlatform = platform.clone();
    let pool = Pool::new(shared.clone(), Rc::new(Memory::default()), Rc::<Kept>::default());
    let route = Route {
        name: "up".into(),
        stack: None,
        address: upstream(platform),
        era,
        capabilities: ClientCapabilities::ROOTS,
        client_info: r#"{"name":"c","version":"1"}"#.into(),
        generation: Generation::default(),
    };
    platform.run(in_object(&pool, &route, &CALL, &client, &shared))
}

#[test]
fn a_call_is_sent_once_whatever_becomes_of_the_answer_to_its_question() {
    for refused in [
        ScriptedStream::status(404),
        ScriptedStream::status(503),
        ScriptedStream::status(405),
        ScriptedStream::unreachable("refused"),
    ] {
        let platform = VirtualPlatform::new([]);
        let id = first_id(platform.now_ms());
        let call = ScriptedStream::events().chunk(event(QUESTION)).pause(s(5)).chunk(answer(id));
        let platform = VirtualPlatform::new([call, refused]);
        let answered = in_session(&platform, client(&platform, s(1)));
        assert_eq!(answered.unwrap(), format!(r#"{{"to":{id}}}"#));
        assert_eq!(platform.requests().len(), 2);
    }
}

#[test]
fn a_call_whose_upstream_speaks_another_wire_by_now_is_sent_on_that_one() {
    for (status, code) in [(400, -32020), (400, -32022), (200, -32022)] {
        let id = first_id(VirtualPlatform::new([]).now_ms());
        let error = json!({ "code": code, "message": "another version" });
        let refused = json!({ "jsonrpc": "2.0", "id": id, "error": error });
        let found = json!({ "supportedVersions": ["2026-07-28"], "capabilities": {} });
        let answers = [
            (status, refused),
            (200, json!({ "jsonrpc": "2.0", "id": 0, "result": found })),
            (200, json!({ "jsonrpc": "2.0", "id": id, "result": { "content": [] } })),
        ];
        let answers = answers.map(|(status, body)| ScriptedStream::json(status, &body.to_string()));
        let platform = VirtualPlatform::new(answers);
        let answered = in_session_of(None, &platform, client(&platform, s(1)));
        assert_eq!(answered.unwrap(), r#"{"content":[]}"#, "{status} {code}");
    }
}

#[test]
fn a_stream_that_breaks_after_a_message_is_no_reason_to_send_again() {
    let call = ScriptedStream::events().chunk(event(QUESTION)).pause(s(5)).breaks();
    let platform = VirtualPlatform::new([call, accepted()]);
    let failed = in_session(&platform, client(&platform, s(1))).unwrap_err();
    assert!(matches!(failed, Failure::Upstream(UpstreamError::Cut)), "{failed:?}");
    assert_eq!(platform.requests().len(), 2);
}

#[test]
fn a_call_that_was_taken_back_before_it_left_is_not_sent() {
    let platform = VirtualPlatform::new([]);
    let gone = Client { gone: true, ..Rc::into_inner(client(&platform, s(1))).unwrap() };
    let failed = in_session(&platform, Rc::new(gone)).unwrap_err();
    assert!(matches!(failed, Failure::TakenBack));
    assert!(platform.requests().is_empty());
}

/// A stream after its handshake, on which a request may take so long, and the first of which has the id 2.
fn shared(platform: &Rc<VirtualPlatform>, whole: Duration) -> Rc<SharedLink> {
    let declaration = Declaration { client_info: "{}".into(), capabilities: "{}".into() };
    let (link, _) = platform.run(sse_2024::connect(&upstream(platform), &declaration, 1)).unwrap();
    SharedLink::new(link, platform.clone(), whole)
}

/// The stream with its handshake.
fn stream() -> ScriptedStream {
    let hello =
        r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2024-11-05","capabilities":{}}}"#;
    ScriptedStream::events().chunk("event: endpoint\ndata: /m\n\n").chunk(event(hello))
}

async fn call(link: &Rc<SharedLink>, client: &Rc<Client>) -> Result<String, Failure> {
    let back: Rc<dyn Notifier> = client.clone();
    let platform: SharedPlatform = client.platform.clone();
    ask(&Peer::Sse(link.clone()), &CALL, &back, &platform, &Cell::new(false)).await
}

#[test]
fn a_request_is_answered_while_another_answers_a_question() {
    // The log message makes the first one poll the stream last; its answer to the question takes from the
    // third second to the tenth.
    let log =
        r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}"#;
    let calls = stream()
        .pause(s(1))
        .chunk(event(QUESTION))
        .pause(s(1))
        .chunk(event(log))
        .pause(s(3))
        .chunk(answer(3))
        .pause(s(10))
        .chunk(answer(2));
    let slow = accepted().after(s(7));
    let platform =
        VirtualPlatform::new([calls, accepted(), accepted(), accepted(), accepted(), slow]);
    let (link, client) = (shared(&platform, s(60)), client(&platform, s(2)));
    let when = Cell::new(Duration::ZERO);
    let first = call(&link, &client).boxed_local();
    let second = async {
        platform.sleep(Duration::from_millis(1500)).await;
        let answered = call(&link, &client).await;
        when.set(platform.elapsed());
        answered
    };
    // Only what was woken is polled.
    let both: FuturesUnordered<_> = [first, second.boxed_local()].into_iter().collect();
    let answered = platform.run(both.collect::<Vec<_>>());
    assert!(answered.iter().all(Result::is_ok), "{answered:?}");
    assert_eq!(when.get(), s(5));
}

#[test]
fn a_ping_is_answered_while_several_requests_run() {
    let ping = r#"{"jsonrpc":"2.0","id":"p","method":"ping"}"#;
    let calls = stream()
        .pause(s(1))
        .chunk(event(ping) + &event(QUESTION))
        .pause(s(1))
        .chunk(answer(2) + &answer(3));
    let posts = (0..6).map(|_| accepted());
    let platform = VirtualPlatform::new([calls].into_iter().chain(posts));
    let (link, client) = (shared(&platform, s(60)), client(&platform, s(1)));
    let both = platform.run(join_all([call(&link, &client), call(&link, &client)]));
    assert!(both.iter().all(Result::is_ok), "{both:?}");
    let sent: Vec<String> = platform.requests().into_iter().filter_map(|sent| sent.body).collect();
    let to = |id: &str| sent.iter().find(|text| text.contains(id)).cloned().unwrap_or_default();
    assert!(to(r#""id":"p""#).contains(r#""result":{}"#), "{sent:?}");
    assert!(to(r#""id":"q""#).contains("error"), "{sent:?}");
    assert_eq!(client.asked.get(), 0);
}

#[test]
fn the_time_of_a_request_stands_still_while_a_person_is_asked() {
    let calls =
        |after| stream().pause(s(2)).chunk(event(QUESTION)).pause(s(after)).chunk(answer(2));
    let ended = |after| {
        let posts = (0..5).map(|_| accepted());
        let platform = VirtualPlatform::new([calls(after)].into_iter().chain(posts));
        let (link, client) = (shared(&platform, s(10)), client(&platform, s(60)));
        platform.run(call(&link, &client))
    };
    assert!(ended(65).is_ok());
    let late = ended(75).unwrap_err();
    assert!(matches!(late, Failure::Upstream(UpstreamError::TimedOut { .. })), "{late:?}");
}

#[test]
fn an_upstream_that_asks_without_end_is_given_up() {
    for (count, is_ok) in [(150, true), (2_000, false)] {
        let question = |n: u64| event(&QUESTION.replace("\"q\"", &format!("\"q{n}\"")));
        let flood: String = (0..count).map(question).collect();
        let calls = stream().pause(s(1)).chunk(flood).pause(s(9)).chunk(answer(2));
        let posts = (0..count + 5).map(|_| accepted());
        let platform = VirtualPlatform::new([calls].into_iter().chain(posts));
        let (link, client) = (shared(&platform, s(60)), client(&platform, s(1)));
        let ended = platform.run(call(&link, &client));
        assert_eq!(ended.is_ok(), is_ok, "{ended:?}");
        assert!(client.asked.get() <= MAX_QUESTIONS, "{}", client.asked.get());
    }
}

#[test]
fn the_last_request_that_leaves_closes_the_stream() {
    let platform = VirtualPlatform::new([stream().hangs(), accepted(), accepted(), accepted()]);
    let (link, client) = (shared(&platform, s(60)), client(&platform, s(1)));
    let before = platform.aborted();
    assert!(platform.run_for(s(5), call(&link, &client)).is_none());
    // The body of the answer to the POST, and the stream.
    assert_eq!(platform.aborted(), before + 2);
    assert!(link.is_broken());
    let refused = platform.run(call(&link, &client)).unwrap_err();
    let refused = refused.upstream().unwrap();
    assert!(CALL.may_repeat(refused) && !refused.may_have_run(), "{refused:?}");
}

/// The last message that was sent.
fn last_sent(platform: &VirtualPlatform) -> String {
    platform.requests().pop().unwrap().body.unwrap_or_default()
}

#[test]
fn a_request_is_taken_back_while_the_stream_of_its_session_is_open() {
    let posts = (0..3).map(|_| accepted());
    let script = [stream().hangs()].into_iter().chain(posts).chain([accepted().after(s(3))]);
    let platform = VirtualPlatform::new(script);
    let link = shared(&platform, s(60));
    let client = Client { leaves: Some(s(1)), ..Rc::into_inner(client(&platform, s(1))).unwrap() };
    let client = Rc::new(client);
    let looks = async {
        platform.sleep(s(3)).await;
        assert!(last_sent(&platform).contains("notifications/cancelled"));
        assert!(!link.is_broken(), "the cancellation is on its way");
    };
    let both = futures_util::future::join(call(&link, &client), looks);
    let (ended, ()) = platform.run(both);
    assert!(matches!(ended, Err(Failure::TakenBack)), "{ended:?}");
    assert!(link.is_broken());
}

#[test]
fn an_upstream_hears_of_a_request_whose_time_is_over() {
    // One that does not hear it holds nobody up.
    for hears in [accepted(), ScriptedStream::silent()] {
        let platform = VirtualPlatform::new([ScriptedStream::events().hangs(), hears]);
        let declaration = Declaration { client_info: "{}".into(), capabilities: "{}".into() };
        let (version, session) = (Version::V2025_11_25, SessionId::parse("s-1"));
        let connection = Connection::new(upstream(&platform), declaration, version, session, 1);
        let back: Rc<dyn Notifier> = client(&platform, s(1));
        let shared: SharedPlatform = platform.clone();
        let (peer, begun) = (Peer::Http(connection), Cell::new(false));
        let ended = platform.run(ask(&peer, &CALL, &back, &shared, &begun)).unwrap_err();
        assert!(matches!(ended, Failure::Upstream(UpstreamError::TimedOut { .. })), "{ended:?}");
        let told = last_sent(&platform);
        assert!(told.contains("notifications/cancelled") && told.contains(TOO_LATE), "{told}");
        let idle = upstream(&platform).endpoint().timeouts.idle;
        assert!(platform.elapsed() <= idle + HEARS_WITHIN, "{:?}", platform.elapsed());
    }
}
