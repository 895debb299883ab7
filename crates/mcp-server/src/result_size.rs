//! The maximum size of a result.

use mcp_protocol::{
    content::CallToolResult,
    jsonrpc::{INTERNAL_ERROR, RpcError},
};

/// Bytes a result may have. A Worker could send more, but no model could read it.
pub const MAX_RESULT: usize = 8 * 1024 * 1024;

/// The error result sent instead of a larger tool result.
pub fn too_large(size: usize) -> CallToolResult {
    CallToolResult::error(why(size))
}

/// The error sent instead of another method's larger result.
pub fn too_large_error(size: usize) -> RpcError {
    RpcError::new(INTERNAL_ERROR, why(size))
}

fn why(size: usize) -> String {
    format!(
        "The result is too large to send: {size} bytes, at most {MAX_RESULT}. The call itself was \
         carried out. Ask for less: a filter, a smaller range, fewer items."
    )
}
