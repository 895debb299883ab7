//! What clients are told when an upstream gives no result.

use std::time::Duration;

use mcp_protocol::content::ContentBlock;
use serde_json::json;
use test_support::json::raw as raw_json;

use super::*;

const CALL: Asked<'_> = Asked {
    upstream: "tickets",
    method: "tools/call",
    effect: Some(Effect::Write),
    version: Version::V2025_11_25,
    behind: None,
    is_begun: false,
};
const READ: Asked<'_> = Asked { method: "resources/read", effect: None, ..CALL };

fn text(answer: Answer) -> String {
    let Answer::Tool(CallToolResult { content, is_error: true, structured_content: None, .. }) =
        answer
    else {
        panic!("{answer:?}")
    };
    let [ContentBlock::Text { text }] = &content[..] else { panic!("{content:?}") };
    text.clone()
}

fn rpc(error: &str) -> UpstreamError {
    let [code, message, data] = fields(error, ["code", "message", "data"]).unwrap();
    UpstreamError::Rpc(RpcFailure {
        code: code.and_then(mcp_protocol::raw::number).unwrap(),
        message: message.and_then(mcp_protocol::raw::string).unwrap(),
        data: data.map(ToOwned::to_owned),
        raw: raw_json(error),
        status: 200,
    })
}

