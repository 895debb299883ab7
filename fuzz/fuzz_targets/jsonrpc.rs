//! A body decodes to its contents, and every response to it is JSON.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use mcp_protocol::{
    jsonrpc::{
        Body, DecodeError, MAX_BATCH, Message, RequestId, RpcError, decode, error_text,
        notification_text, result_text,
    },
    raw::value,
};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

type Fields<'a> = BTreeMap<String, &'a RawValue>;

fuzz_target!(|data: &[u8]| match decode(data) {
    Ok(Body::Single(message)) => says(&message, serde_json::from_slice(data).unwrap()),
    Ok(Body::Batch(messages)) => {
        let elements: Vec<Fields<'_>> = serde_json::from_slice(data).unwrap();
        assert!((1..=MAX_BATCH).contains(&messages.len()));
        assert_eq!(messages.len(), elements.len());
        for (message, fields) in messages.iter().zip(elements) {
            says(message, fields);
        }
    }
    Err(error) => refuses(data, &error),
});

/// Compares a message with the fields of its text.
fn says(message: &Message<'_>, fields: Fields<'_>) {
    let field = |name| fields.get(name).map(|raw| raw.get()).filter(|text| *text != "null");
    assert_eq!(field("jsonrpc"), Some("\"2.0\""));
    match message {
        Message::Request { id, method, params } => {
            assert_eq!(field("id"), Some(id.as_json()));
            named(method, field("method"));
            assert_eq!(params.map(RawValue::get), field("params"));
            answers(id, method, params.map_or("{}", RawValue::get));
        }
        Message::Notification { method, params } => {
            assert!(!fields.contains_key("id"));
            named(method, field("method"));
            assert_eq!(params.map(RawValue::get), field("params"));
            passed_on(method, *params);
        }
        Message::Response { id, outcome } => {
            assert_eq!(field("method"), None);
            assert!(id.as_ref().is_none_or(|id| field("id") == Some(id.as_json())));
            let (name, raw) = match outcome {
                Ok(result) => ("result", result),
                Err(error) => ("error", error),
            };
            assert_eq!(field(name), Some(raw.get()));
        }
    }
}

fn named(method: &str, text: Option<&str>) {
    // Half of a surrogate pair, which no text can hold, is U+FFFD.
    let name = value(text.unwrap()).unwrap();
    assert_eq!(name.as_str(), Some(method));
}

/// Each answer is a message that carries the id as it came.
fn answers(id: &RequestId, method: &str, result: &str) {
    let text = result_text(id, result);
    let Message::Response { id: read, outcome: Ok(outcome) } = single(&text) else {
        panic!("no result");
    };
    assert_eq!((read.as_ref(), outcome.get()), (Some(id), result));
    let text = error_text(Some(id), &RpcError::new(-1, method));
    let Message::Response { id: read, outcome: Err(outcome) } = single(&text) else {
        panic!("no error");
    };
    assert_eq!(read.as_ref(), Some(id));
    let error: serde_json::Value = serde_json::from_str(outcome.get()).unwrap();
    assert_eq!(error["message"], method);
}

/// A notification with the same parameters says the same.
fn passed_on(method: &str, params: Option<&RawValue>) {
    let Some(params) = params else { return };
    let text = notification_text(method, params.get());
    let Message::Notification { method: read, params: with } = single(&text) else {
        panic!("no notification");
    };
    assert_eq!((&*read, with.map(RawValue::get)), (method, Some(params.get())));
}

fn single(text: &[u8]) -> Message<'_> {
    match decode(text) {
        Ok(Body::Single(message)) => message,
        other => panic!("no message: {other:?}"),
    }
}

/// A refusal blames what is wrong, and can be answered.
fn refuses(data: &[u8], error: &DecodeError) {
    let json = serde_json::from_slice::<IgnoredAny>(data).is_ok();
    match error {
        DecodeError::NotUtf8 => assert!(std::str::from_utf8(data).is_err()),
        DecodeError::NotJson(_) => assert!(!json),
        DecodeError::NotJsonRpc(_) => assert!(json),
    }
    let text = error_text(None, &RpcError::new(error.code(), error.to_string()));
    assert!(matches!(single(&text), Message::Response { id: None, outcome: Err(_) }));
}
