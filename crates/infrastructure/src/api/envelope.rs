//! Cloudflare's envelope: `success`, `errors`, `result`, `result_info`.

use catalogue::retry::retry_after;
use mcp_platform::OutboundResponse;
use mcp_protocol::raw;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};

use super::{
    error::{ApiError, Reason},
    hide::hide,
};

/// A success.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Envelope {
    pub(super) result: Value,
    pub(super) info: Value,
}

/// Reads an answer. A status of success with `success: false` is an error, as is one without an envelope.
pub(super) fn read(
    response: &OutboundResponse,
    secrets: &[&str],
    now_ms: u64,
) -> Result<Envelope, ApiError> {
    let status = response.status;
    if (300..400).contains(&status) {
        return Err(ApiError::Redirected(status));
    }
    let json = raw::value_of_bytes(&response.body);
    let success = json.as_ref().and_then(|json| json.get("success")?.as_bool());
    if !(200..300).contains(&status) || success == Some(false) {
        let errors = json.as_ref().and_then(|json| json.get("errors")?.as_array());
        let reasons = errors.into_iter().flatten().map(|error| reason(error, secrets)).collect();
        let wait = retry_after(response, now_ms);
        return Err(ApiError::Refused { status, reasons, wait });
    }
    let Some(Value::Object(mut json)) = json.filter(|_| success == Some(true)) else {
        return Err(ApiError::Unreadable(status));
    };
    let mut take = |name: &str| json.get_mut(name).map(Value::take).unwrap_or_default();
    Ok(Envelope { result: take("result"), info: take("result_info") })
}

/// The part of an envelope that is looked at where its result is left unread.
#[derive(Deserialize)]
struct Unread<'a> {
    success: bool,
    #[serde(borrow, default)]
    result: Option<&'a RawValue>,
}

/// Reads an answer whose result is left as it came: as a tree it may take ten times the memory of its text.
pub(super) fn read_unread(
    response: &OutboundResponse,
    secrets: &[&str],
    now_ms: u64,
) -> Result<Box<RawValue>, ApiError> {
    let status = response.status;
    if (200..300).contains(&status) {
        let text = std::str::from_utf8(raw::without_bom(&response.body)).ok();
        let unread: Option<Unread<'_>> = text.and_then(|text| serde_json::from_str(text).ok());
        match unread {
            Some(Unread { success: true, result: Some(result) }) => return Ok(result.to_owned()),
            Some(Unread { success: true, result: None }) => {
                return Err(ApiError::Incomplete("result"));
            }
            Some(Unread { success: false, .. }) => {}
            None => return Err(ApiError::Unreadable(status)),
        }
    }
    let failed = read(response, secrets, now_ms);
    failed.and(Err(ApiError::Unreadable(status)))
}

/// Reads an answer of the GraphQL API: its `data`.
pub(super) fn read_graphql(
    response: &OutboundResponse,
    secrets: &[&str],
    now_ms: u64,
) -> Result<Value, ApiError> {
    let status = response.status;
    if (300..400).contains(&status) {
        return Err(ApiError::Redirected(status));
    }
    let json = raw::value_of_bytes(&response.body);
    let errors = json.as_ref().and_then(|json| json.get("errors")?.as_array());
    let reasons: Vec<Reason> =
        errors.into_iter().flatten().map(|error| reason(error, secrets)).collect();
    if !(200..300).contains(&status) || !reasons.is_empty() {
        let wait = retry_after(response, now_ms);
        return Err(ApiError::Refused { status, reasons, wait });
    }
    let data = json.as_ref().and_then(|json| json.get("data")).filter(|data| data.is_object());
    data.cloned().ok_or(ApiError::Unreadable(status))
}

/// One error. A code may come as a text.
pub(super) fn reason(error: &Value, secrets: &[&str]) -> Reason {
    let code = match error.get("code") {
        Some(Value::String(code)) => code.parse().ok(),
        Some(code) => code.as_i64(),
        None => None,
    };
    let message = error.get("message").and_then(Value::as_str).unwrap_or("no reason is given");
    Reason { code, message: hide(message, secrets) }
}
