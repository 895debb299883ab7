//! The messages that an upstream sends: progress, log messages, notifications, requests, and the answer.
//!
//! Invariant: parameters, results and errors stay the text that was sent. What is no message of the protocol is a
//! [`BadAnswer`](crate::error::UpstreamError::BadAnswer), never a guess.

use serde_json::value::RawValue;

use mcp_protocol::{
    fields::{fields, fields_or_null},
    jsonrpc::{INTERNAL_ERROR, RequestId},
    raw,
};

use crate::error::{RpcFailure, UpstreamError};

/// The answer to a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// `result`, an object.
    Result(Box<RawValue>),
    /// `error`.
    Error(RpcFailure),
}

impl Answer {
    /// The result.
    ///
    /// # Errors
    /// Where it is an error.
    pub fn into_result(self) -> Result<Box<RawValue>, UpstreamError> {
        match self {
            Self::Result(result) => Ok(result),
            Self::Error(failure) => Err(UpstreamError::Rpc(failure)),
        }
    }
}

/// One message of an upstream.
#[derive(Debug, Clone)]
pub enum Incoming {
    /// `notifications/progress` of the running request, with a value that rose.
    Progress {
        /// `progress`.
        progress: f64,
        /// The parameters. Their `progressToken` is ours: [`with_field`](crate::params::with_field) replaces it.
        params: Box<RawValue>,
    },
    /// `notifications/message`.
    Log {
        /// The parameters.
        params: Box<RawValue>,
    },
    /// Any other notification.
    Notification {
        /// The method.
        method: String,
        /// The parameters.
        params: Option<Box<RawValue>>,
    },
    /// A request of the upstream to its client.
    Request {
        /// Its id, to be repeated in the answer.
        id: RequestId,
        /// The method.
        method: String,
        /// The parameters.
        params: Option<Box<RawValue>>,
    },
    /// The answer, which is the last message of an exchange.
    Answer(Answer),
}

/// The request that a response answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answered {
    /// The one with this id.
    Request(RequestId),
    /// An error whose sender could not read the id, or did not: `id` is `null` or missing.
    Unnamed,
}

/// A message, before it is known whether it belongs to a running request.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    Notification { method: String, params: Option<Box<RawValue>> },
    Request { id: RequestId, method: String, params: Option<Box<RawValue>> },
    Response { to: Answered, answer: Answer },
}

impl Message {
    /// A notification or a request for whoever listens; None for a response.
    pub(crate) fn unsolicited(self) -> Option<Incoming> {
        match self {
            Self::Notification { method, params } => Some(notification(method, params)),
            Self::Request { id, method, params } => Some(Incoming::Request { id, method, params }),
            Self::Response { .. } => None,
        }
    }
}

/// A notification, told apart as far as relays differ. Progress is left to whoever knows the token.
pub(crate) fn notification(method: String, params: Option<Box<RawValue>>) -> Incoming {
    match params {
        Some(params) if method == "notifications/message" => Incoming::Log { params },
        params => Incoming::Notification { method, params },
    }
}

/// The progress in these parameters; None where they are not of this token, or hold no number.
pub(crate) fn progress(params: &RawValue, token: &str) -> Option<f64> {
    let [sent, progress] = fields(params.get(), ["progressToken", "progress"]).ok()?;
    sent.filter(|sent| sent.get() == token)?;
    raw::float(progress?).filter(|value| value.is_finite())
}

/// The rules for a text that holds messages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    /// Whether it may be an array of messages (2025-03-26).
    pub(crate) batch: bool,
    /// Levels of JSON that it may have.
    pub(crate) depth: usize,
    /// The HTTP status that it came with.
    pub(crate) status: u16,
}

/// The messages in a text.
///
/// # Errors
/// Where it is no JSON, too deep, or no message.
pub(crate) fn read(bytes: &[u8], rules: Rules) -> Result<Vec<Message>, UpstreamError> {
    let bad = |why| UpstreamError::bad_answer(why, bytes);
    let text = std::str::from_utf8(raw::without_bom(bytes)).map_err(|_| bad("it is not UTF-8"))?;
    if is_deeper(text, rules.depth) {
        return Err(bad("it is nested too deeply"));
    }
    if !text.trim_ascii_start().starts_with('[') {
        return Ok(vec![one(text, rules.status).map_err(bad)?]);
    }
    let elements = raw::elements(text).map_err(|_| bad("it is not JSON"))?;
    if !rules.batch {
        return Err(bad("an array of messages is not allowed"));
    }
    let messages = elements.into_iter().map(|element| one(element.get(), rules.status));
    messages.collect::<Result<_, _>>().map_err(bad)
}

