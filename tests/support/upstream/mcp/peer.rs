//! The client as a tool of a stand-in sees it, in whichever era.

use futures_util::future::BoxFuture;
use serde_json::{Value, json};

/// A question of a tool.
#[derive(Debug, Clone)]
pub(super) struct Question {
    /// Its name among the questions of a round.
    pub(super) key: &'static str,
    pub(super) method: &'static str,
    pub(super) params: Value,
}

/// Why a request has no result.
#[derive(Debug)]
pub(super) enum Failure {
    Error {
        code: i64,
        message: String,
        data: Value,
    },
    /// The client must answer first.
    Asks(Vec<Question>),
}

impl Failure {
    pub(super) fn error(code: i64, message: impl Into<String>) -> Self {
        Self::Error { code, message: message.into(), data: Value::Null }
    }

    /// The error object of a response.
    pub(super) fn object(&self) -> Value {
        match self {
            Self::Error { code, message, data: Value::Null } => {
                json!({ "code": code, "message": message })
            }
            Self::Error { code, message, data } => {
                json!({ "code": code, "message": message, "data": data })
            }
            Self::Asks(_) => json!({ "code": -32603, "message": "this method cannot ask" }),
        }
    }
}

/// The client of a call.
pub(super) trait Peer: Send + Sync {
    /// Sends a notification.
    fn notify(&self, method: &str, params: Value);

    /// Its capabilities.
    fn capabilities(&self) -> &Value;

    /// The lowest severity of log messages that it wants. None: it wants none.
    fn log_level(&self) -> Option<usize>;

    /// Asks all of them at once; the answers have their order.
    fn ask(&self, questions: Vec<Question>) -> BoxFuture<'_, Result<Vec<Value>, Failure>>;
}

/// The log levels, by rising severity.
const LEVELS: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

/// The place of a level among the severities.
pub(super) fn severity(level: &str) -> Option<usize> {
    LEVELS.iter().position(|known| *known == level)
}

/// Whether a client with these capabilities can be asked this.
pub(super) fn can_answer(capabilities: &Value, question: &Question) -> bool {
    match question.method {
        "elicitation/create" if question.params["mode"] == "url" => {
            capabilities["elicitation"]["url"].is_object()
        }
        // A client of before 2025-11-25 declares no modes, and has this one.
        "elicitation/create" => {
            let modes = &capabilities["elicitation"];
            modes["form"].is_object() || modes.as_object().is_some_and(|modes| modes.is_empty())
        }
        "sampling/createMessage" => capabilities["sampling"].is_object(),
        _ => capabilities["roots"].is_object(),
    }
}
