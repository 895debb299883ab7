//! A refusal: a status, with the code and the words in a header. An object that is there and was not wanted is
//! described along with it.

use serde_json::{Value, json};

use crate::engine::reply::Reply;

/// A refusal.
#[derive(Debug)]
pub(super) struct Problem {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) text: String,
    pub(super) object: Option<Value>,
}

impl Problem {
    pub(super) fn new(status: u16, code: u32, text: impl Into<String>) -> Self {
        Self { status, code, text: text.into(), object: None }
    }

    /// The request is none.
    pub(super) fn invalid() -> Self {
        Self::new(400, 10029, "Metadata missing or invalid")
    }

    /// The stand-in does not have this.
    pub(super) fn not_played(what: &str) -> Self {
        Self::new(501, 10029, format!("The stand-in does not play {what}"))
    }

    pub(super) fn no_such_key() -> Self {
        Self::new(404, 10007, "The specified key does not exist.")
    }

    pub(super) fn precondition() -> Self {
        let text = "At least one of the pre-conditions you specified did not hold.";
        Self::new(412, 10031, text)
    }

    pub(super) fn range() -> Self {
        Self::new(416, 10039, "The requested range is not satisfiable")
    }

    /// The same, with the object that is there.
    pub(super) fn about(self, object: Value) -> Self {
        Self { object: Some(object), ..self }
    }

    pub(super) fn reply(self) -> Reply {
        let error = json!({ "version": 1, "v4code": self.code, "message": self.text });
        let reply = match &self.object {
            Some(object) => framed(object, &[], self.status),
            None => Reply::empty(self.status),
        };
        reply.with("cf-r2-error", error.to_string())
    }
}

/// An answer: its parameters, then the bytes of an object.
pub(super) fn framed(parameters: &Value, bytes: &[u8], status: u16) -> Reply {
    let mut body = parameters.to_string().into_bytes();
    let size = body.len();
    body.extend_from_slice(bytes);
    Reply::of(status, "application/json", body).with("cf-r2-metadata-size", size.to_string())
}
