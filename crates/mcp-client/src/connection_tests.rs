//! What is sent over a connection.

use mcp_platform::{Method, stream::StreamRequest, testing::ScriptedStream};
use mcp_protocol::{
    jsonrpc::{RequestId, RpcError},
    stateless::param_declarations::ParamHeader,
    version::Version,
};
use serde_json::json;

use crate::{
    error::UpstreamError,
    request::Request,
    testing::{answer, call, connection, event, line, machine, upstream},
};

/// The names and values of all headers, in small letters and in order.
fn headers(request: &StreamRequest) -> Vec<(String, String)> {
    let all = request.headers.iter();
    let mut all: Vec<_> =
        all.map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
    all.sort();
    all
}

fn pairs(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const BOTH: &str = "application/json, text/event-stream";

/// The first request of a connection in this version.
fn sent(version: Version, request: Request<'_>) -> StreamRequest {
    let platform = machine([ScriptedStream::json(200, &answer("{}"))]);
    let exchange = connection(&platform, version).request(request);
    platform.run(exchange.result()).unwrap();
    platform.requests().remove(0)
}

#[test]
fn a_request_of_a_session_has_the_headers_of_its_version() {
    let request = sent(Version::V2025_06_18, call());
    let common =
        [("accept", BOTH), ("authorization", "Bearer up"), ("content-type", "application/json")];
    let session = [("mcp-protocol-version", "2025-06-18"), ("mcp-session-id", "s-1")];
    assert_eq!(headers(&request), pairs(&[&common[..], &session].concat()));
    let body = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","arguments":{},"_meta":{"progressToken":7}}}"#;
    assert_eq!(request.body.as_deref(), Some(body));
    let older = sent(Version::V2025_03_26, call());
    assert_eq!(headers(&older), pairs(&[&common[..], &[("mcp-session-id", "s-1")]].concat()));
}

#[test]
fn a_request_of_2026_07_28_says_everything_itself() {
    let declared = ParamHeader::all_in(&json!({ "properties": {
        "region": { "type": "string", "x-mcp-header": "Region" },
        "n": { "type": "integer", "x-mcp-header": "N" },
    } }))
    .unwrap();
    let params = r#"{"name":"grüße","arguments":{"region":" eu","n":12345678901234567890},"_meta":{"io.modelcontextprotocol/protocolVersion":"1","traceparent":"t"}}"#;
    let request = Request {
        param_headers: &declared,
        log_level: Some("info"),
        ..Request::new("tools/call", Some(params))
    };
    let request = sent(Version::V2026_07_28, request);
    let wanted = pairs(&[
        ("accept", BOTH),
        ("authorization", "Bearer up"),
        ("content-type", "application/json"),
        ("mcp-method", "tools/call"),
        ("mcp-name", "=?base64?Z3LDvMOfZQ==?="),
        ("mcp-param-n", "12345678901234567890"),
        ("mcp-param-region", "=?base64?IGV1?="),
        ("mcp-protocol-version", "2026-07-28"),
    ]);
    assert_eq!(headers(&request), wanted);
    let body = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"grüße","arguments":{"region":" eu","n":12345678901234567890},"_meta":{"traceparent":"t","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}},"io.modelcontextprotocol/clientInfo":{"name":"gateway","version":"1"},"io.modelcontextprotocol/logLevel":"info"}}}"#;
    assert_eq!(request.body.as_deref(), Some(body));
}

#[test]
fn a_name_header_repeats_what_its_method_names() {
    for (method, params, name) in [
        ("resources/read", r#"{"uri":"file:///a b"}"#, Some("file:///a b")),
        ("prompts/get", r#"{"name":"p"}"#, Some("p")),
        ("tasks/get", r#"{"taskId":"t/1"}"#, Some("t/1")),
        ("tools/list", r#"{"name":"x"}"#, None),
        ("com.example/other", r#"{"name":"x"}"#, None),
    ] {
        let request = sent(Version::V2026_07_28, Request::new(method, Some(params)));
        assert_eq!(request.header("Mcp-Name"), name, "{method}");
        assert_eq!(request.header("Mcp-Method"), Some(method));
    }
}

#[test]
fn what_cannot_be_written_is_not_sent() {
    let long = format!(r#"{{"name":"{}"}}"#, "x".repeat(9000));
    for params in ["[]", "{", &long] {
        let platform = machine([]);
        let request = Request::new("tools/call", Some(params));
        let exchange = connection(&platform, Version::V2026_07_28).request(request);
        let error = platform.run(exchange.result()).unwrap_err();
        assert!(
            matches!(error, UpstreamError::Unsendable(_)) && !error.may_have_run(),
            "{error:?}"
        );
        assert!(platform.requests().is_empty());
    }
}

#[test]
fn ids_are_the_connections_own_and_rise() {
    let platform = machine([]);
    let connection = connection(&platform, Version::V2025_11_25);
    let copy = connection.clone();
    let ids =
        [&connection, &copy, &connection].map(|one| one.request(call()).id().as_json().to_owned());
    assert_eq!(ids, ["7", "8", "9"]);
}

#[test]
fn answers_and_notifications_are_posted_in_the_session() {
    let accepted = || ScriptedStream::status(202);
    let platform = machine([accepted(), accepted(), accepted(), ScriptedStream::status(405)]);
    let connection = connection(&platform, Version::V2025_11_25);
    let id = RequestId::number(3);
    let refused = RpcError::new(-32601, "no");
    platform.run(async {
        connection.respond(&id, Ok("{ }")).await.unwrap();
        connection.respond(&id, Err(&refused)).await.unwrap();
        connection.cancel(&id, Some("left")).await.unwrap();
        connection.close().await;
    });
    let requests = platform.requests();
    let bodies: Vec<_> =
        requests.iter().map(|sent| sent.body.as_deref().unwrap_or_default()).collect();
    assert_eq!(
        bodies,
        [
            r#"{"jsonrpc":"2.0","id":3,"result":{ }}"#,
            r#"{"jsonrpc":"2.0","id":3,"error":{"code":-32601,"message":"no"}}"#,
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3,"reason":"left"}}"#,
            ""
        ]
    );
    assert_eq!(requests[3].method, Method::Delete);
    assert!(requests.iter().all(|sent| sent.header("Mcp-Session-Id") == Some("s-1")));
}

#[test]
fn a_notification_that_is_refused_says_why() {
    let platform = machine([ScriptedStream::status(404), ScriptedStream::status(503)]);
    let connection = connection(&platform, Version::V2025_11_25);
    let id = RequestId::number(3);
    let gone = platform.run(connection.respond(&id, Ok("{}"))).unwrap_err();
    assert!(matches!(gone, UpstreamError::SessionGone), "{gone:?}");
    let failed = platform.run(connection.notify("a", None)).unwrap_err();
    assert!(matches!(failed, UpstreamError::Unavailable { .. }), "{failed:?}");
}

#[test]
fn without_sessions_nothing_is_cancelled_or_closed_by_a_message() {
    let platform = machine([]);
    let connection = connection(&platform, Version::V2026_07_28);
    platform.run(async {
        connection.cancel(&RequestId::number(3), None).await.unwrap();
        connection.close().await;
        assert!(connection.listen(None).await.unwrap().is_none());
    });
    assert!(platform.requests().is_empty() && connection.session().is_none());
}

#[test]
fn a_listener_passes_over_answers_and_what_is_no_message() {
    let stream = [
        "id: 1\nretry: 20\ndata:\n\n".to_owned(),
        event(&answer("{}")),
        event("not json"),
        "event: ping\ndata: {}\n\n".to_owned(),
        event(r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#),
        event(r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#),
        event(&answer("{}")),
    ];
    let platform =
        machine([ScriptedStream::events().pause(crate::testing::s(3600)).chunk(stream.concat())]);
    let connection = connection(&platform, Version::V2025_11_25);
    let lines = platform.run(async {
        let mut listener = connection.listen(Some("0")).await.unwrap().unwrap();
        let mut lines = Vec::new();
        while let Some(incoming) = listener.next().await.unwrap() {
            lines.push(line(&incoming));
        }
        assert_eq!((listener.last_event_id(), listener.retry_ms()), (Some("1"), Some(20)));
        lines
    });
    assert_eq!(lines, ["notifications/tools/list_changed", "roots/list 1"]);
    let request = &platform.requests()[0];
    assert_eq!((request.method, request.header("Last-Event-ID")), (Method::Get, Some("0")));
    assert_eq!(request.header("Accept"), Some("text/event-stream"));
}

#[test]
fn an_upstream_without_such_a_stream_is_no_failure() {
    for (status, expected) in [
        (405, "none"),
        (404, "none"),
        (406, "none"),
        (409, "error"),
        (401, "error"),
        (200, "error"),
    ] {
        let platform = machine([ScriptedStream::status(status)]);
        let connection = connection(&platform, Version::V2025_11_25);
        let found = match platform.run(connection.listen(None)) {
            Ok(None) => "none",
            Ok(Some(_)) => "stream",
            Err(_) => "error",
        };
        assert_eq!(found, expected, "{status}");
    }
}

#[test]
fn a_redirect_within_the_origin_is_followed_once_and_learned() {
    let moved = |to: &str| ScriptedStream::status(307).header("Location", to);
    let ok = || ScriptedStream::json(200, &answer("{}"));
    let platform = machine([moved("/mcp/"), ok(), ok()]);
    let connection = connection(&platform, Version::V2025_11_25);
    platform.run(async {
        connection.request(call()).result().await.unwrap();
        let _ = connection.request(call()).next().await;
    });
    let requests = platform.requests();
    let urls: Vec<_> = requests.iter().map(|sent| sent.url.as_str()).collect();
    assert_eq!(
        urls,
        ["https://up.example/mcp", "https://up.example/mcp/", "https://up.example/mcp/"]
    );
    assert_eq!((requests[1].method, &requests[1].body), (Method::Post, &requests[0].body));
    assert_eq!(requests[1].header("Authorization"), Some("Bearer up"));
    assert_eq!(connection.upstream().url(), "https://up.example/mcp/");
}

#[test]
fn any_other_redirect_is_an_error_and_gets_no_credential() {
    for (status, location) in [
        (301, "/mcp/"),
        (302, "/mcp/"),
        (303, "/mcp/"),
        (307, "https://other.example/mcp"),
        (307, "http://up.example/mcp/"),
        (308, "https://127.0.0.1/mcp"),
        (307, "https://up.example/mcp"),
        (307, ""),
    ] {
        let platform = machine([ScriptedStream::status(status).header("Location", location)]);
        let exchange = connection(&platform, Version::V2025_11_25).request(call());
        let error = platform.run(exchange.result()).unwrap_err();
        assert!(
            matches!(error, UpstreamError::Redirect { .. }) && !error.may_have_run(),
            "{error:?}"
        );
        assert_eq!(platform.requests().len(), 1, "{location}");
    }
    let moved = |to: &str| ScriptedStream::status(307).header("Location", to);
    let platform = machine([moved("/a"), moved("/b")]);
    let exchange = connection(&platform, Version::V2025_11_25).request(call());
    let error = platform.run(exchange.result()).unwrap_err();
    assert!(matches!(error, UpstreamError::Redirect { .. }), "{error:?}");
    assert_eq!(platform.requests().len(), 2);
}

#[test]
fn an_error_quotes_neither_credential_nor_session_nor_address() {
    let echo = "no token up in session s-1";
    for script in [
        ScriptedStream::status(409).chunk(echo),
        ScriptedStream::status(200).chunk(echo),
        ScriptedStream::json(200, echo),
    ] {
        let platform = machine([script]);
        let exchange = connection(&platform, Version::V2025_11_25).request(call());
        let error = platform.run(exchange.result()).unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(shown.contains("no token [secret] in session [secret]"), "{shown}");
    }
    let platform =
        machine([ScriptedStream::unreachable("cannot load https://a.example/?key=k now")]);
    let exchange = connection(&platform, Version::V2025_11_25).request(call());
    let error = platform.run(exchange.result()).unwrap_err();
    assert_eq!(error.to_string(), "the server cannot be reached: cannot load (address) now");
}

#[test]
fn a_header_value_with_control_characters_is_not_sent() {
    let platform = machine([]);
    for secret in ["a\r\nX-Other: b", "a\0", "ü"] {
        let mut endpoint = upstream(&platform).endpoint().clone();
        endpoint.credential = vec![("X-Key".into(), mcp_auth::secret::Secret::new(secret))];
        let upstream = crate::upstream::Upstream::new(platform.clone(), endpoint);
        let found =
            platform.run(crate::stateless::discover(&upstream, &crate::testing::declaration()));
        let error = found.unwrap_err();
        assert!(matches!(error, UpstreamError::Unsendable(_)), "{error:?}");
        assert!(!format!("{error:?} {error}").contains(secret));
    }
    assert!(platform.requests().is_empty());
}
