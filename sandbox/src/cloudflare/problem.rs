//! Errors in Cloudflare's envelope.
//!
//! Known: 10000, 6003 with 6111, 7003, 7403, 10013 for a limit, and the codes of the products that the
//! handlers use. Inferred: 9106 for a missing header, 7001 for a wrong method, and the status of each
//! code where no source has one.

use serde_json::{Value, json};

use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;

/// An error, before it is an answer.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    /// The status.
    pub(crate) status: u16,
    /// Cloudflare's code; 0 is sent as no code at all, as R2 does for a bucket that is not empty.
    pub(crate) code: u32,
    /// What is wrong, for people.
    pub(crate) message: String,
    /// An error that led to it.
    pub(crate) cause: Option<(u32, &'static str)>,
}

impl Problem {
    /// An error with all it has.
    pub(crate) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), cause: None }
    }

    /// A token that may not do this, or an account that it may not see.
    pub(crate) fn denied() -> Self {
        Self::new(403, 10000, "Authentication error")
    }

    /// A path that leads nowhere, or an id in it that cannot be one.
    pub(crate) fn unroutable(path: &str) -> Self {
        let text = format!("Could not route to {path}, perhaps your object identifier is invalid?");
        Self::new(404, 7003, text)
    }

    /// A failure of the stand-in itself.
    pub(crate) fn broken(error: impl std::fmt::Display) -> Self {
        Self::new(500, 10001, format!("The stand-in failed: {error}"))
    }

    /// The answer.
    pub(crate) fn reply(&self) -> Reply {
        let mut error = json!({ "message": self.message });
        if self.code > 0 {
            error.set("code", self.code);
        }
        if let Some((code, message)) = self.cause {
            error.set("error_chain", json!([{ "code": code, "message": message }]));
        }
        Reply::json(self.status, &enveloped(false, Value::Null, json!([error]), Value::Null))
    }
}

/// A success without pages.
pub(crate) fn success(result: &Value) -> Reply {
    Reply::ok(&enveloped(true, result.clone(), json!([]), Value::Null))
}

/// A success with what is said of its page.
pub(crate) fn success_page(result: Value, info: Value) -> Reply {
    Reply::ok(&enveloped(true, result, json!([]), info))
}

fn enveloped(is_success: bool, result: Value, errors: Value, info: Value) -> Value {
    let mut body =
        json!({ "success": is_success, "errors": errors, "messages": [], "result": result });
    if !info.is_null() {
        body.set("result_info", info);
    }
    body
}
