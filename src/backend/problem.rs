//! Why a request does not reach the backend, as the client reads it: problem details (RFC 9457) that name the setting.

use worker::Result;

use crate::{
    platform::http::{ForwardError, Response},
    response::{self, CorsContext},
};
use mcp_protocol::object::Object;
use mcp_server::telemetry::record::RequestRecord;

/// Why there is no answer of the backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Problem {
    /// A setting is wrong.
    Misconfigured,
    /// The backend cannot be reached, or broke the connection.
    Unreachable,
    /// The headers of its answer did not come in time.
    Late,
    /// `BACKEND_URL` leads back to this server.
    Loop,
    /// The path cannot be passed on unchanged.
    Path,
    /// The answer to `TRACE` would show what this server adds to a request.
    Trace,
}

impl From<ForwardError> for Problem {
    fn from(error: ForwardError) -> Self {
        match error {
            ForwardError::Late => Self::Late,
            ForwardError::OtherPath => Self::Path,
            ForwardError::Unreachable => Self::Unreachable,
        }
    }
}

impl Problem {
    fn status(self) -> (u16, &'static str) {
        match self {
            Self::Misconfigured => (503, "Service Unavailable"),
            Self::Unreachable => (502, "Bad Gateway"),
            Self::Late => (504, "Gateway Timeout"),
            Self::Loop => (508, "Loop Detected"),
            Self::Path => (400, "Bad Request"),
            Self::Trace => (405, "Method Not Allowed"),
        }
    }

    /// Its name in log lines.
    fn name(self) -> &'static str {
        match self {
            Self::Misconfigured => "misconfigured",
            Self::Unreachable => "backend-unreachable",
            Self::Late => "backend-late",
            Self::Loop => "backend-loop",
            Self::Path => "backend-path",
            Self::Trace => "method",
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::Misconfigured => {
                "a setting of the server at BACKEND_URL is wrong: the log and GET /admin/health say which"
            }
            Self::Unreachable => {
                "the server at BACKEND_URL cannot be reached, or broke the connection"
            }
            Self::Late => "the server at BACKEND_URL did not begin its answer within 30 s",
            Self::Loop => {
                "BACKEND_URL leads back to this server: set it to the server behind this one"
            }
            Self::Path => {
                "the path has a segment `.` or `..`, or a backslash, and would reach the server at BACKEND_URL as \
                 another path: send the path that you mean"
            }
            Self::Trace => "TRACE is not passed on to the server at BACKEND_URL",
        }
    }

    /// The answer. It is logged here.
    pub(super) fn answer(self, caller: &CorsContext, record: &RequestRecord) -> Result<Response> {
        record.set_outcome(self.name(), None);
        let (status, title) = self.status();
        let body = Object::new()
            .text("type", "about:blank")
            .text("title", title)
            .number("status", status.into())
            .text("detail", self.detail())
            .end();
        response::problem(status, body.as_bytes(), caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_problem_names_the_setting() {
        for problem in [
            Problem::Misconfigured,
            Problem::Unreachable,
            Problem::Late,
            Problem::Loop,
            Problem::Path,
            Problem::Trace,
        ] {
            assert!(problem.detail().contains("BACKEND_URL"), "{problem:?}");
        }
        assert!(
            Problem::Late.detail().contains(&format!("{} s", crate::backend::DEADLINE.as_secs()))
        );
    }
}
