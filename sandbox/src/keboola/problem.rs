//! What goes wrong, and the shape each service says it in.
//!
//! Known: Storage, Queue, Query, Encryption, Data science. Chosen: AI, Scheduler and Sync actions
//! answer as Queue does; Metastore has the errors of JSON:API.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::{Value, json};

use crate::engine::call::Call;
use crate::engine::json::Fields as _;
use crate::engine::reply::Reply;

/// An error, before it has a service's shape.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    /// The status.
    pub(crate) status: u16,
    /// Storage's code for it.
    pub(crate) code: &'static str,
    /// What is wrong, for people.
    pub(crate) text: String,
}

impl Problem {
    /// An error with all it has.
    pub(crate) fn new(status: u16, code: &'static str, text: impl Into<String>) -> Self {
        Self { status, code, text: text.into() }
    }

    /// Input that does not fit.
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::new(400, "storage.validation", text)
    }

    /// Something that is not there.
    pub(crate) fn missing(text: impl Into<String>) -> Self {
        Self::new(404, "notFound", text)
    }

    /// Something that the token may not do.
    pub(crate) fn denied(text: impl Into<String>) -> Self {
        Self::new(403, "accessDenied", text)
    }

    /// The answer in a service's shape.
    pub(crate) fn reply(&self, service: &str, call: &Call) -> Reply {
        let Self { status, code, text } = self;
        let id = exception_id(call);
        let body = match service {
            "connection" => json!({
                "status": "error", "error": text, "code": code, "exceptionId": id, "context": {},
            }),
            "query" => json!({ "exception": text, "exceptionId": id, "context": {} }),
            "encryption" => json!({ "error": text, "code": status, "exceptionId": id }),
            "data-science" => json!({ "message": text, "error": reason(*status) }),
            "metastore" => json!({ "errors": [
                { "status": status.to_string(), "title": reason(*status), "detail": text },
            ] }),
            _ => json!({ "error": text, "code": status, "exceptionId": id, "status": "error" }),
        };
        Reply::json(*status, &body)
    }
}

/// The answer of a service under maintenance; a fault adds `Retry-After`.
pub(crate) fn maintenance(call: &Call) -> Reply {
    let mut body = json!({ "status": "maintenance", "reason": "Planned maintenance" });
    body.set("estimatedEndTime", "2026-08-17T09:00:00+0200");
    body.set("exceptionId", exception_id(call));
    Reply::json(503, &body).with("retry-after", "60")
}

/// The same for the same request.
fn exception_id(call: &Call) -> Value {
    let mut hasher = DefaultHasher::new();
    (&call.method, &call.path).hash(&mut hasher);
    Value::from(format!("sandbox-{:016x}", hasher.finish()))
}

fn reason(status: u16) -> &'static str {
    let status = hyper::StatusCode::from_u16(status).ok();
    status.and_then(|status| status.canonical_reason()).unwrap_or("Error")
}
