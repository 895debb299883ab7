//! HTTP with SSE on scripted streams.

use mcp_platform::testing::{ScriptedStream, VirtualPlatform};
use std::rc::Rc;

use crate::{
    era::Handshake,
    error::{Phase, UpstreamError},
    request::Request,
    sse_2024::{Link, connect},
    testing::{declaration, event, line, machine, s, upstream},
};

const HELLO: &str =
    r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2024-11-05","capabilities":{}}}"#;

fn accepted() -> ScriptedStream {
    ScriptedStream::status(202)
}

/// A stream that names this address, and answers the handshake a second later.
fn stream(endpoint: &str) -> ScriptedStream {
    ScriptedStream::events()
        .chunk(format!("event: endpoint\ndata: {endpoint}\n\n"))
        .pause(s(1))
        .chunk(event(HELLO))
}

fn connected(platform: &Rc<VirtualPlatform>) -> Result<(Link, Handshake), UpstreamError> {
    platform.run(connect(&upstream(platform), &declaration(), 1))
}

#[test]
fn an_address_of_the_same_origin_is_posted_to() {
    for (endpoint, url) in [
        ("/messages?id=1", "https://up.example/messages?id=1"),
        ("messages", "https://up.example/messages"),
        ("../m", "https://up.example/m"),
        ("?id=1", "https://up.example/mcp?id=1"),
        ("https://up.example:443/m", "https://up.example/m"),
    ] {
        let platform = machine([stream(endpoint), accepted(), accepted()]);
        connected(&platform).unwrap();
        let posted = platform.requests().into_iter().skip(1);
        assert!(posted.clone().all(|sent| sent.url == url), "{endpoint}");
        assert!(posted.clone().all(|sent| sent.header("Authorization") == Some("Bearer up")));
        assert_eq!(posted.count(), 2);
    }
}

#[test]
fn any_other_address_is_refused_and_gets_no_credential() {
    for endpoint in [
        "https://other.example/m?session=secret",
        "http://up.example/m",
        "//other.example/m",
        "https://up.example:8443/m",
        "https://up.example@other.example/m",
        "https://user@up.example/m",
        "javascript:alert(1)",
        "data:text/plain,x",
        "https://",
    ] {
        let platform = machine([stream(endpoint)]);
        let error = connected(&platform).err().unwrap();
        assert!(matches!(error, UpstreamError::BadAnswer { .. }), "{endpoint}: {error:?}");
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        assert_eq!(platform.requests().len(), 1);
    }
}

#[test]
fn a_stream_that_names_no_address_is_given_up() {
    let first_is_message = ScriptedStream::events().chunk(event("{}"));
    for script in [ScriptedStream::events(), first_is_message, ScriptedStream::json(200, "{}")] {
        let error = connected(&machine([script])).err().unwrap();
        assert!(matches!(error, UpstreamError::BadAnswer { .. }), "{error:?}");
    }
    let platform = machine([ScriptedStream::events().hangs()]);
    let error = connected(&platform).err().unwrap();
    assert!(
        matches!(error, UpstreamError::TimedOut { phase: Phase::Idle | Phase::Whole, .. }),
        "{error:?}"
    );
    assert_eq!((platform.elapsed(), platform.aborted()), (s(10), 1));
}

#[test]
fn an_answer_may_come_before_its_post_is_accepted() {
    let platform = machine([stream("/m"), accepted().after(s(5)), accepted()]);
    connected(&platform).unwrap();
    assert_eq!(platform.elapsed(), s(1));
}

#[test]
fn a_post_that_is_refused_ends_the_handshake() {
    for (status, may) in [(401, false), (404, false), (500, true)] {
        let stream = ScriptedStream::events().chunk("event: endpoint\ndata: /m\n\n").hangs();
        let platform = machine([stream, ScriptedStream::status(status)]);
        let error = connected(&platform).err().unwrap();
        assert_eq!(error.may_have_run(), may, "{error:?}");
    }
}

#[test]
fn answers_go_to_their_requests_and_come_once() {
    let body = [
        event(r#"{"jsonrpc":"2.0","id":3,"result":{"n":3}}"#),
        event(
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":5}}"#,
        ),
        event(
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":4}}"#,
        ),
        event(
            r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":3,"progress":9}}"#,
        ),
        event(r#"{"jsonrpc":"2.0","id":3,"result":{"n":4}}"#),
        event(r#"{"jsonrpc":"2.0","id":99,"result":{}}"#),
        event("broken"),
        event(r#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#),
        event(r#"{"jsonrpc":"2.0","error":{"code":-1,"message":"only one runs"}}"#),
        event(r#"{"jsonrpc":"2.0","error":{"code":-1,"message":"none runs"}}"#),
        event(r#"{"jsonrpc":"2.0","id":4,"result":{"forgotten":true}}"#),
    ];
    let platform = machine([stream("/m").chunk(body.concat()), accepted(), accepted()]);
    let (mut link, _) = connected(&platform).unwrap();
    let lines = platform.run(async {
        let request = Request { progress: true, ..Request::new("tools/call", Some("{}")) };
        for id in ["2", "3", "4"] {
            assert_eq!(link.posts.prepare(request).unwrap().0.as_json(), id);
        }
        link.posts.forget(&mcp_protocol::jsonrpc::RequestId::number(4));
        let mut lines = Vec::new();
        while let Some(tagged) = link.events.next().await.unwrap() {
            let request = tagged.request.map(|id| id.as_json().to_owned()).unwrap_or_default();
            lines.push(format!("{request}: {}", line(&tagged.incoming)));
        }
        lines
    });
    assert_eq!(
        lines,
        [
            "3: result {\"n\":3}",
            "2: progress 5",
            ": roots/list \"q\"",
            "2: error -1: only one runs",
        ]
    );
}

#[test]
fn a_second_address_is_refused() {
    let twice = stream("/m").chunk("event: endpoint\ndata: /other\n\n");
    let platform = machine([twice, accepted(), accepted()]);
    let (mut link, _) = connected(&platform).unwrap();
    let error = platform.run(link.events.next()).unwrap_err();
    assert!(matches!(error, UpstreamError::BadAnswer { .. }), "{error:?}");
}

#[test]
fn a_call_that_is_never_answered_ends_at_its_deadline() {
    let platform = machine([stream("/m").hangs(), accepted(), accepted()]);
    let (mut link, _) = connected(&platform).unwrap();
    let posts = link.posts.clone();
    let error = platform.run(posts.within_call(link.events.next())).unwrap_err();
    assert!(matches!(error, UpstreamError::TimedOut { phase: Phase::Whole, .. }), "{error:?}");
}
