//! Error answers in the shapes of the API's framework.

use serde_json::{Value, json};

use crate::engine::reply::Reply;

impl Reply {
    /// An error in the shape the API's framework gives all but validation errors.
    pub(crate) fn detail(status: u16, detail: &str) -> Self {
        Self::json(status, &json!({ "detail": detail }))
    }

    /// The answer for input that does not fit the contract.
    pub(crate) fn unprocessable(errors: Vec<Value>) -> Self {
        Self::json(422, &json!({ "detail": errors }))
    }
}
