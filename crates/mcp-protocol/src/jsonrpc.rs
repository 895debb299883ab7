//! JSON-RPC 2.0 messages as they come in and go out.
//!
//! Invariant: a body is scanned once. Ids and parameters travel on as the text the client sent, and
//! an id goes back exactly as it came. Source: JSON-RPC 2.0; MCP `basic` "Messages".

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use thiserror::Error;

use crate::{
    fields::fields_or_null,
    object::Object,
    raw::{self, is_null},
};

/// Characters of JSON text an id may have; it is repeated in event ids.
const MAX_ID: usize = 256;
/// Messages a batch may have.
pub const MAX_BATCH: usize = 100;

/// The id of a request: the JSON text of a string or an integer.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequestId(String);

impl RequestId {
    /// The JSON text.
    pub fn as_json(&self) -> &str {
        &self.0
    }

    /// A number.
    pub fn number(number: u64) -> Self {
        Self(number.to_string())
    }

    /// Reads an id; None unless it is a string or an integer of sensible length.
    pub fn read(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        let fits = text.len() <= MAX_ID && (text.starts_with('"') || is_integer(text));
        fits.then(|| Self(text.to_owned()))
    }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// One message of a client.
#[derive(Debug)]
pub enum Message<'a> {
    /// Wants an answer.
    Request {
        /// The id that the response must carry.
        id: RequestId,
        /// The method's name.
        method: Cow<'a, str>,
        /// Its parameters, unread.
        params: Option<&'a RawValue>,
    },
    /// Wants none.
    Notification {
        /// The method's name.
        method: Cow<'a, str>,
        /// Its parameters, unread.
        params: Option<&'a RawValue>,
    },
    /// Answers a request of the server: a result or an error.
    Response {
        /// The request it answers.
        id: Option<RequestId>,
        /// Its result, or its error, unread.
        outcome: Result<&'a RawValue, &'a RawValue>,
    },
}

impl Message<'_> {
    /// The id of a request.
    pub fn request(&self) -> Option<&RequestId> {
        match self {
            Self::Request { id, .. } => Some(id),
            Self::Notification { .. } | Self::Response { .. } => None,
        }
    }
}

/// The content of a request body.
#[derive(Debug)]
pub enum Body<'a> {
    /// One message.
    Single(Message<'a>),
    /// Several: a JSON array, which only 2025-03-26 allows.
    Batch(Vec<Message<'a>>),
}

impl Body<'_> {
    /// How many requests it has.
    pub fn requests(&self) -> usize {
        match self {
            Self::Single(message) => usize::from(message.request().is_some()),
            Self::Batch(messages) => {
                messages.iter().filter(|message| message.request().is_some()).count()
            }
        }
    }
}

/// Why a body is not JSON-RPC.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// The bytes are not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// The text is not JSON.
    #[error("the body is not JSON: {0}")]
    NotJson(String),
    /// The JSON is no JSON-RPC 2.0 message.
    #[error("not a JSON-RPC 2.0 message: {0}")]
    NotJsonRpc(&'static str),
}

impl DecodeError {
    /// The JSON-RPC code for it.
    pub fn code(&self) -> i32 {
        match self {
            Self::NotUtf8 | Self::NotJson(_) => PARSE_ERROR,
            Self::NotJsonRpc(_) => INVALID_REQUEST,
        }
    }
}

/// The text is not JSON.
pub const PARSE_ERROR: i32 = -32700;
/// The JSON is not a request.
pub const INVALID_REQUEST: i32 = -32600;
/// No such method.
pub const METHOD_NOT_FOUND: i32 = -32601;
/// The parameters are wrong.
pub const INVALID_PARAMS: i32 = -32602;
/// The server failed.
pub const INTERNAL_ERROR: i32 = -32603;
/// The transport refused the request.
pub const TRANSPORT_ERROR: i32 = -32000;
/// The session is unknown or over.
pub const SESSION_NOT_FOUND: i32 = -32001;
/// The person must open a page first; `data` names it (2025-11-25 `client/elicitation`).
pub const URL_ELICITATION_REQUIRED: i32 = -32042;
/// The resource does not exist (up to 2025-11-25).
pub const RESOURCE_NOT_FOUND: i32 = -32002;

const NO_OBJECT: &str = "expected an object with `jsonrpc` and `method`";

/// Whether a body is a batch, as far as its first character says.
pub fn is_batch(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"[")
}

/// Reads a body.
///
/// # Errors
/// When it is not UTF-8, not JSON, or not JSON-RPC 2.0.
pub fn decode(bytes: &[u8]) -> Result<Body<'_>, DecodeError> {
    let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)?;
    if is_batch(bytes) {
        return batch(text);
    }
    message(text).map(Body::Single)
}