#[test]
fn an_error_of_the_upstream_keeps_its_text() {
    let error = r#"{ "code": -32603,"message":"x","data":{"n":9007199254740993}, "extra":1}"#;
    for asked in [CALL, READ] {
        assert_eq!(Answer::of(asked, &rpc(error)), Answer::Passed(error.to_owned()));
    }
    let Outcome::Failed(read) =
        Answer::Passed(r#"{"code":-7,"message":"x","data":[1]}"#.into()).into()
    else {
        panic!()
    };
    assert_eq!(read, RpcError { data: Some(json!([1])), ..RpcError::new(-7, "x") });
}

#[test]
fn a_missing_resource_has_the_code_of_the_version_in_front() {
    let with = |code: i32| format!(r#"{{"message":"x","code" : {code},"data":{{"uri":"a:1"}}}}"#);
    let stateless = Asked { version: Version::V2026_07_28, ..READ };
    let from_stateless = Asked { behind: Some(Version::V2026_07_28), ..READ };
    let other = Asked { method: "prompts/get", ..from_stateless };
    for (asked, sent, passed) in [
        (from_stateless, -32602, -32002),
        (READ, -32602, -32602),
        (other, -32602, -32602),
        (READ, -32002, -32002),
        (stateless, -32002, -32602),
        (stateless, -32602, -32602),
        (READ, -32601, -32601),
        (CALL, -32602, -32602),
    ] {
        assert_eq!(
            Answer::of(asked, &rpc(&with(sent))),
            Answer::Passed(with(passed)),
            "{asked:?} {sent}"
        );
    }
}

#[test]
fn an_error_of_the_hop_is_not_passed_on() {
    for code in [-32020, -32021, -32022] {
        let error = rpc(&format!(r#"{{"code":{code},"message":"a\u001b\u202e"}}"#));
        let told = text(Answer::of(CALL, &error));
        assert!(told.contains(&format!("(code {code}): a  ")), "{told}");
    }
}

#[test]
fn a_call_that_may_have_run_has_an_unknown_outcome() {
    let after = Duration::from_secs(60);
    for error in [
        UpstreamError::Cut,
        UpstreamError::TimedOut { phase: Phase::Idle, after },
        UpstreamError::Unavailable { status: 502, retry_after: None },
        UpstreamError::bad_answer("it is HTML", b"<html>\r\n\x1b[31m"),
        UpstreamError::NoAnswer { status: 202 },
        UpstreamError::TooLarge { limit: 1 },
        UpstreamError::Unreachable { why: "secret".into(), never_connected: false },
    ] {
        for effect in [Effect::Write, Effect::Destructive] {
            let told = text(Answer::of(Asked { effect: Some(effect), ..CALL }, &error));
            assert!(told.starts_with("The outcome is unknown: "), "{told}");
            assert!(told.contains("tickets") && !told.contains("secret"), "{told}");
            assert!(!told.contains(char::is_control), "{told:?}");
        }
        let told = text(Answer::of(Asked { effect: Some(Effect::Read), ..CALL }, &error));
        assert!(!told.contains("unknown") && told.contains("can be called again"), "{told}");
    }
}

#[test]
fn a_call_that_has_not_run_is_a_failure_that_names_its_reason() {
    for (error, told) in [
        (
            UpstreamError::Unreachable { why: String::new(), never_connected: true },
            "tickets cannot be reached.",
        ),
        (
            UpstreamError::Unauthorized { challenge: None },
            "tickets refuses the credential that this server has for it: the operator must check its configuration.",
        ),
        (
            UpstreamError::Forbidden { challenge: Some(r#"Bearer error="x", scope="a b""#.into()) },
            "Access was refused by tickets: the scope `a b` is needed.",
        ),
        (UpstreamError::Forbidden { challenge: None }, "Access was refused by tickets."),
        (
            UpstreamError::NotFound { status: 404 },
            "tickets has no MCP server at its configured address (404): the operator must check its configuration.",
        ),
        (
            UpstreamError::TooMany { status: 429, retry_after: Some(Duration::from_secs(3)) },
            "tickets gets too many requests and asks to come back later (429). retryAfterMs: 3000",
        ),
        (
            UpstreamError::Refused { status: 415, quote: "a\nb".into() },
            "tickets refused the request (415): a b.",
        ),
        (
            UpstreamError::Loop,
            "tickets leads back to this server: the operator must check its configuration.",
        ),
    ] {
        assert_eq!(text(Answer::of(CALL, &error)), told);
    }
}

#[test]
fn who_has_no_key_reads_where_to_connect_one() {
    let link = "https://x.example/connect/tickets";
    let told = text(Answer::unconnected(CALL, &Unconnected::Missing, Some(link)));
    assert!(told.contains(&format!("Open {link} to connect it")), "{told}");
    let Answer::Error(error) = Answer::unconnected(READ, &Unconnected::Missing, Some(link)) else {
        panic!()
    };
    assert_eq!(error.data, Some(json!({ "url": link })));
}

#[test]
fn what_could_not_be_looked_up_was_not_called() {
    let after = Duration::from_secs(5);
    let late = UpstreamError::TimedOut { phase: Phase::Whole, after };
    let told = text(Answer::unlisted(CALL, &late));
    assert_eq!(
        told,
        "Nothing was sent, because it could not be looked up: tickets did not end its answer within 5 s."
    );
    let told = text(Answer::unlisted(CALL, &rpc(r#"{"code":-32603,"message":"x\u001by"}"#)));
    assert!(told.ends_with("tickets answered with the error -32603: x y."), "{told}");
    let told = text(Answer::not_sent(CALL, &late));
    assert!(told.starts_with("Nothing was sent, so that it can be tried again: "), "{told}");
    let Answer::Error(error) = Answer::unlisted(READ, &late) else { panic!() };
    assert_eq!(error.code, INTERNAL_ERROR);
}

#[test]
fn a_request_that_was_begun_is_not_called_unsent() {
    let begun = Asked { is_begun: true, ..CALL };
    let limited = UpstreamError::TooMany { status: 429, retry_after: Some(Duration::from_secs(3)) };
    for told in [
        text(Answer::unlisted(begun, &limited)),
        text(Answer::refused(begun, Refused { retry_after_ms: 3_000 })),
    ] {
        assert!(told.starts_with("The outcome is unknown: ") && !told.contains("othing"), "{told}");
        assert!(told.ends_with("same `requestState`. retryAfterMs: 3000"), "{told}");
    }
}

#[test]
fn other_methods_fail_with_an_error_and_data() {
    let error =
        UpstreamError::Unavailable { status: 503, retry_after: Some(Duration::from_secs(2)) };
    let data = json!({ "retryAfterMs": 2_000 });
    let expected =
        RpcError { code: INTERNAL_ERROR, message: "tickets failed (503)".into(), data: Some(data) };
    assert_eq!(Answer::of(READ, &error), Answer::Error(expected));
    let cut = Answer::of(READ, &UpstreamError::Cut);
    assert!(matches!(cut, Answer::Error(error) if error.data.is_none()));
}

// Statement 20.
#[test]
fn a_call_that_the_breaker_refuses_says_when_to_try_again() {
    let told = text(Answer::refused(CALL, Refused { retry_after_ms: 29_000 }));
    assert!(told.ends_with("is not called now. retryAfterMs: 29000"), "{told}");
}

#[test]
fn a_quotation_has_two_hundred_characters_at_most() {
    let error = UpstreamError::Refused { status: 400, quote: "\u{fc}".repeat(5_000) };
    let told = text(Answer::of(CALL, &error));
    assert_eq!(told.matches('\u{fc}').count(), 200);
}
