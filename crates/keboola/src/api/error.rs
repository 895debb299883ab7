//! Why a service gave no usable answer.

use std::time::Duration;

use thiserror::Error;

use super::detail::Detail;
use mcp_platform::NetworkFailure;

/// A request to Keboola that failed. It never holds a token.
#[derive(Debug, Clone, PartialEq, Error)]
pub(crate) enum ApiError {
    /// A part of the path cannot be sent: empty, `.`, `..`, or too long.
    #[error("an id is empty, a dot, or longer than 1,024 bytes")]
    BadPath,
    /// The service is not in the stack's index.
    #[error("this stack has no service {0}")]
    NoService(&'static str),
    /// The service answered with an error status.
    #[error("Keboola's {service} answered {status}{detail}")]
    Refused {
        /// The service.
        service: &'static str,
        /// The status.
        status: u16,
        /// The reason that its body gives.
        detail: Detail,
        /// How often the request was sent.
        tries: u32,
    },
    /// `Retry-After` asks for more time than the call has left.
    #[error(
        "Keboola's {service} answered {status}{detail}; it asks to wait {} s",
        wait.as_secs()
    )]
    WaitTooLong {
        /// The service.
        service: &'static str,
        /// The status.
        status: u16,
        /// How long it asks to wait.
        wait: Duration,
        /// The reason that its body gives.
        detail: Detail,
    },
    /// No answer came, in any of the tries.
    #[error("Keboola's {service} gave no answer: {failure}")]
    NoAnswer {
        /// The service.
        service: &'static str,
        /// How the last try failed.
        failure: NetworkFailure,
    },
    /// The body is larger than a configuration may be.
    #[error("the configuration is larger than 4 MB")]
    TooLarge,
    /// The call's time was used up before this request.
    #[error("the time of the call was used up")]
    OutOfTime,
    /// The call has read as much as one may.
    #[error("one call reads up to 32 MiB in 200 requests, and nothing of that is left for this")]
    UsedUp,
    /// A redirect, which is never followed.
    #[error("Keboola's {0} redirects, which is not followed")]
    Redirected(&'static str),
    /// A success that is not JSON.
    #[error("Keboola's {service} answered {status} with something that is not JSON")]
    Unreadable {
        /// The service.
        service: &'static str,
        /// The status.
        status: u16,
    },
    /// A success of another form than this, which is asked for.
    #[error("Keboola's answer cannot be read: it is not {0}")]
    Unexpected(&'static str),
}

impl ApiError {
    /// The status with which a service refused.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } | Self::WaitTooLong { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The code that Storage gives an error.
    pub(crate) fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { detail, .. } => detail.code.as_deref(),
            _ => None,
        }
    }

    /// Whether a change that failed so may have happened all the same.
    pub(crate) fn leaves_doubt(&self) -> bool {
        match self {
            Self::Refused { status, .. } | Self::WaitTooLong { status, .. } => *status >= 500,
            Self::NoAnswer { .. } | Self::Unreadable { .. } => true,
            _ => false,
        }
    }

    /// Whether the same read may succeed later.
    pub(crate) fn is_passing(&self) -> bool {
        match self {
            Self::NoAnswer { failure: NetworkFailure::TooLarge(_), .. } => false,
            Self::OutOfTime => true,
            _ => self.leaves_doubt() || self.status() == Some(429),
        }
    }

    /// Whether this was not read because it is more than a call may read, or than is left of that.
    pub(crate) fn is_beyond_budget(&self) -> bool {
        matches!(
            self,
            Self::UsedUp
                | Self::OutOfTime
                | Self::NoAnswer { failure: NetworkFailure::TooLarge(_), .. }
        )
    }

    /// Whether the body said that the project or the stack is in maintenance.
    fn is_maintenance(&self) -> bool {
        match self {
            Self::Refused { detail, .. } | Self::WaitTooLong { detail, .. } => {
                detail.is_maintenance
            }
            _ => false,
        }
    }

    /// The error, with what can be done about it.
    pub(crate) fn sentence(&self) -> String {
        format!("{self}. {}", self.advice()).trim_end().to_owned()
    }

    /// What the model can do about it, where that is known.
    pub(crate) fn advice(&self) -> &'static str {
        if *self == Self::UsedUp {
            return "Ask for fewer things in one call.";
        }
        match (self.status(), self.code()) {
            (Some(401), _) => {
                "The Storage token is not valid any more, or is of another stack. Ask the person to \
                 connect Keboola again."
            }
            (Some(403), _) => {
                "The Storage token has no right to this. Ask the person for another one."
            }
            (Some(400 | 409), Some("storage.components.configurations.versionConflict")) => {
                "It was changed elsewhere meanwhile. Read it again, and repeat the change on what is \
                 there now."
            }
            (Some(429), _) => "Wait a minute before you call again.",
            (Some(503), _) if self.is_maintenance() => {
                "The project or the stack is in maintenance. Call again later."
            }
            (Some(503), _) => "The service is not available just now. Call again later.",
            _ => "",
        }
    }
}

#[cfg(test)]
mod tests {
    use mcp_auth::secret::Secret;

    use super::*;

    #[test]
    fn only_the_body_of_maintenance_is_called_maintenance() {
        for (body, is_maintenance) in [
            (r#"{"status":"maintenance","reason":"upgrade"}"#, true),
            (r#"{"error":"overloaded"}"#, false),
            ("<h1>Service Unavailable</h1>", false),
        ] {
            let detail = Detail::read(body.as_bytes(), &Secret::new("58-1-secret"));
            let wait = Duration::from_secs(600);
            for error in [
                ApiError::Refused {
                    service: "Storage",
                    status: 503,
                    detail: detail.clone(),
                    tries: 1,
                },
                ApiError::WaitTooLong { service: "Storage", status: 503, wait, detail },
            ] {
                let advice = error.advice();
                assert_eq!(advice.contains("maintenance"), is_maintenance, "{body}");
                assert!(advice.contains("Call again later"), "{body}");
            }
        }
    }
}
