//! How a request ended, before it is encoded for its protocol version.

use mcp_auth::scope::BeyondScope;
use mcp_protocol::{
    content::CallToolResult,
    fields::fields,
    jsonrpc::{RequestId, RpcError, TRANSPORT_ERROR, error_text},
    raw,
    stateless::result::CacheHint,
};

use crate::{
    client_request::{Stop, StopReason},
    tasks::TaskSnapshot,
    telemetry::record::{LEFT, LEFT_RUNNING},
};

/// How a request is called that ended at a question: it comes again.
pub const ASKS: &str = "asks";

/// How a request ended.
#[derive(Debug)]
pub enum Outcome {
    /// A list's page: the text of its result.
    List(&'static str),
    /// The text of another result, which may be too large.
    Result(String),
    /// The text of a result that was bounded before.
    Text(String),
    /// The text of another server's result, with what that says about its own connection.
    Relayed(String),
    /// The text of what another server says of a task, without what that says about its own connection.
    TaskState(String),
    /// The text of a list that other servers have a part in, and how long it may be kept.
    Hinted(String, CacheHint),
    /// A tool's result.
    Tool(CallToolResult),
    /// There is no resource at this URI.
    NoResource(String),
    /// An error.
    Failed(RpcError),
    /// The client must be asked, or cannot be.
    Stopped(Stop),
    /// The work goes on in a task, which the client follows.
    Task(TaskSnapshot),
    /// The caller may not ask for it.
    Beyond(BeyondScope),
}

impl Outcome {
    /// How lines and the audit call it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Tool(CallToolResult { is_error: true, .. }) => "failed",
            Self::Text(text) if text.contains("\"isError\":true") => "failed",
            Self::Relayed(text) if is_error(text) => "failed",
            Self::Failed(_) | Self::NoResource(_) => "error",
            Self::Beyond(_) => "beyond-scope",
            Self::Task(_) => "task",
            Self::Stopped(Stop(StopReason::Suspended(_))) => ASKS,
            Self::Stopped(Stop(StopReason::TakenBack(true))) => LEFT,
            Self::Stopped(Stop(StopReason::TakenBack(false))) => LEFT_RUNNING,
            Self::Stopped(Stop(StopReason::Held(_))) => "failed",
            Self::Stopped(_) => "stopped",
            _ => "done",
        }
    }

    /// The code of the JSON-RPC error that it is, where it is one of the outcome's own.
    pub fn code(&self) -> Option<i32> {
        match self {
            Self::Failed(error) | Self::Stopped(Stop(StopReason::Refused(error))) => {
                Some(error.code)
            }
            Self::Beyond(_) => Some(TRANSPORT_ERROR),
            _ => None,
        }
    }
}

/// Whether the result of a tool says that the tool failed.
fn is_error(result: &str) -> bool {
    let [flag] = fields(result, ["isError"]).unwrap_or([None]);
    flag.and_then(raw::flag).unwrap_or_default()
}

/// The text of the response to what the caller may not ask for.
pub fn beyond_text(id: &RequestId, beyond: BeyondScope) -> Vec<u8> {
    error_text(Some(id), &RpcError::new(TRANSPORT_ERROR, beyond.to_string()))
}

impl From<RpcError> for Outcome {
    fn from(error: RpcError) -> Self {
        Self::Failed(error)
    }
}
