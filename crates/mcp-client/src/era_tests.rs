//! The probe, and the handshakes that it ends with.

use mcp_platform::{Method, testing::ScriptedStream};
use mcp_protocol::version::Version;

use crate::{
    connection::Connection,
    era::{Era, Handshake, handshake, may_have_changed},
    error::UpstreamError,
    testing::{declaration, error_in, event, machine, s, upstream},
};

fn text(result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":0,"result":{result}}}"#)
}

fn failed(code: i32, data: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":0,"error":{{"code":{code},"message":"m","data":{data}}}}}"#)
}

fn discovered(versions: &str) -> ScriptedStream {
    let result = format!(
        r#"{{"resultType":"complete","supportedVersions":{versions},"capabilities":{{"tools":{{ }}}},"instructions":"do","_meta":{{"io.modelcontextprotocol/serverInfo":{{"name":"up"}}}}}}"#
    );
    ScriptedStream::json(200, &text(&result))
}

fn initialized(version: &str) -> ScriptedStream {
    let result = format!(
        r#"{{"protocolVersion":"{version}","capabilities":{{"tools":{{}}}},"serverInfo":{{"name":"up","x":1.0}},"instructions":"do"}}"#
    );
    ScriptedStream::json(200, &text(&result)).header("Mcp-Session-Id", "s-9")
}

fn accepted() -> ScriptedStream {
    ScriptedStream::status(202)
}

/// What comes of a handshake, and the methods that were sent: HTTP and JSON-RPC.
fn shaken(
    era: Option<Era>,
    script: impl IntoIterator<Item = ScriptedStream>,
) -> (Result<Handshake, UpstreamError>, Vec<String>) {
    let platform = machine(script);
    let upstream = upstream(&platform);
    let found = platform.run(handshake(&upstream, &declaration(), era));
    let sent = platform.requests().into_iter().map(|request| {
        let body: serde_json::Value =
            request.body.map_or_else(|| "".into(), |body| serde_json::from_str(&body).unwrap());
        format!("{:?} {}", request.method, body["method"].as_str().unwrap_or_default())
    });
    (found, sent.collect())
}

const DISCOVER: &str = "Post server/discover";
const INITIALIZE: &str = "Post initialize";
const INITIALIZED: &str = "Post notifications/initialized";

