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
    /// The client left before the answer. It is for the log, which does not blame the backend.
    Left,
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
            ForwardError::ClientLeft => Self::Left,
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
            Self::Left => (499, "Client Closed Request"),
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
            Self::Left => "backend-left",
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
            Self::Left => "the client left before the server at BACKEND_URL answered",
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
        response::problem(self.status().0, self.body().as_bytes(), caller)
    }

    fn body(self) -> String {
        let (status, title) = self.status();
        Object::new()
            .text("type", "about:blank")
            .text("title", title)
            .number("status", status.into())
            .text("detail", self.detail())
            .end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Problem; 7] = [
        Problem::Misconfigured,
        Problem::Unreachable,
        Problem::Late,
        Problem::Left,
        Problem::Loop,
        Problem::Path,
        Problem::Trace,
    ];

    #[test]
    fn each_problem_names_the_setting_and_its_status() {
        for problem in ALL {
            let body = mcp_protocol::raw::value(&problem.body()).unwrap();
            assert!(body["detail"].as_str().unwrap().contains("BACKEND_URL"), "{body}");
            assert_eq!(body["status"], problem.status().0);
            assert_eq!(body["title"], problem.status().1);
        }
        let statuses = ALL.map(|problem| problem.status().0);
        assert_eq!(statuses, [503, 502, 504, 499, 508, 400, 405]);
        let deadline = format!("{} s", crate::backend::DEADLINE.as_secs());
        assert!(Problem::Late.detail().contains(&deadline));
    }
}
