//! Deadlines and limits of exchanges.

use mcp_platform::{Platform as _, testing::ScriptedStream};
use mcp_protocol::version::Version;

use crate::{
    error::{Phase, UpstreamError},
    message::Incoming,
    request::{Patience, Request},
    testing::{all, answer, call, called, connection, error, event, line, machine, s},
};

const NOTE: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1.0}}"#;
const QUESTION: &str =
    r#"{"jsonrpc":"2.0","id":"q-1","method":"elicitation/create","params":{"message":"?"}}"#;

/// A 200 with JSON.
fn ok(body: &str) -> ScriptedStream {
    ScriptedStream::json(200, body)
}

#[test]
fn a_silent_upstream_is_given_up_after_its_deadlines() {
    for (script, phase, seconds) in [
        (ScriptedStream::silent(), Phase::Headers, 60),
        (ScriptedStream::json(200, "{").hangs(), Phase::Idle, 60),
        (ScriptedStream::events().hangs(), Phase::Idle, 60),
        (ScriptedStream::events().chunk("data: {\"jso").hangs(), Phase::Idle, 60),
    ] {
        let platform = machine([script]);
        let exchange = connection(&platform, Version::V2025_11_25).request(call());
        let error = platform.run(exchange.result()).unwrap_err();
        assert!(
            matches!(error, UpstreamError::TimedOut { phase: found, .. } if found == phase),
            "{error:?}"
        );
        assert!(error.may_have_run());
        assert_eq!(platform.elapsed(), s(seconds));
    }
}

#[test]
fn a_server_that_answers_with_json_may_take_its_time() {
    let platform = machine([ok(&answer("{}")).after(s(59))]);
    let exchange = connection(&platform, Version::V2026_07_28).request(call());
    assert_eq!(platform.run(all(exchange)), ["result {}"]);
}

#[test]
fn comments_keep_a_call_alive_until_its_last_deadline() {
    let script =
        (0..20).fold(ScriptedStream::events(), |script, _| script.pause(s(50)).chunk(": x\n\n"));
    let platform = machine([script]);
    let exchange = connection(&platform, Version::V2026_07_28).request(call());
    let error = platform.run(exchange.result()).unwrap_err();
    assert!(matches!(error, UpstreamError::TimedOut { phase: Phase::Whole, .. }), "{error:?}");
    assert_eq!((platform.elapsed(), platform.aborted()), (s(300), 1));
}

#[test]
fn no_deadline_passes_while_the_upstream_waits_for_an_answer() {
    let asks = || ScriptedStream::events().chunk(event(QUESTION));
    let accepted = || ScriptedStream::status(202);
    let answered = asks().pause(s(650)).chunk(event(&answer("{}")));
    for (script, ended) in [(answered, "result {}"), (asks().hangs(), "Idle")] {
        let platform = machine([script, accepted()]);
        let connection = connection(&platform, Version::V2025_11_25);
        let mut exchange = connection.request(call());
        let Some(Ok(Incoming::Request { id, .. })) = platform.run(exchange.next()) else {
            panic!()
        };
        // A person thinks for ten minutes, while the exchange is waited for.
        assert!(platform.run_for(s(600), exchange.next()).is_none());
        platform.run(connection.respond(&id, Ok("{}"))).unwrap();
        let last = match platform.run(exchange.next()).unwrap() {
            Ok(incoming) => line(&incoming),
            Err(error) => format!("{error:?}"),
        };
        assert!(last.contains(ended), "{last}");
        let seconds = if ended == "Idle" { 660 } else { 650 };
        assert_eq!(platform.elapsed(), s(seconds));
    }
}

#[test]
fn a_wait_that_goes_on_during_an_answer_has_its_deadline_again() {
    let platform = machine([
        ScriptedStream::events().chunk(event(QUESTION)).hangs(),
        ScriptedStream::status(202),
    ]);
    let connection = connection(&platform, Version::V2025_11_25);
    let mut exchange = connection.request(call());
    let Some(Ok(Incoming::Request { id, .. })) = platform.run(exchange.next()) else { panic!() };
    let answering = async {
        platform.sleep(s(100)).await;
        connection.respond(&id, Ok("{}")).await.unwrap();
    };
    let (last, ()) = platform.run(futures_util::future::join(exchange.next(), answering));
    assert!(
        matches!(last, Some(Err(UpstreamError::TimedOut { phase: Phase::Idle, .. }))),
        "{last:?}"
    );
    assert!(platform.elapsed() < s(200), "{:?}", platform.elapsed());
}

#[test]
fn an_upstream_asks_a_hundred_questions_at_a_time_at_most() {
    let ask = |n: u32| event(&QUESTION.replace("q-1", &format!("q-{n}")));
    let script = ScriptedStream::events().chunk((0..101).map(ask).collect::<String>());
    let lines = called([script]);
    assert_eq!(lines.len(), 101);
    assert!(lines[100].contains("it asks too much at a time"), "{}", lines[100]);
    let pings =
        event(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#).repeat(200) + &event(&answer("{}"));
    assert_eq!(called([ScriptedStream::events().chunk(pings)]).len(), 201);
}

#[test]
fn a_body_over_its_limits_is_refused() {
    let mib = "x".repeat(1 << 20);
    let big = (0..33).fold(ok("\""), |script, _| script.chunk(&mib));
    assert!(matches!(error([big]), UpstreamError::TooLarge { limit } if limit == 32 << 20));
    let platform = machine([(0..33).fold(ok("\""), |script, _| script.chunk(&mib))]);
    let held = Request { patience: Patience::Held, ..call() };
    let held = connection(&platform, Version::V2026_07_28).request(held).result();
    assert!(matches!(platform.run(held), Err(UpstreamError::TooLarge { .. })));
    let event =
        (0..9).fold(ScriptedStream::events().chunk("data: "), |script, _| script.chunk(&mib));
    assert!(matches!(error([event]), UpstreamError::TooLarge { limit } if limit == 8 << 20));
}

#[test]
fn a_call_that_reports_much_on_its_stream_is_answered() {
    let mib = event(&NOTE.replace("1.0", &format!("\"{}\"", "x".repeat(1 << 20))));
    let script = (0..40).fold(ScriptedStream::events(), |script, _| script.chunk(&mib));
    let lines = called([script.chunk(event(&answer("{}")))]);
    assert_eq!((lines.len(), lines[40].as_str()), (41, "result {}"));
}

#[test]
fn a_stream_that_is_held_has_no_deadline_and_no_end() {
    let mib = event(&NOTE.replace("1.0", &format!("\"{}\"", "x".repeat(1 << 20))));
    let script =
        (0..40).fold(ScriptedStream::events(), |script, _| script.pause(s(100)).chunk(&mib));
    let platform = machine([script.chunk(event(&answer("{}")))]);
    let held = Request { patience: Patience::Held, ..call() };
    let lines = platform.run(all(connection(&platform, Version::V2026_07_28).request(held)));
    assert_eq!((lines.len(), lines[40].as_str(), platform.elapsed()), (41, "result {}", s(4000)));
}
