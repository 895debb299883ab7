//! Exchanges on scripted streams.

use std::time::Duration;

use mcp_platform::{Method, testing::ScriptedStream};
use mcp_protocol::version::Version;

use crate::{
    connection::Connection,
    endpoint::{Endpoint, RefusalError},
    error::{Repeat, UpstreamError},
    testing::{
        URL, all, answer, call, called, connection, declaration, error, error_in, event, line,
        machine, progress_text, s,
    },
    upstream::Upstream,
};

const NOTE: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1.0}}"#;
const QUESTION: &str =
    r#"{"jsonrpc":"2.0","id":"q-1","method":"elicitation/create","params":{"message":"?"}}"#;

/// A 200 with JSON.
fn ok(body: &str) -> ScriptedStream {
    ScriptedStream::json(200, body)
}

/// Whether a call fails with a bad answer for this reason.
fn is_bad(script: ScriptedStream, named: &str) {
    match error([script]) {
        UpstreamError::BadAnswer { why, .. } => assert_eq!(why, named),
        other => panic!("{other:?}, not {named}"),
    }
}

#[test]
fn a_json_answer_keeps_its_bytes() {
    let result = r#"{ "n":12345678901234567890, "n":1.0 }"#;
    assert_eq!(called([ok(&answer(result))]), [format!("result {result}")]);
}

#[test]
fn a_stream_gives_its_messages_in_their_order_and_then_the_answer() {
    let body = [
        ": hello\n\nretry: 5\n\ndata:\n\nevent: ping\ndata: x\n\n".to_owned(),
        event(&progress_text("1")),
        event(NOTE),
        event(QUESTION),
        event(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#),
        format!("data: {}\n\n", answer("{}")),
    ];
    let lines = called([ScriptedStream::events().chunk(body.concat())]);
    assert_eq!(
        lines,
        [
            "progress 1",
            r#"log {"level":"info","data":1.0}"#,
            "elicitation/create \"q-1\"",
            "notifications/tools/list_changed",
            "result {}"
        ]
    );
}

#[test]
fn a_character_may_be_cut_between_chunks() {
    let text = event(&answer(r#"{"text":"grüße 😀"}"#));
    let script = text.as_bytes().chunks(1).fold(ScriptedStream::events(), ScriptedStream::chunk);
    assert_eq!(called([script]), ["result {\"text\":\"grüße 😀\"}"]);
}

#[test]
fn progress_that_is_foreign_or_does_not_rise_is_dropped() {
    let script = ScriptedStream::events()
        .chunk(event(&progress_text("1")))
        .chunk(event(&progress_text("1")))
        .chunk(event(&progress_text("0.5")))
        .chunk(event(&progress_text("\"9\"")))
        .chunk(event(&progress_text("8").replace("\"progressToken\":7", "\"progressToken\":8")))
        .chunk(event(&progress_text("8").replace("\"progressToken\":7", "\"progressToken\":\"7\"")))
        .chunk(event(&progress_text("2")))
        .chunk(event(&answer("{}")) + &event(&progress_text("3")));
    assert_eq!(called([script]), ["progress 1", "progress 2", "result {}"]);
}

#[test]
fn progress_that_nobody_took_is_replaced_by_the_next() {
    let storm: String = (1..=10_000).map(|n| event(&progress_text(&n.to_string()))).collect();
    let script = ScriptedStream::events().chunk(storm).chunk(event(NOTE) + &event(&answer("{}")));
    let log = r#"log {"level":"info","data":1.0}"#;
    assert_eq!(called([script]), ["progress 10000", log, "result {}"]);
}

#[test]
fn progress_comes_before_what_was_sent_after_it() {
    let body = event(&progress_text("1"))
        + &event(&progress_text("2"))
        + &event(NOTE)
        + &event(&answer("{}"));
    let lines = called([ScriptedStream::events().chunk(body)]);
    assert_eq!(lines[0], "progress 2");
}

#[test]
fn a_json_rpc_error_counts_more_than_the_status() {
    let body =
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32050,"message":"no","data":{"a":1.0}}}"#;
    for status in [200, 400, 404, 409, 500, 503] {
        match error_in(Version::V2026_07_28, [ScriptedStream::json(status, body)]) {
            UpstreamError::Rpc(failure) => {
                assert_eq!((failure.code, failure.status), (-32050, status));
                assert_eq!(failure.data.unwrap().get(), r#"{"a":1.0}"#);
            }
            other => panic!("{status}: {other:?}"),
        }
    }
    let unnamed = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}"#;
    assert!(matches!(error([ScriptedStream::json(400, unnamed)]), UpstreamError::Rpc(_)));
}

#[test]
fn refusals_are_told_apart_by_their_status() {
    let rpc = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32000,"message":"no"}}"#;
    let challenged =
        ScriptedStream::json(401, rpc).header("WWW-Authenticate", "Bearer scope=\"a\"");
    match error([challenged]) {
        UpstreamError::Unauthorized { challenge } => {
            assert_eq!(challenge.as_deref(), Some("Bearer scope=\"a\""));
        }
        other => panic!("{other:?}"),
    }
    let modern = |script| error_in(Version::V2026_07_28, [script]);
    let status = ScriptedStream::status;
    assert!(matches!(modern(status(401)), UpstreamError::Unauthorized { challenge: None }));
    assert!(matches!(modern(ScriptedStream::json(403, rpc)), UpstreamError::Forbidden { .. }));
    for code in [404, 410] {
        assert!(matches!(modern(status(code)), UpstreamError::NotFound { .. }), "{code}");
    }
    for code in [400, 405, 406, 409, 412, 413, 415, 421] {
        let refused = modern(status(code).chunk("why\u{7}"));
        assert!(
            matches!(&refused, UpstreamError::Refused { status, quote } if *status == code && quote == "why")
        );
    }
    for code in [500, 502, 503, 504, 520] {
        let html = status(code).header("Content-Type", "text/html").chunk("<html>");
        assert!(matches!(modern(html), UpstreamError::Unavailable { .. }), "{code}");
    }
    assert!(matches!(modern(status(508)), UpstreamError::Loop));
}

