//! The era of a POST, decided once, before anything else reads it.
//!
//! Invariant: the body decides, and headers only where the body says nothing; `Mcp-Method` and
//! `Mcp-Name` say nothing, as some clients send them always. What the headers alone make a session
//! request ([`by_headers`]) is one regardless of its body, so that the body can be forwarded unread.
//! GET and DELETE belong to sessions. Source: MCP 2026-07-28 `basic/versioning` "Backward
//! Compatibility"; where it is silent, the ladder of the official TypeScript server.

use crate::{
    jsonrpc::{Body, Message, RequestId},
    stateless::{error::StatelessError, params::Params},
    version::Version,
};

/// The era of a POST.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each POST, and never kept")]
pub enum Era<'a> {
    /// A session's: it needs `Mcp-Session-Id`, unless it is `initialize`.
    Session,
    /// A request that stands for itself. Its envelope is not checked yet.
    Stateless(Request<'a>),
    /// A notification that belongs to no session. There is none that this server acts on: 202.
    StatelessNotification,
}

/// A request of the stateless era.
#[derive(Debug)]
pub struct Request<'a> {
    /// The id that the response must carry.
    pub id: &'a RequestId,
    /// The method's name.
    pub method: &'a str,
    /// Its parameters.
    pub params: Params<'a>,
}

/// A POST that can belong to no era.
#[derive(Debug, Clone, PartialEq)]
pub struct EraError<'a> {
    /// The id of the request, where it is one.
    pub id: Option<&'a RequestId>,
    /// Why.
    pub error: StatelessError,
}

/// Whether the headers alone make it a session's request: a session id, and no version of the
/// stateless era.
pub fn by_headers(has_session_id: bool, version: Option<&str>) -> bool {
    has_session_id && !names_stateless(version)
}

/// The era of a body, with what its headers say: whether there is a session id, and
/// `MCP-Protocol-Version`. A session id that comes with a stateless request is ignored.
///
/// # Errors
/// Where a batch has a request of the stateless era in it or around it, or where a request of that
/// era cannot be read.
pub fn classify<'a>(
    has_session_id: bool,
    version: Option<&str>,
    body: &'a Body<'_>,
) -> Result<Era<'a>, EraError<'a>> {
    if by_headers(has_session_id, version) {
        return Ok(Era::Session);
    }
    let by_header = names_stateless(version);
    match body {
        Body::Single(message) => single(by_header, message),
        Body::Batch(messages) if by_header || messages.iter().any(claims_version) => {
            Err(EraError { id: None, error: StatelessError::Batch })
        }
        Body::Batch(_) => Ok(Era::Session),
    }
}

fn single<'a>(by_header: bool, message: &'a Message<'_>) -> Result<Era<'a>, EraError<'a>> {
    match message {
        Message::Response { .. } => Ok(Era::Session),
        Message::Notification { .. } if by_header || claims_version(message) => {
            Ok(Era::StatelessNotification)
        }
        Message::Notification { .. } => Ok(Era::Session),
        Message::Request { id, method, params } => {
            let params = Params::scan(*params);
            let claimed = params.as_ref().is_ok_and(|params| claims(params, method));
            if !claimed && (!by_header || method == "initialize") {
                return Ok(Era::Session);
            }
            match params {
                Ok(params) => Ok(Era::Stateless(Request { id, method, params })),
                Err(fault) => Err(EraError { id: Some(id), error: fault.into() }),
            }
        }
    }
}

/// Whether the body makes it a request of the stateless era: it names a version in `_meta`.
/// `initialize` starts a session by definition, unless that version is of the stateless era, which
/// has no such method.
fn claims(params: &Params<'_>, method: &str) -> bool {
    let Ok(meta) = params.meta() else {
        return false;
    };
    match method {
        "initialize" => meta.version_text().is_ok_and(|text| Version::names_stateless(&text)),
        _ => meta.claims_version(),
    }
}

fn claims_version(message: &Message<'_>) -> bool {
    match message {
        Message::Request { params, .. } | Message::Notification { params, .. } => {
            let scanned = Params::scan(*params);
            scanned.is_ok_and(|params| params.meta().is_ok_and(|meta| meta.claims_version()))
        }
        Message::Response { .. } => false,
    }
}