fn batch(text: &str) -> Result<Body<'_>, DecodeError> {
    let elements = raw::elements(text).map_err(|error| DecodeError::NotJson(error.to_string()))?;
    if elements.is_empty() {
        return Err(DecodeError::NotJsonRpc("the batch is empty"));
    }
    if elements.len() > MAX_BATCH {
        return Err(DecodeError::NotJsonRpc("a batch may have at most 100 messages"));
    }
    let messages = elements.into_iter().map(|element| message(element.get()));
    Ok(Body::Batch(messages.collect::<Result<_, _>>()?))
}

/// Whether the text failed as JSON, or is JSON that is not an object.
fn not_an_object(text: &str, error: &serde_json::Error) -> DecodeError {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) => DecodeError::NotJsonRpc(NO_OBJECT),
        Err(_) => DecodeError::NotJson(error.to_string()),
    }
}

fn message(text: &str) -> Result<Message<'_>, DecodeError> {
    let names = ["jsonrpc", "id", "method", "params", "result", "error"];
    let found = fields_or_null(text, names).map_err(|error| not_an_object(text, &error))?;
    // An id may be absent but never `null`.
    let [_, id, ..] = found;
    let [jsonrpc, _, method, params, result, error] =
        found.map(|raw| raw.filter(|raw| !is_null(raw)));
    if jsonrpc.map(RawValue::get) != Some(r#""2.0""#) {
        return Err(DecodeError::NotJsonRpc("`jsonrpc` must be \"2.0\""));
    }
    let Some(method) = method else {
        return response(id, result, error);
    };
    let method = raw::text(method).ok_or(DecodeError::NotJsonRpc("`method` must be a string"))?;
    if params.is_some_and(|params| !params.get().starts_with(['{', '['])) {
        return Err(DecodeError::NotJsonRpc("`params` must be an object"));
    }
    match id {
        None => Ok(Message::Notification { method, params }),
        Some(id) => {
            let id = RequestId::read(id)
                .ok_or(DecodeError::NotJsonRpc("`id` must be a string or an integer"))?;
            Ok(Message::Request { id, method, params })
        }
    }
}

fn response<'a>(
    id: Option<&RawValue>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
) -> Result<Message<'a>, DecodeError> {
    let outcome = match (result, error) {
        (Some(result), None) => Ok(result),
        (_, Some(error)) => Err(error),
        (None, None) => {
            return Err(DecodeError::NotJsonRpc("expected `method`, `result` or `error`"));
        }
    };
    Ok(Message::Response { id: id.and_then(RequestId::read), outcome })
}

/// A JSON-RPC error: the protocol failed, not the tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RpcError {
    /// The code, see the constants of this module.
    pub code: i32,
    /// The error, the expected value and the next step.
    pub message: String,
    /// More about it, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<serde_json::Value>,
}

impl RpcError {
    /// An error without data.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), data: None }
    }

    /// Its text.
    pub fn to_json(&self) -> String {
        let error =
            Object::new().raw("code", &self.code.to_string()).text("message", &self.message);
        match &self.data {
            Some(data) => error.raw("data", &data.to_string()).end(),
            None => error.end(),
        }
    }
}

/// The text of a result's answer; `result` is JSON already.
pub fn result_text(id: &RequestId, result: &str) -> Vec<u8> {
    let mut out = begin(id.as_json(), "result", result.len());
    out.extend_from_slice(result.as_bytes());
    out.push(b'}');
    out
}

/// The text of an error's answer. Without an id it carries `null`, as the request had none to read.
pub fn error_text(id: Option<&RequestId>, error: &RpcError) -> Vec<u8> {
    let error = error.to_json();
    let mut out = begin(id.map_or("null", RequestId::as_json), "error", error.len());
    out.extend_from_slice(error.as_bytes());
    out.push(b'}');
    out
}

/// The text of a request to the client; `params` is JSON already.
pub fn request_text(id: &str, method: &str, params: &str) -> Vec<u8> {
    let begun = Object::new().text("jsonrpc", "2.0").text("id", id);
    begun.text("method", method).raw("params", params).end().into_bytes()
}

/// The text of a notification; `params` is JSON already.
pub fn notification_text(method: &str, params: &str) -> Vec<u8> {
    let begun = Object::new().text("jsonrpc", "2.0").text("method", method);
    begun.raw("params", params).end().into_bytes()
}