#[test]
fn retry_after_is_seconds_or_a_date_and_nonsense_is_nothing() {
    for (text, seconds) in [
        ("7", Some(7)),
        (" 7 ", Some(7)),
        ("Fri, 20 Nov 2026 08:00:30 GMT", Some(30)),
        ("Fri, 20 Nov 2020 08:00:30 GMT", Some(0)),
        ("99999999999", Some(86_400)),
        ("soon", None),
        ("-1", None),
        ("", None),
    ] {
        for status in [429, 425, 408] {
            match error([ScriptedStream::status(status).header("Retry-After", text)]) {
                UpstreamError::TooMany { retry_after, .. } => {
                    assert_eq!(retry_after, seconds.map(s), "{text}");
                }
                other => panic!("{other:?}"),
            }
        }
        let error = error([ScriptedStream::status(503).header("Retry-After", text)]);
        assert!(
            matches!(error, UpstreamError::Unavailable { retry_after, .. } if retry_after == seconds.map(s))
        );
    }
}

#[test]
fn a_session_that_the_upstream_does_not_know_is_gone() {
    let unknown =
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32001,"message":"Session not found"}}"#;
    let example = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Bad Request: No valid session ID provided"}}"#;
    for script in [
        ScriptedStream::status(404),
        ScriptedStream::json(404, unknown),
        ScriptedStream::json(400, example),
        ScriptedStream::status(400).chunk("Invalid or missing session ID"),
        ScriptedStream::status(401).chunk("Unauthorized: Session not found"),
    ] {
        let gone = error([script]);
        assert!(matches!(gone, UpstreamError::SessionGone), "{gone:?}");
        assert!(!gone.may_have_run() && gone.repeat() == Repeat::NewSession);
    }
    for script in [
        ScriptedStream::status(401).chunk("who are you?"),
        ScriptedStream::status(401).chunk("no session").header("WWW-Authenticate", "Bearer"),
        ScriptedStream::json(401, unknown),
    ] {
        assert!(matches!(error([script]), UpstreamError::Unauthorized { .. }));
    }
    let method = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32601,"message":"no such method"}}"#;
    assert!(matches!(error([ScriptedStream::json(404, method)]), UpstreamError::Rpc(_)));
    let other = r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"session is wrong"}}"#;
    assert!(matches!(error([ScriptedStream::json(400, other)]), UpstreamError::Rpc(_)));
}

