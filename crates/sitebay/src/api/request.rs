//! A request to the API, before it becomes HTTP, and its answer.
//!
//! Invariant: a value becomes part of a path only through [`super::encode_part`].

use serde_json::Value;

use mcp_auth::secret::Secret;
use mcp_platform::{Method, url::Url};

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
