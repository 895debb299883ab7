//! How a call ends: with an answer, with a failure in words, or elsewhere.

use mcp_protocol::content::CallToolResult;
use mcp_server::{client_request::Stop, remote::KeyError};
use serde_json::Value;

use crate::api::ApiError;

/// The reasons why a call ends early.
#[derive(Debug)]
pub(crate) enum ShortCircuit {
    /// A failure, in words for the model.
    Failed(String),
    /// It goes on elsewhere, or later.
    Stop(Stop),
}

impl From<Stop> for ShortCircuit {
    fn from(stop: Stop) -> Self {
        Self::Stop(stop)
    }
}

impl From<ShortCircuit> for catalogue::ShortCircuit {
    fn from(reason: ShortCircuit) -> Self {
        match reason {
            ShortCircuit::Failed(why) => CallToolResult::error(why).into(),
            ShortCircuit::Stop(stop) => stop.into(),
        }
    }
}

impl From<KeyError> for ShortCircuit {
    fn from(error: KeyError) -> Self {
        match error {
            // A task that began nothing is not held back: it would begin when its caller is long gone.
            KeyError::Passing(why) => Self::Failed(format!("Nothing was started: {why}")),
            KeyError::Lasting(why) => Self::Failed(why),
        }
    }
}

impl From<ApiError> for ShortCircuit {
    fn from(error: ApiError) -> Self {
        Self::Failed(sentence(&error))
    }
}

/// An error of a read, with what can be done about it.
pub(crate) fn sentence(error: &ApiError) -> String {
    error.sentence()
}

/// A failure in these words.
pub(crate) fn failed<T>(text: impl Into<String>) -> Result<T, ShortCircuit> {
    Err(ShortCircuit::Failed(text.into()))
}

/// The answer of a tool, or what ends it early.
pub(crate) type Outcome = Result<Value, ShortCircuit>;
