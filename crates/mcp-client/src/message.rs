//! The messages that an upstream sends: progress, log messages, notifications, requests, and the answer.
//!
//! Invariant: parameters, results and errors stay the text that was sent.

use serde_json::value::RawValue;

use mcp_protocol::jsonrpc::RequestId;

use crate::error::RpcFailure;

/// The answer to a request.
#[derive(Debug, Clone)]
pub enum Answer {
    /// `result`, an object.
    Result(Box<RawValue>),
    /// `error`.
    Error(RpcFailure),
}

/// One message of an upstream.
#[derive(Debug, Clone)]
pub enum Incoming {
    /// `notifications/progress` of the running request, with a value that rose.
    Progress {
        /// `progress`.
        progress: f64,
        /// The parameters. Their `progressToken` is ours: `params::with_field` replaces it.
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
