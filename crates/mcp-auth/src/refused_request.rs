//! Which request a refusal answers, so that its client stops waiting for it.
//!
//! A client that finds its requests by their ids drops an error whose id is `null` and waits on (rmcp
//! 3.8). Clients that go by the status, or take any error for the answer, do not need the id.

use mcp_protocol::{fields::fields, jsonrpc::RequestId};

/// The JSON-RPC request that a refusal answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefusedRequest {
    /// A request with this id.
    Request(RequestId),
    /// A request whose id is not known: its body went to a session's object, or is too large.
    Unknown,
    /// Nothing that waits for an id.
    Nothing,
}

impl RefusedRequest {
    /// Finds out from a body that was read.
    pub fn in_body(body: &[u8]) -> Self {
        let text = std::str::from_utf8(body).ok();
        let found = text.and_then(|text| fields(text, ["id"]).ok());
        let id = found.and_then(|[id]| RequestId::read(id?));
        id.map_or(Self::Nothing, Self::Request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(body: &str) -> Option<String> {
        match RefusedRequest::in_body(body.as_bytes()) {
            RefusedRequest::Request(id) => Some(id.as_json().to_owned()),
            _ => None,
        }
    }

    #[test]
    fn a_request_is_known_by_its_id_and_nothing_else_waits() {
        assert_eq!(id(r#"{"jsonrpc":"2.0","id":7,"method":"ping"}"#).as_deref(), Some("7"));
        assert_eq!(id(r#"{"id":"a","method":"ping"}"#).as_deref(), Some("\"a\""));
        for body in [
            r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
            r#"{"params":{"id":7}}"#,
            r#"[{"id":7}]"#,
            r#"{"id":null}"#,
            "{",
            "",
        ] {
            assert_eq!(RefusedRequest::in_body(body.as_bytes()), RefusedRequest::Nothing, "{body}");
        }
    }
}