#[test]
fn no_answer_is_an_answer_of_its_own() {
    for status in [202, 204] {
        let error = error([ScriptedStream::status(status)]);
        assert!(matches!(error, UpstreamError::NoAnswer { status: found } if found == status));
        assert!(error.may_have_run() && error.repeat() == Repeat::Never);
    }
    assert!(matches!(
        error([ScriptedStream::status(200)]),
        UpstreamError::NoAnswer { status: 200 }
    ));
    assert!(matches!(error([ok(" \n")]), UpstreamError::NoAnswer { status: 200 }));
}

#[test]
fn the_media_type_decides() {
    let html = ScriptedStream::status(200).header("Content-Type", "text/html").chunk("<html>");
    is_bad(html, "it is neither JSON nor an event stream");
    let untyped = ScriptedStream::status(200).chunk(answer("{}"));
    is_bad(untyped, "it is neither JSON nor an event stream");
    is_bad(ScriptedStream::events().chunk(answer("{}")), "it is no event stream");
    is_bad(ok(&event(&answer("{}"))), "it is not JSON");
    let charset = ScriptedStream::status(200)
        .header("content-type", "Application/JSON; charset=utf-8")
        .chunk(answer("{}"));
    assert_eq!(called([charset]), ["result {}"]);
}

#[test]
fn an_answer_to_another_request_is_none() {
    for id in ["8", "\"7\"", "7.0", "-7"] {
        let text = answer("{}").replace(":7,", &format!(":{id},"));
        let named = if id == "7.0" {
            "the id is no string or integer"
        } else {
            "it answers another request"
        };
        is_bad(ok(&text), named);
        is_bad(ScriptedStream::events().chunk(event(&text)), named);
    }
    is_bad(ok(NOTE), "it is no answer");
    is_bad(ok(&format!("[{}]", answer("{}"))), "an array of messages is not allowed");
    is_bad(ScriptedStream::events().chunk(event("{\"jsonrpc\"")), "it is not JSON");
}

#[test]
fn only_2025_03_26_answers_with_an_array() {
    let platform = machine([ok(&format!("[{NOTE},{}]", answer("{}")))]);
    let exchange = connection(&platform, Version::V2025_03_26).request(call());
    let log = r#"log {"level":"info","data":1.0}"#;
    assert_eq!(platform.run(all(exchange)), [log, "result {}"]);
}

#[test]
fn the_first_answer_counts() {
    let twice = event(&answer("{\"n\":1}")) + &event(&answer("{\"n\":2}"));
    assert_eq!(called([ScriptedStream::events().chunk(twice)]), ["result {\"n\":1}"]);
}

#[test]
fn a_server_of_2026_07_28_asks_nothing_on_its_stream() {
    let script = ScriptedStream::events().chunk(event(QUESTION)).hangs();
    let error = error_in(Version::V2026_07_28, [script]);
    assert!(matches!(error, UpstreamError::BadAnswer { .. }), "{error:?}");
}

#[test]
fn an_answer_that_breaks_off_is_cut() {
    let text = event(&answer("{}"));
    let half = &text[..text.len() - 3];
    for script in [
        ok("{\"jsonrpc\":").breaks(),
        ScriptedStream::events(),
        ScriptedStream::events().chunk(": hello\n\n"),
        ScriptedStream::events().chunk(half),
        ScriptedStream::events().chunk(&text.as_bytes()[..40]).breaks(),
        ScriptedStream::events().chunk(event(NOTE)).breaks(),
    ] {
        let error = error([script.clone()]);
        assert!(matches!(error, UpstreamError::Cut), "{script:?}: {error:?}");
        assert!(error.may_have_run() && error.repeat() == Repeat::IfItReads);
    }
    is_bad(ok("{\"jsonrpc\":"), "it is not JSON");
}