fn one(text: &str, status: u16) -> Result<Message, &'static str> {
    let names = ["jsonrpc", "id", "method", "params", "result", "error"];
    let found = fields_or_null(text, names).map_err(|_| not_an_object(text))?;
    let [jsonrpc, id, method, params, result, error] = found;
    if jsonrpc.map(RawValue::get) != Some(r#""2.0""#) {
        return Err("`jsonrpc` is not \"2.0\"");
    }
    let Some(method) = method else {
        return response(id, result, error, status);
    };
    let method = raw::string(method).ok_or("`method` is not a string")?;
    let params = params.filter(|params| !raw::is_null(params));
    if params.is_some_and(|params| !raw::is_object(params)) {
        return Err("`params` is not an object");
    }
    let params = params.map(ToOwned::to_owned);
    match id {
        None => Ok(Message::Notification { method, params }),
        Some(id) => {
            let id = RequestId::read(id).ok_or("the id of a request is no string or integer")?;
            Ok(Message::Request { id, method, params })
        }
    }
}

fn not_an_object(text: &str) -> &'static str {
    match serde_json::from_str::<serde::de::IgnoredAny>(text) {
        Ok(_) if text.trim_ascii_start().starts_with('{') => "a field is there twice",
        Ok(_) => "it is not an object",
        Err(_) => "it is not JSON",
    }
}

fn response(
    id: Option<&RawValue>,
    result: Option<&RawValue>,
    error: Option<&RawValue>,
    status: u16,
) -> Result<Message, &'static str> {
    // Some servers write the other one as `null`.
    let error = error.filter(|error| !raw::is_null(error));
    let answer = match (result, error) {
        (Some(result), Some(_)) if !raw::is_null(result) => {
            return Err("it has both a result and an error");
        }
        (_, Some(error)) => Answer::Error(failure(error, status)?),
        (Some(result), None) if raw::is_object(result) => Answer::Result(result.to_owned()),
        (Some(_), None) => return Err("`result` is not an object"),
        (None, None) => return Err("it has no method, no result and no error"),
    };
    let id = id.filter(|id| !raw::is_null(id));
    let to = match (id, &answer) {
        (Some(id), _) => {
            Answered::Request(RequestId::read(id).ok_or("the id is no string or integer")?)
        }
        (None, Answer::Error(_)) => Answered::Unnamed,
        (None, Answer::Result(_)) => return Err("a result has no id"),
    };
    Ok(Message::Response { to, answer })
}

fn failure(error: &RawValue, status: u16) -> Result<RpcFailure, &'static str> {
    let [code, message, data] =
        fields(error.get(), ["code", "message", "data"]).map_err(|_| "`error` is not an object")?;
    Ok(RpcFailure {
        code: code.and_then(raw::number).unwrap_or(i64::from(INTERNAL_ERROR)),
        message: message.and_then(raw::string).unwrap_or_default(),
        data: data.map(ToOwned::to_owned),
        raw: error.to_owned(),
        status,
    })
}