fn names_stateless(version: Option<&str>) -> bool {
    version.is_some_and(|version| Version::names_stateless(version.trim_matches([' ', '\t'])))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jsonrpc::decode;

    const MODERN: &str = "2026-07-28";
    const ENVELOPE: &str = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}"#;

    fn request(method: &str, params: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{params}}}"#)
    }

    fn notification(params: &str) -> String {
        format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{params}}}"#)
    }

    /// The era in one word, or status and code of the refusal.
    fn era(session: bool, version: Option<&str>, body: &str) -> String {
        match classify(session, version, &decode(body.as_bytes()).unwrap()) {
            Ok(Era::Session) => "session".into(),
            Ok(Era::Stateless(request)) => format!("stateless {}", request.method),
            Ok(Era::StatelessNotification) => "notification".into(),
            Err(refused) => format!("{} {}", refused.error.status(), refused.error.code()),
        }
    }

    #[test]
    fn initialize_starts_a_session() {
        for version in [None, Some("2025-11-25"), Some(MODERN)] {
            let plain = request("initialize", r#"{"protocolVersion":"2025-11-25"}"#);
            assert_eq!(era(false, version, &plain), "session", "{version:?}");
        }
        for claim in ["1", "null", "\"2025-11-25\"", "\"v999.0.0\""] {
            let meta =
                format!(r#"{{"_meta":{{"io.modelcontextprotocol/protocolVersion":{claim}}}}}"#);
            assert_eq!(era(false, None, &request("initialize", &meta)), "session", "{claim}");
        }
    }

    #[test]
    fn initialize_with_an_envelope_is_a_method_that_does_not_exist() {
        let body = request("initialize", ENVELOPE);
        assert_eq!(era(false, Some(MODERN), &body), "stateless initialize");
        assert_eq!(era(false, None, &body), "stateless initialize");
    }

    #[test]
    fn a_request_that_names_a_version_in_its_body_is_stateless() {
        let body = request("tools/list", ENVELOPE);
        for version in [None, Some(MODERN), Some("2025-11-25"), Some("v999.0.0")] {
            assert_eq!(era(false, version, &body), "stateless tools/list", "{version:?}");
        }
        for claim in ["1", "null", "\"2025-11-25\"", "\"v999.0.0\""] {
            let meta =
                format!(r#"{{"_meta":{{"io.modelcontextprotocol/protocolVersion":{claim}}}}}"#);
            assert_eq!(era(false, None, &request("x", &meta)), "stateless x", "{claim}");
        }
    }

    #[test]
    fn other_keys_in_meta_claim_nothing() {
        for params in [
            "{}",
            r#"{"_meta":{"progressToken":1}}"#,
            r#"{"_meta":{"io.modelcontextprotocol/clientCapabilities":{}}}"#,
            r#"{"_meta":5}"#,
            r#"["2026-07-28"]"#,
            r#"{"protocolVersion":"2026-07-28"}"#,
        ] {
            assert_eq!(era(false, None, &request("tools/list", params)), "session", "{params}");
        }
    }

    #[test]
    fn a_version_header_of_the_stateless_era_decides_where_the_body_is_silent() {
        for version in [MODERN, " 2026-07-28\t", "2027-01-01"] {
            let body = request("tools/list", "{}");
            assert_eq!(era(false, Some(version), &body), "stateless tools/list");
            assert_eq!(era(true, Some(version), &body), "stateless tools/list");
        }
        for version in ["2025-11-25", "2025-03-26", "v999.0.0", ""] {
            assert_eq!(era(false, Some(version), &request("tools/list", "{}")), "session");
        }
    }

    #[test]
    fn a_session_id_decides_unless_the_header_is_of_the_stateless_era() {
        let body = request("tools/list", ENVELOPE);
        for version in [None, Some("2025-11-25"), Some("v999.0.0")] {
            assert!(by_headers(true, version));
            assert_eq!(era(true, version, &body), "session", "{version:?}");
        }
        assert!(!by_headers(true, Some(MODERN)));
        assert!(!by_headers(false, None));
        assert_eq!(era(true, Some(MODERN), &body), "stateless tools/list");
    }

    #[test]
    fn responses_belong_to_sessions() {
        let body = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
        for version in [None, Some(MODERN)] {
            assert_eq!(era(false, version, body), "session", "{version:?}");
        }
    }

    #[test]
    fn a_notification_goes_by_its_body_and_else_by_its_header() {
        assert_eq!(era(false, None, &notification("{}")), "session");
        assert_eq!(era(false, Some("2025-06-18"), &notification("{}")), "session");
        assert_eq!(era(false, Some(MODERN), &notification("{}")), "notification");
        assert_eq!(era(false, None, &notification(ENVELOPE)), "notification");
    }

    #[test]
    fn a_batch_belongs_to_sessions_and_has_nothing_stateless_in_it() {
        let plain = request("tools/list", "{}");
        assert_eq!(era(false, None, &format!("[{plain}]")), "session");
        assert_eq!(era(false, Some(MODERN), &format!("[{plain}]")), "400 -32600");
        for stateless in [request("tools/list", ENVELOPE), notification(ENVELOPE)] {
            let mixed = format!("[{plain},{stateless}]");
            assert_eq!(era(false, None, &mixed), "400 -32600");
        }
    }

    #[test]
    fn parameters_that_cannot_be_read_are_refused_with_the_id() {
        for params in ["[]", r#"{"name":"a","name":"b"}"#, r#"{"_meta":{},"_meta":{}}"#] {
            let body = request("tools/list", params);
            assert_eq!(era(false, None, &body), "session", "{params}");
            let body = decode(body.as_bytes()).unwrap();
            let refused = classify(false, Some(MODERN), &body).unwrap_err();
            assert_eq!((refused.error.status(), refused.error.code()), (400, -32602), "{params}");
            assert_eq!(refused.id.unwrap().as_json(), "7");
        }
    }
}
