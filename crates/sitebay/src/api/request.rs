//! A request to the API, before it becomes HTTP, and its answer.
//!
//! Invariant: a value becomes part of a path only through [`encode_part`].

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use mcp_auth::secret::Secret;
use mcp_platform::{Method, url::Url};

/// Everything but RFC 3986's unreserved characters.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// One request.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The whole address, made by [`super::Client::address`].
    pub url: Url,
    /// The body, as JSON.
    pub body: Option<Value>,
    /// Whether it may be sent again.
    pub repeat: Repeat,
    /// Values that must not come back in the answer or an error.
    pub secrets: Vec<Secret>,
}

impl Request {
    /// A read without a body.
    pub fn get(url: Url) -> Self {
        Self { method: Method::Get, url, body: None, repeat: Repeat::Safe, secrets: Vec::new() }
    }
}

/// Whether a request may be sent again when its answer was lost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repeat {
    /// It changes something.
    Never,
    /// It only reads.
    Safe,
    /// It changes something, but the service knows this key again (`Idempotency-Key`).
    Keyed(String),
}

/// A successful answer.
#[derive(Debug, Clone, PartialEq)]
pub struct ApiResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body; null when it was empty.
    pub json: Value,
}

/// One part of a path, percent-encoded. Refuses what a URL parser would drop or resolve.
pub fn encode_part(value: &str) -> Option<String> {
    let whole = !matches!(value, "" | "." | "..");
    whole.then(|| utf8_percent_encode(value, PART).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_part_cannot_leave_its_place() {
        assert_eq!(encode_part("../team").as_deref(), Some("..%2Fteam"));
        assert_eq!(encode_part("a b?c#d%2f").as_deref(), Some("a%20b%3Fc%23d%252f"));
        assert_eq!(encode_part("www.example.org").as_deref(), Some("www.example.org"));
        for refused in ["", ".", ".."] {
            assert_eq!(encode_part(refused), None);
        }
    }
}