#[test]
fn a_connection_that_was_never_made_has_run_nothing() {
    for (why, may) in [
        ("DNS lookup failed.", false),
        ("Network connection lost.", true),
        ("internal error", true),
    ] {
        assert_eq!(error([ScriptedStream::unreachable(why)]).may_have_run(), may, "{why}");
    }
}

#[test]
fn a_stream_that_breaks_is_resumed_after_its_last_event() {
    let first = ScriptedStream::events()
        .chunk(format!("id: a.1\nretry: 2000\ndata: {}\n\n", progress_text("1")))
        .chunk("id: a.2\ndata: {\"jso")
        .breaks();
    let second = ScriptedStream::events()
        .chunk(format!("id: a.2\ndata: {}\n\n", progress_text("2")))
        .chunk(event(&answer("{\"other\":1}").replace(":7,", ":3,")));
    let third = ScriptedStream::events().chunk(format!("id: a.3\ndata: {}\n\n", answer("{}")));
    let platform = machine([first, second, third]);
    let exchange = connection(&platform, Version::V2025_11_25).request(call());
    assert_eq!(platform.run(all(exchange)), ["progress 1", "progress 2", "result {}"]);
    let requests = platform.requests();
    assert_eq!(
        requests.iter().map(|sent| sent.method).collect::<Vec<_>>(),
        [Method::Post, Method::Get, Method::Get]
    );
    assert_eq!(requests[1].header("last-event-id"), Some("a.1"));
    assert_eq!(requests[2].header("last-event-id"), Some("a.2"));
    assert_eq!(requests[1].header("mcp-session-id"), Some("s-1"));
    assert_eq!(platform.elapsed(), s(4));
}

#[test]
fn a_polling_server_may_close_after_its_priming_event() {
    let primed = || ScriptedStream::events().chunk("id: p\nretry: 500\ndata: \n\n");
    let answered = ScriptedStream::events().chunk(event(&answer("{}")));
    let platform = machine([primed(), primed(), ScriptedStream::status(503), primed(), answered]);
    let exchange = connection(&platform, Version::V2025_11_25).request(call());
    assert_eq!(platform.run(all(exchange)), ["result {}"]);
    assert_eq!((platform.requests().len(), platform.elapsed()), (5, Duration::from_secs(2)));
}

#[test]
fn a_stream_that_cannot_be_resumed_leaves_the_outcome_open() {
    let primed = || ScriptedStream::events().chunk("id: p\nretry: 500\ndata: \n\n");
    for rest in [
        vec![ScriptedStream::status(405)],
        vec![ScriptedStream::status(401)],
        vec![ScriptedStream::status(404)],
        vec![ok(&answer("{}"))],
        vec![
            ScriptedStream::unreachable("x"),
            ScriptedStream::status(500),
            ScriptedStream::silent(),
        ],
    ] {
        let sent = rest.len() + 1;
        let platform = machine([primed()].into_iter().chain(rest));
        let exchange = connection(&platform, Version::V2025_11_25).request(call());
        let error = platform.run(exchange.result()).unwrap_err();
        assert!(matches!(error, UpstreamError::Cut), "{error:?}");
        assert_eq!(platform.requests().len(), sent);
        let posts = platform.requests().into_iter().filter(|sent| sent.method == Method::Post);
        assert_eq!(posts.count(), 1);
    }
    // 2026-07-28 has no event ids.
    let platform = machine([primed(), ScriptedStream::events().chunk(event(&answer("{}")))]);
    let exchange = connection(&platform, Version::V2026_07_28).request(call());
    assert!(matches!(platform.run(exchange.result()), Err(UpstreamError::Cut)));
    assert_eq!(platform.requests().len(), 1);
}

