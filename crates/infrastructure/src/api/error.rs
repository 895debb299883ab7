//! Why the API gave no usable answer.

use std::time::Duration;

use mcp_platform::NetworkFailure;
use thiserror::Error;

use crate::apply::{Failure, FailureKind};

/// How long the whole account waits once it was told 429 without a time.
const BLOCKED_FOR: Duration = Duration::from_secs(300);
/// Waits at most so long for one answer 429, whatever it asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// An error of Cloudflare's envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Its code.
    pub code: Option<i64>,
    /// Its message, without secrets and ids.
    pub message: String,
}

/// A request to Cloudflare that failed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApiError {
    /// A setting is missing.
    #[error("{0} is not set")]
    NotSet(&'static str),
    /// A part of the path cannot be sent.
    #[error("a part of the address is empty or a dot")]
    BadPath,
    /// It was refused.
    #[error("Cloudflare answered {status}{}", shown(reasons))]
    Refused {
        /// The status.
        status: u16,
        /// The errors of its envelope.
        reasons: Vec<Reason>,
        /// Its `Retry-After`.
        wait: Option<Duration>,
    },
    /// No answer came.
    #[error("Cloudflare gave no answer: {0}")]
    NoAnswer(NetworkFailure),
    /// The time of the call was used up before this request.
    #[error("the time of the call was used up")]
    OutOfTime,
    /// A redirect, which is not followed.
    #[error("Cloudflare redirects ({0}), which is not followed")]
    Redirected(u16),
    /// A success that is no envelope.
    #[error("Cloudflare answered {0} with something that is not as expected")]
    Unreadable(u16),
    /// A success without what was asked for.
    #[error("Cloudflare's answer has no {0}")]
    Incomplete(&'static str),
    /// Several things have the name that should be of one.
    #[error("several are called `{0}`, and only one should be")]
    Ambiguous(String),
    /// A list that repeats itself, does not end, or cannot be read to its end.
    #[error("Cloudflare's list of {0} does not end")]
    Endless(&'static str),
}

fn shown(reasons: &[Reason]) -> String {
    let one = |reason: &Reason| match reason.code {
        Some(code) => format!("{} (code {code})", reason.message),
        None => reason.message.clone(),
    };
    let texts: Vec<String> = reasons.iter().take(3).map(one).collect();
    if texts.is_empty() { String::new() } else { format!(": {}", texts.join("; ")) }
}

/// There is one of this name already: KV, D1, R2, queues.
const EXISTS: [i64; 4] = [10_014, 7_502, 10_004, 11_009];
/// There is none: R2, D1, Workers, Workflows.
const GONE: [i64; 4] = [10_006, 7_404, 10_007, 10_200];
/// The token may not.
const MAY_NOT: [i64; 4] = [10_000, 9_109, 7_403, 6_003];

impl ApiError {
    fn has(&self, codes: &[i64]) -> bool {
        let Self::Refused { reasons, .. } = self else { return false };
        reasons.iter().any(|reason| reason.code.is_some_and(|code| codes.contains(&code)))
    }

    /// Whether secrets changed since the version that was to be deployed.
    pub fn is_secrets_changed(&self) -> bool {
        self.has(&[10_220])
    }

    /// Whether a reason has this word in its message.
    pub(super) fn is_refused_as(&self, word: &str) -> bool {
        let Self::Refused { reasons, .. } = self else { return false };
        reasons.iter().any(|reason| reason.message.contains(word))
    }

    /// Cloudflare's code.
    pub fn code(&self) -> Option<i64> {
        let Self::Refused { reasons, .. } = self else { return None };
        reasons.iter().find_map(|reason| reason.code)
    }

    /// Whether it says that there is no such thing: by a code of its own, or by 404 from the product. A token that may not see
    /// it, an address without a route (7003) and everything else say no such thing.
    pub fn is_gone(&self) -> bool {
        let is_404 =
            matches!(self, Self::Refused { status: 404, reasons, .. } if !reasons.is_empty());
        !self.may_not() && !self.has(&[7_003]) && (self.has(&GONE) || is_404)
    }

    /// Whether the token has no right to it.
    pub fn may_not(&self) -> bool {
        matches!(self, Self::Refused { status: 401 | 403, .. }) || self.has(&MAY_NOT)
    }

    /// Whether a change that ended with it may have happened.
    pub fn leaves_doubt(&self) -> bool {
        self.failure().kind == FailureKind::Doubt
    }

    /// How long the account takes no more requests, where it was answered 429: never longer than an hour.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Refused { status: 429, wait, .. } => {
                Some(wait.unwrap_or(BLOCKED_FOR).min(LONGEST_WAIT))
            }
            _ => None,
        }
    }

    /// The failure of a change.
    pub fn failure(&self) -> Failure {
        let kind = match self {
            Self::Refused { status: 429, .. } => {
                FailureKind::Later(self.wait().unwrap_or(BLOCKED_FOR))
            }
            Self::OutOfTime => FailureKind::Later(Duration::from_secs(1)),
            Self::Refused { .. } if self.is_gone() => FailureKind::Gone,
            Self::Refused { .. } if self.has(&EXISTS) => FailureKind::Exists,
            Self::Refused { status, .. } if *status < 500 => FailureKind::Refused,
            Self::NotSet(_) | Self::BadPath | Self::Redirected(_) | Self::Ambiguous(_) => {
                FailureKind::Refused
            }
            Self::Refused { .. }
            | Self::NoAnswer(_)
            | Self::Unreadable(_)
            | Self::Incomplete(_)
            | Self::Endless(_) => FailureKind::Doubt,
        };
        let why = match self.may_not() {
            true => format!("the token has no right to it: {self}"),
            false => self.to_string(),
        };
        Failure { kind, code: self.code(), why }
    }
}
