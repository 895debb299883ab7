//! Notifications about a running request, the same in every era.
//!
//! Source: MCP `basic/utilities/progress`, `server/utilities/logging`.

use serde_json::Value;

use crate::{
    jsonrpc::{RequestId, notification_text},
    log_level::LoggingLevel,
    object::Object,
};

/// `notifications/progress`.
pub fn progress(
    token: &RequestId,
    progress: f64,
    total: Option<f64>,
    message: Option<&str>,
) -> Vec<u8> {
    let params = Object::new().raw("progressToken", token.as_json()).float("progress", progress);
    let params = match total {
        Some(total) => params.float("total", total),
        None => params,
    };
    notification_text("notifications/progress", &params.text_if("message", message).end())
}

/// `notifications/message`.
pub fn message(level: LoggingLevel, logger: &str, data: &Value) -> Vec<u8> {
    let params = Object::new().text("level", level.as_str()).text("logger", logger);
    notification_text("notifications/message", &params.raw("data", &data.to_string()).end())
}
