//! The envelope, right and wrong in every way.

use serde_json::{Value, json};

use super::{
    envelope::{ClientInfo, Envelope},
    error::StatelessError,
    params::Params,
    *,
};
use crate::{
    capabilities::ClientCapabilities,
    log_level::LoggingLevel,
    testing::{Examples, raw},
    version::Version,
};

fn open(params: &Value) -> Result<String, StatelessError> {
    open_with(params, Some("2026-07-28")).map(|envelope| format!("{envelope:?}"))
}

fn open_with(params: &Value, header: Option<&str>) -> Result<Envelope<'static>, StatelessError> {
    let text: &'static _ = Box::leak(raw(&params.to_string()));
    Envelope::open(&Params::scan(Some(text))?, header)
}

/// Parameters with a good envelope, and these fields in it on top.
fn with(fields: Value) -> Value {
    let mut meta = json!({ META_VERSION: "2026-07-28", META_CAPABILITIES: {} });
    for (key, value) in fields.as_object().unwrap() {
        meta[key] = value.clone();
    }
    json!({ "_meta": meta })
}

fn without(field: &str) -> Value {
    let mut params = with(json!({}));
    params["_meta"].as_object_mut().unwrap().remove(field);
    params
}

#[test]
fn an_envelope_says_who_asks_and_what_it_can_do() {
    let envelope = open_with(
        &with(json!({
            META_CLIENT: { "name": "n".repeat(80), "version": "1", "title": "T" },
            META_CAPABILITIES: {
                "elicitation": {}, "extensions": { "io.modelcontextprotocol/tasks": {} },
            },
            META_LOG_LEVEL: "notice",
            "progressToken": "t",
            "traceparent": "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01",
        })),
        Some("2026-07-28"),
    )
    .unwrap();
    assert_eq!(envelope.version, Version::V2026_07_28);
    let can = ClientCapabilities::ELICITATION_FORM.with(ClientCapabilities::TASKS);
    assert_eq!(envelope.capabilities, can);
    let client = ClientInfo { name: "n".repeat(64), version: "1".into() };
    assert_eq!(envelope.client, Some(client));
    assert_eq!(envelope.log_level, Some(LoggingLevel::Notice));
    assert_eq!(envelope.progress_token.unwrap().as_json(), "\"t\"");
    assert!(envelope.trace.parent.unwrap().starts_with("00-0af7"));
}

#[test]
fn all_but_version_and_capabilities_may_be_left_out() {
    let envelope = open_with(&with(json!({})), Some("2026-07-28")).unwrap();
    assert_eq!((envelope.client, envelope.log_level), (None, None));
    assert_eq!(envelope.progress_token, None);
}

#[test]
fn what_is_missing_is_named_with_400() {
    for (params, named) in [
        (json!({}), "params._meta"),
        (json!({ "_meta": null }), "params._meta"),
        (without(META_VERSION), META_VERSION),
        (without(META_CAPABILITIES), META_CAPABILITIES),
    ] {
        let error = open(&params).unwrap_err();
        assert_eq!((error.status(), error.code()), (400, -32602), "{params}");
        assert!(error.to_string().contains(named), "{error}");
        assert!(error.to_string().contains("missing"), "{error}");
    }
}

#[test]
fn what_has_the_wrong_type_is_named_with_400() {
    for (params, named) in [
        (json!({ "_meta": 5 }), "_meta"),
        (json!({ "_meta": ["2026-07-28"] }), "_meta"),
        (with(json!({ META_VERSION: null })), META_VERSION),
        (with(json!({ META_VERSION: 20260728 })), META_VERSION),
        (with(json!({ META_CAPABILITIES: null })), META_CAPABILITIES),
        (with(json!({ META_CAPABILITIES: [] })), META_CAPABILITIES),
        (with(json!({ META_CAPABILITIES: { "sampling": true } })), "clientCapabilities.sampling"),
        (with(json!({ META_CLIENT: "me" })), META_CLIENT),
        (with(json!({ META_CLIENT: ["me", "1"] })), META_CLIENT),
        (with(json!({ META_CLIENT: { "name": 1 } })), META_CLIENT),
        (with(json!({ META_LOG_LEVEL: "loud" })), META_LOG_LEVEL),
        (with(json!({ META_LOG_LEVEL: 3 })), META_LOG_LEVEL),
        (with(json!({ "progressToken": 1.5 })), "progressToken"),
        (with(json!({ "progressToken": {} })), "progressToken"),
    ] {
        let error = open(&params).unwrap_err();
        assert_eq!((error.status(), error.code()), (400, -32602), "{params}");
        assert!(error.to_string().contains(named), "{error}");
    }
}

#[test]
fn a_version_that_is_not_served_is_refused_with_those_that_are() {
    for asked in ["v999.0.0", "2027-01-01", ""] {
        let error = open_with(&with(json!({ META_VERSION: asked })), Some(asked)).unwrap_err();
        assert_eq!((error.status(), error.code()), (400, -32022), "{asked}");
        let data = error.data().unwrap();
        assert_eq!(data["requested"], asked);
        assert_eq!(data["supported"][0], "2026-07-28");
        assert_eq!(data["supported"].as_array().unwrap().len(), 5);
    }
}

#[test]
fn a_version_with_sessions_is_not_among_those_it_is_told_to_try() {
    let asked = "2025-11-25";
    let error = open_with(&with(json!({ META_VERSION: asked })), Some(asked)).unwrap_err();
    assert_eq!(error.code(), -32022);
    assert_eq!(error.data().unwrap()["supported"], json!(["2026-07-28"]));
    assert!(error.to_string().contains("initialize"), "{error}");
}

#[test]
fn the_header_must_repeat_the_version_even_of_one_that_is_not_served() {
    let unserved = with(json!({ META_VERSION: "v999.0.0" }));
    let pairs = [
        (&unserved, Some("2026-07-28")),
        (&with(json!({})), Some("2025-11-25")),
        (&with(json!({})), Some("2026-07-28, 2026-07-28")),
        (&with(json!({})), Some("")),
        (&with(json!({})), None),
    ];
    for (params, header) in pairs {
        let error = open_with(params, header).unwrap_err();
        assert_eq!((error.status(), error.code()), (400, -32020), "{header:?}");
        assert!(error.to_string().contains("MCP-Protocol-Version"), "{error}");
    }
    assert!(open_with(&with(json!({})), Some(" \t2026-07-28 ")).is_ok());
}

#[test]
fn a_trace_that_could_not_be_a_header_is_dropped() {
    for trace in [json!("a\r\nEvil: 1"), json!("ü"), json!(7), json!("x".repeat(9000))] {
        let params = with(json!({ "traceparent": trace, "baggage": "k=v" }));
        let envelope = open_with(&params, Some("2026-07-28")).unwrap();
        assert_eq!(envelope.trace.parent, None);
        assert_eq!(envelope.trace.baggage.as_deref(), Some("k=v"));
    }
}

#[test]
fn the_requests_of_the_specification_have_good_envelopes() {
    let Some(examples) = Examples::or_skip("the requests of the specification have good envelopes")
    else {
        return;
    };
    for of in ["CallToolRequest", "DiscoverRequest", "SubscriptionsListenRequest"] {
        for (file, request) in examples.of(of) {
            assert!(open(&request["params"]).is_ok(), "{of}/{file}");
        }
    }
}