fn begin(id: &str, field: &str, more: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(id.len().saturating_add(more).saturating_add(48));
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(b",\"");
    out.extend_from_slice(field.as_bytes());
    out.extend_from_slice(b"\":");
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{ANY_TEXT, any_json};

    fn error_of(body: &[u8]) -> DecodeError {
        decode(body).expect_err("should be refused")
    }

    #[test]
    fn a_batch_is_known_by_its_first_character() {
        assert!(is_batch(b"[]") && is_batch(b" \n[{}]"));
        assert!(!is_batch(b"{\"params\":[]}") && !is_batch(b""));
    }

    #[test]
    fn an_id_goes_back_as_it_came() {
        for id in ["1", "-7", "\"a\\u00fc\"", "12345678901234567890"] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
            let Ok(Body::Single(Message::Request { id: read, .. })) = decode(body.as_bytes())
            else {
                panic!("{id}")
            };
            assert_eq!(read.as_json(), id);
            let answer = String::from_utf8(result_text(&read, "{}")).unwrap();
            assert_eq!(answer, format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#));
        }
    }

    #[test]
    fn ids_of_other_types_are_refused() {
        for id in ["null", "1.5", "1e3", "true", "{}", "[]"] {
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"ping"}}"#);
            assert_eq!(error_of(body.as_bytes()).code(), INVALID_REQUEST, "{id}");
        }
    }

    #[test]
    fn broken_json_and_broken_utf8_are_parse_errors() {
        assert_eq!(error_of(b"{").code(), PARSE_ERROR);
        assert_eq!(error_of(b"").code(), PARSE_ERROR);
        assert_eq!(error_of(b"\xff{}").code(), PARSE_ERROR);
        assert_eq!(error_of(b"[1,").code(), PARSE_ERROR);
    }

    #[test]
    fn json_that_is_no_message_is_an_invalid_request() {
        let bodies: [&[u8]; 9] = [
            b"1",
            b"\"x\"",
            b"{}",
            b"[]",
            b"[1]",
            br#"[["2.0",1,"ping"]]"#,
            br#"{"jsonrpc":"1.0","method":"ping","id":1}"#,
            br#"{"jsonrpc":"2.0","method":1,"id":1}"#,
            br#"{"jsonrpc":"2.0","method":"ping","id":1,"params":3}"#,
        ];
        for body in bodies {
            let shown = String::from_utf8_lossy(body);
            assert_eq!(error_of(body).code(), INVALID_REQUEST, "{shown}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_does_no_harm() {
        let deep = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{}{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        let _ = decode(deep.as_bytes());
    }

    #[test]
    fn an_error_response_of_a_client_is_a_response() {
        let body = br#"{"jsonrpc":"2.0","id":7,"error":{"code":-1,"message":"no"}}"#;
        assert!(matches!(
            decode(body),
            Ok(Body::Single(Message::Response { id: Some(_), outcome: Err(_) }))
        ));
    }

    fn any_id() -> impl Strategy<Value = Value> {
        prop_oneof![any::<i64>().prop_map(Value::from), ".{0,40}".prop_map(Value::from),]
    }

    fn value(raw: &RawValue) -> Value {
        serde_json::from_str(raw.get()).unwrap()
    }

    proptest! {
        #[test]
        fn a_request_is_read_as_it_was_written(
            id in any_id(), method in ANY_TEXT, params in any_json(), extra in any_json(),
        ) {
            let params = json!({ "a": params });
            let body = json!({
                "extra": extra, "jsonrpc": "2.0", "id": id, "method": method, "params": params,
            });
            for text in [body.to_string(), format!("{body:#}")] {
                let Ok(Body::Single(Message::Request { id: read, method: name, params: with })) =
                    decode(text.as_bytes())
                else {
                    return Err(TestCaseError::fail(text));
                };
                prop_assert_eq!(read.as_json(), id.to_string());
                prop_assert_eq!((name.as_ref(), value(with.unwrap())), (&*method, params.clone()));
            }
        }

        #[test]
        fn an_answer_carries_its_id_and_its_result(id in any_id(), result in any_json()) {
            let read = RequestId::read(&RawValue::from_string(id.to_string()).unwrap()).unwrap();
            let whole = json!({ "jsonrpc": "2.0", "id": id, "result": result });
            let text = result_text(&read, &result.to_string());
            prop_assert_eq!(&serde_json::from_slice::<Value>(&text).unwrap(), &whole);
        }

        #[test]
        fn an_error_carries_its_message(id in any_id(), said in ANY_TEXT, code: i32) {
            let read = RequestId::read(&RawValue::from_string(id.to_string()).unwrap()).unwrap();
            let text = error_text(Some(&read), &RpcError::new(code, said.clone()));
            let whole = json!({
                "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": said },
            });
            prop_assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), whole);
        }

        #[test]
        fn only_objects_are_messages(body in any_json()) {
            let body = json!([body]);
            prop_assert_eq!(error_of(body.to_string().as_bytes()).code(), INVALID_REQUEST);
        }

        #[test]
        fn a_refusal_blames_what_is_wrong(bytes: Vec<u8>) {
            let error = error_of(&bytes);
            let json = serde_json::from_slice::<serde::de::IgnoredAny>(&bytes).is_ok();
            prop_assert_eq!(error.code(), if json { INVALID_REQUEST } else { PARSE_ERROR });
        }
    }
}