#[test]
fn a_lost_exchange_is_resumed_by_its_event_id() {
    let platform = machine([ScriptedStream::events().chunk(event(&answer("{}")))]);
    let connection = connection(&platform, Version::V2025_06_18);
    let id = mcp_protocol::jsonrpc::RequestId::number(7);
    assert_eq!(platform.run(all(connection.resume(id, "a.1"))), ["result {}"]);
    assert_eq!(platform.requests()[0].header("Last-Event-ID"), Some("a.1"));
    assert_eq!(platform.elapsed(), Duration::ZERO);
}

#[test]
fn an_exchange_that_is_dropped_is_aborted() {
    let platform = machine([ScriptedStream::events().chunk(event(NOTE)).hangs()]);
    let mut exchange = connection(&platform, Version::V2026_07_28).request(call());
    let first = platform.run(exchange.next()).unwrap().unwrap();
    assert!(line(&first).starts_with("log"));
    assert_eq!(platform.aborted(), 0);
    drop(exchange);
    assert_eq!(platform.aborted(), 1);
}

#[test]
fn a_wait_that_is_given_up_loses_nothing() {
    let script = ScriptedStream::events()
        .after(s(3))
        .chunk("data: {\"jsonrpc\"")
        .pause(s(3))
        .chunk(&answer("{}")[10..])
        .pause(s(3))
        .chunk("\n\n");
    let platform = machine([script]);
    let mut exchange = connection(&platform, Version::V2025_11_25).request(call());
    let mut given_up = 0;
    let answered = loop {
        match platform.run_for(s(1), exchange.next()) {
            Some(incoming) => break line(&incoming.unwrap().unwrap()),
            None => given_up += 1,
        }
    };
    assert_eq!(answered, "result {}");
    assert!(given_up >= 8, "{given_up}");
    assert_eq!(platform.requests().len(), 1);
}

#[test]
fn a_session_id_that_changes_is_refused() {
    let script = || ok(&answer("{}"));
    is_bad(script().header("Mcp-Session-Id", "s-2"), "the id of the session changed");
    is_bad(script().header("Mcp-Session-Id", "s-1, s-1"), "the id of the session changed");
    assert_eq!(called([script().header("MCP-Session-Id", "s-1")]), ["result {}"]);
}

#[test]
fn an_error_that_stands_for_the_status_401_refuses_the_credential() {
    let ended = |code: i64, message: &str, refusal: Option<RefusalError>| {
        let error = format!(r#"{{"code":{code},"message":"{message}"}}"#);
        let said = event(&format!(r#"{{"jsonrpc":"2.0","id":7,"error":{error}}}"#));
        let platform = machine([ScriptedStream::events().chunk(said)]);
        let upstream = Upstream::new(platform.clone(), Endpoint { refusal, ..Endpoint::new(URL) });
        let connection = Connection::new(upstream, declaration(), Version::V2025_11_25, None, 7);
        platform.run(connection.request(call()).result()).expect_err("an error")
    };
    let refusal = Some(RefusalError { code: 0, begins: "401 for '", url_has: "/keys/" });
    let refused = ended(0, "401 for 'https://api.example/keys/mine'", refusal);
    assert!(matches!(refused, UpstreamError::Unauthorized { challenge: None }), "{refused:?}");
    assert_eq!((refused.repeat(), refused.may_have_run()), (Repeat::NewCredential, false));
    for (code, message, refusal) in [
        (1, "401 for '/keys/'", refusal),
        (0, "it said 401 for '/keys/'", refusal),
        (0, "401 for '/keys/'", None),
        // Another service, and a text of its own that names this one.
        (0, "401 for '/jobs/'", refusal),
        (0, "401 for '/jobs/': see '/keys/'", refusal),
    ] {
        let other = ended(code, message, refusal);
        assert!(matches!(other, UpstreamError::Rpc(_)), "{other:?}");
    }
}