/// Whether JSON has more levels than this.
fn is_deeper(text: &str, most: usize) -> bool {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in text.bytes() {
        if in_text {
            in_text = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { batch: false, depth: 64, status: 200 };

    fn why(text: &str) -> &'static str {
        match read(text.as_bytes(), RULES) {
            Err(UpstreamError::BadAnswer { why, .. }) => why,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn only(text: &str) -> Message {
        let mut messages = read(text.as_bytes(), RULES).expect(text);
        assert_eq!(messages.len(), 1);
        messages.remove(0)
    }

    #[test]
    fn what_is_no_message_is_named() {
        let deep = format!(
            r#"{{"jsonrpc":"2.0","id":1,"result":{}{}}}"#,
            "[".repeat(9999),
            "]".repeat(9999)
        );
        for (text, named) in [
            ("", "it is not JSON"),
            ("<html>", "it is not JSON"),
            (r#"{"jsonrpc":"2.0","id":1,"result":{"a":NaN}}"#, "it is not JSON"),
            (r#"{"jsonrpc":"2.0","id":1,"resul"#, "it is not JSON"),
            ("\"text\"", "it is not an object"),
            (r#"{"jsonrpc":"2.0","id":1,"id":1,"result":{}}"#, "a field is there twice"),
            ("[]", "an array of messages is not allowed"),
            (r#"[{"jsonrpc":"2.0","id":1,"result":{}}]"#, "an array of messages is not allowed"),
            (r#"{"id":1,"result":{}}"#, "`jsonrpc` is not \"2.0\""),
            (r#"{"jsonrpc":"1.0","id":1,"result":{}}"#, "`jsonrpc` is not \"2.0\""),
            (r#"{"jsonrpc":"2.0","id":1}"#, "it has no method, no result and no error"),
            (r#"{"jsonrpc":"2.0","result":{}}"#, "a result has no id"),
            (r#"{"jsonrpc":"2.0","id":null,"result":{}}"#, "a result has no id"),
            (r#"{"jsonrpc":"2.0","id":1.0,"result":{}}"#, "the id is no string or integer"),
            (r#"{"jsonrpc":"2.0","id":[1],"result":{}}"#, "the id is no string or integer"),
            (r#"{"jsonrpc":"2.0","id":1,"result":[]}"#, "`result` is not an object"),
            (r#"{"jsonrpc":"2.0","id":1,"result":null}"#, "`result` is not an object"),
            (r#"{"jsonrpc":"2.0","id":1,"error":"x"}"#, "`error` is not an object"),
            (
                r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}"#,
                "it has both a result and an error",
            ),
            (
                r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
                "the id of a request is no string or integer",
            ),
            (r#"{"jsonrpc":"2.0","method":7}"#, "`method` is not a string"),
            (r#"{"jsonrpc":"2.0","method":"a","params":[1]}"#, "`params` is not an object"),
            (&deep, "it is nested too deeply"),
        ] {
            assert_eq!(why(text), named, "{text}");
        }
        assert!(read(b"\xff{}", RULES).is_err());
    }

    #[test]
    fn a_result_stays_the_text_that_it_was() {
        for result in [
            r#"{ "a" : 12345678901234567890.50, "a":1, "b":"\ud800 \u00fc" }"#,
            "{\n}",
            r#"{"text":"}]{[\"}"}"#,
        ] {
            let text = format!(
                "\u{feff} {{\"jsonrpc\":\"2.0\",\"x\":[1],\"result\":{result},\"id\":1,\"error\":null}}"
            );
            match only(&text) {
                Message::Response { answer: Answer::Result(read), .. } => {
                    assert_eq!(read.get(), result)
                }
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn brackets_in_a_text_are_no_levels() {
        let text = format!(r#"{{"a":"\"{}"}}"#, "[".repeat(99));
        assert!(!is_deeper(&text, 1) && is_deeper(&text, 0));
        assert!(is_deeper("[[]]", 1) && !is_deeper("[[],[],[]]", 2));
    }

    #[test]
    fn an_error_without_an_id_is_an_error_of_whatever_was_sent() {
        for id in [r#""id":null,"#, ""] {
            let text = format!(
                r#"{{"jsonrpc":"2.0",{id}"error":{{"code":-32700,"message":"x","data":{{"a":1.0}}}}}}"#
            );
            let Message::Response { to: Answered::Unnamed, answer: Answer::Error(failure) } =
                only(&text)
            else {
                panic!("{text}")
            };
            assert_eq!((failure.code, failure.message.as_str()), (-32700, "x"));
            assert_eq!(failure.data.as_ref().unwrap().get(), r#"{"a":1.0}"#);
            assert_eq!(failure.to_json(), failure.raw.get());
        }
    }

    #[test]
    fn an_error_that_clients_could_not_read_is_written_anew() {
        let text = r#"{"jsonrpc":"2.0","id":1,"error":{"code":"E_FAIL","data":[ 1 ]}}"#;
        let Message::Response { answer: Answer::Error(failure), .. } = only(text) else { panic!() };
        assert_eq!(failure.to_json(), r#"{"code":-32603,"message":"","data":[ 1 ]}"#);
    }

    #[test]
    fn a_batch_is_read_where_the_version_has_it() {
        let rules = Rules { batch: true, ..RULES };
        let text = br#"[{"jsonrpc":"2.0","method":"a"},{"jsonrpc":"2.0","id":1,"result":{}}]"#;
        assert_eq!(read(text, rules).unwrap().len(), 2);
        assert!(read(b"[1]", rules).is_err());
    }

    #[test]
    fn progress_is_that_of_its_token() {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        for (params, value) in [
            (r#"{"progressToken":7,"progress":0.5}"#, Some(0.5)),
            (r#"{"progressToken":"7","progress":0.5}"#, None),
            (r#"{"progressToken":8,"progress":0.5}"#, None),
            (r#"{"progressToken":7}"#, None),
            (r#"{"progressToken":7,"progress":"1"}"#, None),
            (r#"{"progress":1}"#, None),
        ] {
            assert_eq!(progress(&raw(params), "7"), value, "{params}");
        }
    }
}
