//! Why the API gave no usable answer.

use std::time::Duration;

use thiserror::Error;

use super::detail::Detail;
use mcp_platform::NetworkFailure;

/// A request to SiteBay that failed.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ApiError {
    /// Neither the server nor the caller gave a token.
    #[error("no SiteBay API token is set")]
    NoToken,
    /// A request that would change something came without the permission to.
    #[error("the work has not begun")]
    NotBegun,
    /// The configured base URL cannot be used.
    #[error("the configured SiteBay address is not an http or https URL")]
    BadBase,
    /// A part of the path cannot be sent: empty, `.` or `..`.
    #[error("a part of the path is empty or a dot")]
    BadPath,
    /// The service answered with an error status.
    #[error("SiteBay answered {status}")]
    Refused {
        /// The status.
        status: u16,
        /// The reason that its body gives.
        detail: Detail,
        /// Its `Retry-After`, as sent.
        retry_after: Option<String>,
        /// How often the request was sent.
        tries: u32,
    },
    /// `Retry-After` asks for more time than the call has left.
    #[error("SiteBay answered {status} and asks to wait {} s", wait.as_secs())]
    WaitTooLong {
        /// The status.
        status: u16,
        /// How long it asks to wait.
        wait: Duration,
        /// The reason that its body gives.
        detail: Detail,
        /// How often the request was sent.
        tries: u32,
    },
    /// No answer came, in any of the tries.
    #[error("SiteBay gave no answer: {failure}")]
    NoAnswer {
        /// How the last try failed.
        failure: NetworkFailure,
        /// How often the request was sent.
        tries: u32,
    },
    /// The call's time was used up before this request.
    #[error("the time of the call was used up")]
    OutOfTime,
    /// A redirect that is not followed: another origin, or a change that would become a read.
    #[error("SiteBay redirects ({status}) to {location}, which is not followed")]
    RedirectRefused {
        /// The status.
        status: u16,
        /// The `Location` header.
        location: String,
    },
    /// More redirects than are followed.
    #[error("SiteBay redirects in circles")]
    TooManyRedirects,
    /// A success that is not JSON.
    #[error("SiteBay answered {status} with something that is not JSON")]
    Unreadable {
        /// The status.
        status: u16,
        /// The beginning of the body.
        excerpt: String,
    },
}

impl ApiError {
    /// Whether a change that failed so may have happened all the same.
    pub fn leaves_doubt(&self) -> bool {
        match self {
            Self::Refused { status, tries, .. } | Self::WaitTooLong { status, tries, .. } => {
                *status >= 500 || *tries > 1
            }
            Self::NoAnswer { .. } | Self::Unreadable { .. } => true,
            _ => false,
        }
    }
}
