//! A request of this client, before it is put into a wire.

use mcp_protocol::{
    jsonrpc::{RequestId, RpcError},
    object::Object,
    stateless::param_declarations::ParamHeader,
};

/// Which deadlines and limits a request has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Patience {
    /// Those of a call.
    #[default]
    Call,
    /// Those of a list or a handshake.
    List,
    /// None but the one for the headers: a stream that is held, such as `subscriptions/listen`.
    Held,
}

/// A request.
#[derive(Debug, Clone, Copy, Default)]
pub struct Request<'a> {
    /// The method.
    pub method: &'a str,
    /// The JSON text of an object. What its `_meta` says of another hop is left out.
    pub params: Option<&'a str>,
    /// The arguments that headers repeat (2026-07-28).
    pub param_headers: &'a [ParamHeader],
    /// Whether progress is wanted.
    pub progress: bool,
    /// From which level on log messages are wanted (2026-07-28).
    pub log_level: Option<&'a str>,
    /// Its deadlines.
    pub patience: Patience,
}

impl<'a> Request<'a> {
    /// A request with these parameters.
    pub fn new(method: &'a str, params: Option<&'a str>) -> Self {
        Self { method, params, ..Self::default() }
    }
}

/// The client as upstreams see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// `clientInfo`: the JSON text of an object.
    pub client_info: String,
    /// `capabilities`: the JSON text of an object. An upstream is told only what can be answered.
    pub capabilities: String,
}

/// The text of a request.
pub(crate) fn request_text(id: &RequestId, method: &str, params: Option<&str>) -> String {
    let begun = Object::new().text("jsonrpc", "2.0").raw("id", id.as_json()).text("method", method);
    with_params(begun, params)
}

/// The text of a notification.
pub(crate) fn notification_text(method: &str, params: Option<&str>) -> String {
    with_params(Object::new().text("jsonrpc", "2.0").text("method", method), params)
}

fn with_params(begun: Object, params: Option<&str>) -> String {
    match params {
        Some(params) => begun.raw("params", params).end(),
        None => begun.end(),
    }
}

/// The text of an answer to a request of the upstream.
pub(crate) fn response_text(id: &RequestId, outcome: Result<&str, &RpcError>) -> String {
    let begun = Object::new().text("jsonrpc", "2.0").raw("id", id.as_json());
    match outcome {
        Ok(result) => begun.raw("result", result).end(),
        Err(error) => begun.raw("error", &error.to_json()).end(),
    }
}

/// Where the ids of a connection may start, so that those of a session do not come again after its client restarted: below
/// 2³¹, which every server can read.
pub fn first_id(now_ms: u64) -> u64 {
    // 2,048 requests in 64 ms, which no restart takes less than, for 18 hours.
    (now_ms / 64 % (1 << 20)).saturating_mul(1 << 11).saturating_add(1)
}
