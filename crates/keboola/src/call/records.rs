//! Records of Keboola's answers.

use serde_json::Value;

use crate::api::ApiError;

/// The items of an answer that is a list. Anything else is no empty list.
pub(crate) fn items(value: Value) -> Result<Vec<Value>, ApiError> {
    match value {
        Value::Array(items) => Ok(items),
        _ => Err(ApiError::Unexpected("a list")),
    }
}

/// The id of a record, which may be a number.
pub(crate) fn id_of(record: &Value) -> String {
    record.get("id").map(crate::api::plain).unwrap_or_default()
}

/// A text that a caller sent, in quotation marks and short.
pub(crate) fn shown(text: &str) -> String {
    Value::from(crate::api::cut(text, 100)).to_string()
}
