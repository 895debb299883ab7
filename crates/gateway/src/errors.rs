//! Errors of upstreams, as callers are told.

use mcp_client::error::UpstreamError;
use mcp_protocol::{
    content::CallToolResult,
    jsonrpc::{INTERNAL_ERROR, RpcError},
};
use mcp_server::{client_request::Stop, outcome::Outcome};
use serde_json::json;

use crate::breaker::Refused;

/// The outcome of a request that has no result.
pub fn outcome(upstream: &str, method: &str, error: &UpstreamError) -> Outcome {
    if let UpstreamError::Rpc(failure) = error {
        let code = i32::try_from(failure.code).unwrap_or(INTERNAL_ERROR);
        let data = failure.data.as_ref().and_then(|data| serde_json::from_str(data.get()).ok());
        return Outcome::Failed(RpcError { code, message: failure.message.clone(), data });
    }
    let text = format!("`{upstream}`: {error}");
    match method {
        "tools/call" => Outcome::Tool(CallToolResult::error(text)),
        _ => Outcome::Failed(RpcError::new(INTERNAL_ERROR, text)),
    }
}

/// The stop of a request to an upstream that failed too often.
pub fn paused(upstream: &str, _method: &str, refused: Refused) -> Stop {
    let why = format!("`{upstream}` failed too often and is not asked for now");
    let data = Some(json!({ "retryAfterMs": refused.retry_after_ms }));
    Stop::refused(RpcError { code: INTERNAL_ERROR, message: why, data })
}