#[test]
fn an_upstream_that_lists_2026_07_28_is_stateless() {
    let (found, sent) = shaken(None, [discovered(r#"["2026-07-28","2025-11-25"]"#)]);
    let found = found.unwrap();
    assert_eq!((found.era, found.version), (Era::Stateless, Version::V2026_07_28));
    assert_eq!(found.capabilities.get(), r#"{"tools":{ }}"#);
    assert_eq!(found.server_info.unwrap().get(), r#"{"name":"up"}"#);
    assert_eq!(found.instructions.as_deref(), Some("do"));
    assert!(found.session.is_none());
    assert_eq!(sent, [DISCOVER]);
}

#[test]
fn anything_else_that_an_older_server_answers_leads_to_initialize() {
    let status = ScriptedStream::status;
    for first in [
        discovered(r#"["2025-11-25"]"#),
        discovered("[]"),
        ScriptedStream::json(200, &text("{}")),
        ScriptedStream::json(200, &failed(-32601, "null")),
        ScriptedStream::json(400, &failed(-32000, "null")),
        ScriptedStream::json(400, &failed(-32600, "null")),
        ScriptedStream::json(500, &failed(-32601, "null")),
        ScriptedStream::json(400, &failed(-32022, r#"{"supported":["2025-11-25"]}"#)),
        status(400),
        status(404),
        status(405),
        status(406),
        status(415),
        status(202),
        status(200).header("Content-Type", "text/html").chunk("<html>"),
    ] {
        let script = [first.clone(), initialized("2025-06-18"), accepted()];
        let (found, sent) = shaken(None, script);
        let found = found.unwrap();
        assert_eq!((found.era, found.version), (Era::Session, Version::V2025_06_18), "{first:?}");
        assert_eq!(found.session.unwrap().expose(), "s-9");
        assert_eq!(found.server_info.unwrap().get(), r#"{"name":"up","x":1.0}"#);
        assert_eq!(sent, [DISCOVER, INITIALIZE, INITIALIZED]);
    }
}

#[test]
fn what_proves_nothing_ends_the_probe() {
    let status = ScriptedStream::status;
    for first in [
        status(401),
        status(403),
        status(429),
        status(500),
        status(502),
        status(503),
        status(302),
        status(508),
        ScriptedStream::json(500, &failed(-32603, "null")),
        ScriptedStream::json(400, &failed(-32020, "null")),
        ScriptedStream::json(400, &failed(-32021, "null")),
        ScriptedStream::json(400, &failed(-32022, r#"{"supported":[]}"#)),
        ScriptedStream::json(400, &failed(-32022, "null")),
        ScriptedStream::json(400, &failed(-32022, r#"{"supported":["2026-07-28"]}"#)),
        ScriptedStream::json(400, &failed(-32022, r#"{"supported":["2027-01-01"]}"#)),
        ScriptedStream::json(400, &failed(-32022, r#"{"supported":["2026-07-28","2025-11-25"]}"#)),
        ScriptedStream::unreachable("Network connection lost."),
        ScriptedStream::silent(),
        ScriptedStream::json(200, "{").breaks(),
    ] {
        let (found, sent) = shaken(None, [first.clone(), initialized("2025-06-18"), accepted()]);
        assert!(found.is_err(), "{first:?}: {found:?}");
        assert_eq!(sent, [DISCOVER], "{first:?}");
    }
}

#[test]
fn an_upstream_that_knows_neither_is_asked_for_its_event_stream() {
    let stream = ScriptedStream::events()
        .chunk("event: endpoint\ndata: /messages?id=1\n\n")
        .pause(s(1))
        .chunk(event(
            r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2024-11-05","capabilities":{}}}"#,
        ))
        .hangs();
    for refused in [400, 404, 405, 406, 410] {
        let status = || ScriptedStream::status(refused);
        let (found, sent) =
            shaken(None, [status(), status(), stream.clone(), accepted(), accepted()]);
        let found = found.unwrap();
        assert_eq!((found.era, found.version), (Era::Sse, Version::V2024_11_05));
        assert_eq!(sent, [DISCOVER, INITIALIZE, "Get ", INITIALIZE, INITIALIZED]);
    }
}

#[test]
fn of_several_refusals_the_first_is_reported() {
    let status = ScriptedStream::status;
    let (found, sent) = shaken(None, [status(404), status(404), status(405)]);
    assert!(matches!(found, Err(UpstreamError::NotFound { status: 404 })), "{found:?}");
    assert_eq!(sent.len(), 3);
    let (found, sent) = shaken(None, [status(404), status(401)]);
    assert!(matches!(found, Err(UpstreamError::Unauthorized { .. })), "{found:?}");
    assert_eq!(sent.len(), 2);
}

#[test]
fn an_upstream_that_changed_its_era_is_probed_anew() {
    let rpc = |status, code| {
        let text =
            format!(r#"{{"jsonrpc":"2.0","id":null,"error":{{"code":{code},"message":"m"}}}}"#);
        error_in(Version::V2026_07_28, [ScriptedStream::json(status, &text)])
    };
    let status = |status| error_in(Version::V2026_07_28, [ScriptedStream::status(status)]);
    for (error, stateless, session) in [
        (rpc(400, -32000), true, false),
        (rpc(400, -32022), true, true),
        (rpc(400, -32020), false, true),
        (rpc(404, -32601), false, false),
        (rpc(200, -32602), false, false),
        (rpc(200, -32000), false, false),
        (status(404), true, true),
        (status(405), true, true),
        (status(400), true, true),
        (status(413), false, false),
        (status(503), false, false),
    ] {
        assert_eq!(may_have_changed(Era::Stateless, &error), stateless, "{error:?}");
        assert_eq!(may_have_changed(Era::Session, &error), session, "{error:?}");
        assert!(!(stateless || session) || !error.may_have_run(), "{error:?}");
    }
}

#[test]
fn an_era_that_is_configured_is_not_guessed() {
    let (found, sent) = shaken(Some(Era::Session), [initialized("2025-11-25"), accepted()]);
    assert_eq!(found.unwrap().era, Era::Session);
    assert_eq!(sent, [INITIALIZE, INITIALIZED]);
    let (found, sent) = shaken(Some(Era::Stateless), [discovered(r#"["2025-11-25"]"#)]);
    assert!(matches!(found, Err(UpstreamError::BadAnswer { .. })), "{found:?}");
    assert_eq!(sent, [DISCOVER]);
    for era in [Era::Stateless, Era::Session, Era::Sse] {
        assert_eq!(Era::parse(era.as_str()), Some(era));
    }
    assert_eq!(Era::parse("auto"), None);
}

#[test]
fn initialize_offers_no_session_and_no_version_in_headers() {
    let platform = machine([initialized("2025-11-25"), accepted()]);
    let found = platform.run(handshake(&upstream(&platform), &declaration(), Some(Era::Session)));
    found.unwrap();
    let [first, second] = &platform.requests()[..] else { panic!() };
    for name in ["Mcp-Session-Id", "MCP-Protocol-Version", "Mcp-Method"] {
        assert_eq!(first.header(name), None, "{name}");
    }
    let body = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"roots":{}},"clientInfo":{"name":"gateway","version":"1"}}}"#;
    assert_eq!(first.body.as_deref(), Some(body));
    assert_eq!(second.header("Mcp-Session-Id"), Some("s-9"));
    assert_eq!(second.header("MCP-Protocol-Version"), Some("2025-11-25"));
    assert_eq!(
        second.body.as_deref(),
        Some(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
    );
}

#[test]
fn a_handshake_that_lies_is_refused() {
    let long = "x".repeat(1025);
    for id in ["a b", "", "ü", "a, b", "a\tb", &long] {
        let script = ScriptedStream::json(
            200,
            &text(r#"{"protocolVersion":"2025-11-25","capabilities":{}}"#),
        );
        let (found, _) = shaken(Some(Era::Session), [script.header("Mcp-Session-Id", id)]);
        let error = found.unwrap_err();
        assert!(matches!(error, UpstreamError::BadAnswer { .. }), "{id:?}: {error:?}");
        assert!(id.is_empty() || !format!("{error:?}").contains(id));
    }
    for result in [
        "{}",
        r#"{"protocolVersion":"2026-07-28"}"#,
        r#"{"protocolVersion":"1999-01-01"}"#,
        r#"{"protocolVersion":1}"#,
    ] {
        let (found, _) = shaken(Some(Era::Session), [ScriptedStream::json(200, &text(result))]);
        assert!(matches!(found, Err(UpstreamError::BadAnswer { .. })), "{result}");
    }
}

#[test]
fn a_server_without_session_ids_and_capabilities_will_do() {
    let script = [
        ScriptedStream::json(200, &text(r#"{"protocolVersion":"2025-03-26","capabilities":[]}"#)),
        ScriptedStream::status(400),
    ];
    let (found, _) = shaken(Some(Era::Session), script);
    let found = found.unwrap();
    assert_eq!((found.capabilities.get(), found.session), ("{}", None));
}

#[test]
fn a_connection_goes_on_where_the_handshake_ended() {
    let script = [
        initialized("2025-11-25"),
        accepted(),
        ScriptedStream::json(200, r#"{"jsonrpc":"2.0","id":1,"result":{}}"#),
        ScriptedStream::status(200),
    ];
    let platform = machine(script);
    let upstream = upstream(&platform);
    platform.run(async {
        let found = handshake(&upstream, &declaration(), Some(Era::Session)).await.unwrap();
        let connection = Connection::of(upstream.clone(), declaration(), &found, 1);
        connection.request(crate::testing::call()).result().await.unwrap();
        connection.close().await;
    });
    let requests = platform.requests();
    assert_eq!(requests[2].header("Mcp-Session-Id"), Some("s-9"));
    assert_eq!(requests[3].method, Method::Delete);
}
